"""A pharmacist's word on drugs that wait is kept, obeyed by every plan, and given once."""

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from medsync_app.domain.dispensing import ChangeKind, DispensingChange
from medsync_app.domain.states import ExceptionKind, ItemState, SameDrug
from medsync_app.errors import Conflict, NotFound
from medsync_app.reads.drug_questions import DrugQuestion, drug_questions
from medsync_app.services.answer_drug_questions import answer_same_drug, decide_new_drug
from medsync_app.services.change_drugs import discontinue
from medsync_app.services.enroll import EnrollCommand, TherapyChoice, enroll
from medsync_app.services.mark_ready import mark_ready
from medsync_app.services.plan_inputs import drugs_for
from medsync_app.services.propose import propose
from medsync_app.services.react_to_dispensing import react
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, DuplicateAnswer, Therapy
from tests.support.programme import (
    CONSENT,
    TODAY,
    Batch,
    Clinic,
    add_drug_row,
    add_fill,
    batch_of,
    enroll_recommended,
    even_patient,
    make_clinic,
    open_kinds,
)
from tests.support.store import make_patient

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Strengths:
    """An enrolled patient whose older strength, ticked in by hand, met a newer one."""

    patient_id: str
    older: str
    newer: str
    batch: Batch


def ago(days: int) -> str:
    return (TODAY - timedelta(days=days)).isoformat()


@pytest.fixture
def strengths(clinic: Clinic) -> Strengths:
    patient_id = make_patient(clinic.database, clinic.shop, phone="+14045550111")
    older = add_drug_row(clinic, patient_id, "Lisinopril 5 MG", [(ago(20), 30)], include=True)
    enroll_recommended(clinic, patient_id)
    newer = add_drug_row(clinic, patient_id, "Lisinopril 10 MG", [(ago(2), 30)])
    report(clinic, patient_id, DispensingChange(ChangeKind.NEW_THERAPY, newer, TODAY))
    return Strengths(patient_id, older, newer, batch_of(clinic))


def report(clinic: Clinic, patient_id: str, *changes: DispensingChange) -> None:
    with clinic.database.transaction(Scope.system("import"), clinic.clock) as tx:
        react(tx, patient_id, changes)


def waiting(clinic: Clinic, patient_id: str) -> dict[str, tuple[str, ...]]:
    with clinic.reading() as tx:
        return dict(drugs_for(tx, patient_id, today=TODAY).waiting)


def test_a_newer_strength_brings_the_question_and_the_older_is_prepared_no_more(
    clinic: Clinic, strengths: Strengths
) -> None:
    # On the batch's day only the older one could be filled: the day stands, and its medicine waits.
    batch = batch_of(clinic)
    assert batch.items == dict.fromkeys(batch.items, ItemState.WAITING)
    assert ExceptionKind.DOSE_CONFLICT in open_kinds(clinic)
    with clinic.reading() as tx:
        assert drug_questions(tx, strengths.patient_id) == [
            DrugQuestion(strengths.older, "Lisinopril 5 MG", "Lisinopril 10 MG")
        ]
    with pytest.raises(Conflict, match="same ingredient"), clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version, items=list(batch.items))


def test_the_older_strength_leaves_a_batch_that_the_rest_can_keep(clinic: Clinic) -> None:
    patient_id, drugs = even_patient(clinic)
    older = add_drug_row(clinic, patient_id, "Losartan 25 MG", [(ago(20), 30)], include=True)
    enroll_recommended(clinic, patient_id)
    assert older in batch_of(clinic).therapies
    newer = add_drug_row(clinic, patient_id, "Losartan 50 MG", [(ago(2), 30)])
    report(clinic, patient_id, DispensingChange(ChangeKind.NEW_THERAPY, newer, TODAY))
    assert set(drugs) <= set(batch_of(clinic).therapies)
    assert older not in batch_of(clinic).therapies


