"""The days of a simulated location: what happens when, through what the screens, the loop and the routes call."""

from dataclasses import dataclass, field
from datetime import date, time, timedelta
from random import Random

from medsync_app.demo import counter, desk, prescribers
from medsync_app.demo.courses import Chart
from medsync_app.demo.days import import_export
from medsync_app.demo.world import Location, World
from medsync_app.simulate.faults import Faults
from medsync_app.simulate.habits import Habits
from medsync_app.simulate.loop import run_tick, run_until
from medsync_app.simulate.provider import SimulatedProvider
from medsync_app.store.repositories import day_work
from medsync_app.store.repositories.day_work import Batch

_SUNDAY = 6
_FAR = timedelta(days=400)


@dataclass(slots=True)
class Life:
    """A simulated location with its phone company and its people's habits."""

    world: World
    provider: SimulatedProvider
    habits: Habits

    faults: Faults = field(default_factory=Faults)
    luck: Random = field(default_factory=Random)

    def happens(self, percent: float) -> bool:
        """Whether something of that chance goes wrong now."""
        return percent > 0 and self.luck.random() * 100 < percent

    @property
    def location(self) -> Location:
        return self.world.locations[0]


def begin(life: Life, first: date) -> None:
    """The evening before: the whole history comes in with the first export."""
    location = life.location
    for chart in location.charts.values():
        location.know(chart)
        location.unexported.extend((chart, course, done) for course in chart.courses for done in course.fills)
    import_export(life.world, location, first)


def live_day(life: Life, day: date) -> None:
    """One day, from the morning's check to the evening's export."""
    world, provider, location = life.world, life.provider, life.location
    run_until(world, provider, day, time(6))
    run_tick(world, provider, plan=True)
    if day.weekday() != _SUNDAY:
        run_until(world, provider, day, time(9, 5))
        counter.approve_waiting(world, location, day)
        counter.enroll_due(world, location, day)
        run_until(world, provider, day, time(12))
        if not life.happens(life.faults.silent):
            prescribers.answer_renewals(world, location, day)
        desk.work_tasks(world, location, day)
        counter.prepare_due(world, location, day)
        run_until(world, provider, day, time(17))
        counter.hand_over(world, location, day, lambda _, batch: _comes_on(life, batch))
        desk.work_tasks(world, location, day)
    run_until(world, provider, day, time(18, 30))
    _fill_by_habit(life, day)
    if not life.happens(life.faults.no_file):
        import_export(world, location, day)


def _comes_on(life: Life, batch: Batch) -> date:
    chart = life.location.charts[batch.patient]
    return life.habits.fetches_on(chart, batch.sync_date, life.location.heard.get(batch.patient))


def _fill_by_habit(life: Life, day: date) -> None:
    """Drugs that are in no batch are fetched as ever: of those who do not take part, and of those left out."""
    location = life.location
    if day.weekday() == _SUNDAY:
        return
    batched = _batched(life, day)
    for chart in location.charts.values():
        for course in chart.courses:
            if id(course) in batched:
                continue
            done = life.habits.fill_by_habit(chart, course, day, life.world.numbers)
            if done is not None:
                location.unexported.append((chart, course, done))
                location.courses[course.rx_number] = course


def _batched(life: Life, day: date) -> set[int]:
    """The courses that are in an open batch."""
    location = life.location
    with life.world.database.reading(location.crew.technician, life.world.clock) as tx:
        numbers = day_work.batched_rx_numbers(tx, location.id, day + _FAR)
    return {id(location.courses[number]) for number in numbers}


def live_without(habits: Habits, charts: dict[str, Chart], first: date, days: int, world: World) -> None:
    """The same people over the same days with nobody to remind them."""
    for back in range(days):
        day = first + timedelta(days=back)
        if day.weekday() == _SUNDAY:
            continue
        for chart in charts.values():
            for course in chart.courses:
                habits.fill_by_habit(chart, course, day, world.numbers)
