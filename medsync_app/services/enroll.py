"""Enrolls a patient: records the choices, plans afresh, and opens the first cycle with its trips and messages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NewType

from medsync_app.domain.days import plain_day
from medsync_app.domain.plan_model import MAX_CYCLE_DAYS, Option, Strategy
from medsync_app.domain.plan_words import EXCLUSION_LABELS, STRATEGY_LABELS
from medsync_app.domain.states import Channel, EnrollmentState, SameDrug
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.services.enroll_contacts import ContactChoice, Wishes, check_contacts, record_contacts
from medsync_app.services.ensure_workflow import workflow_for
from medsync_app.services.override import check_override
from medsync_app.services.patient_problems import check_patient
from medsync_app.services.plan_inputs import NO_CHOICES, TherapyChoice
from medsync_app.services.propose import Proposal, propose
from medsync_app.services.rules import rules_of
from medsync_app.services.therapy_choices import (
    REPLACED,
    check_choice,
    mark_stopped,
    mark_taken,
    share_an_ingredient,
    write_answer,
    write_choices,
)
from medsync_app.services.write_plan import Plan, write_plan
from medsync_app.store.repositories import enrollments, therapies
from medsync_app.store.session import Tx
from medsync_app.store.tables import Enrollment, EnrollmentDraft, Patient, Pharmacy

__all__ = ["ContactChoice", "EnrollCommand", "EnrollmentId", "TherapyChoice", "chosen_option", "enroll"]

EnrollmentId = NewType("EnrollmentId", str)
CADENCES = ("every", "monthly")


@dataclass(frozen=True, slots=True)
class EnrollCommand:
    """What the wizard decided; `sync_date` must still be what `strategy` offers when it is carried out.

    `cycle_days` None: the pharmacy's. `override_reason` is needed for a requested date that breaks a rule.
    """

    patient_id: str
    sync_date: date
    strategy: Strategy = "recommended"
    choices: Mapping[str, TherapyChoice] = field(default_factory=lambda: NO_CHOICES)
    override_reason: str = ""
    cadence: str = "every"
    cycle_days: int | None = None
    contacts: tuple[ContactChoice, ...] = ()
    preferred_channel: Channel | None = None
    language: str | None = None
    drug_names_wanted: bool | None = None
    fulfilment: str | None = None
    draft_id: str | None = None

    @property
    def wishes(self) -> Wishes:
        return Wishes(self.preferred_channel, self.language, self.drug_names_wanted, self.fulfilment)


def enroll(tx: Tx, command: EnrollCommand) -> EnrollmentId:
    """Enroll a patient and give the enrollment's id; nothing is written when anything is wrong.

    Invalid names the field to correct. Conflict: enrolled already, deceased, or the chosen date is not offered any
    more (the message says what changed). Forbidden: the date breaks a rule and the caller is no pharmacist.
    """
    patient = tx.get(Patient, command.patient_id)
    _check(command)
    if patient.deceased_on is not None:
        raise Conflict("This patient is recorded as deceased and cannot be enrolled.")
    if enrollments.open_of_patient(tx, patient.id) is not None:
        raise Conflict("This patient is enrolled already. Open the patient's page.")
    pharmacy = tx.get(Pharmacy, patient.pharmacy_id)
    cycle_days = command.cycle_days or rules_of(pharmacy).cycle_days
    requested = command.sync_date if command.strategy == "requested" else None
    proposal = propose(
        tx, patient.id, requested_date=requested, choices=command.choices, cycle_days=cycle_days
    )
    option = chosen_option(proposal, command.strategy, command.sync_date)
    check_override(tx, patient.pharmacy_id, option.breaks, command.override_reason)
    record_contacts(tx, patient, command.contacts, command.wishes)
    _write_choices(tx, proposal, command.choices, option)
    enrollment = _write_enrollment(tx, patient, command, proposal, option, cycle_days)
    first = write_plan(
        tx,
        enrollment,
        Plan(
            option=option, number=1, nominal_date=command.sync_date, reason="The patient was enrolled.",
            override_reason=command.override_reason.strip() if option.breaks else "",
            left_aside=_cannot_align(proposal),
        ),
    )  # fmt: skip
    check_patient(tx, patient.id)
    _finish_draft(tx, command.draft_id)
    audit(
        tx, pharmacy_id=patient.pharmacy_id, act="enroll", subject_kind="patient", subject_id=patient.id,
        detail={
            "enrollment": enrollment.id, "cycle": first.id, "sync_date": first.sync_date.isoformat(),
            "strategy": command.strategy, "override": bool(option.breaks),
            "contacts": [f"{c.channel.value}:{c.basis.value}" for c in command.contacts],
        },
    )  # fmt: skip
    return EnrollmentId(enrollment.id)


def chosen_option(proposal: Proposal, strategy: Strategy, sync_date: date) -> Option:
    """The option that was chosen, as it stands now; Conflict, saying what changed, when it is not offered any more."""
    option = proposal.plan.option(strategy)
    label = STRATEGY_LABELS.get(strategy, strategy)
    if option is None:
        raise Conflict(f'The choice "{label}" is not offered any more: the medicines changed. Choose again.')
    if option.sync_date is None:
        problem = f"{plain_day(sync_date)} is not possible: {option.reason} Choose again."
        raise Invalid(problem, "sync_date") if strategy == "requested" else Conflict(problem)
    if option.sync_date != sync_date:
        raise Conflict(
            f'The choice "{label}" has moved from {plain_day(sync_date)} to {plain_day(option.sync_date)} '
            "because the data changed in the meantime. Look at the options again."
        )
    return option


def _check(command: EnrollCommand) -> None:
    if command.strategy not in STRATEGY_LABELS:
        raise Invalid("Choose one of the offered options.", "strategy")
    if command.cadence not in CADENCES:
        raise Invalid("Choose every cycle (every) or the same day of the month (monthly).", "cadence")
    if command.cycle_days is not None and not 7 <= command.cycle_days <= MAX_CYCLE_DAYS:
        raise Invalid(f"Give the days of a cycle as a number from 7 to {MAX_CYCLE_DAYS}.", "cycle_days")
    for therapy_id, choice in command.choices.items():
        check_choice(therapy_id, choice)
    check_contacts(command.contacts, command.wishes)


def _write_choices(tx: Tx, proposal: Proposal, choices: Mapping[str, TherapyChoice], option: Option) -> None:
    rows = {row.id: row for row in therapies.of_patient(tx, proposal.patient_id)}
    for therapy_id, choice in choices.items():
        write_choices(tx, rows[therapy_id], choice)
    answers = {key: choice.same_drug for key, choice in choices.items() if choice.same_drug is not None}
    replaced = {key for key, answer in answers.items() if answer is SameDrug.REPLACED}
    for therapy_id, answer in answers.items():
        older = rows[therapy_id]
        newer = [
            row
            for row in rows.values()
            if row.id not in {therapy_id, *proposal.waiting, *replaced} and share_an_ingredient(row, older)
        ]
        if not newer:
            raise Conflict(
                "A medicine that was said to replace another is gone. Look at the medicines again."
            )
        write_answer(tx, older, newer, answer)
        if answer is SameDrug.REPLACED:
            mark_stopped(tx, older, REPLACED, proposal.today)
        else:
            mark_taken(tx, older)
    for therapy_id in option.without:
        rows[therapy_id].include = False


def _write_enrollment(
    tx: Tx, patient: Patient, command: EnrollCommand, proposal: Proposal, option: Option, cycle_days: int
) -> Enrollment:
    version_id, _ = workflow_for(tx, patient.pharmacy_id)
    enrollment = tx.add(
        Enrollment(
            pharmacy_id=patient.pharmacy_id, patient_id=patient.id, state=EnrollmentState.ACTIVE,
            cadence=command.cadence, cycle_days=cycle_days, anchor=command.sync_date,
            workflow_version_id=version_id, plan=plan_document(tx, proposal, option, command.override_reason),
            enrolled_at=tx.now, enrolled_by=tx.scope.actor_name, changed_by=tx.scope.actor_name,
            changed_at=tx.now,
        )
    )  # fmt: skip
    tx.session.flush()
    return enrollment


def plan_document(tx: Tx, proposal: Proposal, option: Option, override_reason: str) -> dict[str, Any]:
    """How a date was chosen: the option taken, all that were offered, and why a rule was broken if one was."""
    return {
        "anchor_number": 1,
        "chosen_at": tx.now.isoformat(),
        "chosen_by": tx.scope.actor_name,
        "strategy": option.strategy,
        "explanation": option.explanation,
        "breaks": list(option.breaks),
        "override_reason": override_reason.strip() if option.breaks else "",
        "extra_copay": str(option.extra_copay),
        "options": [_offered(offered) for offered in proposal.plan.options],
    }


def _offered(option: Option) -> dict[str, Any]:
    cost = option.cost
    return {
        "strategy": option.strategy,
        "sync_date": option.sync_date.isoformat() if option.sync_date else None,
        "reason": option.reason,
        "cost": None
        if cost is None
        else {
            "gap_days": cost.gap_days, "too_soon": cost.too_soon, "trips": cost.trips,
            "short_fills": cost.short_fills, "left_out": cost.left_out, "early_days": cost.early_days,
        },
    }  # fmt: skip


def _cannot_align(proposal: Proposal) -> dict[str, str]:
    return {
        excluded.id: EXCLUSION_LABELS[excluded.reason]
        for excluded in proposal.plan.excluded
        if excluded.reason == "cannot_align"
    }


def _finish_draft(tx: Tx, draft_id: str | None) -> None:
    if draft_id is None:
        return
    draft = tx.find(EnrollmentDraft, draft_id)
    if draft is not None and draft.finished_at is None:
        draft.finished_at = tx.now
