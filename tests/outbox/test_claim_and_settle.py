"""Every change of a held action is guarded: a late or wrong one changes nothing."""

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import update

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, Channel
from medsync_app.errors import Invalid, NotFound
from medsync_app.outbox.claim import Claim, claim_due, doubts, release_all, rescue, skip_stale
from medsync_app.outbox.queue import ACTION, NewAction, cancel_for_address, queue, supersede
from medsync_app.outbox.settle import advance, end_claim, mark_calling, settle_call, settle_doubt, still_held
from medsync_app.outbox.states import FINAL, moves_forward
from medsync_app.store.session import Database
from tests.support.loop import action, attempts, queue_message
from tests.support.store import NUMBER, SYSTEM, Shop, make_patient, make_shop

LEASE = timedelta(seconds=60)
ROOM = timedelta(seconds=15)


@pytest.fixture
def made(database: Database, shop: Shop, clock: VirtualClock, patient: str) -> str:
    return queue_message(database, shop, clock, patient)


def claim(database: Database, clock: VirtualClock, owner: str = "one") -> Claim:
    with database.transaction(SYSTEM, clock) as tx:
        (taken,) = claim_due(tx, owner, lease=LEASE, limit=5)
    return taken


def call(database: Database, clock: VirtualClock, held: Claim) -> str | None:
    with database.transaction(SYSTEM, clock) as tx:
        return mark_calling(tx, held, channel=Channel.SMS, address=NUMBER, body="x", room=ROOM)


def sent(database: Database, clock: VirtualClock, held: Claim, attempt: str) -> bool:
    with database.transaction(SYSTEM, clock) as tx:
        return settle_call(tx, held, attempt, state=ActionState.SENT, outcome="sent", provider_id="SM1")


def rescued(database: Database, clock: VirtualClock) -> tuple[int, int]:
    with database.transaction(SYSTEM, clock) as tx:
        result = rescue(tx)
    return result.freed, result.in_doubt


def test_a_claimed_action_is_nobody_elses(database: Database, clock: VirtualClock, made: str) -> None:
    held = claim(database, clock)
    with database.transaction(SYSTEM, clock) as tx:
        assert claim_due(tx, "two", lease=LEASE, limit=5) == []
        assert still_held(tx, held)
        assert not still_held(tx, Claim(made, held.pharmacy_id, "two", 0, held.lease_until))


def test_what_is_queued_together_and_due_at_once_goes_in_the_order_it_was_queued(
    database: Database, shop: Shop, clock: VirtualClock, patient: str
) -> None:
    steps = [f"step-{number}" for number in range(20)]
    with database.transaction(SYSTEM, clock) as tx:
        queue(
            tx,
            [
                NewAction(
                    pharmacy_id=shop.pharmacy_id, step=step, kind="message", idempotency_key=step,
                    due_at=clock.now(), patient_id=patient,
                )
                for step in steps
            ],
        )  # fmt: skip
    with database.transaction(SYSTEM, clock) as tx:
        taken = claim_due(tx, "one", lease=LEASE, limit=20)
    assert [action(database, claimed.action_id).step for claimed in taken] == steps


def test_a_lease_that_ran_out_before_the_call_goes_back_to_the_queue(
    database: Database, clock: VirtualClock, made: str
) -> None:
    held = claim(database, clock)
    clock.advance(LEASE - timedelta(seconds=1))
    assert rescued(database, clock) == (0, 0)
    clock.advance(timedelta(seconds=1))
    assert rescued(database, clock) == (1, 0)
    assert call(database, clock, held) is None
    assert action(database, made).state is ActionState.QUEUED


def test_the_mark_before_the_call_needs_room_in_the_lease(
    database: Database, clock: VirtualClock, made: str
) -> None:
    held = claim(database, clock)
    clock.advance(LEASE - ROOM + timedelta(seconds=1))
    assert call(database, clock, held) is None
    assert attempts(database, made) == []


def test_a_late_worker_changes_nothing_after_the_rescue(
    database: Database, clock: VirtualClock, made: str
) -> None:
    held = claim(database, clock)
    attempt = call(database, clock, held)
    assert attempt is not None
    clock.advance(LEASE)
    assert rescued(database, clock) == (0, 1)
    before = action(database, made)
    assert not sent(database, clock, held, attempt)
    assert action(database, made) == before
    assert attempts(database, made)[0].outcome == "in_doubt"


def test_a_late_rescuer_changes_nothing_after_the_worker(
    database: Database, clock: VirtualClock, made: str
) -> None:
    held = claim(database, clock)
    attempt = call(database, clock, held)
    assert attempt is not None
    assert sent(database, clock, held, attempt)
    clock.advance(LEASE * 2)
    assert rescued(database, clock) == (0, 0)
    assert action(database, made).state is ActionState.SENT


