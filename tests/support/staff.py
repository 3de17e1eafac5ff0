"""Staff, sessions and page states for tests of the guard."""

import os
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast

import pytest

from medsync_app.auth import permissions, runtime
from medsync_app.auth.permissions import Permission
from medsync_app.auth.sessions import cookie_name, hash_secret, new_secret
from medsync_app.clock import Clock, VirtualClock
from medsync_app.domain.states import Role
from medsync_app.settings import get_settings
from medsync_app.store.session import Database
from medsync_app.store.tables import Membership, Staff, StaffSession
from tests.support.store import SYSTEM, Shop

# No test makes a key file in the data directory of this checkout.
os.environ.setdefault("MEDSYNC_AUDIT_KEY", "the-audit-key-of-the-tests")

S = TypeVar("S")


@pytest.fixture
def house(database: Database, clock: VirtualClock) -> Iterator[Database]:
    """The guard, page states and routes use the test's database and clock."""
    with runtime.using(database, clock):
        yield database


def make_staff(
    database: Database, clock: Clock, roles: Mapping[str, Role], *, organization_id: str,
    email: str = "sam@example.com", name: str = "Sam Example", password_hash: str = "!",
) -> str:  # fmt: skip
    """A person with a role at each of those pharmacies (by id)."""
    with database.transaction(SYSTEM, clock) as tx:
        staff = tx.add(
            Staff(
                organization_id=organization_id, email=email, name=name, password_hash=password_hash,
                created_at=tx.now,
            )
        )  # fmt: skip
        tx.session.flush()
        for pharmacy_id, role in roles.items():
            tx.add(Membership(staff_id=staff.id, pharmacy_id=pharmacy_id, role=role))
        return staff.id


def make_session(database: Database, clock: Clock, staff_id: str) -> str:
    """An open session of that person; returns the secret that the cookie carries."""
    secret = new_secret()
    with database.transaction(SYSTEM, clock) as tx:
        tx.add(
            StaffSession(
                staff_id=staff_id,
                token_hash=hash_secret(secret),
                created_at=tx.now,
                last_activity_at=tx.now,
            )
        )
    return secret


def signed_in(database: Database, clock: Clock, shop: Shop, role: Role = Role.PHARMACIST) -> str:
    """A new person with that role at the shop, signed in; returns the secret."""
    staff_id = make_staff(
        database, clock, {shop.pharmacy_id: role}, organization_id=shop.organization_id,
        email=f"{role.value}@{shop.pharmacy_id}.example",
    )  # fmt: skip
    return make_session(database, clock, staff_id)


def page_state(kind: type[S], secret: str | None, path: str = "/") -> S:
    """A state of that kind as the page at `path` (with its query) of a browser with that session has it."""
    import reflex as rx  # only here: most tests need no Reflex, and it takes a second

    root: Any = rx.State(_reflex_internal_init=True)  # pyright: ignore[reportCallIssue]
    visit(root, secret, path)
    return root.get_substate(cast(Any, kind).get_full_name().split("."))


def visit(state: Any, secret: str | None, path: str = "/") -> None:
    """Let a state's next event come from that session and address."""
    root = state._get_root_state()
    cookie = f"theme=dark; {cookie_name(get_settings())}={secret}" if secret else ""
    route, _, query = path.partition("?")
    data = {
        "headers": {"cookie": cookie, "origin": "http://localhost:3000"},
        "pathname": route, "asPath": path,
        "query": dict(part.split("=", 1) for part in query.split("&") if part),
        "token": "test", "sid": "test", "ip": "127.0.0.1",
    }  # fmt: skip
    root._update_router_vars(data, dict(root.router_data))
    root.router_data = data


@pytest.fixture
def owner_looks_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table in which an owner may look and do nothing: pages must follow the table, whatever it says."""
    acts = {
        Permission.ENROLL,
        Permission.PREPARE,
        Permission.MOVE_CYCLE,
        Permission.CHANGE_DRUGS,
        Permission.HANDLE_EXCEPTIONS,
        Permission.SEND_MESSAGES,
    }
    table = {
        permission: roles - {Role.OWNER} if permission in acts else roles
        for permission, roles in permissions.ROLES.items()
    }
    monkeypatch.setattr(permissions, "ROLES", table)
