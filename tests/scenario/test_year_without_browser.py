"""One patient from an empty database to the third cycle, on a virtual clock: what is planned is what happens."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import (
    ActionState,
    Channel,
    ContactBasis,
    CycleState,
    FillKind,
    ItemState,
    RenewalState,
)
from medsync_app.reads.batch import batch_drugs, batch_view
from medsync_app.reads.calendar import calendar_days
from medsync_app.services.add_pharmacy import add_pharmacy
from medsync_app.services.approve_plan import approve
from medsync_app.services.confirm_pickup import confirm_pickup
from medsync_app.services.enroll import EnrollCommand, enroll
from medsync_app.services.enroll_contacts import ContactChoice
from medsync_app.services.handle_inbound import InboundText, handle_inbound_message
from medsync_app.services.mark_ready import mark_ready
from medsync_app.services.propose import propose
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    Cycle,
    CycleItem,
    ExceptionCase,
    Patient,
    Pharmacy,
    Prescription,
    RenewalRequest,
    ScheduledAction,
    Therapy,
)
from tests.support.exports import import_path, row, sample, write_export
from tests.support.loop import FakeConnection, run_tick
from tests.support.store import SYSTEM, Shop

pytestmark = pytest.mark.slow

FIRST_DAY = date(2026, 11, 20)
PHONE = "+14045550143"
_cycle, _item, _action = cast(Any, Cycle), cast(Any, CycleItem), cast(Any, ScheduledAction)
_patient, _case, _renewal = cast(Any, Patient), cast(Any, ExceptionCase), cast(Any, RenewalRequest)


@dataclass
class Story:
    """A pharmacy, its clock, and the phone of one patient."""

    database: Database
    clock: VirtualClock
    shop: Shop
    folder: Path
    phone: FakeConnection = field(default_factory=FakeConnection)

    def writing(self):
        return self.database.transaction(self.shop.scope, self.clock)

    def reading(self):
        return self.database.reading(self.shop.scope, self.clock)

    def at(self, day: date, hour: int, minute: int = 5) -> None:
        """Set the clock to a time in New York (winter)."""
        self.clock.set(datetime(day.year, day.month, day.day, hour + 5, minute, tzinfo=UTC))

    def live_to(self, day: date) -> None:
        """Let the loop work until noon of that day, at 9, 10 and 12 o'clock of each day on the way."""
        at = (self.clock.now() - timedelta(hours=5)).date()
        while at <= day:
            for hour in (9, 10, 12):
                if datetime(at.year, at.month, at.day, hour + 5, 5, tzinfo=UTC) > self.clock.now():
                    self.at(at, hour)
                    run_tick(self.database, self.clock, {Channel.SMS: self.phone})
            at += timedelta(days=1)

    def tick(self) -> None:
        run_tick(self.database, self.clock, {Channel.SMS: self.phone})

    def cycle(self, number: int) -> Cycle:
        with self.reading() as tx:
            statement = select(Cycle).where(_cycle.number == number, _cycle.state != CycleState.CANCELLED)
            return tx.session.scalars(statement).one()

    def sent_steps(self, cycle_id: str) -> list[tuple[str, date]]:
        """Steps whose message went out for a cycle with the day it went, in order."""
        with self.reading() as tx:
            rows = tx.session.scalars(
                select(ScheduledAction)
                .where(
                    _action.cycle_id == cycle_id,
                    _action.kind == "message",
                    _action.state == ActionState.SENT,
                )
                .order_by(_action.due_at)
            ).all()
            return [(row.step, (row.sent_at - timedelta(hours=5)).date()) for row in rows if row.sent_at]


@pytest.fixture
def story(database: Database, tmp_path: Path) -> Story:
    """An empty database that has become a pharmacy with the sample export."""
    clock = VirtualClock(datetime(2026, 11, 20, 15, 0, tzinfo=UTC))
    with database.transaction(SYSTEM, clock) as tx:
        added = add_pharmacy(tx, "Scenario Pharmacy", "America/New_York")
        organization_id = tx.get(Pharmacy, added.id).organization_id
    shop = Shop(added.id, organization_id)
    report = import_path(database, clock, shop, sample(tmp_path, "dispensing_export"))
    assert len(report.problems) == 11
    return Story(database, clock, shop, tmp_path)


