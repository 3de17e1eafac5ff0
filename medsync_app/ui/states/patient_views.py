"""How the Patient page shows what was read: plain values for the page."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final, TypedDict

from medsync_app.clock import local_day
from medsync_app.domain.cycle import FETCHABLE
from medsync_app.domain.states import (
    Channel,
    ContactBasis,
    CycleState,
    EnrollmentState,
    FillKind,
    ItemState,
)
from medsync_app.reads.patient import Contact, CycleFacts, Item, PatientFacts, Taking
from medsync_app.reads.patient_supply import DrugLine, SupplyFacts
from medsync_app.ui import format as say
from medsync_app.ui.components.timeline import DrugSupply, Supply, Timeline, timeline
from medsync_app.ui.states.today_view import PROBLEMS

BEFORE: Final = timedelta(days=60)
AFTER: Final = timedelta(days=45)
CHANNELS: Final[Mapping[Channel, str]] = {
    Channel.SMS: "Text message",
    Channel.VOICE: "Phone call",
    Channel.EMAIL: "E-mail",
}
BASES: Final[Mapping[ContactBasis, tuple[str, str]]] = {
    ContactBasis.EXPRESS: ("Agreed", "good"),
    ContactBasis.NUMBER_GIVEN: ("Gave the number", "info"),
    ContactBasis.DECLINED: ("Declined", "neutral"),
    ContactBasis.REVOKED: ("Stopped", "bad"),
    ContactBasis.NOT_ASKED: ("Not asked", "neutral"),
}


class ContactView(TypedDict):
    """One way to reach the patient; `held`: a reply must be decided about before anything goes out.

    `wrong`: somebody else was found there, and nobody has said since that it is the patient's. `open`: neither a hold
    nor a stop stands against it, so that a stop can be entered.
    """

    id: str
    held: bool
    wrong: bool
    phone: bool
    open: bool
    channel: str
    address: str
    basis: str
    tone: str
    note: str
    warning: str


class DrugView(TypedDict):
    """One drug."""

    id: str
    name: str
    rx: str
    refills: str
    prescriber: str
    until: say.DueText
    expires: say.DueText
    note: str
    active: bool


class ItemView(TypedDict):
    """One drug of a batch."""

    name: str
    detail: str
    state: str
    problem: str


class CycleView(TypedDict):
    """One batch; `act` (approve, ready, pickup) may be done, `back` (ready, pickup) taken back; "" for none."""

    id: str
    title: str
    relative: str
    full: str
    kind: str
    state: str
    version: int
    note: str
    items: list[ItemView]
    count: str
    act: str
    back: str
    open: bool


class HeadView(TypedDict):
    """Who the patient is."""

    name: str
    born: str
    language: str
    address: str
    fulfilment: str
    preferred: str
    drug_names: str
    place: str
    deceased: str


class TakingView(TypedDict):
    """The enrollment."""

    id: str
    state: str
    version: int
    cadence: str
    since: str
    reason: str
    next: say.DueText


NO_HEAD: Final[HeadView] = {
    "name": "",
    "born": "",
    "language": "",
    "address": "",
    "fulfilment": "",
    "preferred": "",
    "drug_names": "",
    "place": "",
    "deceased": "",
}
NOT_TAKING: Final[TakingView] = {
    "id": "",
    "state": "none",
    "version": 0,
    "cadence": "",
    "since": "",
    "reason": "",
    "next": say.NO_DATE,
}


def head_view(facts: PatientFacts) -> HeadView:
    """Who the patient is."""
    today, born = facts.place.today, facts.birth_date
    return {
        "name": say.patient_name(facts.last_name, facts.first_name),
        "born": f"{born.strftime('%m/%d/%Y')} ({say.age(born, today)})" if born else "Not known",
        "language": {"en": "English", "es": "Spanish"}.get(facts.language, facts.language),
        "address": facts.address or "Not known",
        "fulfilment": say.code_words(facts.fulfilment),
        "preferred": CHANNELS[facts.preferred_channel] if facts.preferred_channel else "No preference",
        "drug_names": "Wanted" if facts.drug_names_wanted else "Not wanted",
        "place": facts.place.name,
        "deceased": say.day(facts.deceased_on, today),
    }


def _local_day(at: datetime, facts: PatientFacts) -> str:
    return say.day(local_day(at, facts.place.zone), facts.place.today)


def _how(basis_how: str) -> str:
    """How a consent was given or taken back, without the provider's id of a reply: that is for the audit log."""
    return "reply" if basis_how.startswith("reply ") else basis_how


def contact_view(contact: Contact, facts: PatientFacts) -> ContactView:
    """One way to reach the patient, with what stands against it."""
    label, tone = BASES[contact.basis]
    warning = ""
    if contact.opted_out_at is not None:
        label, tone = "Opted out", "bad"
        warning = f"Since {_local_day(contact.opted_out_at, facts)}"
    elif contact.wrong:
        warning = "Wrong number: nothing automated goes there"
    elif contact.unreachable_reason:
        warning = f"Not reachable: {contact.unreachable_reason}"
    elif contact.held_reason:
        warning = f"Held: {contact.held_reason}"
    given = [
        _how(contact.basis_how),
        _local_day(contact.basis_at, facts) if contact.basis_at else "",
    ]
    note = ", ".join(part for part in given if part)
    return {
        "id": contact.id,
        "held": bool(contact.held_reason) and contact.opted_out_at is None,
        "wrong": contact.wrong and contact.opted_out_at is None,
        "phone": contact.channel is not Channel.EMAIL,
        "open": not contact.held_reason and contact.opted_out_at is None,
        "channel": CHANNELS[contact.channel],
        "address": say.phone(contact.address),
        "basis": label,
        "tone": tone,
        "note": f"{contact.caregiver}: {note}" if contact.caregiver else note,
        "warning": warning,
    }


