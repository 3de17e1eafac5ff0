"""Queries of the messages' services: workflow versions, templates, what a batch holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import bindparam, false, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from medsync_app.domain.cycle import OPEN
from medsync_app.domain.states import ActionState, Channel, CycleState, EnrollmentState, ItemState
from medsync_app.store.ids import new_id
from medsync_app.store.one_of import one_of
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    Attempt,
    Cycle,
    CycleItem,
    Enrollment,
    InboundEvent,
    InboundMessage,
    LoopHeartbeat,
    Prescription,
    ScheduledAction,
    Template,
    Therapy,
    WorkflowVersion,
)

_item, _therapy, _rx = cast(Any, CycleItem), cast(Any, Therapy), cast(Any, Prescription)
_version = cast(Any, WorkflowVersion)
_BATCH = (
    select(CycleItem, Therapy, Prescription)
    .join(Therapy, _therapy.id == _item.therapy_id)
    .outerjoin(Prescription, _rx.id == _therapy.current_prescription_id)
    .where(_item.cycle_id == bindparam("cycle_id"))
    .order_by(_therapy.drug_name, _item.due_on)
)
_template = cast(Any, Template)
_WORDINGS = select(_template.name, _template.language, _template.channel, _template.body).where(
    _template.pharmacy_id == bindparam("pharmacy_id")
)
_event = cast(Any, InboundEvent)
_WAITING = (
    select(_event.id)
    # Not by the index of the sources, which holds all that ever came in.
    .where(one_of(_event.source.concat(""), "sources"), _event.processed_at.is_(None))
    .order_by(_event.received_at, _event.id)
    .limit(bindparam("most"))
)
_NEWEST_WORKFLOW = (
    select(WorkflowVersion)
    .where(_version.pharmacy_id == bindparam("pharmacy_id"), _version.published)
    .order_by(_version.number.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One drug of a batch with what its therapy and prescription say."""

    state: ItemState
    case: str
    problem: str
    drug_name: str
    ingredients: tuple[str, ...]
    out_of_stock: bool
    pa_ends_on: date | None
    refills_left: int | None
    days_supply: int
    expected_on: date | None


def batch(tx: Tx, cycle_id: str) -> list[BatchLine]:
    """What a cycle's batch holds, skipped drugs included, in the order of their names."""
    rows = tx.session.execute(_BATCH, {"cycle_id": cycle_id})
    return [_line(line, drug, script) for line, drug, script in rows]


def _line(item: CycleItem, therapy: Therapy, rx: Prescription | None) -> BatchLine:
    ends = [day for day in (therapy.pa_ends_on, rx.pa_ends_on if rx else None) if day]
    return BatchLine(
        state=item.state,
        case=item.case,
        problem=item.problem,
        drug_name=therapy.drug_name,
        ingredients=tuple(therapy.ingredients),
        out_of_stock=therapy.out_of_stock,
        pa_ends_on=min(ends) if ends else None,
        refills_left=rx.refills_left if rx else None,
        days_supply=item.days_supply,
        expected_on=item.expected_on or therapy.expected_on,
    )


def newest_workflow(tx: Tx, pharmacy_id: str) -> WorkflowVersion | None:
    """The published workflow version with the highest number."""
    return tx.session.scalars(_NEWEST_WORKFLOW, {"pharmacy_id": pharmacy_id}).first()


def template_bodies(tx: Tx, pharmacy_id: str, names: Sequence[str]) -> dict[tuple[str, str, str], str]:
    """A pharmacy's own wordings: (name, language, channel) -> text."""
    known = tx.ahead.get(("wordings", pharmacy_id))
    if known is not None:
        return {key: body for key, body in known.items() if key[0] in names}
    template = cast(Any, Template)
    rows = tx.session.scalars(
        select(Template).where(template.pharmacy_id == pharmacy_id, template.name.in_(list(names)))
    )
    return {(row.name, row.language, row.channel): row.body for row in rows}


def read_wordings(tx: Tx, pharmacy_id: str) -> None:
    """Read ahead every wording of a pharmacy, for `template_bodies`."""
    rows = tx.session.execute(_WORDINGS, {"pharmacy_id": pharmacy_id})
    tx.ahead["wordings", pharmacy_id] = {(row.name, row.language, row.channel): row.body for row in rows}


