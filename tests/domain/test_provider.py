"""The pace, the pause and the circuit breaker of a provider, as all loops share them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from medsync_app.domain.provider import (
    CATCH_UP,
    GO,
    USUAL,
    Heard,
    Pace,
    Place,
    Provider,
    Turn,
    give_turns,
    learn,
    place_of,
)

NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
FAST = Pace(1000)
ANSWERED, SILENT = Heard(answered=True), Heard(answered=False)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


class Watched:
    """What is known of a provider, from one look to the next."""

    def __init__(self, pace: Pace = FAST) -> None:
        self.known, self.pace = Provider(), pace

    def turn(self, seconds: float, *, waited: bool = False) -> Turn:
        place = Place.IN_LINE if waited else Place.NEW
        self.known, (turn,) = give_turns(self.known, self.pace, [place], after(seconds))
        return turn

    def hear(self, seconds: float, *heard: Heard) -> None:
        self.known = learn(self.known, USUAL, heard, after(seconds))


def down() -> Watched:
    one = Watched()
    one.hear(0, *[SILENT] * USUAL.failures)
    return one


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.5, 50, allow_nan=False),
    st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=80),
    st.lists(st.floats(0, 0.3, allow_nan=False), min_size=1, max_size=9),
    st.integers(1, 64),
)
def test_no_stretch_of_time_has_more_turns_than_the_pace_and_everything_gets_its_own(
    per_second: float, arrivals: list[float], late: list[float], batch: int
) -> None:
    pace, known = Pace(per_second), Provider()
    waiting = {number: (after(at), "") for number, at in enumerate(arrivals)}
    went: list[datetime] = []
    looks = ticks = 0
    while waiting:
        now = min(at for at, _ in waiting.values()) + timedelta(seconds=late[ticks % len(late)])
        due = sorted((at, one) for one, (at, _) in waiting.items() if at <= now)[:batch]
        places = [place_of(waiting[one][1], urgent=False) for _, one in due]
        known, turns = give_turns(known, pace, places, now)
        looks, ticks = looks + len(due), ticks + 1
        for (_, one), turn in zip(due, turns, strict=True):
            if turn.at is None:
                went.append(now)
                del waiting[one]
            else:
                assert turn.at > now
                waiting[one] = turn.at, turn.reason
    for index, start in enumerate(went):
        for length in (1.0, 5.0, 30.0):
            end = start + timedelta(seconds=length)
            inside = sum(start <= one < end for one in went[index:])
            assert inside <= per_second * (length + CATCH_UP.total_seconds()) + pace.burst + 1e-6
    assert looks <= 8 * len(arrivals)  # nobody is sent round and round
    slowest = 1 / per_second + max(late)
    assert went[-1] <= after(max(arrivals) + (len(arrivals) + 1) * slowest + 1)


def test_who_comes_a_little_early_keeps_its_place_in_the_line() -> None:
    one = Watched(Pace(1))
    assert one.turn(0) == GO
    assert [one.turn(0).at, one.turn(0).at, one.turn(0).at] == [after(1), after(2), after(3)]
    assert one.turn(1.7, waited=True) == GO  # the loop came later than is made up for
    assert one.turn(2.0, waited=True) == Turn(
        after(2.2), "Waits a little longer than its turn: the provider takes so many messages a second."
    )
    assert one.turn(2.2, waited=True) == GO
    assert one.turn(2.2).at == after(4)  # who is new queues behind all of them


def _line(count: int, pace: Pace, *, stall: float, urgent_at: float, every: float = 0.03) -> dict[int, float]:
    """When each of a backlog goes, and number -1, an answer that somebody waits for; the program stands still once."""
    known, went = Provider(), dict[int, float]()
    waiting = dict.fromkeys(range(count), (0.0, ""))
    now = 0.0
    while waiting or -1 not in went:
        if -1 not in went and now >= urgent_at:
            waiting.setdefault(-1, (urgent_at, ""))
        due = [one for one, (at, _) in waiting.items() if at <= now]
        # As the outbox does it: who is urgent or has a slot first, in the order in which they were due.
        due.sort(key=lambda one: (one != -1 and not waiting[one][1], one))
        places = [place_of(waiting[one][1], urgent=one == -1) for one in due[:64]]
        known, turns = give_turns(known, pace, places, after(now))
        for one, turn in zip(due, turns, strict=False):
            if turn.at is None:
                went[one] = now
                del waiting[one]
            else:
                waiting[one] = (turn.at - NOON).total_seconds(), turn.reason
        now += 3.0 if stall <= now < stall + every else every
    return went


def test_a_backlog_goes_in_the_order_it_was_due_and_at_the_pace_also_after_the_program_stood_still() -> None:
    went = _line(600, Pace(40), stall=4.0, urgent_at=9.0)
    reminders = [one for one in sorted(went, key=lambda one: (went[one], one)) if one >= 0]
    misplaced = max(abs(place - one) for place, one in enumerate(reminders))
    assert misplaced <= 8, "two bursts"
    assert went[0] == 0
    assert max(went.values()) < 600 / 40 + 3 + 1  # what the stand-still cost, and no more


def test_a_program_that_looks_too_seldom_for_the_pace_keeps_the_order_all_the_same() -> None:
    went = _line(300, Pace(40), stall=4.0, urgent_at=9.0, every=0.25)
    reminders = [one for one in sorted(went, key=lambda one: (went[one], one)) if one >= 0]
    assert reminders == sorted(reminders)


def test_a_program_that_looks_four_times_a_second_loses_no_turn_while_a_line_waits() -> None:
    went = _line(400, Pace(40), stall=1e9, urgent_at=5.0, every=0.25)
    assert 400 / 40 - 1 < max(went.values()) < 400 / 40 + 0.6
    at = sorted(went.values())
    assert max(sum(start <= one < start + 1 for one in at) for start in at) <= 40 * 1.5 + Pace(40).burst


def test_what_nobody_waited_for_is_not_made_up_for() -> None:
    known, turns = give_turns(Provider(), Pace(40), [Place.NEW] * 40, NOON)
    assert turns.count(GO) == Pace(40).burst
    known, turns = give_turns(known, Pace(40), [Place.NEW] * 40, after(60))
    assert turns.count(GO) == Pace(40).burst
    known = learn(known, USUAL, [Heard(answered=True, retry_after=10)], after(60.1))
    known, turns = give_turns(known, Pace(40), [Place.NEW] * 40, after(61))
    _, turns = give_turns(known, Pace(40), [Place.URGENT] * 40, after(70.2))
    assert turns.count(GO) == 0.1 * 40 + Pace(40).burst, "what the pause kept is lost"


def test_an_answer_that_somebody_waits_for_goes_at_the_next_turn_there_is() -> None:
    for stall in (1e9, 4.0):
        went = _line(600, Pace(40), stall=stall, urgent_at=9.0)
        assert went[-1] - 9.0 < 0.3


def test_five_failures_in_a_row_open_the_circuit_and_no_message_is_called_then() -> None:
    one = down()
    turn = one.turn(1)
    assert one.known.is_down
    assert turn.at is not None
    assert turn.at > after(30)
    assert "cannot be reached" in turn.reason


def test_four_failures_and_an_answer_count_for_nothing() -> None:
    one = Watched()
    one.hear(0, SILENT, SILENT, SILENT, SILENT, ANSWERED, SILENT)
    assert not one.known.is_down
    assert one.known.failures == 1


def test_after_a_while_one_message_probes_and_an_answer_closes_it() -> None:
    one = down()
    one.known, turns = give_turns(one.known, FAST, [Place.IN_LINE] * 2, after(31))
    assert turns[0] == GO
    assert turns[1].at is not None  # one at a time
    one.hear(32, ANSWERED)
    assert one.turn(40) == GO


def test_a_failed_probe_keeps_it_open_for_longer_and_longer_up_to_five_minutes() -> None:
    one = down()
    now, waits = 0.0, list[float]()
    for _ in range(6):
        turn = one.turn(now)
        assert turn.at is not None
        waits.append(round((turn.at - after(now)).total_seconds()))
        now += waits[-1]
        assert one.turn(now + 0.01) == GO
        one.hear(now, SILENT)
    assert waits == [30, 60, 120, 240, 300, 300]


def test_a_probe_that_was_never_called_makes_room_for_another() -> None:
    one = down()
    assert one.turn(31) == GO
    assert one.turn(60).at is not None
    assert one.turn(92) == GO


def test_when_the_provider_asks_to_wait_everything_to_it_waits_a_minute_at_most() -> None:
    one = Watched()
    one.hear(0, Heard(answered=True, retry_after=10))
    turn = one.turn(1)
    assert turn.at is not None
    assert after(10) < turn.at < after(11)
    one.hear(2, Heard(answered=True, retry_after=3600))
    assert one.known.paused_until == after(62)


def test_what_a_clock_wrote_that_was_set_back_since_holds_nobody_up() -> None:
    one = Watched(Pace(1))
    for _ in range(3):
        one.turn(86_400)
    assert one.turn(0) == GO
    broken = down()
    broken.hear(86_400, SILENT)
    assert broken.turn(1) == GO  # a probe: nobody has answered yet
    assert broken.known.is_down
    assert broken.turn(1).at is not None
