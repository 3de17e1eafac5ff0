"""Changes how a patient may be reached: what is asked at the counter any day, not only at enrollment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from medsync_app.domain.states import Channel
from medsync_app.errors import Conflict
from medsync_app.outbox.settle import release_held
from medsync_app.services.audit import audit
from medsync_app.services.enroll_contacts import ContactChoice, Wishes, check_contacts, record_contacts
from medsync_app.services.number_stops import close_held_replies, release_address, stop_number
from medsync_app.services.patient_problems import check_patient
from medsync_app.store.repositories.contact import delete_point, find_point, points_at, status_of
from medsync_app.store.session import Tx
from medsync_app.store.tables import ContactPoint, Patient


@dataclass(frozen=True, slots=True)
class ContactChange:
    """What was agreed: the ways to reach the patient, the wishes, and the numbers and addresses they replace."""

    contacts: Sequence[ContactChoice]
    wishes: Wishes
    #: Without a preferred channel the usual order counts again.
    preferred_channel: Channel | None
    replaced: Sequence[tuple[Channel, str]] = ()


def change_contacts(tx: Tx, patient_id: str, change: ContactChange, *, seen_at: datetime) -> None:
    """Record what was agreed; what is queued goes to the new number, since it is chosen when a message goes out.

    A replaced number is forgotten, its consents stay in the history. Conflict when the patient was changed after
    `seen_at`; Invalid names what cannot be used.
    """
    patient = tx.get(Patient, patient_id, lock=True)
    if patient.updated_at != seen_at:
        raise Conflict("Somebody else changed this patient in the meantime. Close this, and look again.")
    check_contacts(change.contacts, change.wishes)
    unchanged = [n for n, contact in enumerate(change.contacts) if _is_known(tx, patient_id, contact)]
    record_contacts(tx, patient, change.contacts, change.wishes, unchanged=unchanged)
    patient.preferred_channel = change.preferred_channel
    kept = {contact.key for contact in change.contacts}
    gone = [key for key in change.replaced if key not in kept]
    for channel, address in gone:
        point = find_point(tx, patient_id, channel, address)
        if point is not None:
            delete_point(tx, point)
            _let_go(tx, patient, address)
    check_patient(tx, patient_id)
    audit(
        tx, pharmacy_id=patient.pharmacy_id, act="contact.change", subject_kind="patient", subject_id=patient_id,
        detail={
            "contacts": [f"{one.channel.value}:{one.basis.value}" for one in change.contacts],
            "replaced": [channel.value for channel, _ in gone],
        },
    )  # fmt: skip


def _is_known(tx: Tx, patient_id: str, contact: ContactChoice) -> bool:
    """Whether that number or address is kept with this very basis and caregiver."""
    point = find_point(tx, patient_id, *contact.key)
    return point is not None and (point.basis, point.caregiver_name, point.caregiver_relation) == (
        contact.basis, contact.caregiver_name, contact.caregiver_relation,
    )  # fmt: skip


def decide_hold(tx: Tx, point_id: str, *, stop: bool) -> None:
    """Decide what a reply meant that let everything to a number wait: messages go on, or end for everybody there.

    The tasks to read such replies close with it. Conflict when it was decided already.
    """
    point = tx.get(ContactPoint, point_id)
    status = status_of(tx, point.pharmacy_id, point.channel, point.address)
    if status.held_at is None:
        raise Conflict("Somebody has decided this already. Look at the contact again.")
    release_address(tx, point.pharmacy_id, point.channel, point.address, opted_out=stop)
    outcome = "The patient wants no messages." if stop else "Messages go on."
    close_held_replies(tx, point.pharmacy_id, point.address, outcome)


def end_messages(tx: Tx, point_id: str) -> None:
    """The patient has asked a person for no more automated messages: a stop of that number in the whole group.

    Conflict when it is stopped already, or a reply of that number waits for a decision.
    """
    point = tx.get(ContactPoint, point_id)
    status = status_of(tx, point.pharmacy_id, point.channel, point.address)
    if status.opted_out_at is not None or status.held_at is not None:
        raise Conflict("Somebody has stopped or held this already. Look at the contact again.")
    stop_number(tx, point.pharmacy_id, point.channel, point.address, "asked staff")


def _let_go(tx: Tx, patient: Patient, address: str) -> None:
    """What waited for a decision about a number that the patient has no more goes to the other ways to reach them."""
    tx.session.flush()
    if not points_at(tx, address, patient.pharmacy_id):
        close_held_replies(tx, patient.pharmacy_id, address, "The number was replaced.")
    release_held(tx, patient.pharmacy_id, [patient.id])
