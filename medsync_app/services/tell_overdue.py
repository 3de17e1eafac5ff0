"""Tells people by e-mail of tasks whose due time has passed: the pharmacists, and a day later the owners."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from medsync_app.domain.states import Channel, ExceptionKind, Role, Severity
from medsync_app.outbox.queue import NewAction, queue
from medsync_app.settings import get_settings
from medsync_app.store.repositories import exceptions, people
from medsync_app.store.repositories.messaging import unsent_notices
from medsync_app.store.session import Tx
from medsync_app.store.tables import ExceptionCase, Pharmacy

_STEP = "overdue"
#: How long pharmacists have after they were told until the owners are.
OWNER_AFTER = timedelta(hours=24)
#: What an e-mail about an overdue task is still good for: one that could not be sent is then written anew.
_USEFUL = timedelta(hours=24)
#: How far back such e-mails are looked for.
_LOOK_BACK = timedelta(days=7)


def tell_overdue(tx: Tx, pharmacy_id: str) -> int:
    """Queue one e-mail to each person who must hear of overdue tasks now; gives how many tasks they are about.

    A task is told once to the pharmacists and once to the owners, and again when a person has postponed it and it
    is overdue anew. An e-mail that could not be sent for a day is written anew. Nobody has approved a plan in time:
    it comes first on the board. The e-mails name no patient.
    """
    late = exceptions.overdue(tx, pharmacy_id)
    for row in late:
        if row.kind is ExceptionKind.PLAN_REVIEW:
            row.severity = Severity.URGENT
    first = [row for row in late if row.told_at is None or row.told_at < row.due_at]
    second = [
        row
        for row in late
        if row not in first
        and row.told_at is not None
        and row.told_at <= tx.now - OWNER_AFTER
        and (row.told_owner_at is None or row.told_owner_at < row.told_at)
    ]
    for row in first:
        row.told_at = tx.now
    for row in second:
        row.told_owner_at = tx.now
    _mail(tx, pharmacy_id, first, Role.PHARMACIST)
    _mail(tx, pharmacy_id, second, Role.OWNER)
    _mail_again(tx, pharmacy_id, late)
    return len(first) + len(second)


def _mail(tx: Tx, pharmacy_id: str, rows: Sequence[ExceptionCase], role: Role) -> None:
    """A pharmacy without an account of that role tells those of the other."""
    if not rows:
        return
    other = Role.OWNER if role is Role.PHARMACIST else Role.PHARMACIST
    to = people.active_staff(tx, pharmacy_id, role) or people.active_staff(tx, pharmacy_id, other)
    for person in to:
        key = f"overdue:{pharmacy_id}:{role.value}:{person.id}:{tx.now.isoformat()}"
        _write(tx, pharmacy_id, rows, role, person.email, key)


def _mail_again(tx: Tx, pharmacy_id: str, late: Sequence[ExceptionCase]) -> None:
    """What nobody could be told of for a day (no e-mail goes out, say) is not forgotten while it is overdue."""
    mails = unsent_notices(tx, pharmacy_id, _STEP, tx.now - _LOOK_BACK, tx.now - _USEFUL) if late else ()
    reachable = {person.email for person in people.active_staff(tx, pharmacy_id)}
    for mail in mails:
        rows = [row for row in late if row.id in mail.payload.get("tasks", ())]
        if rows and mail.payload["to"] in reachable:
            role = Role(mail.payload["role"])
            _write(tx, pharmacy_id, rows, role, mail.payload["to"], f"overdue:again:{mail.id}")


def _write(tx: Tx, pharmacy_id: str, rows: Sequence[ExceptionCase], role: Role, to: str, key: str) -> None:
    subject, body = _words(tx.get(Pharmacy, pharmacy_id).name, rows, role)
    mail = NewAction(
        pharmacy_id=pharmacy_id, step=_STEP, kind="notice", due_at=tx.now, stale_at=tx.now + _USEFUL,
        idempotency_key=key,
        payload={
            "to": to, "channel": Channel.EMAIL.value, "subject": subject, "body": body,
            "role": role.value, "tasks": [row.id for row in rows],
        },
    )  # fmt: skip
    queue(tx, [mail])


def _words(pharmacy: str, rows: Sequence[ExceptionCase], role: Role) -> tuple[str, str]:
    tasks = f"{len(rows)} task{'s' if len(rows) != 1 else ''}"
    subject = f"{tasks} overdue at {pharmacy}"
    counts = Counter(row.kind.value.replace("_", " ") for row in rows)
    lines = [f"- {kind}: {number}" for kind, number in sorted(counts.items())]
    why = "" if role is Role.PHARMACIST else "The pharmacists were told a day ago or longer.\n\n"
    body = f"{tasks} past the due time:\n" + "\n".join(lines)
    return subject, f"{body}\n\n{why}{get_settings().medsync_public_url}/exceptions\n"
