"""Lives the demo's days: every export, enrollment, message and pickup goes through what the real ones go through."""

from datetime import date, timedelta

from medsync_app.demo import counter, desk, phones, prescribers
from medsync_app.demo.courses import live_until, write_export
from medsync_app.demo.events import special_events
from medsync_app.demo.world import Line, Location, World, all_charts, days_left
from medsync_app.domain.states import Channel
from medsync_app.engine.deliver import LOOP
from medsync_app.engine.loop import Limits, tick
from medsync_app.outbox.claim import oldest_due
from medsync_app.services.import_dispensing import SCOPE, run_import
from medsync_app.services.start_import import start_import
from medsync_app.store.repositories import day_work

_SUNDAY = 6
#: The daily look for problems runs on the demo's last days only: what it finds before is found again then.
_LOOK_DAYS = 2
#: Exports come daily at last and every other day before, which halves the time that imports take.
_DAILY_DAYS = 5
_LIMITS = Limits(batch=32, batches=50, seconds=3_600)


def live(world: World, first: date) -> None:
    """Live every day from `first` until the day before the demo's today."""
    for location, chart in all_charts(world.locations):
        location.know(chart)
        location.unexported.extend((chart, course, done) for course in chart.courses for done in course.fills)
    world.go_to(first, 7)
    for location in world.locations:
        import_export(world, location, first)
    day = first
    while day < world.today:
        _live_day(world, day)
        day += timedelta(days=1)


def _live_day(world: World, day: date) -> None:
    is_open = day.weekday() != _SUNDAY
    world.go_to(day, 9, 5)
    morning = world.clock.now()
    if is_open:
        for location in world.locations:
            counter.approve_waiting(world, location, day)
            counter.enroll_due(world, location, day)
    run_loop(world, day)
    world.go_to(day, 10, 5)
    run_loop(world, day)
    if is_open:
        world.go_to(day, 12)
        for location in world.locations:
            prescribers.answer_renewals(world, location, day)
            desk.work_tasks(world, location, day)
            counter.prepare_due(world, location, day)
        run_loop(world, day)
    world.go_to(day, 15)
    phones.receive(world, morning)
    special_events(world, day)
    run_loop(world, day)
    if is_open:
        world.go_to(day, 17)
        for location in world.locations:
            counter.hand_over(world, location, day)
            desk.work_tasks(world, location, day)
    world.go_to(day, 18, 30)
    for location in world.locations:
        _others_fill(world, location, day)
        left = days_left(world, day)
        if left <= _DAILY_DAYS or left % 2 == 0:
            import_export(world, location, day)
    run_loop(world, day)


def run_loop(world: World, day: date) -> None:
    """Do what is due by now, as the background loop does."""
    look = days_left(world, day) <= _LOOK_DAYS
    with world.database.reading(LOOP, world.clock) as tx:
        oldest = oldest_due(tx)
    if not look and (oldest is None or oldest > world.clock.now()):
        return
    ways = {Channel.SMS: world.connection, Channel.EMAIL: world.connection}
    tick(world.database, world.clock, {**ways}, "demo", _LIMITS, plan=look)


def _others_fill(world: World, location: Location, day: date) -> None:
    """Those who do not take part (yet) go on as they always did."""
    for number, chart in location.charts.items():
        on = location.enrolls.get(number)
        if on is not None and on <= day:
            continue
        for course in chart.courses:
            for done in live_until(world.random, chart, course, day + timedelta(days=1), world.numbers):
                location.unexported.append((chart, course, done))
        location.know(chart)


def import_export(world: World, location: Location, day: date) -> None:
    """The pharmacy system writes its export of the day, and MedSync imports it."""
    lines: list[Line] = [*location.unexported, *location.on_hold.values()]
    if not lines:
        return
    location.unexported = []
    location.on_hold.clear()
    path = world.folder / f"{location.id}-{day.isoformat()}.csv"
    write_export(path, lines)
    with world.database.transaction(SCOPE, world.clock) as tx:
        run_id = start_import(
            tx, location.id, path, file_name=f"dispensing-{day.isoformat()}.csv", at_once=True
        )
    run_import(world.database, world.clock, run_id)
    path.unlink()
    with world.database.reading(SCOPE, world.clock) as tx:
        location.patients = day_work.patients_by_number(tx, location.id)
