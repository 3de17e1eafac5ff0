"""Works the events that came in: news of deliveries and of the pharmacy system, replies, stops and wrong numbers.

They are kept first, so that no crash loses one.
"""

from collections.abc import Sequence

from medsync_app.clock import Clock
from medsync_app.domain.states import Channel
from medsync_app.engine.deliver import LOOP
from medsync_app.logs import get_logger
from medsync_app.services.handle_call_status import handle_call_status
from medsync_app.services.handle_delivery_status import handle_delivery_status
from medsync_app.services.handle_inbound import InboundText, handle_inbound_message, leave_to_person
from medsync_app.services.keep_event import CALL, KEY, STATUS, STOP, TEXT, WRONG
from medsync_app.services.keep_pharmacy_event import SOURCES
from medsync_app.services.number_stops import carry_over, leave_errand
from medsync_app.services.work_pharmacy_event import work_pharmacy_event
from medsync_app.services.wrong_number import carry_over_wrong
from medsync_app.store.repositories.inbound import pharmacies_of
from medsync_app.store.repositories.messaging import waiting_event_ids
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database, Tx, is_database_error
from medsync_app.store.tables import InboundEvent

MAX_TRIES = 5
PHARMACY_SYSTEM = Scope.system("pharmacy system")


def work_inbox(db: Database, clock: Clock, *, limit: int = 200) -> int:
    """Handle what waits, each event in a transaction of its own; gives how many were."""
    return _work(db, clock, (STATUS, TEXT, CALL, KEY, STOP, WRONG), limit)


def work_pharmacy_events(db: Database, clock: Clock, *, limit: int = 200) -> int:
    """Handle news of pharmacy systems; gives how many were.

    A chore: a thousand fills in the morning must keep neither a STOP nor a reminder waiting.
    """
    return _work(db, clock, SOURCES, limit)


def _work(db: Database, clock: Clock, sources: Sequence[str], limit: int) -> int:
    with db.reading(LOOP, clock) as tx:
        waiting = waiting_event_ids(tx, sources, limit)
        places = pharmacies_of(tx, waiting)
    return sum(_one(db, clock, event_id, _scope_at(places[event_id])) for event_id in waiting)


def _scope_at(pharmacy_id: str | None) -> Scope:
    """News of a pharmacy system acts at its own pharmacy only."""
    return LOOP if pharmacy_id is None else PHARMACY_SYSTEM.only(pharmacy_id)


def _one(db: Database, clock: Clock, event_id: str, scope: Scope) -> bool:
    try:
        # The scope of one pharmacy takes its turn before anything is read.
        with db.transaction(scope, clock) as tx:
            event = tx.get(InboundEvent, event_id, lock=True)
            if event.processed_at is not None:
                return False
            if event.source in SOURCES:
                work_pharmacy_event(tx, event, str(event.pharmacy_id))
                return True
            event.outcome = _handle(tx, event)[:200]
            event.processed_at = tx.now
            return True
    except Exception as error:
        if is_database_error(error):
            raise
        get_logger().error("event_failed", error_type=type(error).__name__, where="inbox")
        _note_failure(db, clock, event_id, type(error).__name__)
        return False


def _handle(tx: Tx, event: InboundEvent) -> str:
    payload = event.payload
    if event.source == STATUS:
        return handle_delivery_status(
            tx, str(payload.get("attempt_id", "")), provider_id=str(payload.get("sid", "")),
            status=str(payload.get("status", "")), error_code=str(payload.get("error_code") or ""),
        )  # fmt: skip
    if event.source == CALL:
        return handle_call_status(
            tx, str(payload.get("attempt_id", "")), provider_id=str(payload.get("sid", "")),
            status=str(payload.get("status", "")), answered_by=str(payload.get("answered_by") or ""),
        )  # fmt: skip
    if event.source == STOP:
        return carry_over(tx, payload)
    if event.source == WRONG:
        return carry_over_wrong(tx, payload)
    return handle_inbound_message(tx, _text(event))


def _text(event: InboundEvent) -> InboundText:
    payload = event.payload
    return InboundText(
        source="twilio", external_id=str(payload.get("sid", "")), sender=str(payload.get("from", "")),
        body=str(payload.get("body", "")), received_at=event.received_at,
        channel=Channel.VOICE if event.source == KEY else Channel.SMS,
        attempt_id=str(payload.get("attempt_id", "")),
    )  # fmt: skip


def _note_failure(db: Database, clock: Clock, event_id: str, error_type: str) -> None:
    """Try again at the next ticks, then keep the event with what was wrong; replies and errands go to a person."""
    with db.transaction(LOOP, clock) as tx:
        event = tx.get(InboundEvent, event_id, lock=True)
        tries = int(event.outcome.split(" ")[1]) + 1 if event.outcome.startswith("failed ") else 1
        event.outcome = f"failed {tries} times: {error_type}"
        if tries < MAX_TRIES:
            return
        event.processed_at = tx.now
        if event.source in SOURCES:
            event.problem = (
                "MedSync failed at it: try it again, and tell who looks after MedSync if it fails again."
            )
    if event.source in (TEXT, KEY, STOP, WRONG):
        try:
            with db.transaction(LOOP, clock) as tx:
                if event.source in (STOP, WRONG):
                    leave_errand(tx, event.id, event.payload)
                else:
                    leave_to_person(tx, _text(event))
        except Exception as error:
            get_logger().error("event_failed", error_type=type(error).__name__, where="leave_to_person")
