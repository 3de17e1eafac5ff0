"""What the staff did for the programme, by the audit log, and what the same would have been by hand."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, cast

from sqlalchemy import exists, func, select
from sqlalchemy.orm import aliased

from medsync_app.domain.local_time import to_instant
from medsync_app.domain.staff_time import STAFF_ACTS, Act, StaffTime, by_hand, staff_time, works_of
from medsync_app.domain.states import CycleState, ExceptionKind
from medsync_app.reads.kept import Kept
from medsync_app.reads.places import places
from medsync_app.services.rules import open_weekdays
from medsync_app.settings import get_settings
from medsync_app.store.session import Tx
from medsync_app.store.tables import AuditEvent, ClosedDay, Cycle, ExceptionCase, Pharmacy, RenewalRequest

_case, _closed, _cycle, _event, _pharmacy, _renewal = (
    cast(Any, kind) for kind in (ExceptionCase, ClosedDay, Cycle, AuditEvent, Pharmacy, RenewalRequest)
)
_CALLED_OFF: Final = (CycleState.CANCELLED, CycleState.PROPOSED)
#: The days that the page looks back on, today not counted: it is not over.
WORK_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class StaffWork:
    """How often each kind of work was done in the days counted, and would have been by hand."""

    done: Mapping[str, int]
    by_hand: Mapping[str, int]


_kept: Final[Kept[StaffWork]] = Kept()


def staff_work(tx: Tx) -> StaffWork:
    """The last 30 days of the pharmacies in scope, today not counted.

    Kept in this process until one of the pharmacies changes or its day ends.
    """
    today = min((place.today for place in places(tx).values()), default=tx.now.date())
    first, last = today - timedelta(days=WORK_DAYS), today - timedelta(days=1)
    return _kept.of(tx, today, lambda: work_between(tx, first, last))


def time_of(work: StaffWork) -> StaffTime:
    """Minutes a month of what `staff_work` has counted, with the minutes of the settings."""
    minutes = get_settings().medsync_staff_minutes
    return staff_time(work.done, work.by_hand, days=WORK_DAYS, minutes=minutes)


def work_between(tx: Tx, first: date, last: date) -> StaffWork:
    """All pharmacies in scope from `first` to `last`, both counted, as days at each pharmacy."""
    done, hand = Counter[str](), Counter[str]()
    for pharmacy in tx.session.scalars(select(Pharmacy).order_by(_pharmacy.id)).all():
        found = _at_one(tx, pharmacy, first, last)
        done.update(found.done)
        hand.update(found.by_hand)
    return StaffWork(done, hand)


def _at_one(tx: Tx, pharmacy: Pharmacy, first: date, last: date) -> StaffWork:
    since, until = (to_instant(day, time(0), pharmacy.zone) for day in (first, last + timedelta(days=1)))
    opened = _opened(tx, pharmacy.id, since, until)
    done = works_of(
        _acts(tx, pharmacy.id, since, until), _open_days(tx, pharmacy, first, last), sum(opened.values())
    )
    kinds = _batches(tx, pharmacy.id, first, last)
    renewals = tx.session.execute(
        select(func.count()).where(
            _renewal.pharmacy_id == pharmacy.id, _renewal.created_at >= since, _renewal.created_at < until
        )
    ).scalar_one()
    hand = by_hand(done, opened, syncs=kinds.get("sync", 0), batches=sum(kinds.values()), renewals=renewals)
    return StaffWork(done, hand)


def _acts(tx: Tx, pharmacy_id: str, since: datetime, until: datetime) -> dict[Act, int]:
    """What the staff did; `again`: the same was done to the same task before, whenever that was."""
    earlier = aliased(AuditEvent)
    before = cast(Any, earlier)
    again = exists().where(
        before.subject_id == _event.subject_id, before.act == _event.act, before.chain == _event.chain,
        before.sequence < _event.sequence,
    )  # fmt: skip
    kind = func.coalesce(_event.detail["kind"].as_string(), "")
    lines = (
        select(_event.act.label("act"), kind.label("kind"), again.label("again"))
        .where(_event.chain == pharmacy_id, _event.at >= since, _event.at < until, _event.act.in_(STAFF_ACTS))
        .subquery()
    )
    columns = (lines.c.act, lines.c.kind, lines.c.again)
    rows = tx.session.execute(select(*columns, func.count()).group_by(*columns))
    return {Act(act, kind, bool(again)): count for act, kind, again, count in rows}


def _opened(tx: Tx, pharmacy_id: str, since: datetime, until: datetime) -> dict[str, int]:
    """Tasks that appeared on the board, by kind."""
    rows = tx.session.execute(
        select(_case.kind, func.count())
        .where(_case.pharmacy_id == pharmacy_id, _case.opened_at >= since, _case.opened_at < until)
        .group_by(_case.kind)
    )
    return {ExceptionKind(kind).value: count for kind, count in rows}


def _batches(tx: Tx, pharmacy_id: str, first: date, last: date) -> dict[str, int]:
    """Sync dates and trips that were not called off, by kind."""
    rows = tx.session.execute(
        select(_cycle.kind, func.count())
        .where(
            _cycle.pharmacy_id == pharmacy_id, _cycle.sync_date.between(first, last),
            _cycle.state.not_in(_CALLED_OFF),
        )
        .group_by(_cycle.kind)
    )  # fmt: skip
    return {kind: count for kind, count in rows}  # noqa: C416  (a dict of rows would type as Any)


def _open_days(tx: Tx, pharmacy: Pharmacy, first: date, last: date) -> int:
    days = {first + timedelta(days=n) for n in range((last - first).days + 1)}
    shut = tx.session.scalars(
        select(_closed.day).where(_closed.pharmacy_id == pharmacy.id, _closed.day.between(first, last))
    )
    weekdays = open_weekdays(pharmacy)
    return sum(day.weekday() in weekdays for day in days - set(shut))
