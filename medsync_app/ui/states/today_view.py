"""How Today shows a line of work and a call sheet: plain values for the page."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final, TypedDict

from medsync_app.auth.permissions import Permission
from medsync_app.domain.cycle import UNFILLED
from medsync_app.domain.states import CycleState, ExceptionKind, FillKind, ItemState, Severity
from medsync_app.errors import Invalid
from medsync_app.reads.call_sheet import CallSheet, SheetDrug
from medsync_app.reads.places import Here
from medsync_app.reads.setup import SetUp
from medsync_app.reads.today import Drug, Work
from medsync_app.services.call_answers import DrugAnswer
from medsync_app.ui import format as say
from medsync_app.ui.states.form_fields import text_of

#: The button of each sort of work: action, label, permission.
ACTIONS: Final[Mapping[str, tuple[str, str, Permission]]] = {
    "review": ("approve", "Approve", Permission.APPROVE_PLAN),
    "prepare": ("ready", "Mark ready", Permission.PREPARE),
    "pickup": ("pickup", "Picked up", Permission.PREPARE),
    "call": ("call", "Call", Permission.HANDLE_EXCEPTIONS),
    "join": ("enroll", "Enroll", Permission.ENROLL),
    "refill": ("done", "Done", Permission.HANDLE_EXCEPTIONS),
    "contact": ("done", "Done", Permission.HANDLE_EXCEPTIONS),
    "other": ("done", "Done", Permission.HANDLE_EXCEPTIONS),
}
#: What keeps an item, in words.
PROBLEMS: Final[Mapping[str, str]] = {
    "out_of_stock": "out of stock",
    "owed": "partly owed",
    "on_hold": "on hold",
    "no_refills": "no refills",
    "not_requested": "not asked for yet",
    "same_drug": "a newer one has the same ingredient",
}
#: Medicines named in a line; all of them appear on hover.
_NAMED: Final = 4
_REASONS: Final[Mapping[str, str]] = {
    "short_fill": "short fill",
    "gap": "days without supply",
    "too_soon": "fill too soon",
    "override": "override",
}


class RowView(TypedDict):
    """One line of the queue."""

    id: str
    sort: str
    why: str
    urgent: str
    name: str
    patient_id: str
    drugs: str
    drugs_title: str
    drug_names: str
    missing: str
    due: say.DueText
    place: str
    action: str
    label: str
    cycle_id: str
    exception_id: str
    join_id: str
    version: int


class SheetDrugView(TypedDict):
    """One drug on the call sheet, with the names of its fields; `ask` while the patient's word still decides."""

    name: str
    detail: str
    state: str
    ask: bool
    answer: str
    reason: str
    doses: str
    left: str


class SaidView(TypedDict):
    """A remark or message on the call sheet."""

    head: str
    text: str


class SheetView(TypedDict):
    """The call sheet as shown."""

    id: str
    name: str
    patient_id: str
    born: str
    language: str
    summary: str
    phones: list[str]
    #: (number, as it is written), to say which one was rung; empty when there is only one.
    numbers: list[list[str]]
    pickup: str
    drugs: list[SheetDrugView]
    said: list[SaidView]


class StepView(TypedDict):
    """One step of the set-up checklist."""

    label: str
    done: bool
    href: str


NO_SHEET: Final[SheetView] = {
    "id": "",
    "name": "",
    "patient_id": "",
    "born": "",
    "language": "",
    "summary": "",
    "phones": [],
    "numbers": [],
    "pickup": "",
    "drugs": [],
    "said": [],
}


def row_view(
    work: Work, place: Here, now: datetime, may: Callable[[Permission, str], bool], *, several: bool
) -> RowView:
    """One line; without the permission the action is "" and the row only leads to the patient."""
    action, label, permission = ACTIONS[work.sort]
    if work.kind is ExceptionKind.RETURN_TO_STOCK and work.cycle_id:
        action, label, permission = "return", "Returned", Permission.PREPARE
    if not may(permission, work.pharmacy_id):
        action, label = "", ""
    names = [drug.name for drug in work.drugs]
    due = (
        say.due(work.due_on, place.today, soon_days=0)
        if work.kind is None
        else say.due_instant(work.due_at, now, place.zone)
    )
    return {
        "id": work.id,
        "sort": work.sort,
        "why": _why(work, place, now),
        "urgent": work.severity.value if work.severity in (Severity.HIGH, Severity.URGENT) else "",
        "name": say.patient_name(work.last_name, work.first_name)
        or ("Name not given" if work.join_id else ""),
        "patient_id": work.patient_id,
        "drugs": work.drug or (say.plural(len(names), "medicine") if names else ""),
        "drugs_title": "" if work.drug else "\n".join(names),
        "drug_names": "" if work.drug else say.listed((name.split(" ")[0] for name in names), most=_NAMED),
        "missing": "" if work.drug else _missing(work.drugs),
        "due": due,
        "place": place.name if several else "",
        "action": action,
        "label": label,
        "cycle_id": work.cycle_id,
        "exception_id": work.exception_id,
        "join_id": work.join_id,
        "version": work.version,
    }