def enroll_somebody(story: Story) -> tuple[str, date]:
    """The first patient with two drugs or more that all last to one day, more than ten days ahead, for 30 days."""
    with story.reading() as tx:
        patients = tx.session.scalars(select(Patient).order_by(_patient.external_id)).all()
    for patient in patients:
        with story.reading() as tx:
            option = propose(tx, patient.id).plan.recommended
        fills = [fill for med in option.medications for fill in med.fills]
        punctual = all(med.case == "on_time" for med in option.medications)
        if (
            option.sync_date is not None
            and option.sync_date >= FIRST_DAY + timedelta(days=11)
            and not option.breaks
            and punctual
            and len(fills) >= 2
            and all(fill.date == option.sync_date and fill.days_supply <= 31 for fill in fills)
        ):
            with story.writing() as tx:
                enroll(
                    tx,
                    EnrollCommand(
                        patient_id=patient.id, sync_date=option.sync_date, language="en",
                        contacts=(ContactChoice(Channel.SMS, PHONE, ContactBasis.EXPRESS, "I agree to texts."),),
                        preferred_channel=Channel.SMS,
                    ),
                )  # fmt: skip
            return patient.id, option.sync_date
    raise AssertionError("the sample has nobody like that")


def approve_if_needed(story: Story, cycle: Cycle) -> None:
    if cycle.needs_review and cycle.reviewed_at is None:
        with story.writing() as tx:
            approve(tx, cycle.id, expected_version=cycle.version)


def export_of_pickup(
    story: Story, cycle_id: str, day: date, *, last_refill_of: str = "", renewed: str = ""
) -> Path:
    """What the pharmacy system exports of a batch sold on `day`; a drug used its last refill, or has a new Rx."""
    lines: list[dict[str, str]] = []
    us = f"{day.month}/{day.day}/{day.year}"
    with story.reading() as tx:
        cycle = tx.get(Cycle, cycle_id)
        patient = tx.get(Patient, cycle.patient_id)
        items = tx.session.scalars(
            select(CycleItem).where(_item.cycle_id == cycle_id, _item.state != ItemState.SKIPPED)
        ).all()
        for item in items:
            therapy = tx.get(Therapy, item.therapy_id)
            rx = tx.get(Prescription, therapy.current_prescription_id)
            assert item.fill_kind is FillKind.FULL
            new = item.therapy_id == renewed
            lines.append(
                row(
                    Rx_Number="990001" if new else rx.rx_number, Fill_Number="0" if new else str(40 + cycle.number),
                    Date_Written=us if new else "11/1/2026", Date_Filled=us, Date_Sold=us, Drug_Name=therapy.drug_name,
                    Quantity=str(item.quantity), Days_Supply=str(item.days_supply),
                    Refills_Left="0" if item.therapy_id == last_refill_of else "5",
                    Patient_ID=patient.external_id or "",
                    Last_Name=patient.last_name, First_Name=patient.first_name,
                    DOB=patient.birth_date.isoformat() if patient.birth_date else "",
                    Cell_Phone=PHONE, Email="", Copay="",
                )
            )  # fmt: skip
    return write_export(story.folder, lines, f"{day.isoformat()}.csv")