def test_the_worker_of_an_earlier_attempt_cannot_settle_a_later_one(
    database: Database, clock: VirtualClock, made: str
) -> None:
    first = claim(database, clock)
    attempt = call(database, clock, first)
    assert attempt is not None
    clock.advance(LEASE)
    rescued(database, clock)
    with database.transaction(SYSTEM, clock) as tx:
        (doubt,) = doubts(tx, apart=timedelta(seconds=60))
        assert settle_doubt(
            tx,
            made,
            doubt.attempts,
            attempt,
            state=ActionState.QUEUED,
            by="list",
            outcome="not_sent",
            due_at=tx.now,
        )
    second = claim(database, clock)  # the same owner has it again
    again = call(database, clock, second)
    assert again is not None
    assert not sent(database, clock, first, attempt)
    assert sent(database, clock, second, again)
    assert [a.number for a in attempts(database, made)] == [1, 2]


def test_a_doubt_is_settled_once(database: Database, clock: VirtualClock, made: str) -> None:
    attempt = call(database, clock, claim(database, clock))
    assert attempt is not None
    clock.advance(LEASE)
    rescued(database, clock)
    results: list[bool] = []
    for state in (ActionState.SENT, ActionState.QUEUED):
        with database.transaction(SYSTEM, clock) as tx:
            results.append(settle_doubt(tx, made, 1, attempt, state=state, by="x", outcome="y"))
    assert results == [True, False]
    assert action(database, made).state is ActionState.SENT


@pytest.mark.parametrize("order", list(permutations(["sent", "delivered", "own mark", "sent again"])))
def test_news_in_any_order_ends_in_the_same_state(
    order: tuple[str, ...], database: Database, clock: VirtualClock, made: str
) -> None:
    held = claim(database, clock)
    attempt = call(database, clock, held)
    assert attempt is not None
    steps: dict[str, Callable[[], object]] = {
        "sent": lambda: news(database, clock, attempt, ActionState.SENT),
        "sent again": lambda: news(database, clock, attempt, ActionState.SENT),
        "delivered": lambda: news(database, clock, attempt, ActionState.DELIVERED),
        "own mark": lambda: sent(database, clock, held, attempt),
    }
    for step in order:
        steps[step]()
    row = action(database, made)
    assert (row.state, row.provider_id) == (ActionState.DELIVERED, "SM1")
    clock.advance(LEASE * 2)
    assert rescued(database, clock) == (0, 0)


def news(database: Database, clock: VirtualClock, attempt: str, state: ActionState) -> str:
    with database.transaction(SYSTEM, clock) as tx:
        return advance(tx, attempt, state, provider_id="SM1")


def test_news_of_an_attempt_keeps_its_action_from_being_sent_again(
    database: Database, clock: VirtualClock, made: str
) -> None:
    attempt = call(database, clock, claim(database, clock))
    assert attempt is not None
    clock.advance(LEASE)
    rescued(database, clock)
    with database.transaction(SYSTEM, clock) as tx:
        settle_doubt(
            tx, made, 1, attempt, state=ActionState.QUEUED, by="list", outcome="not_sent", due_at=tx.now
        )
    assert news(database, clock, attempt, ActionState.SENT) == "moved"
    with database.transaction(SYSTEM, clock) as tx:
        assert claim_due(tx, "two", lease=LEASE, limit=5) == []


def test_a_message_that_turns_up_after_it_was_sent_again_is_a_double(
    database: Database, clock: VirtualClock, made: str
) -> None:
    first = call(database, clock, claim(database, clock))
    assert first is not None
    clock.advance(LEASE)
    rescued(database, clock)
    with database.transaction(SYSTEM, clock) as tx:
        settle_doubt(
            tx, made, 1, first, state=ActionState.QUEUED, by="list", outcome="not_sent", due_at=tx.now
        )
    held = claim(database, clock)
    second = call(database, clock, held)
    assert second is not None
    sent(database, clock, held, second)
    assert news(database, clock, first, ActionState.DELIVERED) == "double"
    assert action(database, made).state is ActionState.SENT


def test_news_of_an_unknown_attempt_changes_nothing(
    database: Database, clock: VirtualClock, made: str
) -> None:
    assert news(database, clock, "nobody", ActionState.SENT) == "unknown"


@pytest.mark.parametrize("final", sorted(FINAL))
def test_a_final_state_never_changes(final: ActionState) -> None:
    assert not any(moves_forward(final, state) for state in ActionState)


def test_what_is_superseded_while_claimed_is_not_called(
    database: Database, shop: Shop, clock: VirtualClock, made: str, patient: str
) -> None:
    held = claim(database, clock)
    with database.transaction(SYSTEM, clock) as tx:
        assert supersede(tx, pharmacy_id=shop.pharmacy_id, patient_id=patient, reason="Moved.") == 1
    assert call(database, clock, held) is None
    with database.transaction(SYSTEM, clock) as tx:
        assert not end_claim(tx, held, ActionState.SENT)
    assert action(database, made).state is ActionState.SUPERSEDED


