"""Rows of staff accounts, memberships, sessions and failed sign-ins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import delete, func, select, update

from medsync_app.domain.states import Role
from medsync_app.store.session import Tx
from medsync_app.store.tables import Membership, Pharmacy, SignInFailure, Staff, StaffSession

_staff, _session = cast(Any, Staff), cast(Any, StaffSession)
_member, _pharmacy, _failure = cast(Any, Membership), cast(Any, Pharmacy), cast(Any, SignInFailure)


@dataclass(frozen=True, slots=True)
class Place:
    """A pharmacy somebody works at, with the role held there."""

    id: str
    slug: str
    name: str
    zone: str
    role: Role


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What the guard must know of one session: whose it is and whether it still counts."""

    session_id: str
    staff_id: str
    name: str
    active: bool
    created_at: datetime
    last_activity_at: datetime
    ended_at: datetime | None
    places: tuple[Place, ...]


def session_facts(tx: Tx, token_hash: str) -> SessionFacts | None:
    """The session with that token hash, ended or not; None when there is none."""
    query = (
        select(StaffSession, Staff)
        .join(Staff, _staff.id == _session.staff_id)
        .where(_session.token_hash == token_hash)
    )
    found = tx.session.execute(query).one_or_none()
    if found is None:
        return None
    session, staff = cast("tuple[StaffSession, Staff]", tuple(found))
    return SessionFacts(
        session.id, staff.id, staff.name, staff.active, session.created_at, session.last_activity_at,
        session.ended_at, places_of(tx, staff.id),
    )  # fmt: skip


def places_of(tx: Tx, staff_id: str) -> tuple[Place, ...]:
    """The pharmacies of one person, by name."""
    query = (
        select(_pharmacy.id, _pharmacy.slug, _pharmacy.name, _pharmacy.zone, _member.role)
        .join(Membership, _member.pharmacy_id == _pharmacy.id)
        .where(_member.staff_id == staff_id)
        .order_by(_pharmacy.name, _pharmacy.id)
    )
    return tuple(Place(*row) for row in tx.session.execute(query))


def note_activity(tx: Tx, session_id: str, at: datetime) -> None:
    """Move the session's last activity forward; an ended session stays as it is."""
    tx.session.execute(
        update(StaffSession)
        .where(_session.id == session_id, _session.ended_at.is_(None), _session.last_activity_at < at)
        .values(last_activity_at=at)
    )


def station_session(tx: Tx, station_hash: str, staff_id: str) -> StaffSession | None:
    """The full sign-in at a workstation for which the person's PIN counts now."""
    query = tx.locked(
        select(StaffSession)
        .where(
            _session.station_hash == station_hash, _session.staff_id == staff_id, _session.pin_until > tx.now
        )
        .order_by(_session.created_at.desc())
        .limit(1)
    )
    return tx.session.scalars(query).one_or_none()


def at_station(tx: Tx, station_hash: str) -> list[tuple[str, str]]:
    """Id and name of those who may switch to their own session at a workstation, by name."""
    query = (
        select(_staff.id, _staff.name)
        .join(StaffSession, _session.staff_id == _staff.id)
        .where(
            _session.station_hash == station_hash, _session.pin_until > tx.now, _staff.active.is_(True),
            _staff.pin_hash.is_not(None),
        )
        .distinct()
        .order_by(_staff.name, _staff.id)
    )  # fmt: skip
    return [(row[0], row[1]) for row in tx.session.execute(query)]


def forget_pins(tx: Tx, staff_id: str, *, station_of: str | None = None) -> None:
    """The PIN of a person counts nowhere any more, or (with a session's id) not at that session's workstation."""
    change = update(StaffSession).where(_session.staff_id == staff_id, _session.pin_until.is_not(None))
    if station_of is not None:
        station = select(_session.station_hash).where(_session.id == station_of).scalar_subquery()
        change = change.where(_session.station_hash == station)
    tx.session.execute(change.values(pin_until=None))


def end_session(tx: Tx, session_id: str, reason: str) -> bool:
    """End one session; False when it had ended already."""
    done = tx.session.execute(
        update(StaffSession)
        .where(_session.id == session_id, _session.ended_at.is_(None))
        .values(ended_at=tx.now, end_reason=reason)
    )
    return cast(Any, done).rowcount == 1


