"""Messages decided about together end as they do one by one, and share their commits."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import event

from medsync_app.clock import VirtualClock
from medsync_app.connections.protocol import Accepted, Outgoing
from medsync_app.domain.states import ActionState, Channel, ContactBasis
from medsync_app.engine.loop import Limits, tick
from medsync_app.outbox.apart import accept_apart
from medsync_app.outbox.batch import Changed, Mark, Taken, accept_many, mark_many, read_sent
from medsync_app.outbox.claim import Claim, claim_due, rescue
from medsync_app.outbox.sent import Sent, sent_to
from medsync_app.outbox.settle import advance
from medsync_app.services.contact_settings import opt_out
from medsync_app.services.schedule_cycle import schedule_cycle
from medsync_app.store.ids import new_id
from medsync_app.store.session import Database
from medsync_app.store.tables import Pharmacy
from tests.support.cycles import make_cycle
from tests.support.databases import POSTGRES
from tests.support.loop import FakeConnection, action, all_actions, attempts, queue_message
from tests.support.store import SYSTEM, Shop, make_patient, make_shop

LEASE = timedelta(seconds=60)


def every_kind_of_message(database: Database, shop: Shop, clock: VirtualClock) -> None:
    """Plain ones, several to one number, households', stale, without consent, after a stop, poison, too early."""
    number = 100

    def person(basis: ContactBasis = ContactBasis.EXPRESS, phone: str = "") -> str:
        nonlocal number
        number += 1
        return make_patient(
            database, shop, first=f"P{number}", phone=phone or f"+14045550{number}", basis=basis
        )

    def message(name: str, patient: str | None = None, **more: object) -> None:
        queue_message(database, shop, clock, patient or person(), f"{shop.pharmacy_id} {name}", **more)

    for index in range(3):
        message(f"plain {index}")
    twice = person()
    message("first of two", twice)
    message("second of two", twice)
    message("one of a shared number", person(phone="+14045550199"))
    message("other of a shared number", person(phone="+14045550199"))
    message("without consent", person(ContactBasis.NOT_ASKED))
    message("stale", stale_at=clock.now())
    message("poison", payload={"action": {"template": "nowhere"}})
    message("too early by the wall clock", local_date=date(2026, 11, 23), local_time="11:30")
    message("after a stop")
    with database.transaction(SYSTEM, clock) as tx:
        opt_out(tx, shop.pharmacy_id, f"+14045550{number}", "STOP")
    for family in range(2):
        for _ in range(2 - family):
            made = make_cycle(
                database, shop, person(phone=f"+1404555018{family}"), sync_date=date(2026, 11, 26), number=2
            )
            with database.transaction(SYSTEM, clock) as tx:
                schedule_cycle(tx, made.cycle_id)


def outcomes(database: Database, shop: Shop) -> list[tuple[object, ...]]:
    """What became of each message of a pharmacy, by what stays the same at another one."""
    return sorted(
        (
            row.step, str(row.state), row.reason, str(row.address), str(row.body), row.attempts,
            str(row.lease_owner), str([(a.outcome, a.number) for a in attempts(database, row.id)]),
        )
        for row in all_actions(database)
        if row.pharmacy_id == shop.pharmacy_id
    )  # fmt: skip


@pytest.mark.both_databases
def test_a_batch_ends_as_its_messages_do_one_by_one(database: Database, clock: VirtualClock) -> None:
    clock.set(clock.now().replace(hour=16))  # 11:00 in New York: the reminders of 10:00 are due
    sent: list[list[tuple[str, str]]] = []
    ends: list[list[tuple[object, ...]]] = []
    for slug, limits in (("one", Limits(batch=1)), ("all", Limits()), ("apart", Limits(apart=True))):
        shop = make_shop(database, slug)
        with database.transaction(SYSTEM, clock) as tx:
            tx.get(Pharmacy, shop.pharmacy_id).name = "Same Pharmacy"
        every_kind_of_message(database, shop, clock)
        sms = FakeConnection()
        tick(
            database,
            clock,
            {Channel.SMS: sms},
            slug,
            replace(limits, batches=100, seconds=600),
            plan=False,
        )
        sent.append(sorted((m.to, m.body) for m in sms.sent))
        ends.append(outcomes(database, shop))
    assert len(sent[0]) == 7
    assert sent[0] == sent[1] == sent[2]
    assert ends[0] == ends[1] == ends[2]


@pytest.mark.both_databases
def test_a_batch_shares_its_commits_and_each_mark_is_there_before_its_call(
    database: Database, clock: VirtualClock
) -> None:
    shop = make_shop(database)
    for index in range(20):
        person = make_patient(database, shop, first=f"P{index}", phone=f"+14045550{100 + index}")
        queue_message(database, shop, clock, person, f"m{index}")
    commits, seen = 0, list[str]()

    def count(_: object) -> None:
        nonlocal commits
        commits += 1

    def behave(message: Outgoing) -> Accepted:
        (attempt,) = [a for row in all_actions(database, ActionState.CALLING) for a in attempts(database, row.id)
                      if a.id == message.attempt_id]  # fmt: skip
        seen.append(attempt.outcome)
        return Accepted(message.attempt_id)

    event.listen(database.engine, "commit", count)
    tick(
        database,
        clock,
        {Channel.SMS: FakeConnection(behave=behave)},
        "one",
        Limits(in_order=True),
        plan=False,
    )
    assert seen == ["calling"] * 20
    assert len(all_actions(database, ActionState.SENT)) == 20
    assert commits < 12, "claim, marks, outcomes and the tick's own work: not one commit per message"


