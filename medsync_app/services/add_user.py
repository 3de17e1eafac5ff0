"""Staff accounts: adding one, changing its role or password, and closing it."""

import re
from dataclasses import dataclass
from typing import Any

from medsync_app.auth.permissions import Permission, allowed
from medsync_app.domain.states import Role
from medsync_app.errors import Conflict, Forbidden, Invalid, NotFound
from medsync_app.services.audit import record
from medsync_app.services.sign_in import MAX_EMAIL, normal_email
from medsync_app.store.audit import Act
from medsync_app.store.repositories import people
from medsync_app.store.session import Tx
from medsync_app.store.tables import Membership, Pharmacy, Staff

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class NewUser:
    """An account to add; `password_hash` comes from `auth.passwords`, after `check_strength`."""

    email: str
    name: str
    role: Role
    password_hash: str


def add_user(tx: Tx, pharmacy_id: str, user: NewUser) -> str:
    """Add an account with a role at the pharmacy; returns the staff id.

    Raises Invalid for an unusable address or name, Conflict when the address has an account already (give
    that person a role with `set_role`), Forbidden unless the caller may manage staff there.
    """
    _require_manager(tx, pharmacy_id)
    email, name = normal_email(user.email), " ".join(user.name.split())
    if not _EMAIL.fullmatch(email) or len(user.email.strip()) > MAX_EMAIL:
        raise Invalid("Give an e-mail address such as sam@example.com.", "email")
    if not 0 < len(name) <= _MAX_NAME:
        raise Invalid(f"Give a name of 1 to {_MAX_NAME} characters.", "name")
    if people.staff_by_email(tx, email) is not None:
        raise Conflict(
            "This address has an account already. Give that person a role at this pharmacy instead."
        )
    pharmacy = tx.get(Pharmacy, pharmacy_id)
    staff = tx.add(
        Staff(
            organization_id=pharmacy.organization_id, email=email, name=name,
            password_hash=user.password_hash, created_at=tx.now,
        )
    )  # fmt: skip
    tx.session.flush()
    tx.add(Membership(staff_id=staff.id, pharmacy_id=pharmacy_id, role=user.role))
    _record(tx, pharmacy_id, "add_user", staff.id, role=user.role)
    return staff.id


def staff_id_of(tx: Tx, pharmacy_id: str, email: str) -> str:
    """The account with that address in the pharmacy's organization; NotFound otherwise."""
    staff = people.staff_by_email(tx, normal_email(email))
    if staff is None or staff.organization_id != tx.get(Pharmacy, pharmacy_id).organization_id:
        raise NotFound("No account of this organization has that address.")
    return staff.id


def set_role(tx: Tx, pharmacy_id: str, staff_id: str, role: Role | None) -> None:
    """Give somebody of the same organization a role at the pharmacy, change it, or (None) take it away.

    Conflict when that would leave the pharmacy without an owner. It counts from the person's next event on.
    """
    _require_manager(tx, pharmacy_id)
    staff = tx.get(Staff, staff_id)
    if staff.organization_id != tx.get(Pharmacy, pharmacy_id, lock=True).organization_id:
        raise NotFound("No account of this organization has that id.")
    membership = people.membership(tx, staff_id, pharmacy_id)
    before = membership.role if membership is not None else None
    if before is role:
        return
    if before is Role.OWNER:
        _keep_an_owner(tx, pharmacy_id, staff_id)
    if membership is None and role is not None:
        tx.add(Membership(staff_id=staff_id, pharmacy_id=pharmacy_id, role=role))
    elif membership is not None and role is not None:
        membership.role = role
    elif membership is not None:
        tx.session.delete(membership)
    _record(tx, pharmacy_id, "set_role", staff_id, before=before, after=role)


def set_password(tx: Tx, pharmacy_id: str, staff_id: str, password_hash: str) -> None:
    """Replace somebody's password; every session of theirs ends at once."""
    staff = _managed(tx, pharmacy_id, staff_id)
    staff.password_hash = password_hash
    ended = people.end_sessions_of(tx, staff_id, "password changed")
    _record(tx, pharmacy_id, "set_password", staff_id, sessions_ended=ended)


def set_active(tx: Tx, pharmacy_id: str, staff_id: str, active: bool) -> None:
    """Close an account (its sessions end at once) or open it again; Conflict for the last owner of a
    pharmacy.
    """
    staff = _managed(tx, pharmacy_id, staff_id)
    if staff.active == active:
        return
    if not active:
        for place in people.places_of(tx, staff_id):
            if place.role is Role.OWNER:
                _keep_an_owner(tx, place.id, staff_id)
    staff.active = active
    ended = 0 if active else people.end_sessions_of(tx, staff_id, "account closed")
    _record(tx, pharmacy_id, "open_account" if active else "close_account", staff_id, sessions_ended=ended)


def _managed(tx: Tx, pharmacy_id: str, staff_id: str) -> Staff:
    """The account, when it works at the pharmacy and nowhere the caller does not manage."""
    _require_manager(tx, pharmacy_id)
    staff = tx.get(Staff, staff_id, lock=True)
    places = people.all_places_of(tx, staff_id)
    if pharmacy_id not in places:
        raise NotFound("No account of this pharmacy has that id.")
    if not all(_manages(tx, place) for place in places):
        raise Forbidden("This person works at other locations too. Ask the owner of all of them.")
    return staff


def _manages(tx: Tx, pharmacy_id: str) -> bool:
    if tx.scope.is_system:
        return True
    role = tx.scope.roles.get(pharmacy_id)
    return role is not None and allowed(role, Permission.MANAGE_STAFF)


def _require_manager(tx: Tx, pharmacy_id: str) -> None:
    if not tx.scope.sees(pharmacy_id):
        raise NotFound("There is no such pharmacy among yours.")
    if not _manages(tx, pharmacy_id):
        raise Forbidden("Only an owner of the pharmacy manages its staff.")


def _keep_an_owner(tx: Tx, pharmacy_id: str, leaving: str) -> None:
    if not people.other_owners(tx, pharmacy_id, leaving):
        raise Conflict("This is the only owner of the pharmacy. Make somebody else an owner first.")


def _record(tx: Tx, pharmacy_id: str, act: str, staff_id: str, **detail: Any) -> None:
    """Accounts are recorded whoever made them, the command line too."""
    record(tx, Act(pharmacy_id, tx.scope.actor_id, tx.scope.actor_name, act, "staff", staff_id, detail))
