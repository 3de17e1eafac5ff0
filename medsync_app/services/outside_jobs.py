"""Queues what other programs are told, in the transaction of what causes it: mirrored tasks, letters, events."""

from collections.abc import Iterable, Mapping
from typing import Any

from medsync_app.domain.states import ExceptionKind, OutsideKind
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.services.contact_input import email_address, phone_number
from medsync_app.settings import get_settings
from medsync_app.store.ids import new_id
from medsync_app.store.repositories import outside
from medsync_app.store.session import Tx
from medsync_app.store.tables import ExceptionCase, OutsideJob, Pharmacy, RenewalRequest

BOARDS = frozenset({OutsideKind.SLACK, OutsideKind.ASANA, OutsideKind.TRELLO})
LETTERS = frozenset({OutsideKind.FAX, OutsideKind.EMAIL_TO_FAX, OutsideKind.EMAIL, OutsideKind.PORTAL})
#: What a test from Settings is queued as.
TEST = "test"
#: The problems of step 6 are mirrored by themselves; a step's own task where the step says so.
MIRRORED = frozenset(
    {
        ExceptionKind.PA_ENDING,
        ExceptionKind.NO_REFILLS,
        ExceptionKind.RX_EXPIRES,
        ExceptionKind.OUT_OF_STOCK,
        ExceptionKind.PRESCRIBER_SILENT,
        ExceptionKind.PRESCRIBER_DENIED,
        ExceptionKind.CONTACT,
        ExceptionKind.DOSE_CONFLICT,
    }
)


def mirror_task(tx: Tx, row: ExceptionCase, wanted: Iterable[str] = ()) -> int:
    """Show a task on the boards that have settings: all for a problem of step 6, else those that a step names."""
    boards = get_settings().outside & BOARDS
    if row.kind not in MIRRORED:
        boards &= {OutsideKind(name) for name in wanted}
    for kind in sorted(boards):
        _queue(tx, row.pharmacy_id, kind, "open", f"open:{kind}:{row.id}", exception_id=row.id)
    return len(boards)


def finish_mirrors(tx: Tx, row: ExceptionCase) -> None:
    """The task is settled here: it is to be settled where it is mirrored."""
    if not get_settings().outside & BOARDS:
        return
    for job in outside.of_exception(tx, row.id):
        key = f"close:{job.kind}:{row.id}"
        _queue(tx, row.pharmacy_id, job.kind, "close", key, exception_id=row.id)


def send_renewal(tx: Tx, row: RenewalRequest, stage: str) -> bool:
    """Send a renewal request on its path; False when that path has no settings, or is a task for a person."""
    if row.path not in list(OutsideKind):
        return False
    kind = OutsideKind(row.path)
    if kind not in get_settings().outside & LETTERS:
        return False
    _queue(tx, row.pharmacy_id, kind, "send", f"renewal:{row.id}:{stage}", renewal_id=row.id)
    return True


def pharmacy_listens() -> bool:
    """Whether the pharmacy system has an address to be told at."""
    return OutsideKind.PHARMACY in get_settings().outside


def notify_pharmacy(tx: Tx, pharmacy_id: str, event: Mapping[str, Any], *, key: str, cycle_id: str) -> bool:
    """Tell the pharmacy system of an event; False when it has no address."""
    if not pharmacy_listens():
        return False
    _queue(
        tx, pharmacy_id, OutsideKind.PHARMACY, "send", f"event:{key}", cycle_id=cycle_id, payload=dict(event)
    )
    return True


def send_test(tx: Tx, pharmacy_id: str, kind: OutsideKind, to: str = "") -> None:
    """Let a program show that it takes what we send; `to` is the fax number or address of a letter.

    It holds no patient data and is tried once. Invalid (field "to") without one; Conflict without settings.
    """
    if kind not in get_settings().outside:
        raise Conflict("This connection has no settings yet. Set them in .env and start MedSync again.")
    address = ""
    if kind in LETTERS - {OutsideKind.PORTAL}:
        address = email_address(to, "to") if kind is OutsideKind.EMAIL else phone_number(to, "to")
        if not address:
            raise Invalid("Enter where the test goes: a number or address of your own.", "to")
    tx.get(Pharmacy, pharmacy_id)
    _queue(tx, pharmacy_id, kind, TEST, f"test:{new_id()}", payload={"to": address})
    audit(
        tx, pharmacy_id=pharmacy_id, act="test_connection", subject_kind="pharmacy", subject_id=pharmacy_id,
        detail={"kind": kind.value},
    )  # fmt: skip


def _queue(tx: Tx, pharmacy_id: str, kind: OutsideKind, op: str, key: str, **more: Any) -> None:
    """A known key changes nothing: callers hold the row that the key is made of."""
    if outside.by_key(tx, key) is None:
        tx.add(
            OutsideJob(
                pharmacy_id=pharmacy_id, kind=kind, op=op, idempotency_key=key, due_at=tx.now, created_at=tx.now,
                **more,
            )
        )  # fmt: skip
        tx.session.flush()
