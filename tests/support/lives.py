"""A small world to live random lives in: a group of two pharmacies, a few patients, one provider, one clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random

from sqlalchemy import select

from medsync_app.clock import VirtualClock, local_day
from medsync_app.connections.protocol import Accepted, Outgoing
from medsync_app.domain.local_time import to_instant
from medsync_app.domain.states import Channel, ContactBasis
from medsync_app.engine.deliver import LOOP
from medsync_app.engine.inbox import work_inbox, work_pharmacy_events
from medsync_app.engine.loop import Limits, tick
from medsync_app.outbox.outlook import outlook
from medsync_app.services.add_pharmacy import add_pharmacy
from medsync_app.services.enroll import EnrollCommand, enroll
from medsync_app.services.enroll_contacts import ContactChoice
from medsync_app.services.plan_inputs import TherapyChoice
from medsync_app.services.propose import propose
from medsync_app.store.session import Database
from medsync_app.store.tables import Patient, Pharmacy, Therapy
from tests.support.exports import import_path, row, write_export
from tests.support.life_calls import CallAnswer, answer_of, tell
from tests.support.loop import FakeConnection
from tests.support.store import SYSTEM, Shop
from tests.support.two_drugs import us

#: Both changes of the clock are within reach of a life that begins in these days.
FIRST_DAYS = (date(2026, 2, 9), date(2026, 9, 28), date(2026, 11, 20))
ZONES = ("America/New_York", "America/Los_Angeles")
_PHONES = ("+14045550143", "+14045550144")
#: What a stop of a telephone number ends.
PHONE_LINES = (Channel.SMS, Channel.VOICE)
_LIMITS = Limits(in_order=True)
_STEP = timedelta(minutes=10)
_ZERO = datetime(2026, 1, 1, tzinfo=UTC)
#: What each may take at the start: (drug, days supply, days since the last fill, DEA class).
_CHARTS = (
    (("Lisinopril 20 MG Oral Tablet", 30, 20, ""), ("Atorvastatin 40 MG Oral Tablet", 30, 8, "")),
    (("Metformin 500 MG Oral Tablet", 30, 17, ""), ("Amlodipine 5 MG Oral Tablet", 30, 17, "")),
    (("Losartan 50 MG Oral Tablet", 90, 70, ""), ("Clonazepam 1 MG Oral Tablet", 30, 21, "4")),
    (("Sertraline 50 MG Oral Tablet", 30, 14, ""), ("Levothyroxine 100 MCG Oral Tablet", 90, 75, "")),
)


#: What may be prescribed beside these.
MORE_DRUGS = (
    "Simvastatin 20 MG Oral Tablet",
    "Hydrochlorothiazide 25 MG Oral Tablet",
    "Famotidine 20 MG Oral Tablet",
)
Way = tuple[Channel, str]


@dataclass(slots=True)
class Person:
    """A record of a patient, and the newest row of each Rx in the pharmacy system."""

    name: str
    shop: Shop
    zone: str
    phone: str
    email: str
    rows: list[dict[str, str]] = field(default_factory=lambda: list[dict[str, str]]())
    patient_id: str = ""
    #: The cell number in the pharmacy system.
    cell: str = ""
    #: Wishes to read the names of medicines.
    names: bool = False
    #: The numbers and addresses that the patient has agreed to, ever.
    agreed: set[Way] = field(default_factory=lambda: set[Way]())
    #: Numbers that the patient has said to be right -> when at last.
    confirmed: dict[str, datetime] = field(default_factory=lambda: dict[str, datetime]())


@dataclass
class Life:
    """Everything of one random life; `story` is what has happened, `breaches` what should not have."""

    seed: int
    database: Database
    folder: Path
    luck: Random = field(init=False)
    clock: VirtualClock = field(init=False)
    people: list[Person] = field(default_factory=lambda: list[Person]())
    story: list[str] = field(default_factory=lambda: list[str]())
    breaches: list[str] = field(default_factory=lambda: list[str]())
    #: Hears each message at its moment, before the provider takes it, and how a call is answered.
    hear: Callable[["Life", Outgoing, CallAnswer | None], None] | None = None
    #: (pharmacy, channel, address) that asked for no more messages -> when.
    stopped: dict[tuple[str, Channel, str], datetime] = field(
        default_factory=lambda: dict[tuple[str, Channel, str], datetime]()
    )
    #: Numbers at which somebody else was found -> when.
    wrong: dict[str, datetime] = field(default_factory=lambda: dict[str, datetime]())
    #: (pharmacy, number) that said something a person has to read first.
    held: set[tuple[str, str]] = field(default_factory=lambda: set[tuple[str, str]]())
    #: Patients who have died, and names of records that were merged into others.
    dead: set[str] = field(default_factory=lambda: set[str]())
    merged: set[str] = field(default_factory=lambda: set[str]())
    places: list[str] = field(default_factory=lambda: list[str]())
    #: Calls that were made and of which the phone company has not told yet.
    ringing: list[tuple[Outgoing, CallAnswer]] = field(
        default_factory=lambda: list[tuple[Outgoing, CallAnswer]]()
    )
    ways: dict[Channel, FakeConnection] = field(init=False)
    morning: datetime = field(init=False)
    numbers: int = 700_000

    def __post_init__(self) -> None:
        self.luck = Random(self.seed)
        first = self.luck.choice(FIRST_DAYS)
        self.clock = VirtualClock(datetime(first.year, first.month, first.day, 17, 0, tzinfo=UTC))
        self.morning = to_instant(first + timedelta(days=1), time(6), ZONES[0])
        self.ways = {
            Channel.SMS: FakeConnection(behave=self._taken),
            Channel.VOICE: FakeConnection(behave=self._rung),
            Channel.EMAIL: FakeConnection(behave=self._taken),
        }

    def _taken(self, message: Outgoing) -> Accepted:
        return self._told(message, None)

    def _rung(self, message: Outgoing) -> Accepted:
        answer = answer_of(self.luck)
        self.ringing.append((message, answer))
        return self._told(message, answer)

    def _told(self, message: Outgoing, answer: CallAnswer | None) -> Accepted:
        if self.hear is not None:
            self.hear(self, message, answer)
        return Accepted(f"SM{message.attempt_id}")

    def stop(self, address: str, *channels: Channel) -> None:
        for place in self.places:
            self.stopped |= {(place, channel, address): self.clock.now() for channel in channels}

    def start(self, address: str) -> None:
        for place in self.places:
            for channel in PHONE_LINES:
                self.stopped.pop((place, channel, address), None)

    def hold(self, number: str) -> None:
        self.held |= {(place, number) for place in self.places}

    def agree(self, person: Person, channel: Channel, address: str) -> None:
        person.agreed.add((channel, address))
        person.confirmed[address] = self.clock.now()
        self.stopped.pop((person.shop.pharmacy_id, channel, address), None)

    def writing(self, person: Person):
        return self.database.transaction(person.shop.scope, self.clock)

    def reading(self):
        return self.database.reading(SYSTEM, self.clock)

    def today(self, person: Person) -> date:
        return local_day(self.clock.now(), person.zone)

    def note(self, what: str) -> None:
        self.story.append(f"{self.clock.now():%Y-%m-%d %H:%M}Z {what}")

    def tick(self, *, plan: bool = False) -> None:
        """What is due is done; what comes of a call is told at once, and heeded."""
        tick(self.database, self.clock, self.ways, "life", _LIMITS, plan=plan)
        work_pharmacy_events(self.database, self.clock)
        while self.ringing:
            message, answer = self.ringing.pop(0)
            with self.database.transaction(SYSTEM, self.clock) as tx:
                tell(tx, message, answer)
            work_inbox(self.database, self.clock)
            if answer.words == "STOP":
                self.stop(message.to, *PHONE_LINES)
            elif answer.words == "wrong number":
                self.wrong[message.to] = self.clock.now()
            tick(self.database, self.clock, self.ways, "life", _LIMITS, plan=False)

    def next_due(self) -> datetime | None:
        """When the loop has something to do next, rounded up: a tick for each minute would only take time."""
        with self.database.reading(LOOP, self.clock) as tx:
            due = outlook(tx, apart=timedelta(0)).due
        if due is None:
            return None
        rounded = _ZERO + -((_ZERO - due) // _STEP) * _STEP
        return max(rounded, self.clock.now() + _STEP)

    def export(self, person: Person, rows: list[dict[str, str]]) -> None:
        """Let the pharmacy system say these rows in a file."""
        path = write_export(self.folder, rows, "export.csv")
        report = import_path(self.database, self.clock, person.shop, path)
        assert report.problems == [], report.problems


def rx_row(life: Life, person: Person, drug: str, days: int, filled: date, dea: str = "") -> dict[str, str]:
    """The first fill of a new Rx, sold on its day."""
    life.numbers += 1
    return row(
        Rx_Number=str(life.numbers), Fill_Number="1", Date_Written=us(filled - timedelta(days=5)),
        Date_Filled=us(filled), Date_Sold=us(filled), Drug_Name=drug, Quantity=str(days), Days_Supply=str(days),
        DEA_Class=dea, Patient_ID=person.name, Last_Name=person.name, First_Name="Ada", DOB="5/1/1960",
        Cell_Phone=person.cell or person.phone, Email=person.email, NDC="",
        Refills_Left=str(life.luck.choice((1, 2, 9))),
    )  # fmt: skip


def begin(life: Life) -> None:
    """The pharmacies with their patients, enrolled on the recommended dates."""
    shops: list[tuple[Shop, str]] = []
    with life.database.transaction(SYSTEM, life.clock) as tx:
        for number, zone in enumerate(ZONES):
            added = add_pharmacy(tx, f"Life {number}", zone)
            pharmacy = tx.get(Pharmacy, added.id)
            pharmacy.phone = "+14045550100"
            pharmacy.rules = {**pharmacy.rules, "household_wait_minutes": life.luck.choice((0, 20))}
            shops.append((Shop(added.id, pharmacy.organization_id), zone))
            life.places.append(added.id)
    for number in life.luck.sample(range(len(_CHARTS)), life.luck.randint(2, 4)):
        shop, zone = shops[number == len(_CHARTS) - 1]
        person = Person(f"P{number}", shop, zone, _PHONES[number == 2], f"p{number}@example.com")
        today = life.today(person)
        for drug, days, ago, dea in _CHARTS[number]:
            person.rows.append(rx_row(life, person, drug, days, today - timedelta(days=ago), dea))
        life.export(person, person.rows)
        with life.reading() as tx:
            find = select(Patient.id).where(Patient.external_id == person.name)
            person.patient_id = tx.session.scalars(find).one()
        join(
            life,
            person,
            life.luck.choices(list(Channel), (6, 2, 1))[0],
            "delivery" if number == 1 else "pickup",
        )
        life.people.append(person)
    life.tick(plan=True)


def join(life: Life, person: Person, channel: Channel, fulfilment: str | None = None) -> str:
    """Enroll on the recommended date, with a consent to messages on that channel."""
    address = person.email if channel is Channel.EMAIL else person.phone
    with life.writing(person) as tx:
        therapies = tx.session.scalars(select(Therapy).where(Therapy.patient_id == person.patient_id)).all()
        choices = {therapy.id: TherapyChoice(include=True) for therapy in therapies}
        option = propose(tx, person.patient_id, choices=choices).plan.recommended
        if option.sync_date is None:
            return f"cannot join: {option.reason}"
        enroll(
            tx,
            EnrollCommand(
                patient_id=person.patient_id, sync_date=option.sync_date, choices=choices,
                contacts=(ContactChoice(channel, address, ContactBasis.EXPRESS, "I agree."),),
                preferred_channel=channel, fulfilment=fulfilment,
            ),
        )  # fmt: skip
    life.agree(person, channel, address)
    life.note(f"{person.name} enrolled for {option.sync_date}, {channel.value}")
    return f"for {option.sync_date}"


def pass_time(life: Life, span: timedelta, look: Callable[[Life], None]) -> None:
    """Live on for so long: what is due is done at its time; `look` is called after each tick."""
    end = life.clock.now() + span
    while True:
        plan = life.clock.now() >= life.morning
        if plan:
            life.morning += timedelta(days=1)
            _news_came(life)
        life.tick(plan=plan)
        look(life)
        if life.clock.now() >= end:
            return
        life.clock.set(min(life.next_due() or end, max(life.morning, life.clock.now()), end))


def _news_came(life: Life) -> None:
    """The night's file had nothing new for these people; on some nights none came."""
    if life.luck.random() < 0.85:
        with life.database.transaction(SYSTEM, life.clock) as tx:
            for pharmacy in tx.session.scalars(select(Pharmacy)).all():
                pharmacy.data_as_of = life.clock.now()