def test_what_is_being_called_cannot_be_superseded(
    database: Database, shop: Shop, clock: VirtualClock, made: str, patient: str
) -> None:
    call(database, clock, claim(database, clock))
    with database.transaction(SYSTEM, clock) as tx:
        assert supersede(tx, pharmacy_id=shop.pharmacy_id, patient_id=patient, reason="Moved.") == 0


def test_superseding_needs_to_be_told_what(database: Database, shop: Shop, clock: VirtualClock) -> None:
    with pytest.raises(Invalid), database.transaction(SYSTEM, clock) as tx:
        supersede(tx, pharmacy_id=shop.pharmacy_id, reason="All of it?")


def test_an_ending_loop_gives_back_only_its_own_claims(
    database: Database, clock: VirtualClock, made: str
) -> None:
    claim(database, clock, "one")
    with database.transaction(SYSTEM, clock) as tx:
        assert release_all(tx, "two") == 0
        assert release_all(tx, "one") == 1
    assert action(database, made).state is ActionState.QUEUED


def test_the_longest_waiting_is_taken_first(
    database: Database, shop: Shop, clock: VirtualClock, patient: str
) -> None:
    later = queue_message(database, shop, clock, patient, "later", due_at=clock.now() - timedelta(minutes=1))
    sooner = queue_message(
        database, shop, clock, patient, "sooner", due_at=clock.now() - timedelta(minutes=9)
    )
    with database.transaction(SYSTEM, clock) as tx:
        assert [c.action_id for c in claim_due(tx, "one", lease=LEASE, limit=5)] == [sooner, later]


def test_the_same_key_is_queued_once_and_another_pharmacy_not_at_all(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    other = make_shop(database, "other")
    wanted = NewAction(shop.pharmacy_id, "welcome", "message", "key", clock.now())
    with database.transaction(shop.scope, clock) as tx:
        assert queue(tx, [wanted, wanted]) == 1
        assert queue(tx, [wanted]) == 0
    with pytest.raises(NotFound), database.transaction(other.scope, clock) as tx:
        queue(tx, [wanted])
    with database.transaction(other.scope, clock) as tx:
        assert claim_due(tx, "one", lease=LEASE, limit=5) == []
        assert skip_stale(tx) == 0


def test_queueing_nothing_new_does_not_wake_open_pages(
    database: Database, shop: Shop, clock: VirtualClock, made: str
) -> None:
    from medsync_app.store.tables import Pharmacy

    def revision() -> int:
        with database.reading(SYSTEM) as tx:
            return tx.get(Pharmacy, shop.pharmacy_id).revision

    before = revision()
    with database.transaction(SYSTEM, clock) as tx:
        queue(tx, [NewAction(shop.pharmacy_id, "welcome", "message", "m1", clock.now())])
        rescue(tx)
        skip_stale(tx)
    assert revision() == before


def test_a_stop_cancels_only_those_whose_messages_would_go_to_that_number(
    database: Database, shop: Shop, clock: VirtualClock, made: str
) -> None:
    other = make_patient(database, shop, first="Bob", phone="+14045550124")
    theirs = queue_message(database, shop, clock, other, "theirs")
    with database.transaction(SYSTEM, clock) as tx:
        assert cancel_for_address(tx, shop.pharmacy_id, NUMBER, "They asked for it.") == 1
    assert action(database, made).state is ActionState.SUPPRESSED
    assert action(database, theirs).state is ActionState.QUEUED


def test_the_guard_of_the_owner_matters(database: Database, clock: VirtualClock, made: str) -> None:
    held = claim(database, clock)
    attempt = call(database, clock, held)
    assert attempt is not None
    with database.transaction(SYSTEM, clock) as tx:
        tx.session.connection().execute(update(ACTION).where(ACTION.c.id == made).values(lease_owner="thief"))
    assert not sent(database, clock, held, attempt)


@pytest.mark.parametrize("state", [ActionState.SUPERSEDED, ActionState.DELIVERED, ActionState.IN_DOUBT])
def test_the_guard_of_the_state_matters(
    state: ActionState, database: Database, clock: VirtualClock, made: str
) -> None:
    held = claim(database, clock)
    attempt = call(database, clock, held)
    assert attempt is not None
    with database.transaction(SYSTEM, clock) as tx:  # owner and attempts still fit
        tx.session.connection().execute(update(ACTION).where(ACTION.c.id == made).values(state=state))
    assert not sent(database, clock, held, attempt)
    assert action(database, made).state is state
