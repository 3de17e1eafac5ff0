"""What a call that is being answered has to say: who it is for, from whom, in which language, and the message."""

from dataclasses import dataclass
from typing import Final

from medsync_app.domain.states import ActionState, Channel
from medsync_app.domain.voice_words import LINES, Lines, spoken_phone
from medsync_app.store.repositories.contact import points_at
from medsync_app.store.session import Tx
from medsync_app.store.tables import Attempt, Patient, Pharmacy, ScheduledAction

_OVER: Final = frozenset({
    ActionState.SUPPRESSED, ActionState.SUPERSEDED, ActionState.SKIPPED, ActionState.MERGED, ActionState.FAILED,
})  # fmt: skip


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
    return CallScript(
        pharmacy=pharmacy.name[:40],
        phone=spoken_phone(pharmacy.phone),
        name=_name(tx, attempt.address, pharmacy, patient),
        language=patient.language if patient is not None and patient.language in LINES else "en",
        message=action.body or "",
        over=died or action.attempts != attempt.number or action.state in _OVER,
    )


def _name(tx: Tx, address: str, pharmacy: Pharmacy, patient: Patient | None) -> str:
    """Whom the call asks for: the caregiver whose number it is, else the patient by first name."""
    if patient is None:
        return pharmacy.name[:40]
    for point in points_at(tx, address, pharmacy.id):
        if point.patient_id == patient.id and point.channel is Channel.VOICE and point.caregiver_name:
            return point.caregiver_name
    return patient.first_name
