"""Exceptions and tasks: opened once per cause, updated while it lasts, closed by itself or by a person."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from medsync_app.domain.local_time import to_instant
from medsync_app.domain.states import ExceptionKind, ExceptionState, Role, Severity
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.services.outside_jobs import finish_mirrors, mirror_task
from medsync_app.store.repositories import exceptions as repository
from medsync_app.store.repositories.contact import statuses
from medsync_app.store.repositories.people import works_at
from medsync_app.store.session import Tx
from medsync_app.store.tables import ExceptionCase, ExceptionComment, InboundMessage, Patient, Pharmacy

MAX_TEXT = 2_000
#: Days before a batch on which its renewals are asked for (the default workflow's step 3).
RENEWAL_STEP_DAYS = 10
DAY_STARTS = time(9)
#: All that is to do about who has died: take back what is filled, read what came, clear up what went out.
_AFTER_DEATH = frozenset({ExceptionKind.RETURN_TO_STOCK, ExceptionKind.REPLY, ExceptionKind.SEND_IN_DOUBT})


def due_in(tx: Tx, *, hours: int = 0, days: int = 0) -> datetime:
    """The instant so many hours and days from the beginning of this transaction."""
    return tx.now + timedelta(hours=hours, days=days)


def due_by(tx: Tx, pharmacy_id: str, day: date) -> datetime:
    """Within a day, but before the morning of the day it is about; what is about today leaves two hours."""
    morning = to_instant(day, DAY_STARTS, tx.get(Pharmacy, pharmacy_id).zone)
    return max(min(morning, due_in(tx, hours=24)), due_in(tx, hours=2))


def due_before_fill(tx: Tx, fill_on: date, zone: str, *, hours: int) -> datetime:
    """When what a fill lacks is due: `hours` after the step that asks for renewals, at the latest on the fill's day.

    Counted from now when that step is past; a fill that is due already leaves an hour.
    """
    asked = to_instant(fill_on - timedelta(days=RENEWAL_STEP_DAYS), DAY_STARTS, zone)
    fill = to_instant(fill_on, DAY_STARTS, zone)
    return max(min(max(asked, tx.now) + timedelta(hours=hours), fill), due_in(tx, hours=1))


def open_exception(
    tx: Tx,
    *,
    pharmacy_id: str,
    kind: ExceptionKind,
    cause_key: str,
    summary: str,
    owner_role: Role,
    due_at: datetime,
    severity: Severity = Severity.NORMAL,
    patient_id: str | None = None,
    cycle_id: str | None = None,
    therapy_id: str | None = None,
    action_id: str | None = None,
    detail: dict[str, Any] | None = None,
    known: ExceptionCase | None = None,
    mirror: Iterable[str] = (),
) -> str:
    """Open the exception of a cause, or update the one that is open already; gives its id, "" when none is.

    For who has died only what can still be done is opened: nobody shall call the family about refills.

    `known` is the open one when the caller holds its row.

    `summary` says what to do and holds no patient data. An update keeps the earlier due time, who it is
    assigned to and its comments; severity only rises. A `fill_on` in `detail`
    that has changed brings its due time. `mirror` names the boards outside that show it too.
    """
    found = known or repository.open_by_cause(tx, pharmacy_id, cause_key)
    if found is not None:
        _update(found, summary, owner_role, due_at, severity, detail)
        found.cycle_id = cycle_id or found.cycle_id
        found.therapy_id = therapy_id or found.therapy_id
        found.action_id = action_id or found.action_id
        return found.id
    if patient_id is not None and kind not in _AFTER_DEATH and tx.get(Patient, patient_id).deceased_on:
        return ""
    row = tx.add(
        ExceptionCase(
            pharmacy_id=pharmacy_id, kind=kind, cause_key=cause_key, severity=severity, owner_role=owner_role,
            patient_id=patient_id, cycle_id=cycle_id, therapy_id=therapy_id, action_id=action_id,
            summary=summary, detail=dict(detail or {}), due_at=due_at, opened_at=tx.now,
        )
    )  # fmt: skip
    tx.session.flush()
    mirror_task(tx, row, mirror)
    return row.id


def close_exception(tx: Tx, *, pharmacy_id: str, cause_key: str, outcome: str) -> bool:
    """Close the open exception of a cause that has gone; False when none was open."""
    row = repository.open_by_cause(tx, pharmacy_id, cause_key)
    if row is None:
        return False
    _close(tx, row, ExceptionState.CLOSED, outcome)
    return True


def close_row(tx: Tx, row: ExceptionCase, *, outcome: str) -> None:
    """Close an open exception whose cause has gone, when the caller holds its row already."""
    if row.state == ExceptionState.OPEN:
        _close(tx, row, ExceptionState.CLOSED, outcome)


def resolve_exception(tx: Tx, exception_id: str, *, outcome: str) -> None:
    """A person says that it is settled, and how; Conflict when somebody else did before."""
    row = _open_row(tx, exception_id)
    _refuse_undecided(tx, row)
    text = _text(outcome, "outcome", "Say in a few words how this was settled.")
    _close(tx, row, ExceptionState.RESOLVED, text)
    _audited(tx, row, "resolve_exception")


def _refuse_undecided(tx: Tx, row: ExceptionCase) -> None:
    """A reply that lets everything to a number wait is settled by deciding: else it would wait for ever, unseen."""
    reply = tx.find(InboundMessage, row.detail.get("inbound_message")) if row.detail.get("held") else None
    if reply is None:
        return
    known = statuses(tx, row.pharmacy_id, [reply.address]).get((reply.channel, reply.address))
    if known is not None and known.held_at is not None:
        raise Conflict(
            "All messages to this number wait. Say on the patient's page whether they go on; this closes with it."
        )


def assign(tx: Tx, exception_id: str, staff_id: str | None) -> None:
    """Give an open exception to a member of the pharmacy's staff, or to nobody."""
    row = _open_row(tx, exception_id)
    if staff_id is not None and not works_at(tx, staff_id, row.pharmacy_id):
        raise Invalid("Choose somebody who works at this pharmacy.", "staff_id")
    row.assigned_to = staff_id
    _audited(tx, row, "assign_exception", assigned_to=staff_id or "")


