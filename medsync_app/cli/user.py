"""`user add|role|password|close|open`: staff accounts from the command line, where the first owner comes from."""

import argparse
import json
from collections.abc import Callable
from typing import Any, TextIO

from medsync_app.auth.passwords import check_strength, hash_password, new_password
from medsync_app.clock import SystemClock
from medsync_app.domain.states import Role
from medsync_app.errors import NotFound
from medsync_app.services.add_user import NewUser, add_user, set_active, set_password, set_role, staff_id_of
from medsync_app.services.sign_in import normal_email
from medsync_app.store.repositories import people
from medsync_app.store.scope import Scope
from medsync_app.store.session import Tx, get_database

_SCOPE = Scope.system("command line")


def run(argv: list[str], stdin: TextIO, stdout: TextIO, _stderr: TextIO) -> int:
    """Run one of the commands and print what it did as JSON; a generated password is printed this once."""
    options = _parser().parse_args(argv)
    commands: dict[str, Callable[[argparse.Namespace, TextIO], dict[str, Any]]] = {
        "add": _add, "role": _role, "password": _password, "close": _close, "open": _open,
    }  # fmt: skip
    print(json.dumps(commands[options.command](options, stdin)), file=stdout)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m medsync_app user", description="Staff accounts.")
    commands = parser.add_subparsers(dest="command", required=True)
    roles = [role.value for role in Role]

    def command(name: str, purpose: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=purpose)
        made.add_argument("--email", required=True)
        made.add_argument("--pharmacy", required=True, metavar="SLUG")
        return made

    add = command("add", "add an account with a role at a pharmacy")
    add.add_argument("--name", required=True)
    add.add_argument("--role", required=True, choices=roles)
    role = command("role", "give an account a role at a pharmacy, or take it away")
    role.add_argument("--role", required=True, choices=[*roles, "none"])
    password = command("password", "set a new password; every session of the account ends")
    for made in (add, password):
        made.add_argument(
            "--password-stdin", action="store_true", help="read the password's line; else one is generated"
        )
    command("close", "close an account; its sessions end at once")
    command("open", "open a closed account again")
    return parser


def _add(options: argparse.Namespace, stdin: TextIO) -> dict[str, Any]:
    password, generated = _chosen(options, stdin)
    user = NewUser(options.email, options.name, Role(options.role), hash_password(password))
    with get_database().transaction(_SCOPE, SystemClock()) as tx:
        staff_id = add_user(tx, _pharmacy(tx, options.pharmacy), user)
    return {"id": staff_id, "email": normal_email(options.email), "role": options.role} | generated


def _role(options: argparse.Namespace, _stdin: TextIO) -> dict[str, Any]:
    role = None if options.role == "none" else Role(options.role)
    with get_database().transaction(_SCOPE, SystemClock()) as tx:
        pharmacy_id = _pharmacy(tx, options.pharmacy)
        staff_id = staff_id_of(tx, pharmacy_id, options.email)
        set_role(tx, pharmacy_id, staff_id, role)
    return {"id": staff_id, "role": None if role is None else role.value}


def _password(options: argparse.Namespace, stdin: TextIO) -> dict[str, Any]:
    password, generated = _chosen(options, stdin)
    hashed = hash_password(password)
    with get_database().transaction(_SCOPE, SystemClock()) as tx:
        pharmacy_id = _pharmacy(tx, options.pharmacy)
        staff_id = staff_id_of(tx, pharmacy_id, options.email)
        set_password(tx, pharmacy_id, staff_id, hashed)
    return {"id": staff_id} | generated


def _close(options: argparse.Namespace, _stdin: TextIO) -> dict[str, Any]:
    return _active(options, False)


def _open(options: argparse.Namespace, _stdin: TextIO) -> dict[str, Any]:
    return _active(options, True)


def _active(options: argparse.Namespace, active: bool) -> dict[str, Any]:
    with get_database().transaction(_SCOPE, SystemClock()) as tx:
        pharmacy_id = _pharmacy(tx, options.pharmacy)
        staff_id = staff_id_of(tx, pharmacy_id, options.email)
        set_active(tx, pharmacy_id, staff_id, active)
    return {"id": staff_id, "active": active}


def _chosen(options: argparse.Namespace, stdin: TextIO) -> tuple[str, dict[str, str]]:
    """The password, and what to print of it: only one made here."""
    if not options.password_stdin:
        password = new_password()
        return password, {"password": password}
    password = stdin.readline().rstrip("\r\n")
    check_strength(password, email=options.email, name=getattr(options, "name", ""))
    return password, {}


def _pharmacy(tx: Tx, slug: str) -> str:
    pharmacy = people.pharmacy_by_slug(tx, slug)
    if pharmacy is None:
        raise NotFound("There is no pharmacy with that slug. `pharmacy add` prints it.")
    return pharmacy.id
