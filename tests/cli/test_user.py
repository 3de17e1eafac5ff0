"""`user`: accounts from the command line."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from medsync_app.auth.passwords import matches
from medsync_app.cli.main import main
from medsync_app.domain.states import Role
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, Membership, Staff, StaffSession
from tests.support.staff import make_session
from tests.support.store import SYSTEM, Shop

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, Any, str]]
ADD = ["add", "--email", "Olga@Example.com", "--name", "Olga Owner", "--role", "owner", "--pharmacy", "main"]


@pytest.fixture
def run(database: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("medsync_app.cli.user.get_database", lambda: database)

    def run(arguments: list[str], stdin: str = "") -> tuple[int, Any, str]:
        out, err = io.StringIO(), io.StringIO()
        code = main(["user", *arguments], io.StringIO(stdin), out, err)
        return code, json.loads(out.getvalue()) if out.getvalue() else None, err.getvalue()

    return run


def _staff(database: Database) -> Staff:
    with database.reading(SYSTEM) as tx:
        return tx.session.scalars(select(Staff)).one()


def test_an_account_is_added_with_a_generated_password_printed_once(
    run: Run, database: Database, shop: Shop
) -> None:
    code, printed, _ = run(ADD)
    staff = _staff(database)
    assert code == 0
    assert (printed["id"], printed["email"], printed["role"]) == (staff.id, "olga@example.com", "owner")
    assert matches(staff.password_hash, printed["password"])
    with database.reading(SYSTEM) as tx:
        membership = tx.session.scalars(select(Membership)).one()
        assert (membership.pharmacy_id, membership.role) == (shop.pharmacy_id, Role.OWNER)
        row = tx.session.scalars(select(AuditEvent)).one()
        assert (row.chain, row.act, row.subject_id) == (shop.pharmacy_id, "add_user", staff.id)


def test_a_password_from_stdin_is_taken_and_not_printed(run: Run, database: Database, shop: Shop) -> None:
    code, printed, _ = run([*ADD, "--password-stdin"], "my own long password\n")
    assert code == 0
    assert "password" not in printed
    assert matches(_staff(database).password_hash, "my own long password")


@pytest.mark.parametrize(
    "password", ["", "short", "elevenchars", "aaaaaaaaaaaaaaaa", "OLGA@example.com", "x" * 257]
)
def test_a_bad_password_is_refused(run: Run, database: Database, shop: Shop, password: str) -> None:
    code, printed, error = run([*ADD, "--password-stdin"], password + "\n")
    assert (code, printed) == (1, None)
    assert "Choose a password" in error
    with database.reading(SYSTEM) as tx:
        assert tx.session.scalars(select(Staff)).all() == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"--pharmacy": "nowhere"}, "no pharmacy"),
        ({"--email": "no address"}, "e-mail address"),
        ({"--email": "x" * 260 + "@example.com"}, "e-mail address"),
        ({"--name": "  "}, "name"),
    ],
)
def test_an_unusable_argument_is_refused(
    run: Run, database: Database, shop: Shop, change: dict[str, str], says: str
) -> None:
    arguments = ["add"]
    for name, value in zip(ADD[1::2], ADD[2::2], strict=True):
        arguments += [name, change.get(name, value)]
    code, _, error = run(arguments)
    assert code == 1
    assert says in error


def test_wrong_usage_exits_with_2(run: Run, shop: Shop) -> None:
    assert run(["add"])[0] == 2
    assert run([])[0] == 2
    assert run([*ADD[:6], "boss", *ADD[7:]])[0] == 2


def test_an_address_has_one_account(run: Run, shop: Shop) -> None:
    run(ADD)
    code, _, error = run(ADD)
    assert code == 1
    assert "has an account already" in error


def test_a_new_password_and_closing_end_every_session(
    run: Run, database: Database, clock: Any, shop: Shop
) -> None:
    run(ADD)
    who = ["--email", "olga@example.com", "--pharmacy", "main"]
    run(["add", "--email", "ben@example.com", *ADD[3:]])
    staff_id = run(["role", *who, "--role", "owner"])[1]["id"]
    for command in (["password", *who], ["close", *who]):
        make_session(database, clock, staff_id)
        assert run(command)[0] == 0
        with database.reading(SYSTEM) as tx:
            assert all(row.ended_at for row in tx.session.scalars(select(StaffSession)))
    assert run(["open", *who])[1]["active"] is True


def test_the_only_owner_stays(run: Run, shop: Shop) -> None:
    run(ADD)
    who = ["--email", "olga@example.com", "--pharmacy", "main"]
    for command in (
        ["close", *who],
        ["role", *who, "--role", "none"],
        ["role", *who, "--role", "technician"],
    ):
        code, _, error = run(command)
        assert code == 1
        assert "only owner" in error