@pytest.mark.both_databases
def test_one_message_more_in_a_batch_costs_no_query_more(database: Database, clock: VirtualClock) -> None:
    def statements(count: int) -> int:
        shop, seen = make_shop(database, f"with-{count}"), list[str]()
        for index in range(count):
            person = make_patient(database, shop, first=f"P{index}", phone=f"+14045550{100 + index}")
            queue_message(database, shop, clock, person, f"{count} m{index}")

        def note(*call: object) -> None:
            if not str(call[2]).startswith("PRAGMA"):
                seen.append(str(call[2]))

        event.listen(database.engine, "before_cursor_execute", note)
        # One after another: how many answers share a commit is then no matter of chance.
        tick(database, clock, {Channel.SMS: FakeConnection()}, "one", Limits(in_order=True), plan=False)
        event.remove(database.engine, "before_cursor_execute", note)
        return len(seen)

    assert statements(3) == statements(12)


def claims(database: Database, clock: VirtualClock, count: int) -> list[Claim]:
    shop = make_shop(database)
    for index in range(count):
        person = make_patient(database, shop, first=f"P{index}", phone=f"+14045550{100 + index}")
        queue_message(database, shop, clock, person, f"m{index}")
    with database.transaction(SYSTEM, clock) as tx:
        return claim_due(tx, "one", lease=LEASE, limit=count)


def marks(held: list[Claim]) -> list[Mark]:
    return [Mark(claim, new_id(), Channel.SMS, "+14045550100", "x") for claim in held]


@pytest.mark.both_databases
def test_marks_of_which_one_is_not_ours_are_none(database: Database, clock: VirtualClock) -> None:
    held = claims(database, clock, 2)
    clock.advance(LEASE)
    with database.transaction(SYSTEM, clock) as tx:
        rescue(tx)
        claim_due(tx, "two", lease=LEASE, limit=1)
    with pytest.raises(Changed), database.transaction(SYSTEM, clock) as tx:
        mark_many(tx, marks(held))
    assert [attempts(database, claim.action_id) for claim in held] == [[], []]


@pytest.mark.both_databases
def test_an_acceptance_of_what_has_moved_on_changes_nothing_and_the_others_count(
    database: Database, clock: VirtualClock
) -> None:
    made = marks(claims(database, clock, 3))
    taken = [Taken(mark.claim, mark.attempt_id, f"SM{i}", 5) for i, mark in enumerate(made)]
    with database.transaction(SYSTEM, clock) as tx:
        mark_many(tx, made)
    with database.transaction(SYSTEM, clock) as tx:
        advance(tx, made[0].attempt_id, ActionState.DELIVERED, provider_id="SM0")
        assert accept_many(tx, taken) == 2
    states = [action(database, mark.claim.action_id).state for mark in made]
    assert states == [ActionState.DELIVERED, ActionState.SENT, ActionState.SENT]


@pytest.mark.both_databases
def test_acceptances_that_come_after_the_lease_change_nothing(
    database: Database, clock: VirtualClock
) -> None:
    made = marks(claims(database, clock, 3))
    with database.transaction(SYSTEM, clock) as tx:
        mark_many(tx, made)
    clock.advance(LEASE)
    with database.transaction(SYSTEM, clock) as tx:
        rescue(tx)
        assert accept_many(tx, [Taken(mark.claim, mark.attempt_id, "SM1", 5) for mark in made]) == 0
    assert {action(database, mark.claim.action_id).state for mark in made} == {ActionState.IN_DOUBT}


@pytest.mark.parametrize("database", [POSTGRES], indirect=True)
def test_each_acceptance_apart_is_there_at_once_and_only_where_the_claim_still_holds(
    database: Database, clock: VirtualClock
) -> None:
    held = claims(database, clock, 3)
    made = marks(held)
    taken = [Taken(mark.claim, mark.attempt_id, f"SM{i}", 5) for i, mark in enumerate(made)]
    with database.transaction(SYSTEM, clock) as tx:
        mark_many(tx, made[1:])  # the first was never marked
        advance(tx, made[1].attempt_id, ActionState.DELIVERED, provider_id="SM1")
    with database.transaction(SYSTEM, clock) as tx:
        assert accept_apart(tx, taken) == {made[2].attempt_id}
        assert action(database, held[2].action_id).provider_id == "SM2"
    states = [action(database, claim.action_id).state for claim in held]
    assert states == [ActionState.CLAIMED, ActionState.DELIVERED, ActionState.SENT]
    (attempt,) = attempts(database, held[2].action_id)
    assert (attempt.outcome, attempt.provider_id, attempt.duration_ms) == ("sent", "SM2", 5)


def test_what_was_read_ahead_is_what_the_query_says(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    person = make_patient(database, shop, phone="+14045550100")
    for day, template in enumerate(("welcome", "ready", "welcome", "ready")):
        payload = {"action": {"do": "message", "template": template}}
        queue_message(database, shop, clock, person, f"m{day}", payload=payload)
        tick(database, clock, {Channel.SMS: FakeConnection()}, "one", plan=False)
        clock.advance(timedelta(days=1))
    week = clock.now() - timedelta(days=7)
    for today in (clock.now(), clock.now() - timedelta(days=1), clock.now() - timedelta(days=3)):
        with database.reading(SYSTEM, clock) as tx:
            queried = sent_to(tx, shop.pharmacy_id, "+14045550100", today=today, week=week)
            read_sent(tx, shop.pharmacy_id, ["+14045550100"], week)
            assert sent_to(tx, shop.pharmacy_id, "+14045550100", today=today, week=week) == queried
    assert queried == Sent(3, 1, 4)
