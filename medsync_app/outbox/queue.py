"""Queues and withdraws scheduled actions inside the caller's transaction (DESIGN.md decision 2)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from medsync_app.domain.consent import USABLE
from medsync_app.domain.contact_rules import ASKED_TO_STOP
from medsync_app.domain.states import ActionState, Channel
from medsync_app.errors import Invalid, NotFound
from medsync_app.outbox.states import PENDING
from medsync_app.store.ids import new_id
from medsync_app.store.session import Tx
from medsync_app.store.tables import ContactPoint, Patient, ScheduledAction

ACTION = cast(Table, ScheduledAction.__table__)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
_CONTACT = cast(Table, ContactPoint.__table__)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
_PATIENT = cast(Table, Patient.__table__)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
#: The one answer that a stop word does not cancel: its own.
STOP_CONFIRMED = "opt_out_confirmation"
#: Where the payload of a household's message keeps the ids of the messages it speaks for, and the id of the cycle that
#: the digits it asks for are about, when it asks one question.
SPEAKS_FOR, ASKS_ABOUT = "speaks_for", "asks_about"
#: How the reason of a ready notice ends that waits for others at its number.
WAITS_FOR_BATCH = "for another batch at this number that is being prepared."
#: Wordings that tell of what can be fetched: they do not count against the daily cap of a number with express consent.
READY = frozenset({"ready", "partly_ready"})
#: So much further ahead than its due time somebody urgent stands: before all that has waited for its turn.
AHEAD = timedelta(days=366)
_PENDING = ACTION.c.state.in_(sorted(PENDING))
#: Cancelled by a stop, and queued again by a START while it is of use.
_STOPPED = (ACTION.c.state == ActionState.SUPPRESSED) & (ACTION.c.reason == ASKED_TO_STOP)
#: One statement for any number of rows: the driver splits them so that no limit of the database is passed.
_ADD = {
    dialect: insert(ACTION).on_conflict_do_nothing(index_elements=["idempotency_key"]).returning(ACTION.c.id)
    for dialect, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}


@dataclass(frozen=True, slots=True)
class NewAction:
    """Something that shall happen at `due_at`; `idempotency_key` makes queueing it twice harmless."""

    pharmacy_id: str
    step: str
    #: message, task, renewal, check or mirror.
    kind: str
    idempotency_key: str
    due_at: datetime
    stale_at: datetime | None = None
    payload: dict[str, Any] = field(default_factory=lambda: dict[str, Any]())
    patient_id: str | None = None
    enrollment_id: str | None = None
    cycle_id: str | None = None
    therapy_id: str | None = None
    local_date: date | None = None
    #: HH:MM, the wall time that `due_at` stands for.
    local_time: str | None = None
    #: queued, or skipped when its time had passed before it was queued (then `reason` says so).
    state: ActionState = ActionState.QUEUED
    reason: str = ""


def queue(tx: Tx, actions: Iterable[NewAction]) -> int:
    """Write the actions whose key is new; returns how many were. A known key changes nothing."""
    rows = [_row(tx, action) for action in actions]
    if not rows:
        return 0
    tx.session.flush()  # the rows these refer to must be there first
    dialect = tx.session.get_bind().dialect.name
    written = len(tx.session.connection().execute(_ADD[dialect], rows).all())
    if written:
        for pharmacy_id in {row["pharmacy_id"] for row in rows}:
            tx.touch(pharmacy_id)
    return written


def is_urgent(kind: str, payload: Mapping[str, Any]) -> bool:
    """Whether somebody waits for a message: a direct answer, or word that a batch can be fetched."""
    action: object = payload.get("action")  # a row of bad data is found out when it fires
    template = cast("dict[str, object]", action).get("template") if isinstance(action, dict) else None
    return kind == "reply" or (isinstance(template, str) and template in READY)


def _row(tx: Tx, action: NewAction) -> dict[str, Any]:
    if not tx.scope.sees(action.pharmacy_id):
        raise NotFound("There is no such pharmacy among yours.")
    return {
        "id": new_id(), "pharmacy_id": action.pharmacy_id, "patient_id": action.patient_id,
        "enrollment_id": action.enrollment_id, "cycle_id": action.cycle_id, "therapy_id": action.therapy_id,
        "step": action.step, "kind": action.kind, "payload": action.payload,
        "idempotency_key": action.idempotency_key, "due_at": action.due_at, "stale_at": action.stale_at,
        "local_date": action.local_date, "local_time": action.local_time, "state": action.state,
        "front_since": action.due_at - AHEAD if is_urgent(action.kind, action.payload) else None,
        "reason": action.reason, "attempts": 0, "created_at": tx.now, "updated_at": tx.now,
    }  # fmt: skip


def supersede(
    tx: Tx,
    *,
    pharmacy_id: str,
    cycle_id: str | None = None,
    enrollment_id: str | None = None,
    patient_id: str | None = None,
    reason: str,
    keep_steps: Sequence[str] = (),
    only_steps: Sequence[str] | None = None,
    only_actions: Sequence[str] | None = None,
) -> int:
    """Withdraw what is pending for a cycle, enrollment or patient; returns how many actions were.

    The key of a withdrawn action becomes free again: it was never sent, so a plan that comes back to the same
    date may queue it anew. What is being called, or was, stays as it is. What a stop has cancelled is withdrawn too:
    a START must not bring back what holds no more.
    """
    which: list[ColumnElement[bool]] = []
    if cycle_id is not None:
        which.append(ACTION.c.cycle_id == cycle_id)
    if enrollment_id is not None:
        which.append(ACTION.c.enrollment_id == enrollment_id)
    if patient_id is not None:
        which.append(ACTION.c.patient_id == patient_id)
    if not which:
        raise Invalid("Name the cycle, the enrollment or the patient whose messages are withdrawn.")
    if keep_steps:
        which.append(ACTION.c.step.not_in(list(keep_steps)))
    if only_steps is not None:
        which.append(ACTION.c.step.in_(list(only_steps)))
    if only_actions is not None:
        which.append(ACTION.c.id.in_(list(only_actions)))
    return _end(
        tx, pharmacy_id, which, ActionState.SUPERSEDED, reason, of=_PENDING | _STOPPED,
        idempotency_key=ACTION.c.idempotency_key + "~" + ACTION.c.id,
    )  # fmt: skip


def look_again(tx: Tx, pharmacy_id: str, patient_id: str) -> int:
    """Let what waits for a patient's batch, for others at the patient's numbers, be decided about anew at once.

    Whether it goes on waiting is asked when it fires; returns how many messages there were.
    """
    theirs = select(_CONTACT.c.address).where(_CONTACT.c.patient_id == patient_id)
    others = select(_CONTACT.c.patient_id).where(
        _CONTACT.c.pharmacy_id == pharmacy_id,
        _CONTACT.c.address.in_(theirs),
        _CONTACT.c.patient_id != patient_id,
    )
    statement = (
        update(ACTION)
        .where(
            ACTION.c.pharmacy_id == pharmacy_id, ACTION.c.patient_id.in_(others), ACTION.c.due_at > tx.now,
            ACTION.c.state == ActionState.QUEUED, ACTION.c.reason.endswith(WAITS_FOR_BATCH),
        )
        .values(due_at=tx.now, updated_at=tx.now)
    )  # fmt: skip
    count = tx.session.connection().execute(statement).rowcount
    if count:
        _forget_loaded(tx)
    return count


def free_keys(
    tx: Tx,
    *,
    pharmacy_id: str,
    cycle_id: str,
    steps: Sequence[str],
    only: Collection[ActionState] = frozenset(ActionState) - PENDING,
) -> None:
    """Let steps of a cycle that are settled (`only` in these states) be queued anew: what they said holds no more."""
    if not tx.scope.sees(pharmacy_id):
        raise NotFound("There is no such pharmacy among yours.")
    tx.session.flush()
    statement = (
        update(ACTION)
        .where(
            ACTION.c.pharmacy_id == pharmacy_id, ACTION.c.cycle_id == cycle_id, ACTION.c.step.in_(list(steps)),
            ACTION.c.state.in_(sorted(only)), ACTION.c.idempotency_key.not_like("%~%"),
        )
        .values(idempotency_key=ACTION.c.idempotency_key + "~" + ACTION.c.id)
    )  # fmt: skip
    tx.session.connection().execute(statement)
    _forget_loaded(tx)


def waiting_on_days(
    tx: Tx, pharmacy_id: str, steps: Iterable[str], since: date, until: date
) -> Sequence[ScheduledAction]:
    """What waits for these steps on local days from `since` to `until`, both counted."""
    action = cast(Any, ScheduledAction)
    statement = select(ScheduledAction).where(
        action.pharmacy_id == pharmacy_id, action.state.in_(sorted(PENDING)), action.step.in_(sorted(steps)),
        action.local_date.between(since, until),
    )  # fmt: skip
    return tx.session.scalars(statement.order_by(action.id)).all()


def cancel_for_address(
    tx: Tx, pharmacy_id: str, address: str, reason: str, channels: Iterable[Channel] | None = None
) -> int:
    """Suppress every pending message and answer that would go to a number or e-mail address; returns how many.

    A pending message has no address yet: it counts when its patient's first usable contact point is that one, and not
    a caregiver's, who ends nothing that reaches the patient otherwise.
    """
    patients = _patients_reached_at(tx, pharmacy_id, address, channels)
    point = _CONTACT.c
    theirs = select(point.patient_id).where(
        point.pharmacy_id == pharmacy_id, point.address == address, point.caregiver_name != ""
    )
    to_it = (ACTION.c.address == address) & ACTION.c.patient_id.not_in(theirs)
    if patients:
        to_it |= ACTION.c.patient_id.in_(patients)
    answers = (ACTION.c.kind == "reply") & (ACTION.c.payload["to"].as_string() == address)
    answers &= ACTION.c.step != STOP_CONFIRMED
    return _end(
        tx, pharmacy_id, [(ACTION.c.kind == "message") & to_it | answers], ActionState.SUPPRESSED, reason
    )


def queue_again(tx: Tx, pharmacy_id: str, patient_ids: Sequence[str], reason: str) -> int:
    """Queue messages of patients anew that were suppressed for a reason which no longer holds; returns how many.

    Only what is of use yet; whether it is still wanted is asked again when it fires.
    """
    if not tx.scope.sees(pharmacy_id):
        raise NotFound("There is no such pharmacy among yours.")
    useful = func.coalesce(ACTION.c.stale_at, ACTION.c.due_at) > tx.now
    statement = (
        update(ACTION)
        .where(
            ACTION.c.pharmacy_id == pharmacy_id, ACTION.c.patient_id.in_(list(patient_ids)),
            ACTION.c.kind == "message", ACTION.c.state == ActionState.SUPPRESSED, ACTION.c.reason == reason, useful,
        )
        .values(state=ActionState.QUEUED, reason="", updated_at=tx.now)
    )  # fmt: skip
    tx.session.flush()
    count = tx.session.connection().execute(statement).rowcount
    if count:
        _forget_loaded(tx)
        tx.touch(pharmacy_id)
    return count


def _patients_reached_at(
    tx: Tx, pharmacy_id: str, address: str, channels: Iterable[Channel] | None
) -> list[str]:
    """Patients for whom no other usable contact point comes before this address, by their choice or its rank."""
    point = _CONTACT.c
    having = select(point.patient_id).where(
        point.pharmacy_id == pharmacy_id, point.address == address, point.caregiver_name == ""
    )
    if channels is not None:
        having = having.where(point.channel.in_(list(channels)))
    rows = tx.session.connection().execute(
        select(point.patient_id, point.address, point.basis)
        .join(_PATIENT, _PATIENT.c.id == point.patient_id)
        .where(point.patient_id.in_(having))
        .order_by(
            point.patient_id, point.channel != _PATIENT.c.preferred_channel, point.rank, point.created_at
        )
    )
    first: dict[str, str] = {}
    for patient_id, at, basis in rows:
        usable = at == address or basis in USABLE
        if usable:
            first.setdefault(patient_id, at)
    return sorted(patient for patient, at in first.items() if at == address)


def _end(
    tx: Tx,
    pharmacy_id: str,
    which: list[ColumnElement[bool]],
    state: ActionState,
    reason: str,
    *,
    of: ColumnElement[bool] = _PENDING,
    **more: Any,
) -> int:
    if not tx.scope.sees(pharmacy_id):
        raise NotFound("There is no such pharmacy among yours.")
    tx.session.flush()
    statement = (
        update(ACTION)
        .where(ACTION.c.pharmacy_id == pharmacy_id, of, *which)
        .values(state=state, reason=reason, lease_owner=None, lease_until=None, updated_at=tx.now, **more)
    )
    count = tx.session.connection().execute(statement).rowcount
    if count:
        _forget_loaded(tx)
        tx.touch(pharmacy_id)
    return count


def _forget_loaded(tx: Tx) -> None:
    """Rows that were loaded before must not show, or write back, the old state."""
    for row in list(tx.session.identity_map.values()):
        if isinstance(row, ScheduledAction):
            tx.session.expire(row)
