"""What a version of the workflow would send in the days to come: the loop itself, on a copy, ahead of time."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from medsync_app.clock import Clock, VirtualClock
from medsync_app.connections.protocol import Accepted, Connections, Found, Outgoing
from medsync_app.domain.states import Channel
from medsync_app.engine.loop import Limits, tick
from medsync_app.engine.outside import hand_over
from medsync_app.errors import Invalid
from medsync_app.outbox.claim import next_due
from medsync_app.reads.dry_run import NotSent, Sent, not_sent_since, sent_since
from medsync_app.services.workflow_versions import move_cycles, only_versions_up_to, publish_workflow
from medsync_app.store.pharmacy_copy import pharmacy_copy
from medsync_app.store.repositories.outside import next_outside
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import Patient, Pharmacy

MAX_DAYS = 366
_SCOPE = Scope.system("dry run")
_LIMITS = Limits(batch=32, batches=50, seconds=3_600)
#: Longer than a lease: what a real loop had just claimed comes back in the copy.
_SETTLED = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would go out between two instants, and what would not, with the reason."""

    since: datetime
    until: datetime
    zone: str
    sent: Sequence[Sent]
    not_sent: Sequence[NotSent]


class _Nowhere:
    """Takes every message; what it was given stands in the copy."""

    live = False
    loopback = True
    #: A call that was under way when the copy was made is not made again.
    can_look_up = False

    def send(self, message: Outgoing) -> Accepted:
        return Accepted(f"dry-run-{message.attempt_id}")

    def look_up(self, to: str, since: datetime) -> list[Found]:
        return []


def dry_run(
    db: Database,
    clock: Clock,
    pharmacy_id: str,
    *,
    days: int,
    channels: Collection[Channel],
    patient_id: str | None = None,
    version: int | None = None,
    document: Mapping[str, Any] | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> DryRun:
    """Let `days` days pass on a copy of the pharmacy and give what was sent in them, to one patient or to all.

    Nothing happens that people or the pharmacy system do: no pickup, no reply, no import. Everybody's messages are
    run also for one patient, because numbers are shared. `version`, or a `document` not yet published, is applied
    to the running cycles first; else each goes on under its own. `progress` is told the share of the time that has
    passed; what it raises ends the run. Invalid, NotFound for what cannot be used.
    """
    if not 1 <= days <= MAX_DAYS:
        raise Invalid(f"Give a number of days from 1 to {MAX_DAYS}.", "days")
    with db.reading(_SCOPE, clock) as tx:
        zone = tx.get(Pharmacy, pharmacy_id).zone
        if patient_id is not None and tx.get(Patient, patient_id).pharmacy_id != pharmacy_id:
            raise Invalid("This patient belongs to another pharmacy.", "patient")
    since = clock.now()
    until = since + timedelta(days=days)
    with pharmacy_copy(db, pharmacy_id) as copy:
        virtual = VirtualClock(since)
        with copy.transaction(_SCOPE, virtual) as tx:
            _apply(tx, pharmacy_id, version, document)
        _live(copy, virtual, until, {channel: _Nowhere() for channel in channels}, progress)
        with copy.reading(_SCOPE, virtual) as tx:
            return DryRun(
                since, until, zone, sent_since(tx, pharmacy_id, since, patient_id),
                not_sent_since(tx, pharmacy_id, since, patient_id),
            )  # fmt: skip


def _apply(tx: Tx, pharmacy_id: str, version: int | None, document: Mapping[str, Any] | None) -> None:
    if version is not None:
        only_versions_up_to(tx, pharmacy_id, version)
    if document is not None:
        publish_workflow(tx, pharmacy_id, document)
    if version is not None or document is not None:
        move_cycles(tx, pharmacy_id)


def _live(
    copy: Database,
    clock: VirtualClock,
    until: datetime,
    connections: Connections,
    progress: Callable[[float], None],
) -> None:
    """Tick at each instant at which something is due, as a loop that never sleeps long would."""
    since = clock.now()
    _tick(copy, clock, connections)
    clock.advance(_SETTLED)
    while clock.now() < until:
        progress((clock.now() - since) / (until - since))
        _tick(copy, clock, connections)
        due = _next(copy, clock)
        if due is None:
            return
        # What stays due (a channel that cannot take it now) is looked at again a minute later.
        clock.set(due if due > clock.now() else clock.now() + timedelta(minutes=1))


def _tick(copy: Database, clock: VirtualClock, connections: Connections) -> None:
    while tick(copy, clock, connections, "dry-run", _LIMITS).busy or hand_over(copy, clock, live=False):
        pass


def _next(copy: Database, clock: VirtualClock) -> datetime | None:
    with copy.reading(_SCOPE, clock) as tx:
        instants = [at for at in (next_due(tx), next_outside(tx)) if at is not None]
        return min(instants, default=None)
