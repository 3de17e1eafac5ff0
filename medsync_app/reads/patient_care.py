"""What is recorded of one patient that adherence leaves out."""

from dataclasses import dataclass
from datetime import date

from medsync_app.domain.care import CareKind
from medsync_app.reads.places import places
from medsync_app.store.repositories import care
from medsync_app.store.session import Tx
from medsync_app.store.tables import Patient


@dataclass(frozen=True, slots=True)
class CareLine:
    """One record with who wrote it last."""

    id: str
    kind: CareKind
    start: date
    end: date | None
    by: str


@dataclass(frozen=True, slots=True)
class CareSheet:
    """The records of a patient, the latest first, and the day at the pharmacy."""

    today: date
    lines: tuple[CareLine, ...]


def care_sheet(tx: Tx, patient_id: str) -> CareSheet:
    """NotFound outside the scope."""
    patient = tx.get(Patient, patient_id)
    return CareSheet(
        places(tx)[patient.pharmacy_id].today,
        tuple(
            CareLine(row.id, row.kind, row.starts_on, row.ends_on, row.recorded_by)
            for row in care.of_patient(tx, patient_id)
        ),
    )
