"""Counts what a simulated location did: the provider's own count against the outbox, and the people's days."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from medsync_app.clock import local_day
from medsync_app.demo.courses import Chart
from medsync_app.demo.places import ZONE
from medsync_app.domain.causes import Cause
from medsync_app.domain.cycle import ENDED
from medsync_app.domain.local_time import in_window
from medsync_app.domain.states import ActionState, CycleState
from medsync_app.reads import simulated
from medsync_app.reads.programme import compared
from medsync_app.simulate.days import Life
from medsync_app.simulate.habits import days_without
from medsync_app.simulate.provider import Taken
from medsync_app.store.scope import Scope
from medsync_app.store.session import Tx

#: The window of the contact rules as the simulated pharmacy has it.
_OPENS, _CLOSES = time(9), time(20)
#: An answer to a patient's own message may go at any hour, for so long after it.
_ANSWERS_WITHIN = timedelta(hours=2)
#: A due message that nothing has happened to for so long is lost.
_GRACE = timedelta(hours=2)
_WENT = frozenset({ActionState.SENT, ActionState.DELIVERED, ActionState.UNDELIVERED})
_UNDER_WAY = frozenset({ActionState.QUEUED, ActionState.CLAIMED, ActionState.CALLING})
_SILENT = "Too late to be of use: skipped."
_CALLED_OFF = frozenset({CycleState.CANCELLED, CycleState.PROPOSED})
SCOPE = Scope.system("simulate")


@dataclass(slots=True)
class Counted:
    """Sums of one location; those of several are added."""

    sent: int = 0
    sent_twice: int = 0
    lost: int = 0
    outside_window: int = 0
    by_step: Counter[str] = field(default_factory=lambda: Counter[str]())
    exceptions: Counter[str] = field(default_factory=lambda: Counter[str]())
    exceptions_closed: int = 0
    done: Counter[str] = field(default_factory=lambda: Counter[str]())
    by_hand: Counter[str] = field(default_factory=lambda: Counter[str]())
    #: The same from the day on when everybody is in step: no enrollment, no first short fills.
    steady_done: Counter[str] = field(default_factory=lambda: Counter[str]())
    steady_by_hand: Counter[str] = field(default_factory=lambda: Counter[str]())
    cycles: Counter[str] = field(default_factory=lambda: Counter[str]())
    gap_with: int = 0
    gap_without: int = 0
    drugs: int = 0
    #: Weighed by how many patients each location's mean stands for.
    pdc_before: float = 0.0
    pdc_after: float = 0.0
    pdc_patients: int = 0

    def add(self, other: "Counted") -> None:
        """Take another location's sums along."""
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, Counter):
                value.update(getattr(other, name))
            else:
                setattr(self, name, value + getattr(other, name))


def count_messages(tx: Tx, life: Life, found: Counted) -> None:
    """What the provider took against what the outbox says."""
    rows = {row.id: row for row in simulated.messages(tx)}
    of_attempt = simulated.attempts(tx)
    to_staff = simulated.notices(tx)
    all_taken = [one for one in life.provider.taken if of_attempt.get(one.attempt_id) not in to_staff]
    found.sent = len(all_taken)
    taken = Counter(of_attempt.get(one.attempt_id, "") for one in all_taken)
    # What the outbox does not know of cannot have been wanted: as bad as a second one.
    found.sent_twice = sum(count - 1 for key, count in taken.items() if key) + taken.get("", 0)
    found.sent_twice += _said_twice(life, all_taken)
    found.outside_window = sum(not _allowed(life, one.to, one.at) for one in all_taken)
    found.by_step.update(rows[key].step for key in taken.elements() if key in rows)
    listed = simulated.exceptions(tx).open_causes
    found.lost = sum(_is_lost(row, taken, listed, tx.now) for row in rows.values())
    today = local_day(tx.now, ZONE)
    found.lost += sum(
        not one.reminded
        for one in simulated.pickups(tx)
        if one.sync_date < today and one.state not in _CALLED_OFF
    )


def _said_twice(life: Life, all_taken: Sequence[Taken]) -> int:
    """The same words to the same address on one day, unless the first were reported as not delivered."""
    provider, twice = life.provider, 0
    said: set[tuple[str, str, date]] = set()
    for one in all_taken:
        key = (one.to, one.body, local_day(one.at, ZONE))
        twice += key in said and not _asked(life, one.to, one.at)
        if one.attempt_id not in provider.undelivered:
            said.add(key)
    return twice


def _allowed(life: Life, to: str, at: datetime) -> bool:
    return in_window(at, ZONE, _OPENS, _CLOSES) or _asked(life, to, at)


def _asked(life: Life, to: str, at: datetime) -> bool:
    """Whether the person at a number has just written."""
    return any(timedelta(0) <= at - wrote <= _ANSWERS_WITHIN for wrote in life.provider.wrote.get(to, ()))


def _is_lost(row: simulated.Message, taken: Mapping[str, int], listed: frozenset[str], now: datetime) -> bool:
    """Due, allowed, never accepted and not listed."""
    if taken.get(row.id):
        return False
    if row.state in _WENT:
        return True  # the outbox says that it went, and nobody took it
    if row.state in _UNDER_WAY:
        return row.due_at < now - _GRACE
    if row.state is ActionState.IN_DOUBT:
        return Cause.DOUBT.of(row.id) not in listed and row.due_at < now - _GRACE
    return row.state is ActionState.SKIPPED and row.reason == _SILENT


def count_outcome(tx: Tx, found: Counted, last: date) -> None:
    """Exceptions, cycles, and the programme's own figures."""
    problems = simulated.exceptions(tx)
    found.exceptions.update(problems.opened)
    found.exceptions_closed = problems.closed
    due = [
        one
        for one in simulated.pickups(tx)
        if one.kind == "sync" and one.sync_date <= last and one.state not in _CALLED_OFF
    ]
    over = [one for one in due if one.state in ENDED]
    cycles = found.cycles
    cycles["enrolled"] = simulated.enrolled(tx)
    cycles["due"] = len(due)
    cycles["picked_up"] = sum(one.picked_up_on is not None for one in due)
    cycles["on_the_day"] = sum(one.picked_up_on == one.sync_date for one in due)
    cycles["late"] = sum(one.picked_up_on is not None and one.picked_up_on > one.sync_date for one in due)
    cycles["missed"] = sum(one.picked_up_on is None for one in over)
    ours = compared(tx, last)
    if ours.before is not None and ours.after is not None:
        found.pdc_patients = ours.patients
        found.pdc_before, found.pdc_after = ours.before * ours.patients, ours.after * ours.patients


def count_days(
    life: Life, without: Mapping[str, Chart], first: Mapping[str, date], last: date, found: Counted
) -> None:
    """Days without supply of every drug that is taken each day, from the day its person enrolled on."""
    for number, chart in life.location.charts.items():
        for course, alone in zip(chart.courses, without[number].courses, strict=True):
            if course.drug.as_needed:
                continue
            found.drugs += 1
            found.gap_with += days_without(course, first[number], last)
            found.gap_without += days_without(alone, first[number], last)
