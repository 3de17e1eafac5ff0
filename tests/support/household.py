"""Ready batches of people at one number: made ready, changed, told of, and answered."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Channel, CycleState
from medsync_app.services.handle_inbound import InboundText, handle_inbound_message
from medsync_app.services.mark_ready import mark_ready
from medsync_app.store.session import Database
from medsync_app.store.tables import Cycle, ScheduledAction
from tests.support.cycles import MadeCycle, make_cycle
from tests.support.loop import FakeConnection, all_actions, queue_message, run_tick
from tests.support.store import NUMBER, SYSTEM, Shop

Sms = dict[Channel, FakeConnection]
#: The sync date of everybody here: tomorrow.
TOMORROW = date(2026, 11, 24)


def prepared(database: Database, shop: Shop, person: str, **more: Any) -> MadeCycle:
    values = {"sync_date": TOMORROW, "state": CycleState.PREPARING, "number": 2, **more}
    return make_cycle(database, shop, person, **values)


def ready(
    database: Database, clock: VirtualClock, made: MadeCycle, items: Sequence[str] | None = None
) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        mark_ready(tx, made.cycle_id, expected_version=tx.get(Cycle, made.cycle_id).version, items=items)


def change(database: Database, clock: VirtualClock, kind: Any, row_id: str, **values: object) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        for name, value in values.items():
            setattr(tx.get(kind, row_id), name, value)


def notices(database: Database) -> Mapping[str, ScheduledAction]:
    """The newest ready notice of each patient."""
    return {
        str(one.patient_id): one for one in all_actions(database) if one.step in ("ready", "partly_ready")
    }


def pass_time(database: Database, clock: VirtualClock, out: Sms, minutes: int) -> None:
    for _ in range(minutes):
        run_tick(database, clock, out)
        clock.advance(timedelta(minutes=1))
    run_tick(database, clock, out)


def receive(database: Database, clock: VirtualClock, body: str) -> str:
    text = InboundText("twilio", f"SM-{body}-{clock.now()}", NUMBER, body, clock.now())
    with database.transaction(SYSTEM, clock) as tx:
        return handle_inbound_message(tx, text)


def remind(
    database: Database, shop: Shop, clock: VirtualClock, made: MadeCycle, wording: str, day: date, **more: Any
) -> str:
    """Queue a reminder of a batch for today; gives its id."""
    payload = {"sync_date": str(day), "action": {"do": "message", "template": wording}}
    return queue_message(
        database, shop, clock, made.patient_id, f"{wording} {made.cycle_id}", step=wording,
        cycle_id=made.cycle_id, payload=payload, local_date=clock.now().date(), **more,
    )  # fmt: skip
