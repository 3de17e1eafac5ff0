"""Each kind of problem: opened once, updated while it lasts, closed by itself; and who is told when it is late."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.domain.states import Channel, ContactBasis, ExceptionKind, ExceptionState, Role
from medsync_app.domain.workflow import default_document
from medsync_app.engine.loop import tick
from medsync_app.services.check_cycle import check_cycle, check_pharmacy
from medsync_app.services.contact_settings import mark_unreachable, opt_in, opt_out, record_basis
from medsync_app.services.exceptions import postpone, resolve_exception
from medsync_app.services.record_call import CallOutcome, record_call
from medsync_app.services.renewals import follow_up, record_renewal_answer, request_renewals
from medsync_app.services.tell_overdue import tell_overdue
from medsync_app.services.workflow_versions import publish_workflow
from medsync_app.store.repositories.contact import contact_points
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    ContactPoint,
    Cycle,
    ExceptionCase,
    Pharmacy,
    Prescription,
    RenewalRequest,
    ScheduledAction,
    Therapy,
)
from tests.support.loop import FakeConnection, run_tick
from tests.support.programme import PHONE, TODAY, Batch, Clinic, add_drug_row
from tests.support.screens import make_task
from tests.support.staff import make_staff
from tests.support.store import SYSTEM

pytestmark = pytest.mark.slow
Act = Callable[[Clinic, Batch], None]


def on_drug(**values: object) -> Act:
    def act(clinic: Clinic, batch: Batch) -> None:
        with clinic.writing() as tx:
            drug = tx.get(Therapy, batch.therapies[0])
            for name, value in values.items():
                setattr(drug, name, value)

    return act


def on_rx(**values: object) -> Act:
    def act(clinic: Clinic, batch: Batch) -> None:
        with clinic.writing() as tx:
            drug = tx.get(Therapy, batch.therapies[0])
            rx = tx.get(Prescription, drug.current_prescription_id)
            for name, value in values.items():
                setattr(rx, name, value)

    return act


def silent(clinic: Clinic, batch: Batch) -> None:
    on_rx(refills_left=0)(clinic, batch)
    with clinic.writing() as tx:
        request_renewals(tx, batch.id)
    clinic.go_to(batch.sync_date - timedelta(days=2))  # the workflow's own step at T-3 was missed


def denied(clinic: Clinic, batch: Batch) -> None:
    on_rx(refills_left=0)(clinic, batch)
    with clinic.writing() as tx:
        request_renewals(tx, batch.id)
        record_renewal_answer(tx, tx.session.scalars(select(RenewalRequest.id)).one(), "denied")


def conflict(clinic: Clinic, batch: Batch) -> None:
    with clinic.reading() as tx:
        patient_id = tx.get(Cycle, batch.id).patient_id
    add_drug_row(clinic, patient_id, "Lisinopril 5 MG", [((TODAY - timedelta(days=22)).isoformat(), 30)])


def no_conflict(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        for drug in tx.session.scalars(select(Therapy).where(Therapy.drug_name == "Lisinopril 5 MG")):
            drug.include = False


def stopped(clinic: Clinic, _: Batch) -> None:
    with clinic.writing() as tx:
        for point in tx.session.scalars(select(ContactPoint)):
            point.basis = ContactBasis.DECLINED


def agreed(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        patient_id = tx.get(Cycle, batch.id).patient_id
        record_basis(tx, patient_id, Channel.SMS, PHONE, ContactBasis.EXPRESS, "counter", wording="Yes.")


def unreachable(clinic: Clinic, _: Batch) -> None:
    with clinic.writing() as tx:
        mark_unreachable(tx, clinic.shop.pharmacy_id, Channel.SMS, PHONE, "code 30003")


def other_number(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        patient_id = tx.get(Cycle, batch.id).patient_id
        for point in tx.session.scalars(select(ContactPoint)):
            tx.session.delete(point)
        tx.session.flush()
        record_basis(
            tx, patient_id, Channel.SMS, "+14045550199", ContactBasis.EXPRESS, "phone", wording="Yes."
        )


refills = on_rx(refills_left=3)
later = on_drug(pa_ends_on=TODAY + timedelta(days=20))
KINDS: list[tuple[ExceptionKind, Act, Act, Role]] = [
    (ExceptionKind.PA_ENDING, on_drug(pa_ends_on=TODAY + timedelta(days=25)), on_drug(pa_ends_on=None),
     Role.PHARMACIST),
    (ExceptionKind.NO_REFILLS, on_rx(refills_left=0), refills, Role.PHARMACIST),
    (ExceptionKind.RX_EXPIRES, on_rx(expires_on=TODAY + timedelta(days=1)),
     on_rx(expires_on=TODAY + timedelta(days=300)), Role.PHARMACIST),
    (ExceptionKind.OUT_OF_STOCK, on_drug(out_of_stock=True), on_drug(out_of_stock=False), Role.PHARMACIST),
    (ExceptionKind.PRESCRIBER_SILENT, silent, refills, Role.PHARMACIST),
    (ExceptionKind.PRESCRIBER_DENIED, denied, refills, Role.PHARMACIST),
    (ExceptionKind.DOSE_CONFLICT, conflict, no_conflict, Role.PHARMACIST),
    (ExceptionKind.CONTACT, stopped, agreed, Role.PHARMACIST),
    (ExceptionKind.CONTACT, unreachable, other_number, Role.PHARMACIST),
]  # fmt: skip


def look(clinic: Clinic) -> None:
    with clinic.database.transaction(SYSTEM, clinic.clock) as tx:
        check_pharmacy(tx, clinic.shop.pharmacy_id)


def of_kind(clinic: Clinic, kind: ExceptionKind) -> list[ExceptionCase]:
    with clinic.reading() as tx:
        rows = tx.session.scalars(
            select(ExceptionCase).where(ExceptionCase.kind == kind).order_by(ExceptionCase.id)
        )
        return list(rows)


@pytest.mark.parametrize(("kind", "cause", "cure", "owner"), KINDS)
def test_it_opens_once_is_due_and_closes_by_itself(
    clinic: Clinic, batch: Batch, kind: ExceptionKind, cause: Act, cure: Act, owner: Role
) -> None:
    cause(clinic, batch)
    look(clinic)
    look(clinic)
    first = {row.cause_key for row in of_kind(clinic, kind)}
    rows = of_kind(clinic, kind)
    assert len(rows) == len(first), "once per cause"
    assert rows
    assert all(row.state is ExceptionState.OPEN and row.owner_role is owner for row in rows)
    assert all(row.due_at > clinic.clock.now() for row in rows)
    cure(clinic, batch)
    look(clinic)
    assert {row.state for row in of_kind(clinic, kind)} == {ExceptionState.CLOSED}


def test_what_a_problem_says_follows_its_cause(clinic: Clinic, batch: Batch) -> None:
    on_rx(refills_left=0)(clinic, batch)
    look(clinic)
    (before,) = of_kind(clinic, ExceptionKind.NO_REFILLS)
    with clinic.writing() as tx:
        tx.get(Cycle, batch.id).sync_date = batch.sync_date + timedelta(days=20)
    look(clinic)
    (after,) = of_kind(clinic, ExceptionKind.NO_REFILLS)
    assert after.id == before.id
    assert after.detail["fill_on"] == (batch.sync_date + timedelta(days=20)).isoformat()
    assert after.due_at > before.due_at


def test_a_request_that_no_drug_needs_any_more_closes_with_its_task(clinic: Clinic, batch: Batch) -> None:
    silent(clinic, batch)
    with clinic.writing() as tx:
        follow_up(tx, batch.id, "phone")
    refills(clinic, batch)
    with clinic.writing() as tx:
        check_cycle(tx, batch.id)
        assert tx.session.scalars(select(RenewalRequest)).one().state == "closed"
    assert [row.state for row in of_kind(clinic, ExceptionKind.RENEWAL)] == [ExceptionState.CLOSED]


def test_a_stop_word_is_seen_at_once_and_asks_one_thing_only(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        opt_out(tx, clinic.shop.pharmacy_id, PHONE, "stop word")
    look(clinic)
    (row,) = of_kind(clinic, ExceptionKind.CONTACT)
    assert row.cause_key.startswith("opted_out:")
    with clinic.writing() as tx:
        opt_in(tx, clinic.shop.pharmacy_id, PHONE, "start word")
    assert [row.state for row in of_kind(clinic, ExceptionKind.CONTACT)] == [ExceptionState.CLOSED]


def test_a_wrong_number_is_settled_by_another_one(clinic: Clinic, batch: Batch) -> None:
    task = make_task(
        clinic.database,
        clinic.shop,
        ExceptionKind.CALL,
        patient_id=_patient(clinic, batch),
        cycle_id=batch.id,
    )
    with clinic.writing() as tx:
        record_call(tx, task, outcome=CallOutcome.WRONG_NUMBER)
    look(clinic)
    assert [row.state for row in of_kind(clinic, ExceptionKind.CONTACT)] == [ExceptionState.OPEN]
    with clinic.reading() as tx:
        points = contact_points(tx, _patient(clinic, batch))
        assert [p.basis for p in points] == [ContactBasis.EXPRESS], "it stays what the patient said"
    clinic.clock.advance(timedelta(minutes=5))
    other_number(clinic, batch)
    assert [row.state for row in of_kind(clinic, ExceptionKind.CONTACT)] == [ExceptionState.CLOSED]


def _patient(clinic: Clinic, batch: Batch) -> str:
    with clinic.reading() as tx:
        return tx.get(Cycle, batch.id).patient_id


def test_what_a_person_has_settled_is_not_opened_again_every_morning(clinic: Clinic, batch: Batch) -> None:
    out = on_drug(out_of_stock=True)
    out(clinic, batch)
    look(clinic)
    (row,) = of_kind(clinic, ExceptionKind.OUT_OF_STOCK)
    with clinic.writing() as tx:
        resolve_exception(tx, row.id, outcome="Comes tomorrow.")
    clinic.clock.advance(timedelta(days=1))
    look(clinic)
    assert len(of_kind(clinic, ExceptionKind.OUT_OF_STOCK)) == 1
    on_drug(out_of_stock=False)(clinic, batch)
    look(clinic)
    out(clinic, batch)  # another time
    look(clinic)
    assert len(of_kind(clinic, ExceptionKind.OUT_OF_STOCK)) == 2


def test_a_problem_that_lasts_a_week_after_a_persons_word_is_opened_again(
    clinic: Clinic, batch: Batch
) -> None:
    on_drug(pa_ends_on=TODAY + timedelta(days=25))(clinic, batch)
    look(clinic)
    (row,) = of_kind(clinic, ExceptionKind.PA_ENDING)
    with clinic.writing() as tx:
        resolve_exception(tx, row.id, outcome="Asked the plan.")
    clinic.clock.advance(timedelta(days=8))
    look(clinic)
    assert len(of_kind(clinic, ExceptionKind.PA_ENDING)) == 2


def notices(clinic: Clinic) -> list[tuple[str, str]]:
    with clinic.reading() as tx:
        rows = tx.session.scalars(
            select(ScheduledAction).where(ScheduledAction.kind == "notice").order_by(ScheduledAction.id)
        )
        return [(row.payload["to"], row.payload["subject"]) for row in rows]


def tell(clinic: Clinic) -> int:
    with clinic.database.transaction(SYSTEM, clinic.clock) as tx:
        return tell_overdue(tx, clinic.shop.pharmacy_id)


def staff_of(clinic: Clinic) -> None:
    for role in (Role.OWNER, Role.PHARMACIST, Role.TECHNICIAN):
        make_staff(
            clinic.database, clinic.clock, {clinic.shop.pharmacy_id: role},
            organization_id=clinic.shop.organization_id, email=f"{role}@example.com",
        )  # fmt: skip


def test_what_is_overdue_is_told_to_the_pharmacist_then_to_the_owner_once_each(clinic: Clinic) -> None:
    staff_of(clinic)
    task = make_task(clinic.database, clinic.shop, ExceptionKind.OUT_OF_STOCK)
    with clinic.writing() as tx:
        tx.get(ExceptionCase, task).due_at = clinic.clock.now() + timedelta(hours=1)
    assert tell(clinic) == 0
    clinic.clock.advance(timedelta(hours=2))
    assert (tell(clinic), tell(clinic)) == (1, 0)
    subject = "1 task overdue at main pharmacy"
    assert notices(clinic) == [("pharmacist@example.com", subject)]
    clinic.clock.advance(timedelta(hours=23))
    assert tell(clinic) == 0
    clinic.clock.advance(timedelta(hours=1))
    assert (tell(clinic), tell(clinic)) == (1, 0)
    assert notices(clinic)[1:] == [("owner@example.com", subject)]
    with clinic.writing() as tx:
        postpone(tx, task, clinic.clock.now() + timedelta(hours=1))
    clinic.clock.advance(timedelta(hours=2))
    assert tell(clinic) == 1, "postponed, and late again"
    with clinic.writing() as tx:
        resolve_exception(tx, task, outcome="Done.")
    clinic.clock.advance(timedelta(days=3))
    assert tell(clinic) == 0


def test_an_overdue_notice_that_could_not_be_sent_for_a_day_is_written_anew_while_the_task_is_open(
    clinic: Clinic,
) -> None:
    staff_of(clinic)
    task = make_task(clinic.database, clinic.shop, ExceptionKind.OUT_OF_STOCK)
    clinic.clock.advance(timedelta(hours=1))

    def day_later() -> None:
        """Nothing can be sent that day."""
        clinic.clock.advance(timedelta(hours=24, minutes=1))
        run_tick(clinic.database, clinic.clock, {})
        tell(clinic)

    tell(clinic)
    day_later()
    assert [to for to, _ in notices(clinic)] == [
        "pharmacist@example.com", "owner@example.com", "pharmacist@example.com",
    ]  # fmt: skip
    assert tell(clinic) == 0
    assert len(notices(clinic)) == 3, "written once"
    day_later()
    assert len(notices(clinic)) == 5, "to both"
    mail = FakeConnection()
    run_tick(clinic.database, clinic.clock, {Channel.EMAIL: mail})
    assert sorted(message.to for message in mail.sent) == ["owner@example.com", "pharmacist@example.com"]
    clinic.clock.advance(timedelta(days=1))
    tell(clinic)
    assert len(notices(clinic)) == 5, "they were told"
    with clinic.writing() as tx:
        resolve_exception(tx, task, outcome="Done.")
    day_later()
    assert len(notices(clinic)) == 5


def test_an_overdue_notice_goes_by_email_and_names_no_patient(clinic: Clinic, batch: Batch) -> None:
    staff_of(clinic)
    on_drug(out_of_stock=True)(clinic, batch)
    look(clinic)
    clinic.clock.advance(timedelta(hours=25))
    tell(clinic)
    mail = FakeConnection()
    tick(clinic.database, clinic.clock, {Channel.EMAIL: mail}, "loop")
    (sent,) = [message for message in mail.sent if message.to == "pharmacist@example.com"]
    assert "out of stock: 1" in sent.body
    assert "/exceptions" in sent.body
    assert not any(word in sent.body + sent.subject for word in ("Example", "Ada", "Lisinopril", PHONE))


def two_daily_steps(document: dict[str, object]) -> dict[str, object]:
    steps = document["steps"]
    assert isinstance(steps, list)
    task = {"do": "task", "kind": "workflow", "role": "technician", "summary": "Look at the shelf."}
    at_noon = {"on": "daily", "at": "12:00"}
    steps.append({
        "id": "shelf", "step": 7, "name": "Look at the shelf", "trigger": at_noon, "actions": [task],
        "conditions": [{"fact": "days_to_sync", "op": "at_most", "value": 30}],
    })  # fmt: skip
    return document


def test_each_daily_step_runs_at_its_own_time_for_the_batches_that_know_it(
    clinic: Clinic, database: Database, batch: Batch
) -> None:
    with clinic.writing() as tx:
        published = publish_workflow(tx, clinic.shop.pharmacy_id, two_daily_steps(default_document()))
        tx.get(Cycle, batch.id).workflow_version_id = published.version_id
    connections = {Channel.SMS: FakeConnection()}
    for days in (0, 1):
        clinic.go_to(TODAY + timedelta(days=days))  # 11:00 at the pharmacy
        tick(database, clinic.clock, dict(connections), "loop")
        clinic.clock.advance(timedelta(hours=2))
        tick(database, clinic.clock, dict(connections), "loop")
        tick(database, clinic.clock, dict(connections), "loop")
    with clinic.reading() as tx:
        done = tx.session.scalars(
            select(ScheduledAction.state).where(
                ScheduledAction.step == "shelf", ScheduledAction.kind == "task"
            )
        ).all()
    assert done == ["sent", "sent"]
    assert [row.summary for row in of_kind(clinic, ExceptionKind.WORKFLOW)] == ["Look at the shelf."]


def test_what_counts_as_stale_data_is_the_pharmacys_rule(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        pharmacy = tx.get(Pharmacy, clinic.shop.pharmacy_id)
        pharmacy.data_as_of = clinic.clock.now()
        pharmacy.rules = {**pharmacy.rules, "data_stale_hours": 24 * 30}
    clinic.go_to(batch.sync_date + timedelta(days=20))
    look(clinic)
    with clinic.reading() as tx:
        assert tx.get(Cycle, batch.id).state == "missed"
