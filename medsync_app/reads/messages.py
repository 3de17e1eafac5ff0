"""The messages of the pharmacies in scope: coming, sent, held, failed, in doubt, not sent, and the replies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, and_, func, or_, select

from medsync_app.domain.causes import Cause
from medsync_app.domain.states import ActionState, Channel, ContactBasis, ExceptionState
from medsync_app.errors import MedSyncError
from medsync_app.outbox.queue import SPEAKS_FOR
from medsync_app.outbox.states import PENDING
from medsync_app.reads.places import Here, places
from medsync_app.services.contact_decision import likely_way
from medsync_app.services.message_text import compose, topic_of
from medsync_app.services.own_wording import KEY, own_text
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    Attempt,
    Cycle,
    ExceptionCase,
    InboundMessage,
    Patient,
    Pharmacy,
    ScheduledAction,
)

PAGE_SIZE: Final = 50
#: What has ended is listed for so long; older messages stand with their patient.
KEPT: Final = timedelta(days=90)
#: The tabs; "replies" is what patients wrote.
TABS: Final[tuple[str, ...]] = ("coming", "sent", "held", "failed", "doubt", "unsent", "replies")
_ENDED: Final = ("sent", "failed", "unsent", "replies")
_KINDS: Final = ("message", "reply")
#: The preview of what a person will have to say.
_USUAL_WAY: Final = (Channel.SMS, ContactBasis.NUMBER_GIVEN)
_FOR_ALL: Final = "Said in one message for this number: {} that were due on one day."
_action, _patient, _inbound = cast(Any, ScheduledAction), cast(Any, Patient), cast(Any, InboundMessage)
_attempt, _case = cast(Any, Attempt), cast(Any, ExceptionCase)


@dataclass(frozen=True, slots=True)
class Message:
    """One line: `at` is when it is due, or when it went or ended."""

    id: str
    pharmacy_id: str
    patient_id: str
    first_name: str
    last_name: str
    step: str
    kind: str
    state: ActionState
    channel: Channel | None
    due_at: datetime
    sent_at: datetime | None
    reason: str
    #: What the workflow calls the step, "" when no step of it caused the message.
    name: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """Something a patient wrote; `task_id` is the open task about it, "" when there is none."""

    id: str
    pharmacy_id: str
    patient_id: str
    first_name: str
    last_name: str
    channel: Channel
    address: str
    body: str
    meaning: str
    outcome: str
    received_at: datetime
    task_id: str


@dataclass(frozen=True, slots=True)
class MessageList:
    """One page of one tab with the counts of all tabs."""

    rows: Sequence[Message]
    replies: Sequence[Reply]
    total: int
    counts: Mapping[str, int]
    places: Mapping[str, Here]


@dataclass(frozen=True, slots=True)
class Try:
    """One call to a provider."""

    number: int
    channel: Channel
    started_at: datetime
    outcome: str
    error_code: str
    error: str
    settled_by: str


@dataclass(frozen=True, slots=True)
class MessageDetail:
    """One message with its text; `preview` is True while the text is what would go out now."""

    message: Message
    place: Here
    body: str
    preview: bool
    #: Why there is no preview, "" when there is one.
    no_preview: str
    #: The channel of the preview: what the message would take now.
    likely: Channel | None
    #: A wording that a person wrote for this message, "" when the usual one is used.
    own_wording: str
    address: str
    stale_at: datetime | None
    pickup_on: date | None
    tries: Sequence[Try]


def message_list(tx: Tx, *, tab: str = "coming", page: int = 1) -> MessageList:
    """Page `page` (from 1, 50 rows) of a tab: what comes next first, what has ended newest first."""
    chosen = tab if tab in TABS else "coming"
    counts = _counts(tx)
    start = (max(page, 1) - 1) * PAGE_SIZE
    replies = _replies(tx, start) if chosen == "replies" else []
    rows = [] if chosen == "replies" else _rows(tx, chosen, start)
    return MessageList(rows, replies, counts[chosen], counts, places(tx))


def _in_tab(tx: Tx, tab: str) -> ColumnElement[bool]:
    """A message that waits with a reason is held, whether until a time or until a person decides.

    Written with the states first: an index of states and due times finds the rows.
    """
    state, reason = _action.state, _action.reason
    recent = _action.due_at >= tx.now - KEPT
    conditions: dict[str, Any] = {
        "coming": and_(
            state.in_((ActionState.QUEUED, ActionState.CLAIMED, ActionState.CALLING)),
            or_(state != ActionState.QUEUED, reason == ""),
        ),
        "held": and_(
            state.in_((ActionState.HELD, ActionState.QUEUED)), or_(state == ActionState.HELD, reason != "")
        ),
        "sent": and_(state.in_((ActionState.SENT, ActionState.DELIVERED)), recent),
        "failed": and_(state.in_((ActionState.FAILED, ActionState.UNDELIVERED)), recent),
        "doubt": state == ActionState.IN_DOUBT,
        "unsent": and_(state.in_((ActionState.SKIPPED, ActionState.SUPPRESSED, ActionState.MERGED)), recent),
    }
    return and_(_action.kind.in_(_KINDS), conditions[tab])


def _counts(tx: Tx) -> dict[str, int]:
    open_states = (*PENDING, ActionState.CALLING, ActionState.IN_DOUBT)
    ended = (
        ActionState.SENT, ActionState.DELIVERED, ActionState.FAILED, ActionState.UNDELIVERED, ActionState.SKIPPED,
        ActionState.SUPPRESSED, ActionState.MERGED,
    )  # fmt: skip
    held = _action.reason != ""
    counts: dict[str, int] = dict.fromkeys(TABS, 0)
    for condition in (
        _action.state.in_(open_states),
        and_(_action.state.in_(ended), _action.due_at >= tx.now - KEPT),
    ):
        statement = (
            select(_action.state, held.label("held"), func.count())
            .where(_action.kind.in_(_KINDS), condition)
            .group_by(_action.state, "held")
        )
        for state, has_reason, number in tx.session.execute(statement):
            counts[_tab_of(state, bool(has_reason))] += number
    replies = select(func.count()).select_from(InboundMessage).where(_inbound.received_at >= tx.now - KEPT)
    counts["replies"] = tx.session.execute(replies).scalar_one()
    return counts


def _tab_of(state: ActionState, has_reason: bool) -> str:
    """The tab of a message that is counted."""
    if state is ActionState.QUEUED:
        return "held" if has_reason else "coming"
    return {
        ActionState.CLAIMED: "coming", ActionState.CALLING: "coming", ActionState.HELD: "held",
        ActionState.SENT: "sent", ActionState.DELIVERED: "sent", ActionState.FAILED: "failed",
        ActionState.UNDELIVERED: "failed", ActionState.IN_DOUBT: "doubt", ActionState.SKIPPED: "unsent",
        ActionState.SUPPRESSED: "unsent", ActionState.MERGED: "unsent",
    }[state]  # fmt: skip


def _columns() -> tuple[Any, ...]:
    return (
        _action.id, _action.pharmacy_id, func.coalesce(_action.patient_id, ""),
        func.coalesce(_patient.first_name, ""), func.coalesce(_patient.last_name, ""), _action.step,
        _action.kind, _action.state, _action.channel, _action.due_at, _action.sent_at, _action.reason,
        func.coalesce(_action.payload["name"].as_string(), ""),
    )  # fmt: skip


def _rows(tx: Tx, tab: str, start: int) -> list[Message]:
    order = (_action.due_at.desc(), _action.id.desc()) if tab in _ENDED else (_action.due_at, _action.id)
    statement = (
        select(*_columns())
        .select_from(ScheduledAction)
        .outerjoin(Patient, _patient.id == _action.patient_id)
        .where(_in_tab(tx, tab))
        .order_by(*order)
        .limit(PAGE_SIZE)
        .offset(start)
    )
    return [Message(*row) for row in tx.session.execute(statement)]


def _replies(tx: Tx, start: int) -> list[Reply]:
    """What patients wrote, newest first, with the task that is still open about it."""
    about = and_(_case.cause_key == Cause.REPLY.of("") + _inbound.id, _case.state == ExceptionState.OPEN)
    statement = (
        select(
            _inbound.id, _inbound.pharmacy_id, func.coalesce(_inbound.patient_id, ""),
            func.coalesce(_patient.first_name, ""), func.coalesce(_patient.last_name, ""), _inbound.channel,
            _inbound.address, _inbound.body, _inbound.meaning, _inbound.outcome, _inbound.received_at,
            func.coalesce(_case.id, ""),
        )
        .select_from(InboundMessage)
        .outerjoin(Patient, _patient.id == _inbound.patient_id)
        .outerjoin(ExceptionCase, about)
        .where(_inbound.received_at >= tx.now - KEPT)
        .order_by(_inbound.received_at.desc(), _inbound.id.desc())
        .limit(PAGE_SIZE)
        .offset(start)
    )  # fmt: skip
    return [Reply(*row) for row in tx.session.execute(statement)]


def message_detail(tx: Tx, action_id: str) -> MessageDetail:
    """One message with its text and the calls made for it; NotFound outside the scope."""
    action = tx.get(ScheduledAction, action_id)
    row = tx.session.execute(
        select(*_columns())
        .select_from(ScheduledAction)
        .outerjoin(Patient, _patient.id == _action.patient_id)
        .where(_action.id == action_id)
    ).one()
    cycle = tx.find(Cycle, action.cycle_id) if action.cycle_id else None
    # What an earlier try said is not what a message that waits again will say.
    waits = action.state in PENDING or not action.body
    body, problem, likely = _preview(tx, action, cycle) if waits else (action.body or "", "", None)
    own = action.payload.get(KEY)
    message = Message(*row)
    if not waits and not message.reason and (others := action.payload.get(SPEAKS_FOR)):
        message = replace(message, reason=_FOR_ALL.format(len(others) + 1))
    return MessageDetail(
        message=message,
        place=places(tx)[action.pharmacy_id],
        body=body,
        preview=waits,
        no_preview=problem,
        likely=likely,
        own_wording=own if isinstance(own, str) else "",
        address=action.address or "",
        stale_at=action.stale_at,
        pickup_on=cycle.sync_date if cycle else None,
        tries=_tries(tx, action_id),
    )


def _preview(tx: Tx, action: ScheduledAction, cycle: Cycle | None) -> tuple[str, str, Channel]:
    """The text as it would go out now, why it cannot be shown, and the channel it would take."""
    pharmacy = tx.get(Pharmacy, action.pharmacy_id)
    patient = tx.find(Patient, action.patient_id) if action.patient_id else None
    likely = likely_way(tx, action, pharmacy, patient)
    channel, basis = (likely.channel, likely.basis) if likely else _USUAL_WAY
    topic = topic_of(action.payload, cycle)
    try:
        usual = compose(tx, pharmacy, patient, topic, channel, basis)
    except MedSyncError as error:
        return "", error.message, channel
    return own_text(action, pharmacy, topic, channel, basis, usual).body, "", channel


def _tries(tx: Tx, action_id: str) -> list[Try]:
    rows = tx.session.execute(
        select(
            _attempt.number, _attempt.channel, _attempt.started_at, _attempt.outcome,
            func.coalesce(_attempt.error_code, ""), func.coalesce(_attempt.error, ""),
            func.coalesce(_attempt.settled_by, ""),
        )
        .where(_attempt.action_id == action_id)
        .order_by(_attempt.number)
    )  # fmt: skip
    return [Try(*row) for row in rows]
