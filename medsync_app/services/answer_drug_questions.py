"""A pharmacist's word on a drug that waits: replaced or taken together, and whether a flagged new drug takes part."""

from medsync_app.domain.causes import Cause
from medsync_app.domain.states import EnrollmentState, SameDrug
from medsync_app.errors import Conflict
from medsync_app.services.audit import audit
from medsync_app.services.change_drugs import plan_in, replan_current, stop_drug
from medsync_app.services.exceptions import close_exception
from medsync_app.services.patient_problems import check_patient
from medsync_app.services.plan_inputs import drugs_for
from medsync_app.services.therapy_choices import REPLACED, mark_taken, write_answer
from medsync_app.services.versions import bump
from medsync_app.store.repositories import enrollments, therapies
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.session import Tx
from medsync_app.store.tables import Therapy


def answer_same_drug(tx: Tx, therapy_id: str, answer: SameDrug) -> None:
    """Say of a drug that waits beside a newer one of its ingredient whether it is replaced or taken together with it.

    Replaced: it is stopped. Together: it takes part, with its short fill to the existing date. Conflict when it
    does not wait (any more).
    """
    older = tx.get(Therapy, therapy_id, lock=True)
    today = pharmacy_today(tx, older.pharmacy_id)
    newer = drugs_for(tx, older.patient_id, today=today).waiting.get(older.id, ())
    if not newer:
        raise Conflict("This question was answered already, or the medicines changed. Look at them again.")
    write_answer(tx, older, therapies.by_ids(tx, newer).values(), answer)
    if answer is SameDrug.REPLACED:
        stop_drug(tx, older, REPLACED, today)
    else:
        mark_taken(tx, older)
    _plan_anew(tx, older, joins=answer is SameDrug.TOGETHER, reason="One medicine replaces another.")
    _audited(tx, older, "answer_same_drug", answer.value)


def decide_new_drug(tx: Tx, therapy_id: str, *, takes_part: bool) -> None:
    """Say of a new drug that waits for a pharmacist, or a stopped one that came back, whether it takes part.

    Its task is closed; one that is taken in and does not fit the coming batch opens it anew.
    """
    therapy = tx.get(Therapy, therapy_id, lock=True)
    close_exception(
        tx, pharmacy_id=therapy.pharmacy_id, cause_key=Cause.NEW_DRUG.of(therapy.id),
        outcome="It takes part." if takes_part else "It takes no part.",
    )  # fmt: skip
    if takes_part:
        mark_taken(tx, therapy)
    else:
        therapy.include = False
        therapy.updated_at = tx.now
    _plan_anew(tx, therapy, joins=takes_part, reason="A medicine takes no part.")
    _audited(tx, therapy, "decide_new_drug", "takes_part" if takes_part else "left_out")


def _plan_anew(tx: Tx, therapy: Therapy, *, joins: bool, reason: str) -> None:
    enrollment = enrollments.open_of_patient(tx, therapy.patient_id)
    if enrollment is not None:
        bump(tx, enrollment)
        if joins and enrollment.state is EnrollmentState.ACTIVE:
            plan_in(tx, enrollment, [therapy.id])
        else:
            replan_current(tx, enrollment, reason)
    check_patient(tx, therapy.patient_id)


def _audited(tx: Tx, therapy: Therapy, act: str, answer: str) -> None:
    audit(
        tx, pharmacy_id=therapy.pharmacy_id, act=act, subject_kind="patient", subject_id=therapy.patient_id,
        detail={"therapy": therapy.id, "answer": answer},
    )  # fmt: skip
