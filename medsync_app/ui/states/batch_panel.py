"""How the calendar's side panel shows one batch: its drugs, problems, coming steps, and what may be done."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, TypedDict
from zoneinfo import ZoneInfo

from medsync_app.domain.batches import PICKUP
from medsync_app.domain.cycle import ENDED, FETCHABLE, NOT_REQUESTED, PENDING_ITEMS
from medsync_app.domain.plan_words import CASE_LABELS
from medsync_app.domain.states import ActionState, CycleState, EnrollmentState, FillKind, ItemState
from medsync_app.reads.batch import BatchDrug, BatchProblem, BatchView, ComingAction, OtherBatch
from medsync_app.services.mark_ready import PROBLEMS as ITEM_PROBLEMS
from medsync_app.ui import format as say

_REASONS: Final[Mapping[str, str]] = {
    "short_fill": "a short fill",
    "gap": "days without supply",
    "too_soon": "a fill that may be too soon",
    "override": "a rule that was overridden",
    "closed": "a closed day",
    "full": "a full day",
    "lead_time": "a date sooner than usual",
    "beyond_horizon": "a date further ahead than usual",
}
_CASES: Final[Mapping[str, str]] = {
    **{str(case): words for case, words in CASE_LABELS.items()},
    PICKUP: "Filled already: only to be fetched",
}
_PREPARABLE: Final = (
    CycleState.PLANNED,
    CycleState.REQUESTING,
    CycleState.PREPARING,
    CycleState.PARTLY_READY,
)


class DrugView(TypedDict):
    """One drug in the panel; `choice` is what the form of a part starts with, "" when it cannot be chosen."""

    id: str
    name: str
    state: str
    fill: str
    detail: str
    warning: str
    choice: str
    expected: str


class ProblemView(TypedDict):
    """One open exception."""

    id: str
    title: str
    summary: str
    due: say.DueText


class ComingView(TypedDict):
    """One coming step."""

    id: str
    name: str
    when: str
    title: str
    kind: str
    state: str
    note: str


class OtherView(TypedDict):
    """Another open batch of the patient."""

    id: str
    label: str
    state: str


class PanelView(TypedDict):
    """The side panel."""

    id: str
    version: int
    name: str
    patient_id: str
    day: str
    iso: str
    relative: str
    title: str
    trip: bool
    state: str
    place: str
    review: str
    explanation: str
    override: str
    facts: str
    drugs: list[DrugView]
    problems: list[ProblemView]
    coming: list[ComingView]
    others: list[OtherView]
    can_approve: bool
    can_ready: bool
    can_pick_up: bool
    can_move: bool
    can_pause: bool


NO_PANEL: Final[PanelView] = {
    "id": "", "version": 0, "name": "", "patient_id": "", "day": "", "iso": "", "relative": "", "title": "",
    "trip": False, "state": "planned", "place": "", "review": "", "explanation": "", "override": "",
    "facts": "", "drugs": [], "problems": [], "coming": [], "others": [], "can_approve": False,
    "can_ready": False, "can_pick_up": False, "can_move": False, "can_pause": False,
}  # fmt: skip


def panel_view(found: BatchView, now: datetime, may: Mapping[str, bool]) -> PanelView:
    """The panel of one batch; `may` says what the person may do at its pharmacy."""
    today, zone = found.place.today, found.place.zone
    active = found.enrollment_state is EnrollmentState.ACTIVE
    movable = found.state not in ENDED
    prepared = found.state in FETCHABLE or (
        not found.unapproved and found.state in _PREPARABLE and found.day <= today
    )
    return {
        "id": found.cycle_id,
        "version": found.version,
        "name": say.patient_name(found.last_name, found.first_name),
        "patient_id": found.patient_id,
        "day": say.day(found.day, today),
        "iso": found.day.isoformat(),
        "relative": say.relative_day(found.day, today),
        "title": say.full_day(found.day),
        "trip": found.kind == "trip",
        "state": found.state.value,
        "place": found.place.name,
        "review": _review_words(found),
        "explanation": found.explanation if found.unapproved else "",
        "override": found.override_reason if found.unapproved else "",
        "facts": _facts(found, now, zone),
        "drugs": [_drug_view(drug, today) for drug in found.drugs],
        "problems": [_problem_view(problem, now, zone) for problem in found.problems],
        "coming": [_coming_view(action, now, zone) for action in found.coming],
        "others": [_other_view(other, today) for other in found.others],
        "can_approve": found.unapproved and may["approve"],
        "can_ready": not found.unapproved and found.state in _PREPARABLE and may["prepare"],
        "can_pick_up": prepared and may["prepare"],
        "can_move": movable and active and may["move"],
        "can_pause": active and may["enroll"],
    }


def _review_words(found: BatchView) -> str:
    if not found.unapproved:
        return ""
    reasons = [_REASONS.get(code, say.code_words(code).lower()) for code in found.reasons]
    because = f" because of {say.listed(reasons, most=4)}" if reasons else ""
    return f"A pharmacist must approve this plan{because}. Nothing is prepared and no message names the date before."


def _facts(found: BatchView, now: datetime, zone: str) -> str:
    parts: list[str] = []
    if found.confirmed_at is not None:
        parts.append(f"confirmed {say.moment(found.confirmed_at, now, zone)}")
    if found.ready_at is not None:
        parts.append(f"ready since {say.moment(found.ready_at, now, zone)}")
    if found.changed_by:
        parts.append(f"last changed by {found.changed_by}, {say.moment(found.changed_at, now, zone)}")
    said = "; ".join(parts)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def _drug_view(drug: BatchDrug, today: date) -> DrugView:
    short = drug.fill_kind is FillKind.SHORT
    kind = "Short fill" if short else "Full fill"
    quantity = f", {drug.quantity.normalize():f} units" if drug.quantity else ""
    skipped = drug.state is ItemState.SKIPPED
    details = [f"due {say.day(drug.due_on, today)}"]
    if drug.claim_code is not None:
        details.append(say.claim_code(drug.claim_code))
    case = _CASES.get(drug.case, "")
    if case and drug.case not in ("on_time", "bridge"):
        details.append(case[:1].lower() + case[1:])
    return {
        "id": drug.item_id,
        "name": drug.name,
        "state": drug.state.value,
        "fill": "" if skipped else f"{kind}, {say.plural(drug.days_supply, 'day')}{quantity}",
        "detail": drug.note or case if skipped else ", ".join(details),
        "warning": "" if skipped else _warning(drug, today),
        "choice": _choice(drug),
        "expected": drug.expected_on.isoformat() if drug.expected_on else "",
    }


def _warning(drug: BatchDrug, today: date) -> str:
    parts: list[str] = []
    if drug.problem in ITEM_PROBLEMS:
        expected = f", expected {say.day(drug.expected_on, today)}" if drug.expected_on else ""
        parts.append(f"{ITEM_PROBLEMS[drug.problem]}{expected}")
        if drug.note:
            parts.append(drug.note)
    elif drug.problem == NOT_REQUESTED:
        parts.append("Prepared only when the patient asks for it")
    if drug.too_soon:
        parts.append("May be too soon for the payer")
    if drug.needs_renewal_by is not None and drug.problem != "no_refills":
        parts.append(f"Renewal needed by {say.day(drug.needs_renewal_by, today)}")
    return "; ".join(parts)


def _choice(drug: BatchDrug) -> str:
    if drug.state not in PENDING_ITEMS or drug.problem == NOT_REQUESTED:
        return ""
    return drug.problem if drug.state is ItemState.WAITING and drug.problem in ITEM_PROBLEMS else "ready"


def _problem_view(problem: BatchProblem, now: datetime, zone: str) -> ProblemView:
    return {
        "id": problem.id,
        "title": ": ".join(part for part in (say.code_words(problem.kind.value), problem.drug) if part),
        "summary": problem.summary,
        "due": say.due_instant(problem.due_at, now, zone),
    }


def _coming_view(action: ComingAction, now: datetime, zone: str) -> ComingView:
    local, today = action.due_at.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone)).date()
    return {
        "id": action.id,
        "name": action.name or say.code_words(action.step),
        "when": f"{say.day(local.date(), today)}, {say.clock_time(local)}",
        "title": say.full_day(local.date()),
        "kind": action.kind,
        "state": action.state.value if action.state is ActionState.HELD else "",
        "note": action.reason,
    }


def _other_view(other: OtherBatch, today: date) -> OtherView:
    what = "Short supply" if other.kind == "trip" else "Common pickup"
    return {"id": other.cycle_id, "label": f"{what}, {say.day(other.day, today)}", "state": other.state.value}
