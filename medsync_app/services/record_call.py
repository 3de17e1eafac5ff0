"""A call to a patient was made: what came of it, and what follows."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from medsync_app.domain.causes import Cause
from medsync_app.domain.consent import may_use
from medsync_app.domain.states import Channel, ContactBasis, ExceptionKind, ExceptionState, Role
from medsync_app.errors import Invalid
from medsync_app.services.call_answers import DrugAnswer, apply_answers
from medsync_app.services.contact_settings import record_basis
from medsync_app.services.exceptions import comment, due_in, open_exception, postpone, resolve_exception
from medsync_app.store.repositories.contact import contact_points, points_at
from medsync_app.store.session import Tx
from medsync_app.store.tables import ExceptionCase


class CallOutcome(StrEnum):
    """How a call ended (DOMAIN.md section 4, call sheet)."""

    SPOKE = "spoke"
    VOICEMAIL = "voicemail"
    NO_ANSWER = "no_answer"
    WRONG_NUMBER = "wrong_number"


WORDS = {
    CallOutcome.SPOKE: "Spoke with the patient",
    CallOutcome.VOICEMAIL: "Left a voicemail",
    CallOutcome.NO_ANSWER: "No answer",
    CallOutcome.WRONG_NUMBER: "Wrong number",
}
NO_ANSWERS: Mapping[str, DrugAnswer] = MappingProxyType({})
#: Nobody reached: the call is due again after this long.
AGAIN_AFTER = timedelta(hours=20)


def record_call(
    tx: Tx,
    exception_id: str,
    *,
    outcome: CallOutcome,
    note: str = "",
    answers: Mapping[str, DrugAnswer] = NO_ANSWERS,
    how: str = "call",
    number: str = "",
) -> bool:
    """Record a call on its task; True when the task is settled, False when the call is to be made again.

    `answers`: what the patient said about items of the task's batch, `how` (call, counter). A wrong number settles the
    call and opens a contact task; `number` says which one was rung (E.164), "" when the patient has only one. Invalid
    names the field, NotFound outside the scope, Conflict when somebody else settled it before.
    """
    case = tx.get(ExceptionCase, exception_id)
    rung = _number_rung(tx, case, number) if outcome is CallOutcome.WRONG_NUMBER else ""
    said = f"{WORDS[outcome]}. {note.strip()}".strip()
    if outcome in (CallOutcome.VOICEMAIL, CallOutcome.NO_ANSWER):
        postpone(tx, exception_id, max(case.due_at, tx.now) + AGAIN_AFTER)
        comment(tx, exception_id, said)
        return False
    if outcome is CallOutcome.SPOKE and answers:
        if case.cycle_id is None:
            raise Invalid("This call is about no batch: write a note instead.", "answers")
        said = " ".join([said, *_in_words(answers)])
        apply_answers(tx, case.cycle_id, answers, how=how)
    if case.state is ExceptionState.OPEN:  # a request that is answered closes its own task
        resolve_exception(tx, exception_id, outcome=said)
    if outcome is CallOutcome.WRONG_NUMBER:
        _wrong_number(tx, case, rung)
    return True


def _number_rung(tx: Tx, case: ExceptionCase, number: str) -> str:
    """The number that a call went to: the one that was said, or the only one; "" when none is known."""
    points = contact_points(tx, case.patient_id) if case.patient_id else []
    phones = list(dict.fromkeys(point.address for point in points if point.channel is not Channel.EMAIL))
    if number and number not in phones:
        raise Invalid("This is not a number of the patient's any more. Open the call again.", "number")
    if not number and len(phones) > 1:
        raise Invalid("Choose the number that was wrong: messages to the others go on.", "number")
    return number or next(iter(phones), "")


def _wrong_number(tx: Tx, case: ExceptionCase, number: str) -> None:
    """Ask for another number, and send nothing more to the one that was rung: a stranger may read it.

    The patient's other numbers stay as they are. Who shares that number has a task to look at it: the call was not
    for them, and only a person can tell whether the whole household has moved.
    """
    _ask_for_number(
        tx, case, case.patient_id,
        "A call reached the wrong number: ask for the right one and record it. Nothing automated goes to it any more.",
    )  # fmt: skip
    shared = set[str]()
    for point in points_at(tx, number, case.pharmacy_id) if number else ():
        if point.patient_id != case.patient_id:
            shared.add(point.patient_id)
        elif may_use(point.channel, point.basis, free_to_end_user=True):
            record_basis(
                tx, point.patient_id, point.channel, point.address, ContactBasis.DECLINED, "wrong number"
            )
    for patient_id in sorted(shared):
        _ask_for_number(
            tx, case, patient_id,
            "A call to a number that this patient has too reached the wrong person: ask whether it is still theirs.",
        )  # fmt: skip


def _ask_for_number(tx: Tx, case: ExceptionCase, patient_id: str | None, summary: str) -> None:
    open_exception(
        tx, pharmacy_id=case.pharmacy_id, kind=ExceptionKind.CONTACT,
        cause_key=Cause.WRONG_NUMBER.of(patient_id or case.id), summary=summary,
        owner_role=Role.TECHNICIAN, due_at=due_in(tx, days=1), patient_id=patient_id,
        cycle_id=case.cycle_id if patient_id == case.patient_id else None,
    )  # fmt: skip


def _in_words(answers: Mapping[str, DrugAnswer]) -> list[str]:
    """How many of each answer, without naming a medicine: the outcome is shown on boards and lists."""
    counts = Counter(said.answer for said in answers.values() if said.answer)
    return [f"{answer.capitalize()}: {number}." for answer, number in counts.items()]