def _why(work: Work, place: Here, now: datetime) -> str:
    if work.sort == "prepare":
        begun = {
            CycleState.PARTLY_READY: "Partly ready: prepare the rest",
            CycleState.PREPARING: "In preparation",
        }
        return begun.get(work.state or CycleState.PLANNED, "Prepare the batch")
    if work.sort == "pickup":
        since = say.moment(work.ready_at, now, place.zone)
        return f"Ready since {since}, not picked up" if since else "Ready, not picked up"
    return work.summary


def _missing(drugs: tuple[Drug, ...]) -> str:
    kept = [
        f"{drug.name.split(' ')[0]}: {PROBLEMS.get(drug.problem, say.code_words(drug.problem).lower())}"
        for drug in drugs
        if drug.problem and drug.state is not ItemState.READY
    ]
    return say.listed(kept, most=2)


def sheet_view(sheet: CallSheet, now: datetime) -> SheetView:
    """The call sheet as shown."""
    born = sheet.birth_date.strftime("%m/%d/%Y") if sheet.birth_date else "Not known"
    return {
        "id": sheet.exception_id,
        "name": say.patient_name(sheet.last_name, sheet.first_name),
        "patient_id": sheet.patient_id,
        "born": f"{born} ({say.age(sheet.birth_date, sheet.place.today)})" if sheet.birth_date else born,
        "language": "Spanish" if sheet.language == "es" else "English",
        "summary": sheet.summary,
        "phones": [say.phone(number) for number in sheet.phones],
        "numbers": [["", "Choose the number"], *([number, say.phone(number)] for number in sheet.phones)]
        if len(sheet.phones) > 1
        else [],
        "pickup": say.day(sheet.sync_date, sheet.place.today),
        "drugs": [_drug_view(drug, sheet.place.today) for drug in sheet.drugs],
        "said": [
            {"head": f"{one.by}, {say.moment(one.at, now, sheet.place.zone)}", "text": one.text}
            for one in sheet.said
        ],
    }


def _drug_view(drug: SheetDrug, today: date) -> SheetDrugView:
    short = " (short fill)" if drug.kind is FillKind.SHORT else ""
    parts = [f"{say.plural(drug.days_supply, 'day')}{short}"]
    if drug.problem:
        parts.append(PROBLEMS.get(drug.problem, say.code_words(drug.problem)))
    if drug.requested_at is not None:
        who = f" by {drug.requested_by}" if drug.requested_by else ""
        parts.append(f"asked for on {say.day(drug.requested_at.date(), today)} ({drug.requested_how}{who})")
    return {
        "name": drug.name,
        "detail": ", ".join(parts),
        "state": drug.state.value,
        "ask": drug.state in UNFILLED,
        "answer": f"drug_{drug.id}",
        "reason": f"reason_{drug.id}",
        "doses": f"doses_{drug.id}",
        "left": "" if drug.doses_left is None else str(drug.doses_left),
    }


def answers_of(form: Mapping[str, Any]) -> dict[str, DrugAnswer]:
    """What was typed about each drug of the sheet; Invalid for doses that are no number."""
    found: dict[str, DrugAnswer] = {}
    for field in form:
        kind, _, key = field.partition("_")
        if kind != "drug" or not key:
            continue
        doses = text_of(form, f"doses_{key}")
        if doses and not (doses.isascii() and doses.isdigit() and len(doses) <= 3):
            raise Invalid("Give the doses left as a whole number.", f"doses_{key}")
        said = DrugAnswer(
            str(form[field] or ""), text_of(form, f"reason_{key}"), int(doses) if doses else None
        )
        if said != DrugAnswer():
            found[key] = said
    return found


def steps_view(found: SetUp) -> list[StepView]:
    """The checklist of one pharmacy, in the order that makes sense."""
    here = f"at={found.slug}"
    return [
        {"label": "Opening hours", "done": found.hours, "href": f"/settings?tab=hours&{here}"},
        {
            "label": "Holidays and closed days",
            "done": found.closures,
            "href": f"/settings?tab=closures&{here}",
        },
        {"label": "Import a dispensing export", "done": found.data, "href": f"/settings?tab=import&{here}"},
        {"label": "A second member of staff", "done": found.staff, "href": f"/settings?tab=staff&{here}"},
        {"label": "Workflow in use", "done": found.workflow, "href": f"/workflow?{here}"},
        {"label": "First patient enrolled", "done": found.enrolled, "href": f"/enroll?{here}"},
        {"label": "First message sent", "done": found.message, "href": f"/messages?{here}"},
    ]