def comment(tx: Tx, exception_id: str, text: str) -> str:
    """Write a comment on an exception, open or not; gives the comment's id."""
    row = tx.get(ExceptionCase, exception_id)
    clean = _text(text, "text", "Write something first.")
    note = tx.add(
        ExceptionComment(
            pharmacy_id=row.pharmacy_id, exception_id=row.id, by=tx.scope.actor_name, text=clean, at=tx.now
        )
    )
    _audited(tx, row, "comment_exception")
    return note.id


def postpone(tx: Tx, exception_id: str, due_at: datetime) -> None:
    """Move the due time of an open exception; it must lie ahead."""
    row = _open_row(tx, exception_id)
    if due_at.tzinfo is None or due_at <= tx.now:
        raise Invalid("Choose a due time that lies ahead.", "due_at")
    row.due_at = due_at
    _audited(tx, row, "postpone_exception")


def _open_row(tx: Tx, exception_id: str) -> ExceptionCase:
    row = tx.get(ExceptionCase, exception_id, lock=True)
    if row.state != ExceptionState.OPEN:
        by = row.closed_by or "the system"
        raise Conflict(f"This was settled already by {by}: {row.outcome or 'no outcome written'}.")
    return row


def _update(
    row: ExceptionCase,
    summary: str,
    owner_role: Role,
    due_at: datetime,
    severity: Severity,
    detail: dict[str, Any] | None,
) -> None:
    row.summary = summary
    row.owner_role = owner_role
    order = list(Severity)
    if order.index(severity) > order.index(row.severity):
        # Only what became more pressing is due earlier: the same cause seen again leaves a person's postponement.
        row.severity = severity
        row.due_at = min(row.due_at, due_at)
    if detail is not None:
        if detail.get("fill_on") != row.detail.get("fill_on"):
            row.due_at = due_at
        row.detail = dict(detail)


def _close(tx: Tx, row: ExceptionCase, state: ExceptionState, outcome: str) -> None:
    row.state = state
    row.closed_at = tx.now
    row.closed_by = tx.scope.actor_name
    row.outcome = outcome
    # The partial unique index on open causes must see this before the same cause may open again.
    tx.session.flush()
    finish_mirrors(tx, row)


def _text(value: str, field: str, problem: str) -> str:
    clean = value.strip()
    if not clean:
        raise Invalid(problem, field)
    if len(clean) > MAX_TEXT:
        raise Invalid(f"Keep it to {MAX_TEXT} characters.", field)
    return clean


def _audited(tx: Tx, row: ExceptionCase, act: str, **detail: str) -> None:
    audit(
        tx, pharmacy_id=row.pharmacy_id, act=act, subject_kind="exception_case", subject_id=row.id,
        detail={"kind": row.kind.value, **detail},
    )  # fmt: skip
