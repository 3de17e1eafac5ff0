"""Ends the e-mails to an address, by the link that each of them holds."""

from dataclasses import dataclass

from medsync_app.domain.states import Channel
from medsync_app.services.contact_settings import opt_out_in_group
from medsync_app.store.session import Tx
from medsync_app.store.tables import Attempt, Patient, Pharmacy, ScheduledAction


@dataclass(frozen=True, slots=True)
class Subscription:
    """What the page names: whose e-mails they are, and in which language it speaks. No patient data."""

    pharmacy: str
    language: str


def subscription(tx: Tx, attempt_id: str) -> Subscription | None:
    """Whose e-mails an attempt belongs to; None when it was no e-mail."""
    attempt = tx.find(Attempt, attempt_id)
    if attempt is None or attempt.channel is not Channel.EMAIL:
        return None
    action = tx.get(ScheduledAction, attempt.action_id)
    patient = tx.find(Patient, action.patient_id) if action.patient_id else None
    language = patient.language if patient is not None else "en"
    return Subscription(tx.get(Pharmacy, attempt.pharmacy_id).name, language)


def unsubscribe(tx: Tx, attempt_id: str) -> bool:
    """Revoke the basis for e-mail to the attempt's address and cancel what waits for it; harmless when repeated."""
    attempt = tx.find(Attempt, attempt_id)
    if attempt is None or attempt.channel is not Channel.EMAIL:
        return False
    tx.take_turn(attempt.pharmacy_id)
    opt_out_in_group(tx, attempt.pharmacy_id, Channel.EMAIL, attempt.address, "link in an e-mail")
    return True