def taking_view(taking: Taking | None, facts: PatientFacts, now: datetime) -> TakingView:
    """The enrollment with the next sync date."""
    if taking is None:
        return NOT_TAKING
    ahead = [c.sync_date for c in facts.cycles if c.is_open and c.kind == "sync"]
    cadence = "Same day every month" if taking.cadence == "monthly" else f"Every {taking.cycle_days} days"
    since = say.moment(taking.enrolled_at, now, facts.place.zone)
    return {
        "id": taking.id,
        "state": taking.state.value,
        "version": taking.version,
        "cadence": cadence,
        "since": f"{since} by {taking.enrolled_by}",
        "reason": taking.reason if taking.state is not EnrollmentState.ACTIVE else "",
        "next": say.due(min(ahead), facts.place.today, soon_days=0) if ahead else say.NO_DATE,
    }


def drug_view(drug: DrugLine, today: date) -> DrugView:
    """One drug with its Rx number."""
    notes = [f"Stopped {say.day(drug.stopped_on, today)}" if drug.stopped_on else "", drug.stop_reason]
    if drug.active:
        notes = ["Left out of the programme" if drug.include is False else ""]
        notes += [f"Prior authorization ends {say.day(drug.pa_ends_on, today)}" if drug.pa_ends_on else ""]
    return {
        "id": drug.therapy_id,
        "name": drug.name,
        "rx": drug.rx_number,
        "refills": "" if drug.refills_left is None else str(drug.refills_left),
        "prescriber": drug.prescriber,
        "until": say.due(drug.supply_until, today, soon_days=7) if drug.active else say.NO_DATE,
        "expires": say.due(drug.expires_on, today, soon_days=30) if drug.active else say.NO_DATE,
        "note": ". ".join(part for part in notes if part),
        "active": drug.active,
    }


def timeline_of(supply: SupplyFacts, facts: PatientFacts) -> Timeline:
    """The picture of the active drugs from two months back to after the next sync date."""
    today = facts.place.today
    ahead = [c.sync_date for c in facts.cycles if c.is_open and c.kind == "sync"]
    sync = min(ahead) if ahead else None
    drugs = [
        DrugSupply(drug.name, [Supply(s.start, s.end, s.planned, s.short) for s in drug.stretches])
        for drug in supply.drugs
        if drug.active and drug.stretches
    ]
    end = max(today, sync or today) + AFTER
    return timeline(drugs, start=today - BEFORE, end=end, today=today, sync_date=sync)


#: How somebody confirmed, where the code is no word.
_CONFIRMED: Final = {
    "sms": "by text message",
    "voice": "by phone",
    "call": "on the phone",
    "email": "by e-mail",
}


def cycle_view(
    cycle: CycleFacts, facts: PatientFacts, now: datetime, *, may_prepare: bool, may_approve: bool
) -> CycleView:
    """One batch with the acts that fit its state and the person's role."""
    today, zone = facts.place.today, facts.place.zone
    notes = [
        cycle.explanation if cycle.needs_review else "",
        f"Confirmed {say.moment(cycle.confirmed_at, now, zone)} {_CONFIRMED.get(cycle.confirmed_how, '')}".rstrip()
        if cycle.confirmed_at
        else "",
        f"Ready since {say.moment(cycle.ready_at, now, zone)}"
        if cycle.ready_at and cycle.state in FETCHABLE
        else "",
        f"Picked up {say.day(cycle.picked_up_on, today)}" if cycle.picked_up_on else "",
    ]
    return {
        "id": cycle.id,
        "title": say.day(cycle.sync_date, today),
        "relative": say.relative_day(cycle.sync_date, today),
        "full": say.full_day(cycle.sync_date),
        "kind": "Short supply before" if cycle.kind == "trip" else f"Cycle {cycle.number}",
        "state": cycle.state.value,
        "version": cycle.version,
        "note": ". ".join(note for note in notes if note),
        "items": [_item_view(item, today) for item in cycle.items],
        "count": say.plural(len(cycle.items), "medicine"),
        "act": _act(cycle, may_prepare=may_prepare, may_approve=may_approve),
        "back": _back(cycle) if may_prepare else "",
        "open": cycle.is_open,
    }


def _act(cycle: CycleFacts, *, may_prepare: bool, may_approve: bool) -> str:
    if cycle.needs_review:
        return "approve" if may_approve and cycle.is_open else ""
    if not may_prepare or not cycle.is_open:
        return ""
    return "pickup" if cycle.state in (CycleState.READY, CycleState.PARTLY_PICKED_UP) else "ready"


def _back(cycle: CycleFacts) -> str:
    """What was done by mistake and can be taken back."""
    if cycle.state in (CycleState.CLOSED, CycleState.PICKED_UP, CycleState.PARTLY_PICKED_UP):
        return "pickup" if cycle.picked_up_on else ""
    return "ready" if cycle.state in (CycleState.READY, CycleState.PARTLY_READY) else ""


def _item_view(item: Item, today: date) -> ItemView:
    short = ", short fill" if item.kind is FillKind.SHORT else ""
    code = f", {say.claim_code(item.claim_code)}" if item.claim_code else ""
    problem = PROBLEMS.get(item.problem, say.code_words(item.problem).lower()) if item.problem else ""
    if item.expected_on is not None:
        problem += f", expected {say.day(item.expected_on, today)}"
    skipped = item.state is ItemState.SKIPPED
    detail = f"{say.units(item.quantity)}{say.plural(item.days_supply, 'day')}{short}{code}"
    return {
        "name": item.name,
        "detail": item.note if skipped else detail,
        "state": item.state.value,
        "problem": "" if skipped else problem,
    }
