"""What the enrollment wizard's review shows of each message to come: channel, time and wording."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from medsync_app.clock import local_day
from medsync_app.domain.batches import Batch
from medsync_app.domain.consent import USABLE
from medsync_app.domain.contact_rules import (
    ContactFacts,
    Hold,
    Purpose,
    Reach,
    Rules,
    Send,
    StaffCall,
    decide,
    is_wrong,
    way,
)
from medsync_app.domain.local_time import day_bounds
from medsync_app.domain.sms_text import measure
from medsync_app.domain.states import Channel, ContactBasis, ItemState
from medsync_app.domain.workflow import channels_for
from medsync_app.errors import MedSyncError
from medsync_app.reads.enroll import Draft
from medsync_app.reads.others_at_number import Other, others_at
from medsync_app.services.contact_decision import rules_of
from medsync_app.services.cycle_facts import age_on
from medsync_app.services.enroll_contacts import ContactChoice
from medsync_app.services.household import said_together
from medsync_app.services.message_text import BatchWords, Topic, compose, topic_of
from medsync_app.services.preview_enrollment import Expected, ExpectedStep
from medsync_app.store.repositories import therapies
from medsync_app.store.repositories.contact import contact_points, statuses, stopped_channels
from medsync_app.store.repositories.messaging import BatchLine
from medsync_app.store.session import Tx
from medsync_app.store.tables import ContactPoint, Patient, Pharmacy


@dataclass(frozen=True, slots=True)
class PlannedMessage:
    """One message that enrolling queues, as it would go out if nothing changed until then.

    `send_at` (aware) lies inside the contact window. `channel` None: no message goes, and `why` says what happens
    instead. `segments` counts the texts it is sent as, 0 for calls and e-mails.
    """

    step: ExpectedStep
    send_at: datetime
    channel: Channel | None = None
    address: str = ""
    body: str = ""
    subject: str = ""
    segments: int = 0
    why: str = ""
    #: What another patient at the same number has to do with it.
    shared: str = ""


@dataclass(frozen=True, slots=True)
class _Person:
    """The patient as the wizard's answers make of them."""

    birth_date: date | None
    language: str
    drug_names_wanted: bool
    fulfilment: str


def planned_messages(tx: Tx, draft: Draft, expected: Expected) -> list[PlannedMessage]:
    """Each message among the expected steps with its channel, time and words in the patient's language.

    By the functions that send: the contact rules on the draft's contacts, the wordings on the batches to be, beside
    what others at the same number get. Not foreseen: fills that wait in will-call already.
    """
    patient = tx.get(Patient, draft.person.patient_id)
    pharmacy = tx.get(Pharmacy, patient.pharmacy_id)
    person = _person(patient, draft)
    reaches = _reaches(tx, pharmacy, draft)
    today = local_day(tx.now, patient.zone or pharmacy.zone)
    facts = ContactFacts(
        now=tx.now, zone=patient.zone or pharmacy.zone, purpose=Purpose.REMINDER, reaches=reaches,
        preferred=draft.answers.preferred_channel or patient.preferred_channel,
        segment=channels_for(
            expected.workflow.segments, today=today, age=age_on(person.birth_date, today),
            language=person.language, bases=frozenset(reach.basis for reach in reaches),
            fulfilment=person.fulfilment,
        ),
        deceased=patient.deceased_on is not None, stopped=stopped_channels(tx, pharmacy.id),
    )  # fmt: skip
    batches = expected.batches
    kinds = [("sync", batches.sync), *(("trip", trip) for trip in batches.trips)]
    words = {(kind, batch.day): _words(tx, patient.id, batch) for kind, batch in kinds}
    until = max((step.due_at for step in expected.steps), default=tx.now) + timedelta(days=1)
    others = others_at(tx, pharmacy, [reach.address for reach in reaches], patient.id, until)
    line = _Line(facts, rules_of(pharmacy), others)
    found = [
        _message(tx, pharmacy, person, line, step, words[step.kind, step.batch_day])
        for step in expected.steps
        if step.do == "message"
    ]
    return sorted(found, key=lambda message: message.send_at)


