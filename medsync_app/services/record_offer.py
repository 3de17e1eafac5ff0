"""Records that a patient was asked to take part in the programme, and a no."""

from medsync_app.errors import Conflict
from medsync_app.services.audit import audit
from medsync_app.store.repositories.enrollments import open_of_patient, open_offer
from medsync_app.store.session import Tx
from medsync_app.store.tables import EnrollmentOffer, Patient


def record_offer(tx: Tx, patient_id: str, *, declined: bool) -> str:
    """Note that the patient was asked, or said no (asked at the same time when nobody had noted it before).

    Gives the offer's id. Asking again while the patient still decides changes nothing; after a no it is a new
    offer. Conflict when the patient takes part already.
    """
    patient = tx.get(Patient, patient_id, lock=True)
    if open_of_patient(tx, patient_id) is not None:
        raise Conflict("This patient takes part already. Load the list again.")
    offer = open_offer(tx, patient_id)
    if offer is not None and not declined:
        return offer.id
    if offer is None:
        offer = tx.add(
            EnrollmentOffer(
                pharmacy_id=patient.pharmacy_id,
                patient_id=patient_id,
                asked_at=tx.now,
                asked_by=tx.scope.actor_name,
            )
        )
    if declined:
        offer.declined_at, offer.declined_by = tx.now, tx.scope.actor_name
    tx.session.flush()
    audit(
        tx,
        pharmacy_id=patient.pharmacy_id,
        act="record_offer",
        subject_kind="patient",
        subject_id=patient_id,
        detail={"offer": offer.id, "declined": declined},
    )
    return offer.id
