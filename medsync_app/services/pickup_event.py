"""The entry for a patient's own calendar that goes with an e-mail about a pickup."""

from medsync_app.connections.protocol import PickupEvent
from medsync_app.services.message_text import Topic
from medsync_app.store.session import Tx
from medsync_app.store.tables import Patient, Pharmacy

#: Messages that name a day still to come.
_DATED = frozenset({"reminder_t7", "confirm_t3", "confirm_t1", "trip_t1", "date_changed"})
_SUMMARY = {"en": "Pickup at {pharmacy}", "es": "Recoger en {pharmacy}"}
#: For who has the medicines brought or mailed: nobody is to come.
_COMES = {"en": "Medicines from {pharmacy}", "es": "Medicamentos de {pharmacy}"}


def pickup_event(tx: Tx, pharmacy: Pharmacy, patient: Patient | None, topic: Topic) -> PickupEvent | None:
    """The pickup a message names; None when it names none, or those of several people.

    Each change of a cycle raises its version, so a moved pickup moves the entry that is in the calendar.
    """
    cycle = topic.cycle
    if cycle is None or topic.template not in _DATED:
        return None
    language = patient.language if patient is not None else "en"
    fetched = patient is None or patient.fulfilment not in ("delivery", "mail")
    words = _SUMMARY if fetched else _COMES
    return PickupEvent(
        uid=f"{cycle.id}@medsync", sequence=cycle.version, day=cycle.sync_date,
        summary=words.get(language, words["en"]).format(pharmacy=pharmacy.name),
        place=pharmacy.address if fetched else "", made_at=tx.now,
    )  # fmt: skip
