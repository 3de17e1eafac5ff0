"""What the loop did with a pharmacy's messages since an instant: what went, and what did not and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select

from medsync_app.domain.states import ActionState, Channel
from medsync_app.store.session import Tx
from medsync_app.store.tables import Attempt, ScheduledAction

_action, _attempt = cast(Any, ScheduledAction), cast(Any, Attempt)
_NOT_SENT = (
    ActionState.SKIPPED, ActionState.SUPPRESSED, ActionState.MERGED, ActionState.FAILED, ActionState.HELD,
    ActionState.IN_DOUBT,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that a provider took; `at` is when it was called."""

    patient_id: str
    cycle_id: str | None
    step: str
    channel: Channel
    address: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """One message that ended, or waits, without going out."""

    patient_id: str
    cycle_id: str | None
    step: str
    at: datetime
    state: ActionState
    reason: str


def sent_since(tx: Tx, pharmacy_id: str, since: datetime, patient_id: str | None = None) -> Sequence[Sent]:
    """Messages that went out since an instant, in the order of time, patient and step."""
    rows = tx.session.execute(
        select(
            _action.patient_id, _action.cycle_id, _action.step, _attempt.channel, _attempt.address,
            _attempt.started_at, _action.body,
        )
        .join(ScheduledAction, _action.id == _attempt.action_id)
        .where(_attempt.pharmacy_id == pharmacy_id, _attempt.started_at >= since, _attempt.outcome == "sent")
        .where(_action.patient_id == patient_id if patient_id else _action.kind == "message")
        .order_by(_attempt.started_at, _action.patient_id, _action.step, _attempt.id)
    )  # fmt: skip
    return [Sent(*row) for row in rows]


def not_sent_since(
    tx: Tx, pharmacy_id: str, since: datetime, patient_id: str | None = None
) -> Sequence[NotSent]:
    """Messages that were skipped, suppressed, merged or held since an instant, with the reason."""
    rows = tx.session.execute(
        select(
            _action.patient_id, _action.cycle_id, _action.step, _action.due_at, _action.state, _action.reason
        )
        .where(_action.pharmacy_id == pharmacy_id, _action.updated_at >= since, _action.kind == "message")
        .where(_action.state.in_(_NOT_SENT), *([_action.patient_id == patient_id] if patient_id else []))
        .order_by(_action.due_at, _action.patient_id, _action.step)
    )
    return [NotSent(*row) for row in rows]