def test_from_an_empty_database_to_the_third_cycle(story: Story) -> None:
    patient_id, sync_date = enroll_somebody(story)
    first = story.cycle(1)
    approve_if_needed(story, first)

    # The calendar shows the batch, and every message that is still to come for it.
    with story.reading() as tx:
        month = calendar_days(tx, sync_date.replace(day=1), sync_date + timedelta(days=1))
        assert [chip.cycle_id for chip in month.chips if chip.patient_id == patient_id] == [first.id]
        coming = {action.step for action in batch_view(tx, first.id).coming if action.kind == "message"}
        drugs = batch_drugs(tx, [first.id])[first.id]
    assert {"reminder_t7", "confirm_t3", "confirm_t1"} <= coming

    # Up to three days before, each fires on its own day, once.
    story.live_to(sync_date - timedelta(days=3))
    assert story.sent_steps(first.id) == [
        ("welcome", FIRST_DAY),
        ("reminder_t7", sync_date - timedelta(days=7)),
        ("confirm_t3", sync_date - timedelta(days=3)),
    ]
    assert {message.to for message in story.phone.sent} == {PHONE}

    # The patient answers 1: confirmed, and told so; nobody needs to call.
    with story.database.transaction(SYSTEM, story.clock) as tx:
        said = InboundText("test", "reply-1", PHONE, "1", received_at=story.clock.now())
        assert handle_inbound_message(tx, said) == "confirmed"
    story.tick()
    assert story.cycle(1).confirmed_at == story.clock.now()
    assert len(story.phone.sent) == 4

    # Ready the day before, told at once, fetched on the day; the next cycle opens with messages of its own.
    story.live_to(sync_date - timedelta(days=1))
    with story.writing() as tx:
        mark_ready(tx, first.id, expected_version=story.cycle(1).version)
    story.tick()
    assert [step for step, _ in story.sent_steps(first.id)][-2:] == ["confirm_t1", "ready"]
    story.live_to(sync_date)
    with story.writing() as tx:
        done = confirm_pickup(tx, first.id, expected_version=story.cycle(1).version)
    assert done.complete
    assert done.next_cycle_id == story.cycle(2).id
    second = story.cycle(2)
    approve_if_needed(story, second)
    assert 24 <= (second.sync_date - sync_date).days <= 31

    # That night's export: the same fills, now known to the pharmacy system; one drug used its last refill.
    items = [drug.therapy_id for drug in drugs if drug.state is not ItemState.SKIPPED]
    path = export_of_pickup(story, first.id, sync_date, last_refill_of=items[0])
    assert import_path(story.database, story.clock, story.shop, path).problems == []
    assert story.cycle(2).id == second.id, "what was picked up already changes nothing"
    with story.reading() as tx:
        coming = {action.step for action in batch_view(tx, second.id).coming if action.kind == "message"}
    assert {"reminder_t7", "confirm_t3", "confirm_t1"} <= coming

    # The second cycle runs by itself; a renewal is asked for, and the patient does not answer: somebody calls.
    story.live_to(second.sync_date - timedelta(days=1))
    assert story.sent_steps(second.id) == [
        ("reminder_t7", second.sync_date - timedelta(days=7)),
        ("confirm_t3", second.sync_date - timedelta(days=3)),
        ("confirm_t1", second.sync_date - timedelta(days=1)),
    ]
    with story.reading() as tx:
        of_second = (_renewal.therapy_id == items[0]) & (_renewal.cycle_id == second.id)
        renewal = tx.session.scalars(select(RenewalRequest).where(of_second)).one()
        assert renewal.state is RenewalState.SENT
        open_kinds = {
            case.kind.value
            for case in tx.session.scalars(select(ExceptionCase).where(_case.patient_id == patient_id))
            if case.state.value == "open"
        }
    assert {"call", "prescriber_silent"} <= open_kinds

    # The next day's file confirms the pickup by its sold dates, and its new Rx closes the renewal.
    story.live_to(second.sync_date)
    path = export_of_pickup(story, second.id, second.sync_date, renewed=items[0])
    import_path(story.database, story.clock, story.shop, path)
    assert story.cycle(2).state is CycleState.CLOSED
    third = story.cycle(3)
    with story.reading() as tx:
        assert tx.get(RenewalRequest, renewal.id).state is RenewalState.CLOSED
        assert batch_view(tx, third.id).coming
    assert 24 <= (third.sync_date - second.sync_date).days <= 31

    # Importing that file again changes nothing, and nothing was said twice in all this time.
    import_path(story.database, story.clock, story.shop, path)
    assert story.cycle(3).id == third.id
    for number in (1, 2):
        steps = [step for step, _ in story.sent_steps(story.cycle(number).id)]
        assert len(steps) == len(set(steps))
    attempts = [message.attempt_id for message in story.phone.sent]
    assert len(attempts) == len(set(attempts))


def test_a_tick_that_dies_between_claim_and_call_loses_nothing(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, sync_date = enroll_somebody(story)
    first = story.cycle(1)
    approve_if_needed(story, first)

    def dies(*_: object, **__: object) -> None:
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr("medsync_app.engine.loop.deliver", dies)
        with pytest.raises(SystemExit):
            story.tick()
    with story.reading() as tx:
        claimed = tx.session.scalars(select(_action.step).where(_action.state == ActionState.CLAIMED)).all()
    assert "welcome" in claimed

    # While the lease holds nobody touches it; when it has run out the next loop sends it, once.
    story.tick()
    assert story.phone.sent == []
    story.clock.advance(timedelta(seconds=61))
    story.tick()
    assert [step for step, _ in story.sent_steps(first.id)] == ["welcome"]
    story.live_to(sync_date - timedelta(days=7))
    assert [step for step, _ in story.sent_steps(first.id)] == ["welcome", "reminder_t7"]
    assert len(story.phone.sent) == 2
