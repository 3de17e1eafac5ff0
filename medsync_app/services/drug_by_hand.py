"""A medicine of a known patient, told at the counter before the pharmacy system reports it."""

from medsync_app.domain.states import EnrollmentState
from medsync_app.services.add_patient import NewDrug, add_drugs_by_hand, check_drug
from medsync_app.services.audit import audit
from medsync_app.services.change_drugs import plan_in
from medsync_app.services.patient_problems import check_patient
from medsync_app.services.versions import bump
from medsync_app.store.repositories import enrollments, therapies
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.session import Tx
from medsync_app.store.tables import Patient


def add_drug_by_hand(tx: Tx, patient_id: str, drug: NewDrug) -> str:
    """Write the drug with its Rx and last fill, and plan it in where the patient takes part; gives the therapy's id.

    It is treated as one that an import brings: one with an ingredient that is taken already waits for a pharmacist.
    Invalid names the field ("drugs[0].name"), Conflict when the patient has this very drug.
    """
    patient = tx.get(Patient, patient_id, lock=True)
    check_drug(drug, "drugs[0]", pharmacy_today(tx, patient.pharmacy_id))
    before = therapies.of_patient(tx, patient_id)
    (key,) = add_drugs_by_hand(tx, patient, (drug,), known={row.drug_key for row in before})
    tx.dispensed(patient.pharmacy_id, [patient_id])
    enrollment = enrollments.open_of_patient(tx, patient_id)
    if enrollment is not None and enrollment.state is EnrollmentState.ACTIVE:
        bump(tx, enrollment)
        plan_in(tx, enrollment, [key])
    check_patient(tx, patient_id)
    audit(
        tx, pharmacy_id=patient.pharmacy_id, act="add_drug_by_hand", subject_kind="patient", subject_id=patient_id,
        detail={"therapy_id": key},
    )  # fmt: skip
    return key
