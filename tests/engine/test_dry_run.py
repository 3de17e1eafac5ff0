"""A dry run foretells, message for message, what the loop then does on the real database."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import (
    ActionState,
    Channel,
    ContactBasis,
    CycleState,
    OutsideKind,
    OutsideState,
)
from medsync_app.domain.workflow import default_document
from medsync_app.engine.dry_run import DryRun, dry_run
from medsync_app.errors import Invalid, NotFound
from medsync_app.reads.dry_run import Sent, sent_since
from medsync_app.services.schedule_cycle import announce, schedule_cycle
from medsync_app.services.workflow_versions import move_cycles, publish_workflow
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import Attempt, ContactPoint, Cycle, OutsideJob, Patient, ScheduledAction
from tests.support.cycles import make_cycle
from tests.support.loop import FakeConnection, all_actions, queue_message, run_tick
from tests.support.store import NOW, SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.slow

EVERY = (Channel.SMS, Channel.VOICE, Channel.EMAIL)


def add_way(database: Database, shop: Shop, patient_id: str, channel: Channel, address: str) -> None:
    with database.transaction(SYSTEM, VirtualClock(NOW)) as tx:
        tx.add(
            ContactPoint(
                pharmacy_id=shop.pharmacy_id, patient_id=patient_id, channel=channel, address=address,
                basis=ContactBasis.EXPRESS, basis_at=NOW, basis_how="test", basis_by="test", created_at=NOW,
            )
        )  # fmt: skip


def set_patient(database: Database, patient_id: str, **values: Any) -> None:
    with database.transaction(SYSTEM, VirtualClock(NOW)) as tx:
        for name, value in values.items():
            setattr(tx.get(Patient, patient_id), name, value)


def full_shop(database: Database, clock: VirtualClock) -> tuple[Shop, list[str]]:
    """A pharmacy with people of every kind in the middle of their cycles."""
    shop = make_shop(database)
    basis = [ContactBasis.EXPRESS, ContactBasis.NUMBER_GIVEN, ContactBasis.NOT_ASKED]
    people = [
        make_patient(
            database, shop, first=f"P{n}", phone=f"+1404555{100 + min(n, 6):04}", basis=basis[n % 3],
            birth_date=date(1940 if n % 4 == 3 else 1985, 5, 1),
        )
        for n in range(9)
    ]  # fmt: skip
    add_way(database, shop, people[2], Channel.EMAIL, "p2@example.org")
    add_way(database, shop, people[3], Channel.VOICE, "+14045550103")
    set_patient(database, people[0], language="es", drug_names_wanted=True)
    set_patient(database, people[1], zone="America/Los_Angeles", fulfilment="delivery")
    made = [
        make_cycle(database, shop, patient, sync_date=NOW.date() + timedelta(days=day), drugs=1 + day % 3)
        for day, patient in zip((1, 2, 3, 4, 5, 8, 8, 8, 20), people, strict=True)
    ]
    with database.transaction(SYSTEM, clock) as tx:
        for one in made:
            schedule_cycle(tx, one.cycle_id)
        ready = tx.get(Cycle, made[0].cycle_id)
        ready.state, ready.ready_at, ready.claimed_on = CycleState.READY, tx.now, tx.now.date()
        announce(tx, ready.id, "ready")
    return shop, people


def what_happens(
    database: Database, shop: Shop, clock: VirtualClock, days: int, step: timedelta
) -> Sequence[Sent]:
    """The real database, with a loop that ticks regularly and knows nothing of dry runs."""
    connections = {channel: FakeConnection() for channel in EVERY}
    since = clock.now()
    while clock.now() < since + timedelta(days=days):
        while run_tick(database, clock, connections).busy:
            pass
        clock.advance(step)
    with database.reading(SYSTEM) as tx:
        return sent_since(tx, shop.pharmacy_id, since)


def count(database: Database) -> tuple[int | None, ...]:
    with database.reading(SYSTEM) as tx:
        waiting = select(func.count()).where(ScheduledAction.state == ActionState.QUEUED)
        return tx.session.scalar(waiting), tx.session.scalar(select(func.count()).select_from(Attempt))


def later_and_reworded(document: dict[str, Any]) -> dict[str, Any]:
    steps = {step["id"]: step for step in document["steps"]}
    steps["confirm_t3"]["trigger"] = {"on": "days_before", "days": 2, "at": "11:30"}
    steps["reminder_t7"]["actions"][0]["wordings"] = {
        "en": {"sms": "{{ pharmacy }}: {{ count }} on {{ day }}. {{ phone }} STOP"}
    }
    steps["confirm_t1"]["conditions"].append({"fact": "age", "op": "at_most", "value": 64})
    return document


def run(database: Database, shop: Shop, clock: VirtualClock, days: int, **more: Any) -> DryRun:
    return dry_run(database, clock, shop.pharmacy_id, days=days, channels=EVERY, **more)


@pytest.mark.slow
def test_what_is_foretold_is_what_happens(database: Database, clock: VirtualClock) -> None:
    shop, _ = full_shop(database, clock)
    before = count(database)
    foretold = run(database, shop, clock, 12)
    assert count(database) == before
    happened = what_happens(database, shop, clock, 12, timedelta(minutes=30))
    assert list(foretold.sent) == list(happened)
    assert len(happened) > 15
    assert {one.channel for one in happened} == set(EVERY)
    assert any("personas" in one.text or "people" in one.text for one in happened)
    assert {"reminder_t7", "confirm_t3", "confirm_t1", "ready", "not_picked_up_24h"} <= {
        s.step for s in happened
    }


@pytest.mark.slow
@pytest.mark.both_databases
def test_a_version_is_tried_on_running_cycles_and_nothing_is_changed(
    database: Database, clock: VirtualClock
) -> None:
    shop, people = full_shop(database, clock)
    usual = run(database, shop, clock, 2)
    document = later_and_reworded(default_document())
    tried = run(database, shop, clock, 2, document=document)
    assert list(tried.sent) != list(usual.sent)
    with database.transaction(SYSTEM, clock) as tx:
        assert publish_workflow(tx, shop.pharmacy_id, document).number == 2
    assert list(run(database, shop, clock, 2).sent) == list(
        usual.sent
    )  # running cycles stay on their version
    one = run(database, shop, clock, 2, version=2, patient_id=people[1])
    assert list(one.sent) == [sent for sent in tried.sent if sent.patient_id == people[1]]
    with database.transaction(SYSTEM, clock) as tx:
        move_cycles(tx, shop.pharmacy_id)
    assert list(what_happens(database, shop, clock, 2, timedelta(minutes=30))) == list(tried.sent)


def test_what_would_not_go_says_why(database: Database, clock: VirtualClock) -> None:
    shop, people = full_shop(database, clock)
    found = run(database, shop, clock, 6, patient_id=people[5])
    assert found.not_sent
    assert all(one.reason and one.patient_id == people[5] for one in found.not_sent)


def test_another_pharmacys_rows_are_not_copied(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    theirs = make_shop(database, "theirs")
    patient = make_patient(database, theirs, phone="+14045550188")
    made = make_cycle(database, theirs, patient, sync_date=NOW.date() + timedelta(days=3))
    with database.transaction(SYSTEM, clock) as tx:
        schedule_cycle(tx, made.cycle_id)
    assert run(database, shop, clock, 3).sent == []
    with pytest.raises(Invalid, match="another pharmacy"):
        run(database, shop, clock, 3, patient_id=patient)


def test_what_cannot_be_run_is_refused(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    for days in (0, 367):
        with pytest.raises(Invalid, match="days"):
            run(database, shop, clock, days)
    with pytest.raises(NotFound):
        run(database, shop, clock, 3, version=9)
    with pytest.raises(Invalid):
        run(database, shop, clock, 3, document={"steps": []})


def test_a_call_under_way_is_not_foretold_again(database: Database, clock: VirtualClock) -> None:
    shop, _ = full_shop(database, clock)
    with database.transaction(SYSTEM, clock) as tx:
        for action in tx.session.scalars(select(ScheduledAction).where(ScheduledAction.step == "ready")):
            action.state = ActionState.CALLING
            action.lease_owner, action.lease_until, action.attempts = "x", tx.now + timedelta(seconds=5), 1
            tx.add(
                Attempt(
                    pharmacy_id=shop.pharmacy_id, action_id=action.id, number=1, channel=Channel.SMS,
                    address="+14045550100", started_at=tx.now - timedelta(seconds=1), outcome="calling",
                )
            )  # fmt: skip
    assert "ready" not in {one.step for one in run(database, shop, clock, 2).sent}


def test_local_times_follow_the_pharmacys_clock(database: Database, clock: VirtualClock) -> None:
    shop, _ = full_shop(database, clock)
    times = {one.at for one in run(database, shop, clock, 6).sent if one.step == "confirm_t3"}
    assert datetime(2026, 11, 24, 15, tzinfo=NOW.tzinfo) in times


def test_what_other_programs_get_is_handed_over_in_the_copy_only(
    database: Database, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _ = full_shop(database, clock)
    with database.transaction(SYSTEM, clock) as tx:
        for day in (0, 2):
            tx.add(
                OutsideJob(
                    pharmacy_id=shop.pharmacy_id, kind=OutsideKind.PHARMACY, op="send", payload={"event": "ready"},
                    idempotency_key=f"job {day}", due_at=tx.now + timedelta(days=day), created_at=tx.now,
                )
            )  # fmt: skip
    seen: list[tuple[str, datetime | None]] = []

    def look(tx: Tx, *rest: Any) -> Sequence[Sent]:
        seen.extend((job.state, job.sent_at) for job in tx.session.scalars(select(OutsideJob)))
        return sent_since(tx, *rest)

    monkeypatch.setattr("medsync_app.engine.dry_run.sent_since", look)
    dry_run(database, clock, shop.pharmacy_id, days=3, channels=EVERY)
    due = [clock.now() + timedelta(days=day) for day in (0, 2)]
    assert [(state, at) for state, at in sorted(seen, key=str)] == [(OutsideState.SENT, at) for at in due]
    with database.reading(SYSTEM) as tx:
        assert set(tx.session.scalars(select(OutsideJob.state))) == {OutsideState.QUEUED}


@pytest.mark.both_databases
def test_ready_notices_of_a_household_are_foretold_together(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    people = [make_patient(database, shop, first=name, phone="+14045550199") for name in ("Ada", "Bob", "Cy")]
    made = [
        make_cycle(
            database, shop, person, number=2, state=CycleState.PREPARING, sync_date=NOW.date() + timedelta(days=1)
        )
        for person in people
    ]  # fmt: skip
    with database.transaction(SYSTEM, clock) as tx:
        for one in made[:2]:
            ready = tx.get(Cycle, one.cycle_id)
            ready.state, ready.ready_at, ready.claimed_on = CycleState.READY, tx.now, tx.now.date()
            announce(tx, ready.id, "ready")
    assert run_tick(database, clock, {channel: FakeConnection() for channel in EVERY}).sent == 0
    foretold = run(database, shop, clock, 3)
    happened = what_happens(database, shop, clock, 3, timedelta(minutes=5))
    assert list(foretold.sent) == list(happened)
    assert "4 medicines for 2 people ready" in happened[0].text


def test_one_message_for_what_is_ready_a_question_and_what_a_cap_put_off_is_foretold(
    database: Database, clock: VirtualClock
) -> None:
    shop = make_shop(database)
    number, today = "+14045550199", NOW.date() + timedelta(days=1)
    made = [
        make_cycle(
            database, shop, make_patient(database, shop, first=name, phone=number), number=2, state=state,
            sync_date=today + timedelta(days=days),
        )
        for name, state, days in (
            ("Ada", CycleState.PREPARING, 1), ("Bob", CycleState.PLANNED, 3), ("Cy", CycleState.PREPARING, 1),
        )
    ]  # fmt: skip
    connections = {channel: FakeConnection() for channel in EVERY}
    with database.transaction(SYSTEM, clock) as tx:
        schedule_cycle(tx, made[1].cycle_id)
    clock.advance(timedelta(hours=23))
    queue_message(database, shop, clock, made[0].patient_id, "this morning")
    run_tick(database, clock, connections)
    clock.advance(timedelta(hours=1))
    run_tick(database, clock, connections)
    (question,) = (one for one in all_actions(database) if one.step == "confirm_t3")
    assert question.due_at > clock.now() + timedelta(hours=12)
    clock.advance(timedelta(hours=1))
    with database.transaction(SYSTEM, clock) as tx:
        ready = tx.get(Cycle, made[0].cycle_id)
        ready.state, ready.ready_at, ready.claimed_on = CycleState.READY, tx.now, today
        announce(tx, ready.id, "ready")
    foretold = run(database, shop, clock, 3)
    happened = what_happens(database, shop, clock, 3, timedelta(minutes=5))
    assert list(foretold.sent) == list(happened)
    assert "ready for pickup" in happened[0].text
    assert "Fri Nov 27: reply 1 to confirm" in happened[0].text
