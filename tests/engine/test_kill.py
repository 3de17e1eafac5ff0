"""The loop is killed at any moment; a provider of its own counts what it accepted (docs/reliability.md)."""

import random
import signal
import time

import pytest
from sqlalchemy import select

from medsync_app.domain.states import ActionState, Channel, ExceptionKind
from medsync_app.store.session import Database
from medsync_app.store.tables import Attempt, ScheduledAction
from tests.support.faults import (
    BACK,
    STEP,
    accepted,
    arrived,
    doubted,
    figures,
    fill,
    loop,
    provider,
    run_a_while,
    settle_all,
    sized,
    states,
    wait_until,
    wait_until_accepted,
    wait_until_sent,
)
from tests.support.loop import exceptions
from tests.support.store import SYSTEM, make_shop

pytestmark = pytest.mark.slow
#: So many calls a loop of these tests makes at once.
IN_FLIGHT = 8


@pytest.mark.both_databases
def test_killed_at_random_moments_nothing_is_lost_and_nothing_sent_twice(database: Database) -> None:
    big = (10_000, 200) if database.is_sqlite else (3_000, 60)
    count, kills = sized(250, big[0]), sized(8, big[1])
    chance, offset = random.Random(7), BACK
    fill(database, make_shop(database), count)
    with provider(0.01) as url:
        for _ in range(kills):
            before = arrived(url)
            with loop(database, url, offset) as process:
                wait_until(lambda before=before: arrived(url) > before)  # it is in the midst of its work
                time.sleep(chance.uniform(0, 0.2))
                process.kill()
            offset += STEP
        killed_with = states(database)
        assert killed_with[ActionState.SENT] < count, "the kills came too late to prove anything"
        settle_all(database, url, offset, count, 30 + count / 10)
        taken = accepted(url)
    figures(
        1, due=count, kills=kills, sqlite=database.is_sqlite, accepted=len(taken), doubted=doubted(database)
    )
    assert len(taken) == count
    assert max(taken.values()) == 1
    assert 0 < doubted(database) <= IN_FLIGHT * kills


@pytest.mark.parametrize(
    ("point", "state", "calls"),
    [
        ("claimed", ActionState.CLAIMED, 0),
        ("calling", ActionState.CALLING, 0),
        ("requested", ActionState.CALLING, 1),
        ("answered", ActionState.CALLING, 1),
    ],
)
def test_killed_at_each_step_the_message_still_goes_out_once(
    database: Database, point: str, state: ActionState, calls: int
) -> None:
    fill(database, make_shop(database), 1)
    with provider(2.0 if point == "requested" else 0.0) as url:
        with loop(database, url, BACK, point) as process:
            process.wait(20)
        assert states(database) == {state: 1}
        if point == "requested":
            wait_until_accepted(url, 1)  # the provider takes what has arrived, whoever has died
        for index in range(1, 4):
            run_a_while(database, url, BACK + index * STEP)
            if point != "claimed":
                # An accepted message is found at the first look; one that was not is sent after the second.
                seen = states(database)
                expected = ActionState.SENT if calls or index >= 2 else ActionState.IN_DOUBT
                assert seen == {expected: 1}
        assert states(database) == {ActionState.SENT: 1}
        assert max(accepted(url).values()) == 1
    with database.reading(SYSTEM) as tx:
        provider_ids = [a.provider_id for a in tx.session.scalars(select(Attempt)) if a.outcome == "sent"]
        assert len(provider_ids) == 1
        assert provider_ids[0] is not None


@pytest.mark.parametrize("point", ["calling", "answered"])
def test_a_call_that_was_being_made_is_found_in_the_list_of_calls(database: Database, point: str) -> None:
    fill(database, make_shop(database), 1, Channel.VOICE)
    with provider() as url:
        with loop(database, url, BACK, point, channel=Channel.VOICE) as process:
            process.wait(20)
        assert states(database) == {ActionState.CALLING: 1}
        for index in range(1, 3):
            run_a_while(database, url, BACK + index * STEP, Channel.VOICE)
        assert states(database) == {ActionState.SENT: 1}
        assert sum(accepted(url).values()) == 1


@pytest.mark.parametrize(("point", "went"), [("calling", 0), ("answered", 1)])
def test_what_cannot_be_looked_up_is_a_persons_and_never_sent_again(
    database: Database, point: str, went: int
) -> None:
    fill(database, make_shop(database), 1, Channel.EMAIL)
    with provider() as url:
        with loop(database, url, BACK, point, channel=Channel.EMAIL) as process:
            process.wait(20)
        for index in range(1, 4):
            run_a_while(database, url, BACK + index * STEP, Channel.EMAIL)
        assert states(database) == {ActionState.IN_DOUBT: 1}
        assert len(exceptions(database, ExceptionKind.SEND_IN_DOUBT)) == 1
        assert sum(accepted(url).values()) == went


def test_sigterm_under_load_ends_in_ten_seconds_with_nothing_in_doubt(database: Database) -> None:
    count = 120
    fill(database, make_shop(database), count)
    with provider(0.05) as url:
        with loop(database, url, BACK) as process:
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        left = states(database)
        assert set(left) <= {ActionState.SENT, ActionState.QUEUED}
        assert left[ActionState.QUEUED], "it ended by having done everything"
        with loop(database, url, BACK):
            wait_until_sent(database, count)
        assert max(accepted(url).values()) == 1


def test_two_loops_side_by_side_send_each_message_once(database: Database) -> None:
    count = 120
    fill(database, make_shop(database), count)
    with provider(0.01) as url, loop(database, url, BACK), loop(database, url, BACK):
        wait_until_sent(database, count)
        taken = accepted(url)
    assert len(taken) == count
    assert max(taken.values()) == 1


def test_a_loop_stopped_longer_than_its_lease_changes_nothing_when_it_wakes(database: Database) -> None:
    fill(database, make_shop(database), 1)
    with provider(1.5) as url:
        with loop(database, url, BACK) as sleeper:
            ends = time.monotonic() + 10
            while states(database)[ActionState.CALLING] == 0:
                assert time.monotonic() < ends
                time.sleep(0.02)
            wait_until(lambda: arrived(url) == 1)  # the request is under way, the provider thinks
            sleeper.send_signal(signal.SIGSTOP)
            wait_until_accepted(url, 1)
            with loop(
                database, url, BACK + STEP
            ) as rescuer:  # the lease of the sleeper has run out for this one
                wait_until_sent(database, 1)
                rescuer.send_signal(signal.SIGTERM)
                rescuer.wait(10)
            with database.reading(SYSTEM) as tx:
                before = tx.session.scalars(
                    select(ScheduledAction).where(ScheduledAction.kind == "message")
                ).one()
            sleeper.send_signal(signal.SIGCONT)
            time.sleep(2.0)
        with database.reading(SYSTEM) as tx:
            after = tx.session.scalars(select(ScheduledAction).where(ScheduledAction.kind == "message")).one()
        assert after == before
        assert sum(accepted(url).values()) == 1
