"""Which of a patient's drugs wait for a pharmacist: beside a newer one of their ingredient, or new and flagged."""

from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import select

from medsync_app.domain.states import ExceptionKind, ExceptionState
from medsync_app.reads.places import places
from medsync_app.services.plan_inputs import drugs_for
from medsync_app.store.repositories import therapies
from medsync_app.store.session import Tx
from medsync_app.store.tables import ExceptionCase, Patient

_case = cast(Any, ExceptionCase)


@dataclass(frozen=True, slots=True)
class DrugQuestion:
    """One drug that waits; `newer` names the drugs of its ingredient, "" for a new one that takes no part yet."""

    therapy_id: str
    name: str
    newer: str


def drug_questions(tx: Tx, patient_id: str) -> list[DrugQuestion]:
    """The open questions by drug name; NotFound outside the scope."""
    patient = tx.get(Patient, patient_id)
    rows = {row.id: row for row in therapies.of_patient(tx, patient_id)}
    today = places(tx)[patient.pharmacy_id].today
    waiting = drugs_for(tx, patient_id, today=today).waiting
    found = [
        DrugQuestion(older, rows[older].drug_name, " and ".join(rows[one].drug_name for one in newer))
        for older, newer in waiting.items()
        if rows[older].include is not False
    ]
    asked = tx.session.scalars(
        select(_case.therapy_id).where(
            _case.patient_id == patient_id, _case.kind == ExceptionKind.NEW_DRUG,
            _case.state == ExceptionState.OPEN,
        )
    )  # fmt: skip
    for therapy_id in asked:
        row = rows.get(therapy_id)
        if row is not None and (row.status != "active" or (row.clinical_flag and row.include is None)):
            found.append(DrugQuestion(row.id, row.drug_name, ""))
    return sorted(found, key=lambda question: question.name.casefold())