def test_a_replaced_drug_is_stopped_for_good(clinic: Clinic, strengths: Strengths) -> None:
    with clinic.writing() as tx:
        answer_same_drug(tx, strengths.older, SameDrug.REPLACED)
    with clinic.reading() as tx:
        assert tx.get(Therapy, strengths.older).status == "discontinued"
        row = tx.session.scalars(select(DuplicateAnswer)).one()
        assert (row.replaced_id, {row.first_id, row.second_id}) == (
            strengths.older, {strengths.older, strengths.newer},
        )  # fmt: skip
        assert drug_questions(tx, strengths.patient_id) == []
        assert "answer_same_drug" in set(tx.session.scalars(select(AuditEvent.act)))
        planned = propose(tx, strengths.patient_id).plan.recommended
        assert [plan.id for plan in planned.medications] == [strengths.newer]
    assert ExceptionKind.DOSE_CONFLICT not in open_kinds(clinic)
    with pytest.raises(Conflict), clinic.writing() as tx:
        answer_same_drug(tx, strengths.older, SameDrug.TOGETHER)


def test_drugs_taken_together_are_both_planned_and_asked_about_no_more(
    clinic: Clinic, strengths: Strengths
) -> None:
    with clinic.writing() as tx:
        answer_same_drug(tx, strengths.older, SameDrug.TOGETHER)
    assert set(batch_of(clinic).items.values()) == {ItemState.PLANNED}
    with clinic.reading() as tx:
        planned = propose(tx, strengths.patient_id).plan.recommended
        assert {plan.id for plan in planned.medications} == {strengths.older, strengths.newer}
    assert ExceptionKind.DOSE_CONFLICT not in open_kinds(clinic)
    # The older becomes the newer by its next fill: the answer is about the pair, not about its order.
    add_fill(clinic, strengths.older, TODAY, 30)
    assert waiting(clinic, strengths.patient_id) == {}


def test_a_third_strength_is_a_question_of_its_own(clinic: Clinic, strengths: Strengths) -> None:
    with clinic.writing() as tx:
        answer_same_drug(tx, strengths.older, SameDrug.TOGETHER)
    third = add_drug_row(clinic, strengths.patient_id, "Lisinopril 20 MG", [(ago(1), 30)])
    assert waiting(clinic, strengths.patient_id) == {
        strengths.newer: (third,), strengths.older: (third,),
    }  # fmt: skip


def test_a_drug_left_out_by_hand_asks_nothing(clinic: Clinic, strengths: Strengths) -> None:
    with clinic.writing() as tx:
        tx.get(Therapy, strengths.older).include = False
    with clinic.reading() as tx:
        assert drug_questions(tx, strengths.patient_id) == []


@pytest.mark.parametrize("answer", list(SameDrug))
def test_enrolling_keeps_the_answer_of_the_wizard(clinic: Clinic, answer: SameDrug) -> None:
    patient_id = make_patient(clinic.database, clinic.shop)
    older = add_drug_row(clinic, patient_id, "Lisinopril 5 MG", [(ago(20), 30)])
    newer = add_drug_row(clinic, patient_id, "Lisinopril 10 MG", [(ago(2), 30)])
    choices = {older: TherapyChoice(same_drug=answer)}
    with clinic.reading() as tx:
        day = propose(tx, patient_id, choices=choices).plan.recommended.sync_date
    assert day is not None
    with clinic.writing() as tx:
        enroll(tx, EnrollCommand(patient_id, day, choices=choices, contacts=(CONSENT,)))
    together = answer is SameDrug.TOGETHER
    # The older strength is due first: where both are taken it may have a trip of its own besides.
    assert set(batch_of(clinic).therapies) == ({older, newer} if together else {newer})
    with clinic.reading() as tx:
        assert tx.get(Therapy, older).status == ("active" if together else "discontinued")
        row = tx.session.scalars(select(DuplicateAnswer)).one()
        assert row.replaced_id == (None if together else older)
    assert waiting(clinic, patient_id) == {}
    assert ExceptionKind.DOSE_CONFLICT not in open_kinds(clinic)


