"""What the settings page shows of one pharmacy: its own settings, closed days, staff, channels, workflow, backups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import func, select

from medsync_app.clock import local_day
from medsync_app.domain.cycle import ENDED
from medsync_app.domain.states import Channel, Role
from medsync_app.services.agreements import Carrier, signed_on
from medsync_app.services.rules import rules_of
from medsync_app.services.update_pharmacy import FLAGS, PLAN_FLAGS, RULES, settings_mark
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    BackupRun,
    ChannelStatus,
    ClosedDay,
    Cycle,
    Membership,
    Pharmacy,
    ScheduledAction,
    Staff,
    StaffSession,
)

BACKUPS_SHOWN: Final = 14
_closed, _cycle, _staff = cast(Any, ClosedDay), cast(Any, Cycle), cast(Any, Staff)
_member, _session, _status = cast(Any, Membership), cast(Any, StaffSession), cast(Any, ChannelStatus)
_action, _backup = cast(Any, ScheduledAction), cast(Any, BackupRun)


@dataclass(frozen=True, slots=True)
class PharmacyFacts:
    """A pharmacy's settings as kept, defaults filled in; times as HH:MM."""

    id: str
    name: str
    zone: str
    phone: str
    address: str
    reply_to_email: str
    #: Monday = 0 -> opening and closing time.
    hours: Mapping[int, tuple[str, str]]
    contact_from: str
    contact_until: str
    daily_capacity: int | None
    rules: Mapping[str, int]
    today: date
    #: Changes with the settings (`settings_mark`).
    mark: str


@dataclass(frozen=True, slots=True)
class Closure:
    """A closed day, with the pickups that are planned on it all the same."""

    id: str
    day: date
    name: str
    pickups: int


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who works at the pharmacy."""

    staff_id: str
    name: str
    email: str
    role: Role
    active: bool
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """A channel that was stopped, and when something last went out on it."""

    channel: Channel
    stopped_at: datetime | None
    reason: str
    last_sent: datetime | None


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup run."""

    id: str
    started_at: datetime
    finished_at: datetime | None
    file_name: str
    size_bytes: int | None
    error: str


def pharmacy_facts(tx: Tx, pharmacy_id: str) -> PharmacyFacts:
    """The settings of one pharmacy; NotFound outside the scope."""
    row = tx.get(Pharmacy, pharmacy_id)
    rules = rules_of(row)
    hours = {
        int(day): (str(pair[0]), str(pair[1])) for day, pair in row.hours.items() if day.isdigit() and pair
    }
    return PharmacyFacts(
        row.id, row.name, row.zone, row.phone, row.address, row.reply_to_email, hours,
        row.contact_from.strftime("%H:%M"), row.contact_until.strftime("%H:%M"), row.daily_capacity,
        {name: int(getattr(rules, name)) for name in (*RULES, *FLAGS, *PLAN_FLAGS)}, local_day(tx.now, row.zone),
        settings_mark(row),
    )  # fmt: skip


def closures(tx: Tx, pharmacy_id: str) -> list[Closure]:
    """Closed days from the beginning of this month on."""
    today = pharmacy_today(tx, pharmacy_id)
    planned = (
        select(func.count())
        .select_from(Cycle)
        .where(_cycle.pharmacy_id == pharmacy_id, _cycle.sync_date == _closed.day, _cycle.state.not_in(ENDED))
        .correlate(ClosedDay)
        .scalar_subquery()
    )
    rows = tx.session.execute(
        select(_closed.id, _closed.day, _closed.name, planned)
        .where(_closed.pharmacy_id == pharmacy_id, _closed.day >= today.replace(day=1))
        .order_by(_closed.day)
    )
    return [Closure(*row) for row in rows]


def members(tx: Tx, pharmacy_id: str) -> list[Member]:
    """Everybody who works at the pharmacy, closed accounts last."""
    seen = (
        select(func.max(_session.last_activity_at))
        .where(_session.staff_id == _staff.id)
        .correlate(Staff)
        .scalar_subquery()
    )
    rows = tx.session.execute(
        select(_staff.id, _staff.name, _staff.email, _member.role, _staff.active, seen)
        .join(Membership, _member.staff_id == _staff.id)
        .where(_member.pharmacy_id == pharmacy_id)
        .order_by(_staff.active.desc(), _staff.name, _staff.id)
    )
    return [Member(*row) for row in rows]


def channels(tx: Tx, pharmacy_id: str) -> list[ChannelFacts]:
    """Each channel: stopped or not, and when the last message went out on it."""
    stopped = {
        row.channel: row
        for row in tx.session.scalars(select(ChannelStatus).where(_status.pharmacy_id == pharmacy_id))
    }
    # Bounded: an index leads to what was due lately, the log of years is not read.
    since = tx.now - timedelta(days=30)
    sent = tx.session.execute(
        select(_action.channel, func.max(_action.sent_at))
        .where(_action.pharmacy_id == pharmacy_id, _action.sent_at.is_not(None), _action.due_at >= since)
        .group_by(_action.channel)
    )
    last = {row[0]: row[1] for row in sent}
    return [
        ChannelFacts(
            channel,
            stopped[channel].stopped_at if channel in stopped else None,
            stopped[channel].reason if channel in stopped else "",
            last.get(channel),
        )
        for channel in Channel
    ]


def agreements(tx: Tx, pharmacy_id: str) -> Mapping[Carrier, date | None]:
    """The day the agreement with each carrier was signed; None where none is on record."""
    pharmacy = tx.get(Pharmacy, pharmacy_id)
    return {carrier: signed_on(pharmacy, carrier) for carrier in Carrier}


def backup_runs(tx: Tx) -> Sequence[Backup]:
    """The newest backup runs of this installation."""
    rows = tx.session.execute(
        select(
            _backup.id,
            _backup.started_at,
            _backup.finished_at,
            _backup.file_name,
            _backup.size_bytes,
            _backup.error,
        )
        .order_by(_backup.started_at.desc())
        .limit(BACKUPS_SHOWN)
    )
    return [Backup(*row) for row in rows]
