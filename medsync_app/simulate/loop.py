"""Moves the virtual clock from one due time to the next, with a tick of the real loop at each."""

from datetime import UTC, date, datetime, time, timedelta

from medsync_app.connections.protocol import Connections
from medsync_app.demo.places import ZONE
from medsync_app.demo.world import World
from medsync_app.domain.local_time import to_instant
from medsync_app.domain.states import Channel
from medsync_app.engine.deliver import LOOP
from medsync_app.engine.loop import Limits, tick
from medsync_app.outbox.outlook import outlook
from medsync_app.services.keep_event import keep_event
from medsync_app.simulate.faults import LoopKilled, MortalDatabase
from medsync_app.simulate.provider import SimulatedProvider

#: News and due times of so many minutes are taken together: a tick each would only take time.
_STEP = timedelta(minutes=10)
_LIMITS = Limits(batch=50, batches=40, in_order=True)
#: A dead loop is replaced when its leases have run out.
_RESTART = timedelta(seconds=90)
_ZERO = datetime(2000, 1, 1, tzinfo=UTC)


def run_until(world: World, provider: SimulatedProvider, day: date, at: time) -> None:
    """Live until a local time: whatever is due or comes in before it is done at its time."""
    end = to_instant(day, at, ZONE)
    while True:
        moment = _next(world, provider)
        if moment is None or moment > end:
            break
        world.clock.set(moment)
        run_tick(world, provider)
    world.clock.set(end)


def run_tick(world: World, provider: SimulatedProvider, *, plan: bool = False) -> None:
    """Hand in the news that has come, and let the loop tick once."""
    news = provider.come_in()
    if news:
        with world.database.transaction(LOOP, world.clock) as tx:
            for one in news:
                keep_event(tx, one.source, one.external_id, one.payload)
                provider.handed_in(one)
    ways: Connections = {Channel.SMS: provider, Channel.EMAIL: provider}
    killer = world.database.killer if isinstance(world.database, MortalDatabase) else None
    while True:
        owner = f"simulate-{killer.deaths if killer else 0}"
        try:
            if killer is not None:
                killer.begin()
            tick(world.database, world.clock, ways, owner, _LIMITS, plan=plan)
        except LoopKilled:
            world.clock.advance(_RESTART)  # what the dead one held is free by then
        else:
            return
        finally:
            if killer is not None:
                killer.end()


def _next(world: World, provider: SimulatedProvider) -> datetime | None:
    with world.database.reading(LOOP, world.clock) as tx:
        ahead = outlook(tx, apart=timedelta(0))
    # A doubt is looked up again and again until it is settled.
    look = world.clock.now() + _STEP if ahead.look is not None else None
    moments = [moment for moment in (ahead.due, provider.next_news, look) if moment is not None]
    return max(_rounded(min(moments)), world.clock.now() + timedelta(seconds=1)) if moments else None


def _rounded(moment: datetime) -> datetime:
    """The next step of the clock, `moment` itself when it is one."""
    return _ZERO + -((_ZERO - moment) // _STEP) * _STEP
