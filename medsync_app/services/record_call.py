"""A call to a patient was made: what came of it, and what follows."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from medsync_app.domain.states import Channel, ExceptionState
from medsync_app.errors import Invalid
from medsync_app.services.call_answers import DrugAnswer, apply_answers
from medsync_app.services.exceptions import comment, postpone, resolve_exception
from medsync_app.services.wrong_number import ask_for_number, mark_wrong
from medsync_app.store.repositories.contact import contact_points
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
    call, and whoever has it is asked; `number` says which one was rung (E.164), "" when the patient has only one.
    Invalid names the field, NotFound outside the scope, Conflict when somebody else settled it before.
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
    """Let nothing automated go to the number that was rung, and ask for the right one: a stranger may read it."""
    if number:
        mark_wrong(tx, case.pharmacy_id, number)
        return
    summary = "A call reached the wrong number: ask for the right one and record it on the patient's page."
    ask_for_number(tx, case.pharmacy_id, case.patient_id, case.id, summary)


def _in_words(answers: Mapping[str, DrugAnswer]) -> list[str]:
    """How many of each answer, without naming a medicine: the outcome is shown on boards and lists."""
    counts = Counter(said.answer for said in answers.values() if said.answer)
    return [f"{answer.capitalize()}: {number}." for answer, number in counts.items()]
