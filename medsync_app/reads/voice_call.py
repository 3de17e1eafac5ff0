"""What a call that is being answered has to say: who it is for, from whom, in which language, and the message."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from medsync_app.domain.states import ActionState, Channel
from medsync_app.domain.voice_words import LINES, Lines, spoken_phone
from medsync_app.outbox.attempts import read_in_call
from medsync_app.store.repositories.contact import points_at
from medsync_app.store.session import Tx
from medsync_app.store.tables import Attempt, Patient, Pharmacy, ScheduledAction

_OVER: Final = frozenset({
    ActionState.SUPPRESSED, ActionState.SUPERSEDED, ActionState.SKIPPED, ActionState.MERGED, ActionState.FAILED,
})  # fmt: skip
#: Between the names of those any of whom may listen.
_OR: Final = {"en": " or ", "es": " o "}


@dataclass(frozen=True, slots=True)
class CallScript:
    """One call; `message` may tell of health and is read to the confirmed person only."""

    pharmacy: str
    phone: str
    name: str
    language: str
    message: str
    #: The message was withdrawn while the phone was ringing.
    over: bool

    @property
    def lines(self) -> Lines:
        return LINES[self.language]

    def say(self, line: str) -> str:
        """One of the fixed sentences with its names filled in."""
        return line.format(pharmacy=self.pharmacy, phone=self.phone, name=self.name)


def call_script(tx: Tx, attempt_id: str) -> CallScript | None:
    """The script of a call by its attempt; None when there is no such call."""
    attempt = tx.find(Attempt, attempt_id)
    if attempt is None or attempt.channel is not Channel.VOICE:
        return None
    action = tx.get(ScheduledAction, attempt.action_id)
    pharmacy = tx.get(Pharmacy, action.pharmacy_id)
    patient = tx.find(Patient, action.patient_id) if action.patient_id else None
    died = patient is not None and patient.deceased_on is not None
    language = patient.language if patient is not None and patient.language in LINES else "en"
    return CallScript(
        pharmacy=pharmacy.name[:40],
        phone=spoken_phone(pharmacy.phone),
        name=_OR[language].join(_names(tx, attempt, pharmacy)),
        language=language,
        message=action.body or "",
        over=died or action.attempts != attempt.number or action.state in _OVER,
    )


def _names(tx: Tx, attempt: Attempt, pharmacy: Pharmacy) -> list[str]:
    """Whom the call asks for: of each whom it is about the caregiver whose number it is, else the first name.

    Any of a household may listen to what is said for all of them; one who is a caregiver too is named once.
    """
    cares_for = {
        point.patient_id: point.caregiver_name
        for point in points_at(tx, attempt.address, pharmacy.id)
        if point.channel is Channel.VOICE and point.caregiver_name
    }
    about = dict.fromkeys(action.patient_id for action in read_in_call(tx, attempt.id) if action.patient_id)
    names = (cares_for.get(one) or tx.get(Patient, one).first_name for one in about)
    return _one_each(names) or [pharmacy.name[:40]]


def _one_each(names: Iterable[str]) -> list[str]:
    """Names without repeats: "Ada" is left out beside "Ada Example"."""
    found = list(dict.fromkeys(names))
    return [name for name in found if not any(other.startswith(f"{name} ") for other in found)]
