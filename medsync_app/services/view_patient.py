"""Somebody opened a patient's page: that is written into the audit log (DOMAIN.md section 6)."""

from medsync_app.services.audit import audit
from medsync_app.store.session import Tx
from medsync_app.store.tables import Patient


def view_patient(tx: Tx, patient_id: str) -> None:
    """Record that the caller looked at a patient; NotFound outside the scope."""
    patient = tx.get(Patient, patient_id)
    audit(
        tx,
        pharmacy_id=patient.pharmacy_id,
        act="view_patient",
        subject_kind="patient",
        subject_id=patient.id,
    )
