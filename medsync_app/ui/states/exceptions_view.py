"""How the board shows a case: plain values with the age in words and colour."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypedDict

from medsync_app.domain.states import ExceptionKind, ExceptionState, OutsideState, Role, Severity
from medsync_app.reads.exceptions import DUE_GROUPS, Board, Case, CaseDetail
from medsync_app.reads.places import Here
from medsync_app.ui import format as say

KIND_NAMES: Final[Mapping[ExceptionKind, str]] = {
    ExceptionKind.PA_ENDING: "Prior authorization ends",
    ExceptionKind.NO_REFILLS: "No refills left",
    ExceptionKind.RX_EXPIRES: "Prescription expires",
    ExceptionKind.OUT_OF_STOCK: "Out of stock",
    ExceptionKind.PRESCRIBER_SILENT: "Prescriber silent",
    ExceptionKind.PRESCRIBER_DENIED: "Prescriber denied",
    ExceptionKind.CONTACT: "Contact problem",
    ExceptionKind.DOSE_CONFLICT: "Dose conflict",
    ExceptionKind.PLAN_REVIEW: "Plan to approve",
    ExceptionKind.CALL: "Call the patient",
    ExceptionKind.CALL_BACK: "Call back",
    ExceptionKind.REPLY: "Reply to read",
    ExceptionKind.NOT_PICKED_UP: "Not picked up",
    ExceptionKind.RETURN_TO_STOCK: "Return to stock",
    ExceptionKind.SEND_IN_DOUBT: "Message in doubt",
    ExceptionKind.SEND_FAILED: "Step failed",
    ExceptionKind.CHANNEL_DOWN: "Channel stopped",
    ExceptionKind.PREPARE: "Prepare",
    ExceptionKind.STOCK_CHECK: "Stock check",
    ExceptionKind.RENEWAL: "Renewal to request",
    ExceptionKind.NEW_DRUG: "New drug",
    ExceptionKind.JOIN: "Asked to take part",
    ExceptionKind.WORKFLOW: "Workflow",
}
ROLE_NAMES: Final[Mapping[Role, str]] = {
    Role.TECHNICIAN: "Technician",
    Role.PHARMACIST: "Pharmacist",
    Role.OWNER: "Owner",
}
_DUE_NAMES: Final[Mapping[str, str]] = {
    "late": "Overdue", "today": "Due today", "week": "Due this week", "later": "Due later",
}  # fmt: skip


class CaseView(TypedDict):
    """One card."""

    id: str
    href: str
    kind: str
    severity: str
    state: str
    owner: str
    assigned: str
    name: str
    patient_id: str
    place: str
    drug: str
    summary: str
    due: say.DueText
    age: str
    tone: str
    comments: str
    outcome: str


class ColumnView(TypedDict):
    """One group of the board with its first cards; `more_href` leads to all of them, "" when they are here."""

    key: str
    title: str
    tone: str
    count: int
    cases: list[CaseView]
    more: str
    more_href: str


class ChoiceView(TypedDict):
    """One choice of a filter."""

    label: str
    href: str
    count: str
    selected: bool


class CommentView(TypedDict):
    """A comment."""

    head: str
    text: str


class MirrorView(TypedDict):
    """Where the case is shown outside."""

    name: str
    url: str
    note: str


class CaseDetailView(TypedDict):
    """The open case."""

    id: str
    kind: str
    severity: str
    state: str
    open: bool
    summary: str
    name: str
    patient_id: str
    drug: str
    owner: str
    assigned: str
    #: Who has it ("" nobody), and who can be chosen, as (value, label).
    assigned_to: str
    people: list[list[str]]
    mine: bool
    due: say.DueText
    opened: str
    settled: str
    outcome: str
    comments: list[CommentView]
    mirrors: list[MirrorView]
    may_handle: bool
    #: The request that the prescriber's answer is entered for, "" for none.
    renewal_id: str


#: What a prescriber may answer, in words.
ANSWER_NAMES: Final[Mapping[str, str]] = {
    "approved": "Approved",
    "approved_with_changes": "Approved with changes",
    "denied": "Denied",
    "replaced": "Replaced by another medicine",
    "pending": "Pending: an answer follows",
}

NO_CASE: Final[CaseDetailView] = {
    "id": "", "kind": "", "severity": "", "state": "open", "open": False, "summary": "", "name": "", "patient_id": "",
    "drug": "", "owner": "", "assigned": "", "mine": False, "due": say.NO_DATE, "opened": "", "settled": "",
    "outcome": "", "comments": [], "mirrors": [], "may_handle": False,
    "renewal_id": "", "assigned_to": "", "people": [],
}  # fmt: skip


def columns_of(
    found: Board, group: str, cases: Sequence[tuple[str, CaseView]], address_of: Callable[[str], str]
) -> list[ColumnView]:
    """The groups in their order, each with its cards; `address_of` gives the address that shows one of them alone."""
    by_group: dict[str, list[CaseView]] = {}
    for key, view in cases:
        by_group.setdefault(key, []).append(view)
    order = [key for key in DUE_GROUPS if key in by_group] if group == "due" else list(by_group)
    return [
        {
            "key": key,
            "title": group_title(group, key),
            "tone": {"late": "bad", "today": "warn"}.get(key, "neutral"),
            "count": (count := found.groups.get(key, len(by_group[key]))),
            "cases": by_group[key],
            "more": f"Show all {count:,}",
            "more_href": address_of(key) if not found.column and count > len(by_group[key]) else "",
        }
        for key in order
    ]


def group_key(case: Case, group: str) -> str:
    """The group a case stands in."""
    if group == "kind":
        return case.kind.value
    return case.owner_role.value if group == "owner" else case.due_group


def group_title(group: str, key: str) -> str:
    """A group's heading."""
    if group == "kind":
        return KIND_NAMES[ExceptionKind(key)]
    return ROLE_NAMES[Role(key)] if group == "owner" else _DUE_NAMES[key]


