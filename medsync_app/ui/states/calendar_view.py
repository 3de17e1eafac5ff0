"""How the calendar shows its chips, day heads, the panel of a batch, and what a move would change."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final, TypedDict
from zoneinfo import ZoneInfo

from medsync_app.domain.batches import PICKUP
from medsync_app.domain.plan_words import CASE_LABELS
from medsync_app.domain.states import ActionState, CycleState, EnrollmentState, FillKind, ItemState
from medsync_app.reads.batch import BatchDrug, BatchProblem, BatchView, ComingAction, OtherBatch
from medsync_app.reads.calendar import Chip, DayHead, Month
from medsync_app.services.mark_ready import NOT_REQUESTED
from medsync_app.services.mark_ready import PROBLEMS as ITEM_PROBLEMS
from medsync_app.services.move_preview import MovedMessage, MovePreview
from medsync_app.ui import format as say
from medsync_app.ui.components.chips import state_label

VIEWS: Final = ("dayGridMonth", "dayGridWeek", "listAhead")
#: Chips of a day that are sent for a month: its cells show four, a click on "more" these.
MOST_IN_MONTH: Final = 10
#: Filter -> its label.
GROUP_LABELS: Final[Mapping[str, str]] = {
    "review": "Needs review",
    "coming": "Coming",
    "preparing": "Preparing",
    "ready": "Ready",
    "done": "Picked up",
    "missed": "Missed",
}
#: Sign of a state on a chip, where no icon can be drawn; the word is in its label for screen readers.
_SIGNS: Final[Mapping[CycleState, tuple[str, str]]] = {
    CycleState.PROPOSED: ("?", "review"),
    CycleState.PLANNED: ("", "neutral"),
    CycleState.REQUESTING: ("\u21bb", "info"),
    CycleState.PREPARING: ("\u2026", "info"),
    CycleState.PARTLY_READY: ("\u25d0", "warn"),
    CycleState.READY: ("\u25cf", "good"),
    CycleState.PARTLY_PICKED_UP: ("\u25d1", "warn"),
    CycleState.PICKED_UP: ("\u2713", "good"),
    CycleState.CLOSED: ("\u2713", "done"),
    CycleState.MISSED: ("!", "bad"),
    CycleState.RETURNED: ("\u21a9", "bad"),
}
_FIXED: Final = frozenset(
    {CycleState.PICKED_UP, CycleState.CLOSED, CycleState.MISSED, CycleState.RETURNED, CycleState.CANCELLED}
)
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
_FETCHABLE: Final = (CycleState.READY, CycleState.PARTLY_READY, CycleState.PARTLY_PICKED_UP)
_WAITABLE: Final = (ItemState.PLANNED, ItemState.WAITING, ItemState.FILLING, ItemState.READY)


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


class MoveView(TypedDict):
    """What a move would change, line by line; `blocked` says why no reason helps."""

    day: str
    changes: list[str]
    warnings: list[str]
    withdrawn: list[str]
    queued: list[str]
    load: str
    blocked: str
    needs_reason: str
    review: bool
    ready: bool


NO_PANEL: Final[PanelView] = {
    "id": "", "version": 0, "name": "", "patient_id": "", "day": "", "iso": "", "relative": "", "title": "",
    "trip": False, "state": "planned", "place": "", "review": "", "explanation": "", "override": "",
    "facts": "", "drugs": [], "problems": [], "coming": [], "others": [], "can_approve": False,
    "can_ready": False, "can_pick_up": False, "can_move": False, "can_pause": False,
}  # fmt: skip
NO_MOVE: Final[MoveView] = {
    "day": "", "changes": [], "warnings": [], "withdrawn": [], "queued": [], "load": "", "blocked": "",
    "needs_reason": "", "review": False, "ready": False,
}  # fmt: skip


def month_days(day: date) -> tuple[date, date]:
    """What a month view shows of the month of that day: whole weeks from Sunday on, the end not included."""
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    start = first - timedelta(days=(first.weekday() + 1) % 7)
    return start, following + timedelta(days=-(following - start).days % 7)


def event_views(month: Month, *, may_move: bool) -> list[dict[str, Any]]:
    """The chips for FullCalendar, and one line per day for those that are not sent."""
    events = [_event(chip, month, may_move=may_move) for chip in month.chips]
    for head in month.days:
        if head.more > 0:
            said = f"and {head.more:,} more"
            events.append(
                {
                    "id": f"day:{head.day.isoformat()}", "title": said, "start": head.day.isoformat(),
                    "className": "cal-chip cal-more", "editable": False,
                    "extendedProps": {
                        "order": 9, "sign": "", "name": said, "count": "", "words": "opens the day sheet",
                    },
                }
            )  # fmt: skip
    return events


def _event(chip: Chip, month: Month, *, may_move: bool) -> dict[str, Any]:
    sign, tone = _SIGNS.get(chip.state, ("", "neutral"))
    name = say.patient_name(chip.last_name, chip.first_name)
    trip = chip.kind == "trip"
    words = [say.plural(chip.drugs, "medicine"), state_label("cycle", chip.state.value).lower()]
    if trip:
        words.insert(0, "short supply")
    if len(month.places) > 1:
        words.append(month.places[chip.pharmacy_id].name)
    return {
        "id": chip.cycle_id,
        "title": f"{name} {chip.drugs}",
        "start": chip.day.isoformat(),
        "className": f"cal-chip cal-{tone}{' cal-trip' if trip else ''}",
        "editable": may_move and chip.state not in _FIXED,
        "extendedProps": {
            "order": 1 if trip else 0, "sign": sign, "name": name, "count": str(chip.drugs),
            "words": ", ".join(words),
        },
    }  # fmt: skip


def day_views(month: Month) -> dict[str, dict[str, str]]:
    """By ISO date: the text beside the day's number, and the classes of its cell."""
    today = {here.today for here in month.places.values()}
    shown: dict[str, dict[str, str]] = {}
    for head in month.days:
        view = _day_view(head)
        if head.day in today:
            view["className"] = f"{view['className']} cal-today".strip()
        if view["text"] or view["className"]:
            shown[head.day.isoformat()] = view
    return shown