def test_an_answer_whose_newer_drug_is_gone_is_refused(clinic: Clinic) -> None:
    patient_id, (first, _) = even_patient(clinic)
    with clinic.reading() as tx:
        day = propose(tx, patient_id).plan.recommended.sync_date
    assert day is not None
    with clinic.reading() as tx:
        choices = {first: TherapyChoice(same_drug=SameDrug.TOGETHER)}
    with pytest.raises(Conflict), clinic.writing() as tx:
        enroll(tx, EnrollCommand(patient_id, day, choices=choices, contacts=(CONSENT,)))


def flagged(clinic: Clinic) -> tuple[str, str]:
    """An enrolled patient for whom warfarin arrives, due so that it would simply join."""
    patient_id, _ = even_patient(clinic, days_ago=1)
    enroll_recommended(clinic, patient_id)
    filled = batch_of(clinic).sync_date - timedelta(days=38)
    drug = add_drug_row(clinic, patient_id, "Warfarin 5 MG", [(filled.isoformat(), 30)])
    report(clinic, patient_id, DispensingChange(ChangeKind.NEW_THERAPY, drug, TODAY))
    return patient_id, drug


def test_a_new_high_alert_drug_waits_for_a_pharmacist(clinic: Clinic) -> None:
    patient_id, drug = flagged(clinic)
    assert drug not in batch_of(clinic).therapies
    assert ExceptionKind.NEW_DRUG in open_kinds(clinic)
    with clinic.reading() as tx:
        assert drug_questions(tx, patient_id) == [DrugQuestion(drug, "Warfarin 5 MG", "")]
    # Any other change plans the batch anew: the drug still waits.
    with clinic.writing() as tx:
        discontinue(tx, batch_of(clinic).therapies[0], reason="Stopped by the prescriber")
    assert drug not in batch_of(clinic).therapies


@pytest.mark.parametrize("takes_part", [True, False])
def test_a_decision_on_a_new_drug_is_obeyed(clinic: Clinic, takes_part: bool) -> None:
    patient_id, drug = flagged(clinic)
    with clinic.writing() as tx:
        decide_new_drug(tx, drug, takes_part=takes_part)
    assert (drug in batch_of(clinic).therapies) is takes_part
    assert ExceptionKind.NEW_DRUG not in open_kinds(clinic)
    with clinic.reading() as tx:
        assert tx.get(Therapy, drug).include is takes_part
        assert drug_questions(tx, patient_id) == []
        assert "decide_new_drug" in set(tx.session.scalars(select(AuditEvent.act)))


def test_a_stopped_drug_that_is_filled_again_is_a_question(clinic: Clinic, batch: Batch) -> None:
    drug = batch.therapies[0]
    with clinic.writing() as tx:
        patient_id = tx.get(Therapy, drug).patient_id
        discontinue(tx, drug, reason="Stopped by the prescriber")
    clinic.go_to(TODAY + timedelta(days=2))
    filled_on: date = TODAY + timedelta(days=2)
    fill_id = add_fill(clinic, drug, filled_on, 30)
    report(clinic, patient_id, DispensingChange(ChangeKind.FILLED, drug, filled_on, fill_id=fill_id))
    assert ExceptionKind.NEW_DRUG in open_kinds(clinic)
    with clinic.writing() as tx:
        assert [question.therapy_id for question in drug_questions(tx, patient_id)] == [drug]
        decide_new_drug(tx, drug, takes_part=True)
    with clinic.reading() as tx:
        assert tx.get(Therapy, drug).status == "active"


def test_another_pharmacys_questions_are_not_found(
    clinic: Clinic, strengths: Strengths, database: Database
) -> None:
    other = make_clinic(database, "other")
    for act in (
        lambda tx: answer_same_drug(tx, strengths.older, SameDrug.REPLACED),  # type: ignore[no-any-return]
        lambda tx: decide_new_drug(tx, strengths.older, takes_part=True),  # type: ignore[no-any-return]
        lambda tx: drug_questions(tx, strengths.patient_id),  # type: ignore[no-any-return]
    ):
        with pytest.raises(NotFound), other.writing() as tx:
            act(tx)