@dataclass(frozen=True, slots=True)
class _Decided:
    """When a message goes and which way; no way when none goes, with the reason."""

    at: datetime
    reach: Reach | None = None
    why: str = ""
    shared: str = ""

    @property
    def when_and_where(self) -> tuple[datetime, Channel | None, str]:
        return (self.at, self.reach.channel, self.reach.address) if self.reach else (self.at, None, "")


@dataclass(slots=True)
class _Line:
    """What is decided about one message after the other: each takes its day of the number it goes to."""

    facts: ContactFacts
    rules: Rules
    others: Sequence[Other] = ()
    sent: list[tuple[str, datetime]] = field(default_factory=lambda: list[tuple[str, datetime]]())

    def decide(self, step: ExpectedStep) -> _Decided:
        """What becomes of the next message, and what others at its number have to do with that."""
        found = self._decide(step, self.others)
        alone = self._decide(step, ()) if self.others else found
        if found.reach is not None:
            self.sent.append((found.reach.address, found.at))
            if any(self._joined(step, one, found.reach.address, found.at) for one in self.others):
                return replace(found, shared=_TOGETHER)
        return replace(found, shared="" if alone.when_and_where == found.when_and_where else _WAITS)

    def _decide(self, step: ExpectedStep, others: Sequence[Other]) -> _Decided:
        only = tuple(Channel(channel) for channel in step.action.get("channels", ()))
        at = max(step.due_at, self.facts.now)
        while True:
            then = replace(
                self.facts, now=at, useful_until=step.stale_at, only=only,
                reaches=tuple(self._counted(reach, at, step, others) for reach in self.facts.reaches),
            )  # fmt: skip
            decision = decide(then, self.rules)
            if not isinstance(decision, Hold) or decision.until is None or decision.until <= at:
                break
            at = decision.until
        if isinstance(decision, Send):
            return _Decided(at, way(then, self.rules))
        called = " A person calls." if isinstance(decision, StaffCall) else ""
        return _Decided(at, why=f"{decision.reason}{called}")

    def _counted(self, reach: Reach, at: datetime, step: ExpectedStep, others: Sequence[Other]) -> Reach:
        today, week = day_bounds(at, self.facts.zone)[0], at - timedelta(days=7)
        before = [
            one
            for one in others
            if one.address == reach.address
            and one.at <= at
            and not self._joined(step, one, reach.address, at)
        ]
        mine = [sent for address, sent in self.sent if address == reach.address]
        exempt = reach.basis is ContactBasis.EXPRESS
        return replace(
            reach,
            sent_today=sum(sent >= today for sent in mine)
            + sum(one.at >= today and not (exempt and one.ready) for one in before),
            sent_week=sum(sent >= week for sent in mine) + sum(one.at >= week for one in before),
        )

    def _joined(self, step: ExpectedStep, other: Other, address: str, at: datetime) -> bool:
        """Whether the two are said in one message: pickups of one number on one day."""
        first, end = day_bounds(at, self.facts.zone)
        together = other.due and said_together(str(step.action.get("template", "")), other.template)
        return together and other.address == address and first <= other.at < end


_TOGETHER = "Another patient at this number hears of a pickup that day too: both get one message."
_WAITS = "Another patient at this number has a message before it that day."


def _message(
    tx: Tx, pharmacy: Pharmacy, person: _Person, line: _Line, step: ExpectedStep, words: BatchWords
) -> PlannedMessage:
    if step.skipped:
        return PlannedMessage(step, step.due_at, why=f"Skipped: {step.skipped}")
    found = line.decide(step)
    if found.reach is None:
        return PlannedMessage(step, found.at, why=found.why, shared=found.shared)
    topic = replace(topic_of({"action": step.action}, None), planned=words)
    message = PlannedMessage(step, found.at, found.reach.channel, found.reach.address, shared=found.shared)
    return _worded(tx, pharmacy, person, message, topic, found.reach)