def _day_view(head: DayHead) -> dict[str, str]:
    if head.closed:
        load = f" \u00b7 {head.load}" if head.load else ""
        return {"text": f"{head.closed}{load}", "className": "cal-closed"}
    parts: list[str] = []
    if head.load:
        parts.append(f"{head.load}/{head.capacity}" if head.capacity is not None else f"{head.load}")
    if head.closed_at:
        parts.append(f"{say.listed(head.closed_at, most=1)} closed")
    full = head.capacity is not None and head.load >= head.capacity
    return {"text": " \u00b7 ".join(parts), "className": "cal-full" if full else ""}


def panel_view(found: BatchView, now: datetime, may: Mapping[str, bool]) -> PanelView:
    """The panel of one batch; `may` says what the person may do at its pharmacy."""
    today, zone = found.place.today, found.place.zone
    active = found.enrollment_state is EnrollmentState.ACTIVE
    movable = found.state not in _FIXED
    prepared = found.state in _FETCHABLE or (
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
        details.append(f"claim code {drug.claim_code}")
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
    if drug.state not in _WAITABLE or drug.problem == NOT_REQUESTED:
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


def move_view(preview: MovePreview, today: date, zone: str) -> MoveView:
    """What a move would change, in lines for the dialog."""
    changes = [
        f"{fill.drug}: short fill of {say.plural(fill.days, 'day')} on {say.day(fill.on, today)}"
        for fill in preview.short_fills
    ]
    changes += [f"{fill.drug}: runs out {say.day(fill.on, today)}, joins later" for fill in preview.left_out]
    if preview.extra_copay:
        changes.append(f"{say.money(preview.extra_copay)} extra copay")
    warnings = [f"{fill.drug}: may be too soon for the payer" for fill in preview.too_soon]
    if preview.gap_days:
        warnings.append(f"{say.plural(preview.gap_days, 'day')} without supply")
    told = {"A fill is too soon for the payer", "The patient is without medicine for some days"}
    warnings += [words for words in preview.break_words if words not in told]
    limit = f" of {preview.capacity}" if preview.capacity is not None else ""
    return {
        "day": say.day(preview.to_date, today),
        "changes": changes,
        "warnings": warnings,
        "withdrawn": [_message(one, today, zone) for one in preview.withdrawn],
        "queued": [_message(one, today, zone) for one in preview.queued],
        "load": f"{say.plural(preview.load + 1, 'pickup')}{limit} that day, this one counted",
        "blocked": "" if preview.possible else f"{preview.why_not.rstrip('.')}. Choose another day.",
        "needs_reason": "; ".join(preview.break_words) if preview.needs_override else "",
        "review": preview.needs_review and preview.possible,
        "ready": preview.possible,
    }


def _message(one: MovedMessage, today: date, zone: str) -> str:
    local = one.at.astimezone(ZoneInfo(zone))
    said = f"{one.name}, {say.day(local.date(), today)}"
    return f"{said} (skipped: its time has passed)" if one.skipped else said
