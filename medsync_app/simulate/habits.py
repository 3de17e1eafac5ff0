"""What simulated people do: one model for the year with the programme and the year without it.

Every number here is a house assumption (docs/simulation.md). Each draw is named by seed, person, drug and how
many fills there were, so that the same person meets the same luck in both years, in whatever order things happen.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from medsync_app.demo.courses import Chart, Course, Dispensed, RxNumbers

#: A person who was told of the batch comes this much sooner than by themselves (whole days, rounded down).
SOONER = 4
#: A message or call counts as heard for so many days.
HEARD_DAYS = 8
#: Of a hundred batches, so many are never fetched, by who was told and who was not.
NEVER_TOLD, NEVER_UNTOLD = 1.5, 4.0
_NEVER = 60
_RX_DAYS = 364
_SUNDAY = 6


@dataclass(slots=True)
class Habits:
    """Draws what people do, and remembers the day each next fill falls on."""

    seed: str
    _next: dict[tuple[str, str], tuple[int, date]] = field(
        default_factory=lambda: dict[tuple[str, str], tuple[int, date]]()
    )

    def draw(self, *about: object) -> Random:
        """The luck of one decision: always the same for the same words."""
        return Random(f"{self.seed}:{':'.join(map(str, about))}")

    def next_fill(self, chart: Chart, course: Course) -> date:
        """The day this person fills this drug next when nobody reminds them; a Monday rather than a Sunday."""
        who, count = (chart.person.external_id, course.drug.name), len(course.fills)
        known = self._next.get(who)
        if known is not None and known[0] == count:
            return known[1]
        late = self.draw(*who, count).randint(*chart.late)
        day = course.runs_out + timedelta(days=late)
        if course.fills:
            day = max(day, course.fills[-1].filled_on + timedelta(days=course.days - course.days // 5))
        if day.weekday() == _SUNDAY:
            day += timedelta(days=1)
        self._next[who] = (count, day)
        return day

    def fill_by_habit(self, chart: Chart, course: Course, day: date, numbers: RxNumbers) -> Dispensed | None:
        """The fill of that day when it is the day; a prescription that ended is renewed as ever."""
        if self.next_fill(chart, course) > day:
            return None
        if course.refills_left == 0 or (day - course.written_on).days > _RX_DAYS:
            course.renew(numbers.take(), day)
        return course.fill(day, day, course.days)

    def fetches_on(self, chart: Chart, sync_date: date, heard: date | None) -> date:
        """The day this person fetches a batch: by habit, sooner when they were told of it; 60 days on: never."""
        luck = self.draw(chart.person.external_id, "fetch", sync_date)
        told = heard is not None and sync_date - heard <= timedelta(days=HEARD_DAYS)
        late = max(0, luck.randint(*chart.late))
        if luck.random() * 100 < (NEVER_TOLD if told else NEVER_UNTOLD):
            late = _NEVER
        elif told:
            late //= SOONER
        return sync_date + timedelta(days=late)


def days_without(course: Course, start: date, end: date) -> int:
    """Days in start..end (both counted) on which this person had none of the drug, by what was really fetched."""
    fills = sorted(
        (f for f in course.fills if f.sold_on and not f.status), key=lambda f: f.sold_on or date.min
    )
    covered_until = date.min
    gap, at = 0, start
    for fill in fills:
        begins = max(fill.sold_on or date.min, covered_until)
        if begins > at:
            gap += (min(begins, end + timedelta(days=1)) - at).days
        covered_until = begins + timedelta(days=fill.days)
        at = max(at, covered_until)
        if at > end:
            return gap
    return gap + (end - at).days + 1