def _worded(
    tx: Tx, pharmacy: Pharmacy, person: _Person, message: PlannedMessage, topic: Topic, chosen: Reach
) -> PlannedMessage:
    try:
        text = compose(tx, pharmacy, person, topic, chosen.channel, chosen.basis)
    except MedSyncError as error:
        return replace(message, why=error.message)
    size = measure(text.body).segments if chosen.channel is Channel.SMS else 0
    return replace(message, body=text.body, subject=text.subject, segments=size)


def _person(patient: Patient, draft: Draft) -> _Person:
    names = draft.answers.drug_names_wanted
    return _Person(
        patient.birth_date, draft.answers.language or patient.language,
        patient.drug_names_wanted if names is None else names, patient.fulfilment,
    )  # fmt: skip


def _reaches(tx: Tx, pharmacy: Pharmacy, draft: Draft) -> tuple[Reach, ...]:
    """The ways to reach the patient once the draft's contacts are recorded: they come before what is known else."""
    points = contact_points(tx, draft.person.patient_id)
    known = {(point.channel, point.address): point for point in points}
    chosen = {contact.key: contact for contact in draft.answers.contacts or ()}
    reaches = [
        Reach(
            *key, contact.basis, landline=key in known and known[key].kind == "landline",
            caregiver=bool(contact.caregiver_name),
            unauthorized=bool(contact.caregiver_name) and not contact.caregiver_allowed,
        )
        for key, contact in chosen.items()
    ]  # fmt: skip
    reaches += [_as_recorded(point) for key, point in known.items() if key not in chosen]
    seen = statuses(tx, pharmacy.id, [reach.address for reach in reaches])
    found: list[Reach] = []
    for reach in reaches:
        status = seen.get((reach.channel, reach.address))
        agreed = reach.channel, reach.address
        # An express consent lifts a stop; who gives a number says that it is theirs.
        lifted = agreed in chosen and chosen[agreed].basis is ContactBasis.EXPRESS
        if status is not None:
            reach = replace(
                reach, opted_out=status.opted_out_at is not None and not lifted,
                unreachable=status.unreachable_at is not None and not lifted, held=status.held_at is not None,
                wrong=is_wrong(status.wrong_at, _confirmed_at(tx, chosen.get(agreed), known.get(agreed))),
            )  # fmt: skip
        found.append(reach)
    return tuple(found)


def _confirmed_at(tx: Tx, chosen: ContactChoice | None, known: ContactPoint | None) -> datetime | None:
    """When the number was last said to be the patient's, once the draft is recorded."""
    if chosen is not None and chosen.basis in USABLE:
        return chosen.agreed_at or tx.now
    return known.confirmed_at if known is not None else None


def _as_recorded(point: ContactPoint) -> Reach:
    return Reach(
        point.channel, point.address, point.basis, landline=point.kind == "landline",
        caregiver=bool(point.caregiver_name),
        unauthorized=bool(point.caregiver_name) and point.caregiver_allowed_at is None,
    )  # fmt: skip


def _words(tx: Tx, patient_id: str, batch: Batch) -> BatchWords:
    rows = {row.id: row for row in therapies.of_patient(tx, patient_id)}
    lines = [
        BatchLine(
            state=ItemState.PLANNED, case=item.case, problem="", drug_name=rows[item.therapy_id].drug_name,
            ingredients=tuple(rows[item.therapy_id].ingredients), out_of_stock=False, pa_ends_on=None,
            refills_left=None, days_supply=item.days_supply, expected_on=None,
        )
        for item in batch.items
        if not item.skipped
    ]  # fmt: skip
    return BatchWords(batch.day, sorted(lines, key=lambda line: line.drug_name))
