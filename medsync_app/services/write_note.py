"""Keeps a note about a patient."""

from medsync_app.errors import Invalid
from medsync_app.services.audit import audit
from medsync_app.store.session import Tx
from medsync_app.store.tables import Patient, PatientNote

MAX_TEXT = 2_000


def write_note(tx: Tx, patient_id: str, text: str) -> str:
    """Write a note and give its id; Invalid when it is empty or longer than 2,000 characters."""
    patient = tx.get(Patient, patient_id)
    clean = text.strip()
    if not clean:
        raise Invalid("Write something first.", "text")
    if len(clean) > MAX_TEXT:
        raise Invalid(f"Keep a note to {MAX_TEXT} characters.", "text")
    note = tx.add(
        PatientNote(
            pharmacy_id=patient.pharmacy_id,
            patient_id=patient.id,
            staff_id=None if tx.scope.is_system else tx.scope.actor_id,
            text=clean,
            at=tx.now,
        )
    )
    tx.session.flush()
    audit(
        tx,
        pharmacy_id=patient.pharmacy_id,
        act="write_note",
        subject_kind="patient",
        subject_id=patient.id,
        detail={"note": note.id},
    )
    return note.id
