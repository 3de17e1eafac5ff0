"""The conversation with one patient in both directions, and what people did, newest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import select

from medsync_app.domain.states import ActionState, Channel
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    AuditEvent,
    Cycle,
    Enrollment,
    ExceptionCase,
    InboundMessage,
    Patient,
    PatientMerge,
    ScheduledAction,
    Therapy,
)

LATEST: Final = 50
#: Still ahead, or waiting for a decision.
COMING: Final = (ActionState.QUEUED, ActionState.HELD, ActionState.CLAIMED, ActionState.CALLING)
#: Replaced ones say nothing to who reads the conversation.
_LEFT_OUT: Final = (ActionState.SUPERSEDED,)
_action, _inbound, _audit, _merge = (
    cast(Any, kind) for kind in (ScheduledAction, InboundMessage, AuditEvent, PatientMerge)
)


@dataclass(frozen=True, slots=True)
class Utterance:
    """One message: `inbound` from the patient, else ours with its state and why it stands so."""

    id: str
    inbound: bool
    at: datetime
    channel: Channel | None
    text: str
    step: str
    state: ActionState | None
    reason: str


@dataclass(frozen=True, slots=True)
class Act:
    """One act of a person about this patient."""

    id: int
    at: datetime
    by: str
    act: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """What will be said (soonest first) and what was said (newest first)."""

    coming: tuple[Utterance, ...]
    past: tuple[Utterance, ...]


def conversation(tx: Tx, patient_id: str) -> Conversation:
    """The next and the last 50 messages of a patient; NotFound outside the scope."""
    tx.get(Patient, patient_id)
    ours = select(ScheduledAction).where(_action.patient_id == patient_id, _action.kind == "message")
    ahead = ours.where(_action.state.in_(COMING)).order_by(_action.due_at, _action.id).limit(LATEST)
    done = (
        ours.where(_action.state.not_in([*COMING, *_LEFT_OUT]))
        .order_by(_action.due_at.desc(), _action.id.desc())
        .limit(LATEST)
    )
    received = (
        select(InboundMessage)
        .where(_inbound.patient_id == patient_id)
        .order_by(_inbound.received_at.desc(), _inbound.id.desc())
        .limit(LATEST)
    )
    past = [
        *(_ours(row) for row in tx.session.scalars(done)),
        *(_theirs(row) for row in tx.session.scalars(received)),
    ]
    past.sort(key=lambda one: (one.at, one.id), reverse=True)
    return Conversation(tuple(_ours(row) for row in tx.session.scalars(ahead)), tuple(past[:LATEST]))


def _ours(row: ScheduledAction) -> Utterance:
    return Utterance(
        id=row.id,
        inbound=False,
        at=row.sent_at or row.due_at,
        channel=row.channel,
        text=row.body or "",
        step=row.step,
        state=row.state,
        reason=row.reason,
    )


def _theirs(row: InboundMessage) -> Utterance:
    return Utterance(
        id=row.id,
        inbound=True,
        at=row.received_at,
        channel=row.channel,
        text=row.body,
        step="",
        state=None,
        reason=row.outcome,
    )


def history(tx: Tx, patient_id: str) -> tuple[Act, ...]:
    """The last 50 acts of people about a patient and their enrollments, batches, drugs and tasks.

    Those about a record that was merged into this one are among them.
    """
    patient = tx.get(Patient, patient_id)
    merged = select(_merge.dropped_id).where(_merge.kept_id == patient_id)
    subjects: list[Any] = [_audit.subject_id == patient_id, _audit.subject_id.in_(merged)]
    for kind in (Enrollment, Cycle, Therapy, ExceptionCase):
        table = cast(Any, kind)
        subjects.append(_audit.subject_id.in_(select(table.id).where(table.patient_id == patient_id)))
    found = subjects[0]
    for one in subjects[1:]:
        found = found | one
    statement = (
        select(_audit.id, _audit.at, _audit.actor_name, _audit.act)
        .where(_audit.chain == patient.pharmacy_id, found)
        .order_by(_audit.sequence.desc())
        .limit(LATEST)
    )
    return tuple(Act(*row) for row in tx.session.execute(statement))
