"""How the enrollment wizard shows what it read: plain values for the page."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final, TypedDict
from zoneinfo import ZoneInfo

from medsync_app.domain.plan_model import Option
from medsync_app.domain.plan_words import EXCLUSION_LABELS
from medsync_app.domain.states import ContactBasis, JoinOrigin
from medsync_app.reads.enroll import LASTING, Draft, Enrolled, Housemate, Medicine, OpenDraft, Person
from medsync_app.reads.join import Request
from medsync_app.reads.search import Found
from medsync_app.services.draft_answers import Answers
from medsync_app.services.preview_enrollment import Expected, ExpectedStep
from medsync_app.ui import format as say
from medsync_app.ui.states.enroll_forms import MAX_LINES

STEPS: Final = ("Patient", "Medicines", "Sync date", "Contact", "Review")
#: What an action of a step is, in words, with the tone and icon of its chip.
_DO: Final[Mapping[str, str]] = {
    "message": "Message",
    "task": "Task for staff",
    "renewal": "Refill request",
    "check": "Preparation",
}
BASIS_WORDS: Final[Mapping[ContactBasis, str]] = {
    ContactBasis.EXPRESS: "agreed",
    ContactBasis.NUMBER_GIVEN: "gave it for refill contact",
    ContactBasis.NOT_ASKED: "not asked yet",
    ContactBasis.DECLINED: "declined",
    ContactBasis.REVOKED: "revoked",
}


class PersonView(TypedDict):
    """A patient to choose."""

    id: str
    name: str
    detail: str
    enrolled: bool


class JoinView(TypedDict):
    """What somebody wrote into a form, to begin with; `medicines` fill the lines, "" where none is left.

    `lacks` is what must still be asked for, `known` the patient whom the pharmacy system means.
    """

    id: str
    title: str
    lacks: str
    known: str
    known_name: str
    first_name: str
    last_name: str
    birth_date: str
    phone: str
    told: list[str]
    medicines: list[str]


NO_JOIN: Final[JoinView] = {
    "id": "", "title": "", "lacks": "", "known": "", "known_name": "", "first_name": "", "last_name": "",
    "birth_date": "", "phone": "", "told": [], "medicines": [""] * MAX_LINES,
}  # fmt: skip


class DraftView(TypedDict):
    """An enrollment to go on with."""

    id: str
    name: str
    detail: str
    step: str
    href: str


class MedicineView(TypedDict):
    """One line of the medicines step; the numbers are what the inputs start with."""

    id: str
    name: str
    rx: str
    ticked: bool
    locked: bool
    reason: str
    #: The question about a newer drug of the same ingredient; "" when there is none. `answer` "" is not yet.
    asks: str
    answer: str
    last: str
    due: say.DueText
    days: str
    refills: str
    pa: str
    has_rx: bool


class MateView(TypedDict):
    """Somebody of the household."""

    id: str
    name: str
    why: str
    date: str
    said: str


class StepView(TypedDict):
    """One thing that will happen."""

    id: str
    when: str
    title: str
    name: str
    kind: str
    kind_label: str
    batch: str
    note: str


class DoneView(TypedDict):
    """The end of the wizard."""

    name: str
    patient_id: str
    cycle_href: str
    said: str
    review: bool


NOBODY: Final[PersonView] = {"id": "", "name": "", "detail": "", "enrolled": False}
NOT_DONE: Final[DoneView] = {"name": "", "patient_id": "", "cycle_href": "", "said": "", "review": False}


def born(birth_date: date | None) -> str:
    """Said as "born 05/01/1980"; "" when unknown."""
    return f"born {birth_date:%m/%d/%Y}" if birth_date else ""


def person_view(person: Person, *, enrolled: bool = False) -> PersonView:
    """One patient."""
    return {
        "id": person.patient_id,
        "name": say.patient_name(person.last_name, person.first_name),
        "detail": born(person.birth_date),
        "enrolled": enrolled,
    }


def hit_view(found: Found, *, enrolled: bool) -> PersonView:
    """One result of the search."""
    said = (born(found.birth_date), say.phone(found.why))
    return {
        "id": found.patient_id,
        "name": say.patient_name(found.last_name, found.first_name),
        "detail": " · ".join(part for part in said if part),
        "enrolled": enrolled,
    }


def draft_view(draft: OpenDraft, now: datetime, zone: str) -> DraftView:
    """One enrollment that was begun."""
    when = say.moment(draft.updated_at, now, zone)
    return {
        "id": draft.draft_id,
        "name": say.patient_name(draft.person.last_name, draft.person.first_name),
        "detail": f"{draft.by}, {when}" if draft.by else when,
        "step": f"Step {draft.step}: {STEPS[draft.step - 1]}",
        "href": address(draft.draft_id, draft.step),
    }


def address(draft_id: str, step: int) -> str:
    """Where a step of a draft stands."""
    return f"/enroll?draft={draft_id}&step={step}"


def medicine_view(drug: Medicine, today: date, *, may_tick: bool) -> MedicineView:
    """One drug with the reason in words why it takes part or not; `may_tick`: the person is a pharmacist."""
    return {
        "id": drug.therapy_id,
        "name": drug.name,
        "rx": "" if drug.rx_number.startswith("BY-HAND") else drug.rx_number,
        "ticked": drug.included,
        "locked": not drug.can_tick or drug.same_as != "" or not (drug.alone or may_tick),
        "reason": _reason(drug),
        "asks": f"Same ingredient as {drug.same_as}" if drug.same_as else "",
        "answer": drug.answer.value if drug.answer else "",
        "last": say.day(drug.last_fill, today),
        "due": say.due(drug.next_due, today, soon_days=3),
        "days": str(drug.usual_days) if drug.usual_days else "",
        "refills": str(drug.refills_left) if drug.refills_left is not None else "",
        "pa": drug.pa_ends_on.isoformat() if drug.pa_ends_on else "",
        "has_rx": drug.has_rx,
    }


def _reason(drug: Medicine) -> str:
    if drug.same_as:
        return "" if drug.answer else "It waits until a pharmacist has answered"
    if drug.reason is not None and (drug.reason in LASTING or not drug.included):
        if drug.reason == "taken_out":
            return "Left out by you"
        return EXCLUSION_LABELS[drug.reason]
    if drug.included and not drug.alone:
        return "Ticked in by a pharmacist"
    return ""


def mate_view(mate: Housemate, today: date) -> MateView:
    """Somebody of the household, with the date to share."""
    day = say.day(mate.sync_date, today)
    return {
        "id": mate.person.patient_id,
        "name": say.patient_name(mate.person.last_name, mate.person.first_name),
        "why": f"same {mate.why}",
        "date": mate.sync_date.isoformat() if mate.sync_date else "",
        "said": f"picks up on {day}" if day else "not in the programme",
    }


def step_views(expected: Expected, now: datetime, zone: str) -> list[StepView]:
    """The list of what will happen, in order."""
    return [_step_view(index, step, now, zone) for index, step in enumerate(expected.steps)]


def _step_view(index: int, step: ExpectedStep, now: datetime, zone: str) -> StepView:
    local, today = step.due_at.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone)).date()
    at_once = step.due_at <= now
    note = "After approval" if step.after_approval else ""
    return {
        "id": f"{index}",
        "when": "At once" if at_once else f"{say.day(local.date(), today)}, {say.clock_time(local)}",
        "title": say.full_day(local.date()),
        "name": step.name,
        "kind": step.do,
        "kind_label": _DO.get(step.do, say.code_words(step.do)),
        "batch": batch_words(step, today),
        "note": f"Skipped: {step.skipped}" if step.skipped else note,
    }


def batch_words(step: ExpectedStep, today: date) -> str:
    """The batch that a step belongs to."""
    return f"{'Pickup' if step.kind == 'sync' else 'Short supply'} of {say.day(step.batch_day, today)}"


def done_view(found: Enrolled) -> DoneView:
    """Where to go after enrolling."""
    day = found.sync_date
    return {
        "name": say.patient_name(found.person.last_name, found.person.first_name),
        "patient_id": found.person.patient_id,
        "cycle_href": f"/calendar?d={day.replace(day=1).isoformat()}&cycle={found.cycle_id}",
        "said": f"First common pickup: {say.full_day(day)}.",
        "review": found.needs_review,
    }


def head_of(draft: Draft) -> PersonView:
    """The patient whose draft is open."""
    return person_view(draft.person)


def summary_of(draft: Draft, included: Sequence[str]) -> str:
    """One line about the medicines of the review."""
    names = say.listed(included, most=8)
    return f"{say.plural(len(included), 'medicine')}: {names}" if included else "No medicine takes part."


def pickup_words(option: Option, today: date, answers: Answers) -> str:
    """The first common pickup, and how the next ones follow."""
    day = option.sync_date or today
    then = "the same day each month" if answers.cadence == "monthly" else ""
    if answers.cadence != "monthly" and answers.cycle_days:
        then = f"every {answers.cycle_days} days"
    first = f"{say.full_day(day)}, {say.relative_day(day, today)}"
    return f"{first}; then {then}" if then else first


def ready_words(expected: Expected) -> str:
    """What follows when the batch is marked ready."""
    names = [name[:1].lower() + name[1:] for name in expected.when_ready]
    return f"When the batch is ready: {say.listed(names, most=6)}." if names else ""


#: Whose words the card holds.
_ASKED_BY: Final[Mapping[JoinOrigin, str]] = {
    JoinOrigin.FORM: "Asked by the form",
    JoinOrigin.TYPEFORM: "Asked by Typeform",
    JoinOrigin.GOOGLE_FORM: "Asked by the Google form",
    JoinOrigin.PHARMACY_SYSTEM: "Sent by the pharmacy system",
}


def join_view(request: Request, now: datetime, zone: str, lines: int) -> JoinView:
    """A request as the form of a new patient begins with it."""
    names = [name for name, _ in request.medicines][:lines]
    known = request.known
    lacks = "" if known is not None else say.listed(request.missing, most=4)
    return {
        "id": request.request_id,
        "title": f"{_ASKED_BY[request.origin]}, {say.moment(request.received_at, now, zone)}",
        "lacks": f"Incomplete: {lacks} missing or not readable. Call or look it up." if lacks else "",
        "known": known.patient_id if known else "",
        "known_name": say.patient_name(known.last_name, known.first_name) if known else "",
        "first_name": request.first_name,
        "last_name": request.last_name,
        "birth_date": request.birth_date.isoformat() if request.birth_date else "",
        "phone": say.phone(request.phone),
        "told": [
            "Speaks Spanish" if request.language == "es" else "Speaks English",
            "Agreed to text messages" if request.agreed else "Did not agree to text messages: call",
            *([f"E-mail: {request.email}"] if request.email else []),
            *(f"{name}: {say.plural(int(days), 'day')} left" for name, days in request.medicines if days),
            *(f"{question}: {answer}" for question, answer in request.extra),
        ],
        "medicines": names + [""] * (lines - len(names)),
    }
