"""The out-of-the-ordinary: people who stop, pause, move, refuse, or whose phone does not work."""

from collections.abc import Callable
from datetime import date, timedelta

from medsync_app.demo.phones import mobile_of, say
from medsync_app.demo.world import Location, World, days_left
from medsync_app.domain.states import CycleState, EnrollmentState
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.pause import pause
from medsync_app.services.reschedule import preview_move, reschedule
from medsync_app.services.withdraw import withdraw
from medsync_app.store.repositories import day_work
from medsync_app.store.tables import Cycle

#: Days before the demo's today on which each thing happens to somebody at each location.
_EVENTS: dict[int, str] = {
    24: "moves away", 17: "goes to hospital", 15: "stops", 12: "changes the day", 9: "leaves",
    5: "phone is dead", 4: "changes the day", 3: "changes the day", 2: "connection is cut", 1: "refuses",
}  # fmt: skip


def special_events(world: World, day: date) -> None:
    """What happens on that day beside the usual, at each location with enough patients."""
    what = _EVENTS.get(days_left(world, day))
    if what is None:
        return
    for location in world.locations:
        _HAPPENS[what](world, location, day)


def _somebody(world: World, location: Location) -> tuple[str, str, int] | None:
    """Number, enrollment id and version of an active patient; None when there are too few to spare one."""
    with world.database.reading(location.crew.pharmacist, world.clock) as tx:
        rows = [
            (number, row.id, row.version)
            for number, row in day_work.active_enrollments(tx, location.id)
            if number != location.out_of_reach
        ]
    return world.random.choice(rows) if len(rows) > 4 else None


def _end(state: EnrollmentState, reason: str) -> Callable[[World, Location, date], None]:
    def happen(world: World, location: Location, _day: date) -> None:
        found = _somebody(world, location)
        if found is not None:
            with world.database.transaction(location.crew.pharmacist, world.clock) as tx:
                withdraw(tx, found[1], expected_version=found[2], reason=reason, state=state)

    return happen


def _hospital(world: World, location: Location, _day: date) -> None:
    found = _somebody(world, location)
    if found is not None:
        with world.database.transaction(location.crew.pharmacist, world.clock) as tx:
            pause(tx, found[1], expected_version=found[2], reason="hospitalised")


def _writes(body: str) -> Callable[[World, Location, date], None]:
    def happen(world: World, location: Location, day: date) -> None:
        for mobile in _to_be_reminded(world, location, day, days=days_left(world, day) + 2)[:1]:
            say(world, mobile, body)

    return happen


def _phone_dies(world: World, location: Location, day: date) -> None:
    world.connection.dead.update(_to_be_reminded(world, location, day, days=3)[:1])


def _connection_cut(world: World, location: Location, day: date) -> None:
    world.connection.doubtful.update(_to_be_reminded(world, location, day, days=2)[:2])


def _to_be_reminded(world: World, location: Location, day: date, *, days: int) -> list[str]:
    """Mobile numbers that get a message in the next days and that nothing has happened to yet."""
    with world.database.reading(location.crew.pharmacist, world.clock) as tx:
        numbers = day_work.patients_written_to(tx, location.id, world.clock.now() + timedelta(days=days))
    used = world.connection.dead | world.connection.doubtful
    mobiles = [mobile_of(location, number) for number in numbers]
    return [mobile for mobile in mobiles if mobile and mobile not in used]


def _moves(world: World, location: Location, day: date) -> None:
    """A batch of the coming weeks is moved by up to two days, when that breaks no rule."""
    with world.database.reading(location.crew.pharmacist, world.clock) as tx:
        batches = day_work.open_batches(tx, location.id, day + timedelta(days=25))
    coming = [b for b in batches if b.state is CycleState.PLANNED and b.sync_date > day + timedelta(days=4)]
    for batch in world.random.sample(coming, min(3, len(coming))):
        for step in (1, -1, 2, -2):
            if _moved(world, location, batch.id, batch.sync_date + timedelta(days=step)):
                return


def _moved(world: World, location: Location, cycle_id: str, new_date: date) -> bool:
    try:
        with world.database.transaction(location.crew.pharmacist, world.clock) as tx:
            preview = preview_move(tx, cycle_id, new_date)
            if not preview.possible or preview.needs_override:
                return False
            reschedule(tx, cycle_id, new_date, expected_version=tx.get(Cycle, cycle_id).version)
    except (Conflict, Invalid):
        return False
    return True


_HAPPENS: dict[str, Callable[[World, Location, date], None]] = {
    "moves away": _end(EnrollmentState.TRANSFERRED, "Moved to another city."),
    "goes to hospital": _hospital,
    "stops": _writes("STOP"),
    "changes the day": _moves,
    "leaves": _end(EnrollmentState.WITHDRAWN, "Prefers to come when it suits."),
    "refuses": _writes("please stop texting me"),
    "phone is dead": _phone_dies,
    "connection is cut": _connection_cut,
}
