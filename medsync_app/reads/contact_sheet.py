"""What is known of how one patient may be reached, for the form that changes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from medsync_app.domain.states import Channel
from medsync_app.reads.enroll import KnownContact, contacts_of
from medsync_app.store.session import Tx
from medsync_app.store.tables import Patient, Pharmacy


@dataclass(frozen=True, slots=True)
class ContactSheet:
    """The patient's ways and wishes; `changed_at` tells whether somebody changed the patient since."""

    patient_id: str
    pharmacy_id: str
    pharmacy: str
    language: str
    preferred_channel: Channel | None
    drug_names_wanted: bool
    contacts: Sequence[KnownContact]
    changed_at: datetime


def contact_sheet(tx: Tx, patient_id: str) -> ContactSheet:
    """The sheet of one patient; NotFound outside the scope."""
    patient = tx.get(Patient, patient_id)
    return ContactSheet(
        patient_id=patient.id,
        pharmacy_id=patient.pharmacy_id,
        pharmacy=tx.get(Pharmacy, patient.pharmacy_id).name,
        language=patient.language,
        preferred_channel=patient.preferred_channel,
        drug_names_wanted=patient.drug_names_wanted,
        contacts=contacts_of(tx, patient_id),
        changed_at=patient.updated_at,
    )
