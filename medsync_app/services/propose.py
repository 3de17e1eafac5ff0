"""Proposes sync dates for a patient: the shared calculation over what is known today."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from medsync_app.clock import local_day
from medsync_app.domain.plan_model import Medication, Policy, SyncPlan
from medsync_app.domain.supply import Supply
from medsync_app.domain.sync_plan import plan, supply_of
from medsync_app.services.plan_inputs import (
    NO_CHOICES,
    TherapyChoice,
    drugs_for,
    policy_for,
)
from medsync_app.store.repositories import therapies
from medsync_app.store.session import Tx
from medsync_app.store.tables import Patient, Pharmacy


@dataclass(frozen=True, slots=True)
class Proposal:
    """The options of one patient with what they were computed from; `names`: therapy id -> drug name.

    `waiting` are drugs that wait for the answer "replaces or together?": the older's id -> the newer ids.
    """

    patient_id: str
    pharmacy_id: str
    today: date
    plan: SyncPlan
    names: Mapping[str, str]
    policy: Policy
    medications: tuple[Medication, ...]
    supplies: Mapping[str, Supply | None]
    waiting: Mapping[str, tuple[str, ...]]


def propose(
    tx: Tx,
    patient_id: str,
    *,
    requested_date: date | None = None,
    choices: Mapping[str, TherapyChoice] = NO_CHOICES,
    cycle_days: int | None = None,
    min_lead_days: int | None = None,
    replanned: frozenset[str] = frozenset(),
) -> Proposal:
    """Every option for a patient under the pharmacy's policy, with what a person chose per drug so far.

    NotFound outside the scope; Invalid when a choice names another patient's drug or an impossible number.
    """
    patient = tx.get(Patient, patient_id)
    pharmacy = tx.get(Pharmacy, patient.pharmacy_id)
    today = local_day(tx.now, pharmacy.zone)
    policy = policy_for(
        tx, pharmacy.id, today=today, min_lead_days=min_lead_days, requested_date=requested_date,
        exclude_cycle_ids=replanned, cycle_days=cycle_days,
    )  # fmt: skip
    drugs = drugs_for(tx, patient_id, today=today, overrides=choices, replanned=replanned)
    medications = drugs.medications
    rows = therapies.of_patient(tx, patient_id)
    return Proposal(
        patient_id=patient_id,
        pharmacy_id=pharmacy.id,
        today=today,
        plan=plan(policy, medications),
        names={row.id: row.drug_name for row in rows},
        policy=policy,
        medications=tuple(medications),
        supplies={medication.id: supply_of(policy, medication) for medication in medications},
        waiting=drugs.waiting,
    )