def unsent_notices(
    tx: Tx, pharmacy_id: str, step: str, since: datetime, until: datetime
) -> Sequence[ScheduledAction]:
    """Notices of a pharmacy, due in that time, that ended without having been sent."""
    action = cast(Any, ScheduledAction)
    unsent = (ActionState.SKIPPED, ActionState.FAILED, ActionState.SUPPRESSED, ActionState.UNDELIVERED)
    statement = select(ScheduledAction).where(
        action.pharmacy_id == pharmacy_id, action.state.in_(unsent), action.due_at.between(since, until),
        action.kind == "notice", action.step == step,
    )  # fmt: skip
    return tx.session.scalars(statement.order_by(action.id)).all()


def newest_attempt(tx: Tx, action_id: str) -> Attempt | None:
    """The last call that was made for an action."""
    attempt = cast(Any, Attempt)
    return tx.session.scalars(
        select(Attempt).where(attempt.action_id == action_id).order_by(attempt.number.desc()).limit(1)
    ).first()


def failed_since(tx: Tx, pharmacy_id: str, channel: Channel, code: str, since: datetime) -> int:
    """How many calls of a pharmacy on a channel came back with that error code, of those begun since."""
    attempt = cast(Any, Attempt)
    count = select(func.count()).where(
        attempt.pharmacy_id == pharmacy_id, attempt.channel == channel, attempt.error_code == code,
        attempt.started_at >= since,
    )  # fmt: skip
    return tx.session.scalars(count.select_from(Attempt)).one()


def waiting_event_ids(tx: Tx, sources: Sequence[str], limit: int) -> list[str]:
    """Ids of the events that wait, the oldest first."""
    return list(tx.session.scalars(_WAITING, {"sources": sources, "most": limit}))


def insert_event(tx: Tx, source: str, external_id: str, payload: dict[str, Any], **more: Any) -> bool:
    """Write an event from outside; False when it is there already, also when both come at the same time.

    `more` are further columns; one with the same `signed` is there already too.
    """
    insert = postgresql.insert if tx.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = (
        insert(InboundEvent)
        .values(
            id=new_id(),
            source=source,
            external_id=external_id,
            payload=_storable(payload),
            received_at=tx.now,
            outcome="",
            **more,
        )
        .on_conflict_do_nothing()
        .returning(cast(Any, InboundEvent).id)
    )
    return tx.session.connection().execute(statement).first() is not None


def _storable(value: Any) -> Any:
    """A JSON value without the one character that PostgreSQL cannot keep in a text."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {key: _storable(part) for key, part in cast("dict[str, Any]", value).items()}
    return [_storable(part) for part in cast("list[Any]", value)] if isinstance(value, list) else value


def known_message(tx: Tx, source: str, external_id: str) -> bool:
    """True when that reply is kept already."""
    message = cast(Any, InboundMessage)
    return (
        tx.session.scalar(
            select(message.id).where(message.source == source, message.external_id == external_id)
        )
        is not None
    )


def heartbeat(tx: Tx, owner: str) -> LoopHeartbeat | None:
    """The heartbeat row of a loop."""
    beat = cast(Any, LoopHeartbeat)
    return tx.session.scalars(select(LoopHeartbeat).where(beat.owner == owner)).one_or_none()


def last_sent_at(tx: Tx, address: str) -> ScheduledAction | None:
    """The newest message that went to an address."""
    action = cast(Any, ScheduledAction)
    return tx.session.scalars(
        select(ScheduledAction)
        .where(action.address == address, action.sent_at.is_not(None), action.kind == "message")
        .order_by(action.sent_at.desc())
        .limit(1)
    ).first()


def said_since(tx: Tx, patient_id: str, address: str, body: str, *, since: datetime, besides: str) -> bool:
    """Whether another message with the same words has gone, or may have gone, to an address for a patient."""
    action = cast(Any, ScheduledAction)
    same = select(action.id).where(
        action.patient_id == patient_id, action.address == address, action.body == body, action.id != besides,
        action.updated_at >= since, *went(),
    )  # fmt: skip
    return tx.session.scalars(same.limit(1)).first() is not None


def asked_about(tx: Tx, address: str, cycle_ids: Sequence[str]) -> dict[str, datetime]:
    """When a question last went out about each of the cycles: to this address, or said in a household's message."""
    if not cycle_ids:
        return {}
    action = cast(Any, ScheduledAction)
    went = (action.address == address) & action.sent_at.is_not(None)
    rows = tx.session.execute(
        select(action.cycle_id, action.payload, func.coalesce(action.sent_at, action.updated_at).label("at"))
        .where(
            action.cycle_id.in_(list(cycle_ids)),
            action.kind == "message",
            went | (action.state == ActionState.MERGED),
        )
        .order_by("at")
    )
    return {cycle_id: at for cycle_id, payload, at in rows if _asks(payload.get("action", {}))}