def end_sessions_of(tx: Tx, staff_id: str, reason: str) -> int:
    """End every session of one person, and let the PIN open none; returns how many were open."""
    forget_pins(tx, staff_id)
    done = tx.session.execute(
        update(StaffSession)
        .where(_session.staff_id == staff_id, _session.ended_at.is_(None))
        .values(ended_at=tx.now, end_reason=reason)
    )
    return int(cast(Any, done).rowcount)


def staff_by_email(tx: Tx, email: str) -> Staff | None:
    """The account with that address, which must be in its normal form already (see `services.add_user`)."""
    return tx.session.execute(select(Staff).where(_staff.email == email)).scalar_one_or_none()


def membership(tx: Tx, staff_id: str, pharmacy_id: str) -> Membership | None:
    """The role row of one person at one pharmacy."""
    query = select(Membership).where(_member.staff_id == staff_id, _member.pharmacy_id == pharmacy_id)
    return tx.session.execute(query).scalar_one_or_none()


def works_at(tx: Tx, staff_id: str, pharmacy_id: str) -> bool:
    """Whether somebody with an open account has a role at the pharmacy."""
    query = (
        select(_member.staff_id)
        .join(Staff, _staff.id == _member.staff_id)
        .where(_member.staff_id == staff_id, _member.pharmacy_id == pharmacy_id, _staff.active.is_(True))
    )
    return tx.session.execute(query).first() is not None


def active_staff(tx: Tx, pharmacy_id: str, role: Role | None = None) -> Sequence[Staff]:
    """Who has that role (or any) at a pharmacy and may sign in, in the order of their names."""
    query = (
        select(Staff)
        .join(Membership, _member.staff_id == _staff.id)
        .where(_member.pharmacy_id == pharmacy_id, _staff.active.is_(True))
        .order_by(_staff.name, _staff.id)
    )
    if role is not None:
        query = query.where(_member.role == role)
    return tx.session.scalars(query).all()


def pharmacy_by_slug(tx: Tx, slug: str) -> Pharmacy | None:
    """The pharmacy with that slug inside the scope."""
    return tx.session.execute(select(Pharmacy).where(_pharmacy.slug == slug)).scalar_one_or_none()


def failures(
    tx: Tx, *, since: datetime, account_hash: str | None = None, source_hash: str | None = None
) -> tuple[int, datetime | None]:
    """How many sign-ins failed since then, for an account or from a source, and when the last one did."""
    query = select(func.count(), func.max(_failure.at)).where(_failure.at >= since)
    if account_hash is not None:
        query = query.where(_failure.account_hash == account_hash)
    if source_hash is not None:
        query = query.where(_failure.source_hash == source_hash)
    count, last = tx.session.execute(query).one()
    return int(count), last


def forget_failures(tx: Tx, *, account_hash: str | None = None, before: datetime | None = None) -> None:
    """Remove the failures of an account (it signed in), or those older than `before`."""
    query = delete(SignInFailure)
    if account_hash is not None:
        query = query.where(_failure.account_hash == account_hash)
    if before is not None:
        query = query.where(_failure.at < before)
    tx.session.execute(query)


def all_places_of(tx: Tx, staff_id: str) -> frozenset[str]:
    """The ids of every pharmacy somebody works at, also those outside the scope: to refuse what would reach
    there.
    """
    table = _member.__table__
    rows = tx.session.connection().execute(select(table.c.pharmacy_id).where(table.c.staff_id == staff_id))
    return frozenset(row[0] for row in rows)


def other_owners(tx: Tx, pharmacy_id: str, besides: str) -> int:
    """How many active owners the pharmacy has without that person."""
    query = (
        select(func.count())
        .select_from(Membership)
        .join(Staff, _staff.id == _member.staff_id)
        .where(
            _member.pharmacy_id == pharmacy_id,
            _member.role == Role.OWNER,
            _member.staff_id != besides,
            _staff.active.is_(True),
        )
    )
    return int(tx.session.execute(query).scalar_one())