def case_view(case: Case, place: Here, now: datetime, *, href: str, several: bool) -> CaseView:
    """One card."""
    due = say.due_instant(case.due_at, now, place.zone)
    settled = case.state is not ExceptionState.OPEN
    return {
        "id": case.id,
        "href": href,
        "kind": KIND_NAMES[case.kind],
        "severity": case.severity.value if case.severity in (Severity.HIGH, Severity.URGENT) else "",
        "state": case.state.value if settled else "",
        "owner": ROLE_NAMES[case.owner_role],
        "assigned": case.assigned_name,
        "name": say.patient_name(case.last_name, case.first_name) if case.last_name else "",
        "patient_id": case.patient_id,
        "place": place.name if several else "",
        "drug": case.drug,
        "summary": case.summary,
        "due": {**due, "tone": "neutral"} if settled else due,
        "age": _age(case, now),
        "tone": "neutral" if settled else due["tone"],
        "comments": say.plural(case.comments, "comment") if case.comments else "",
        "outcome": f"{case.closed_by}: {case.outcome}" if settled else "",
    }


def _age(case: Case, now: datetime) -> str:
    """How long it has been open, or took."""
    hours = int(((case.closed_at or now) - case.opened_at).total_seconds() // 3600)
    said = (
        say.plural(hours // 24, "day")
        if hours >= 48
        else say.plural(hours, "hour")
        if hours
        else "under an hour"
    )
    return f"open {said}" if case.closed_at is None else f"took {said}"


def detail_view(found: CaseDetail, now: datetime, *, staff_id: str, may_handle: bool) -> CaseDetailView:
    """The open case."""
    case, zone = found.case, found.place.zone
    is_open = case.state is ExceptionState.OPEN
    due = say.due_instant(case.due_at, now, zone)
    return {
        "id": case.id,
        "kind": KIND_NAMES[case.kind],
        "severity": case.severity.value,
        "state": case.state.value,
        "open": is_open,
        "summary": case.summary,
        "name": say.patient_name(case.last_name, case.first_name) if case.last_name else "",
        "patient_id": case.patient_id,
        "drug": found.drug,
        "owner": ROLE_NAMES[case.owner_role],
        "assigned": case.assigned_name or "Nobody",
        "assigned_to": case.assigned_to,
        "people": [["", "Nobody"], *([key, name] for key, name in found.people)],
        "mine": case.assigned_to == staff_id,
        "due": due if is_open else {**due, "tone": "neutral"},
        "opened": say.moment(case.opened_at, now, zone),
        "settled": f"{say.moment(case.closed_at, now, zone)} by {case.closed_by}" if case.closed_at else "",
        "outcome": case.outcome,
        "comments": [
            {"head": f"{one.by}, {say.moment(one.at, now, zone)}", "text": one.text} for one in found.comments
        ],
        "mirrors": [
            {
                "name": one.kind.value.capitalize(),
                "url": one.url if one.url.startswith("https://") else "",
                "note": "" if one.state is OutsideState.SENT else one.reason or "not there yet",
            }
            for one in found.mirrors
        ],
        "may_handle": may_handle and is_open,
        "renewal_id": found.renewal_id if may_handle and is_open else "",
    }