def _asks(action: Mapping[str, Any]) -> bool:
    """A step asks for a digit by its template, or because the pharmacy says so of its own wording."""
    return bool(action.get("asks", action.get("template") in ("reminder_t7", "confirm_t3")))


def in_place_of(tx: Tx, cycle: Cycle) -> list[str]:
    """Ids of the cycles in whose place this one is: dates ahead, called off.

    Of an enrollment merged into this one; of its own only sync dates, for a trip stands in no other one's place.
    """
    own = (col(Cycle.enrollment_id) == cycle.enrollment_id) if cycle.kind == "sync" else false()
    statement = (
        select(col(Cycle.id))
        .join(Enrollment, col(Enrollment.id) == col(Cycle.enrollment_id))
        .where(
            col(Cycle.patient_id) == cycle.patient_id,
            col(Cycle.kind) == cycle.kind,
            col(Cycle.state) == CycleState.CANCELLED,
            col(Cycle.sync_date) >= tx.now.date(),
            (col(Enrollment.state) == EnrollmentState.TRANSFERRED) | own,
        )
        .order_by(col(Cycle.id))
    )
    return list(tx.session.scalars(statement))


@dataclass(frozen=True, slots=True)
class Told:
    """The last message about a cycle that named a pickup date, and that date (ISO)."""

    action_id: str
    day: str


def last_told(tx: Tx, cycle_id: str) -> Told | None:
    """The pickup date that the patient heard last about a cycle; None when no message has named one."""
    action = cast(Any, ScheduledAction)
    rows = tx.session.execute(
        select(action.id, action.payload)
        .where(action.cycle_id == cycle_id, *went())
        .order_by(func.coalesce(action.sent_at, action.updated_at).desc(), action.id.desc())
    )
    named = (Told(key, str(payload["sync_date"])) for key, payload in rows if _names_day(payload))
    return next(named, None)


def steps_told(tx: Tx, cycle: Cycle) -> frozenset[str]:
    """Steps that were said to the patient for the same date, in a batch that has been called off since.

    Also in a batch of an enrollment that has ended: two records of one person may each have had one.
    """
    action = cast(Any, ScheduledAction)
    return frozenset(
        tx.session.scalars(
            select(action.step)
            .join(Cycle, col(Cycle.id) == action.cycle_id)
            .where(
                col(Cycle.patient_id) == cycle.patient_id,
                col(Cycle.kind) == cycle.kind,
                col(Cycle.sync_date) == cycle.sync_date,
                col(Cycle.state) == CycleState.CANCELLED,
                *went(),
            )
        )
    )


def told_cycles(tx: Tx, pharmacy_id: str) -> frozenset[str]:
    """The open cycles of a pharmacy about which a message has named a pickup date to the patient."""
    action = cast(Any, ScheduledAction)
    rows = tx.session.execute(
        select(action.cycle_id, action.payload)
        .join(Cycle, col(Cycle.id) == action.cycle_id)
        .where(col(Cycle.pharmacy_id) == pharmacy_id, col(Cycle.state).in_(sorted(OPEN)), *went())
    )
    return frozenset(str(cycle_id) for cycle_id, payload in rows if _names_day(payload))


def went() -> tuple[Any, ...]:
    """The conditions for messages that left, or may have left."""
    action = cast(Any, ScheduledAction)
    return (
        action.kind == "message",
        action.state.in_(
            [
                ActionState.CALLING,
                ActionState.IN_DOUBT,
                ActionState.SENT,
                ActionState.DELIVERED,
                ActionState.MERGED,
            ]
        ),
    )


def _names_day(payload: Mapping[str, Any]) -> bool:
    """The message was about a sync date, and its wording says it."""
    action = payload.get("action", {})
    if not payload.get("sync_date"):
        return False
    if action.get("template") in ("reminder_t7", "confirm_t3", "confirm_t1", "trip_t1", "date_changed"):
        return True
    wordings: Mapping[str, Mapping[str, str]] = action.get("wordings", {})
    return any("day" in text for texts in wordings.values() for text in texts.values())
