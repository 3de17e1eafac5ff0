"""Keeps the enrollment wizard as far as it was filled in: started, saved at each step, resumed, thrown away."""

from dataclasses import dataclass, replace
from datetime import date
from typing import NewType

from medsync_app.domain.states import ContactBasis
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.services.draft_answers import Answers, document_of
from medsync_app.store.repositories import drafts, enrollments
from medsync_app.store.session import Tx
from medsync_app.store.tables import EnrollmentDraft, Patient, Staff

DraftId = NewType("DraftId", str)
LAST_STEP = 5


@dataclass(frozen=True, slots=True)
class Saved:
    """A draft as it stands now; `resumed` when it had been begun before."""

    draft_id: DraftId
    version: int
    step: int
    resumed: bool = False


def start_draft(tx: Tx, patient_id: str, *, requested: date | None = None) -> Saved:
    """Begin enrolling a patient, or go on with the draft that is open for the patient already.

    `requested` is a day to offer first; a draft that was begun before keeps its own.

    Conflict when the patient takes part already, or is recorded as deceased.
    """
    patient = tx.get(Patient, patient_id)
    if patient.deceased_on is not None:
        raise Conflict("This patient is recorded as deceased and cannot be enrolled.")
    if enrollments.open_of_patient(tx, patient.id) is not None:
        raise Conflict("This patient is enrolled already. Open the patient's page.")
    known = drafts.open_of_patient(tx, patient.id)
    if known is not None:
        return Saved(DraftId(known.id), known.version, known.step, resumed=True)
    draft = tx.add(
        EnrollmentDraft(
            pharmacy_id=patient.pharmacy_id, patient_id=patient.id, staff_id=_staff_id(tx), step=2,
            answers=document_of(Answers(requested=requested)), created_at=tx.now, updated_at=tx.now,
        )
    )  # fmt: skip
    tx.session.flush()
    audit(
        tx, pharmacy_id=patient.pharmacy_id, act="start_enrollment", subject_kind="patient",
        subject_id=patient.id, detail={"draft": draft.id},
    )  # fmt: skip
    return Saved(DraftId(draft.id), draft.version, draft.step)


def save_draft(tx: Tx, draft_id: str, *, expected_version: int, step: int, answers: Answers) -> Saved:
    """Keep the answers; `step` is the step they lead to, a later one that was reached stays reached.

    Conflict when somebody else saved the draft since, or it is finished.
    """
    if not 1 <= step <= LAST_STEP:
        raise Invalid(f"The wizard has the steps 1 to {LAST_STEP}.", "step")
    draft = _open(tx, draft_id, expected_version)
    draft.answers = document_of(_dated(tx, answers))
    draft.step = max(draft.step, step)
    draft.staff_id = _staff_id(tx) or draft.staff_id
    draft.version += 1
    draft.updated_at = tx.now
    return Saved(DraftId(draft.id), draft.version, draft.step)


def _dated(tx: Tx, answers: Answers) -> Answers:
    """Consents that are new in these answers were given now: a stop that comes before the enrollment is newer."""
    contacts = answers.contacts
    if contacts is None:
        return answers
    dated = (
        replace(one, agreed_at=tx.now) if one.basis is ContactBasis.EXPRESS and one.agreed_at is None else one
        for one in contacts
    )
    return replace(answers, contacts=tuple(dated))


def discard_draft(tx: Tx, draft_id: str, *, expected_version: int) -> None:
    """Throw an open draft away; Conflict when somebody else saved it since, or it is finished."""
    draft = _open(tx, draft_id, expected_version)
    audit(
        tx, pharmacy_id=draft.pharmacy_id, act="discard_enrollment_draft", subject_kind="patient",
        subject_id=draft.patient_id or "", detail={"draft": draft.id},
    )  # fmt: skip
    tx.session.delete(draft)


def _open(tx: Tx, draft_id: str, expected_version: int) -> EnrollmentDraft:
    draft = tx.get(EnrollmentDraft, draft_id, lock=True)
    if draft.finished_at is not None:
        raise Conflict("This enrollment is finished already: nothing was saved. Open the patient's page.")
    if draft.version != expected_version:
        other = tx.find(Staff, draft.staff_id) if draft.staff_id else None
        who = other.name if other is not None else "Somebody else"
        raise Conflict(
            f"{who} went on with this enrollment in the meantime. Nothing of yours was saved: reload the page."
        )
    return draft


def _staff_id(tx: Tx) -> str | None:
    """The person who acts; None for the command line and the loop."""
    person = tx.find(Staff, tx.scope.actor_id)
    return person.id if person is not None else None
