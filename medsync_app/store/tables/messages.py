"""The outbox and what came back: scheduled actions, attempts, inbound messages and events, the loop's heartbeat."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from medsync_app.domain.states import ActionState, Channel
from medsync_app.store.tables.base import (
    PharmacyScoped,
    Table,
    choice,
    document,
    id_field,
    instant,
    optional_ref,
    ref,
)

_QUEUED = text("state = 'queued'")
_IN_FRONT = text("state = 'queued' and front_since is not null")
_LEASED = text("state in ('claimed', 'calling')")
_WAITING = text("state in ('queued', 'held')")
_IN_DOUBT = text("state = 'in_doubt'")
_UNWORKED = text("processed_at is null")
_UNUSED = text("problem <> ''")
_FULL = text("emptied_at is null and problem = ''")


class ScheduledAction(PharmacyScoped, table=True):
    """A message, request, task or check with a due time (DESIGN.md decision 2)."""

    __table_args__ = (
        # What the loop asks at every tick (outbox/outlook.py): small, however many rows wait for their day.
        Index("ix_scheduled_action_due", "due_at", "id", sqlite_where=_QUEUED, postgresql_where=_QUEUED),
        Index(
            "ix_scheduled_action_front", "due_at", "id", sqlite_where=_IN_FRONT, postgresql_where=_IN_FRONT
        ),
        Index("ix_scheduled_action_lease", "lease_until", sqlite_where=_LEASED, postgresql_where=_LEASED),
        Index("ix_scheduled_action_stale", "stale_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_scheduled_action_doubt", "id", sqlite_where=_IN_DOUBT, postgresql_where=_IN_DOUBT),
        Index(None, "pharmacy_id", "state", "due_at"),
        Index(None, "address", "sent_at"),
    )

    id: str = id_field()
    patient_id: str | None = optional_ref("patient", index=True)
    enrollment_id: str | None = optional_ref("enrollment")
    cycle_id: str | None = optional_ref("cycle", index=True)
    therapy_id: str | None = optional_ref("therapy")
    #: Step of the workflow document that caused it, or a name of ours such as opt_out_confirmation.
    step: str
    #: message, reply, notice (to the staff), task, renewal or check.
    kind: str
    payload: dict[str, Any] = document()
    idempotency_key: str = Field(unique=True)
    due_at: datetime = instant()
    #: Taken before others that are due, in this order: somebody waits for it, or it has its turn at the provider.
    front_since: datetime | None = instant(optional=True)
    #: Past this instant it is of no use and is skipped.
    stale_at: datetime | None = instant(optional=True)
    #: The local wall time it stands for, resolved again when it fires (DST).
    local_date: date | None = None
    local_time: str | None = None
    state: ActionState = Field(default=ActionState.QUEUED, sa_type=choice(ActionState))
    #: Why it was held, skipped, suppressed, merged, superseded or failed; plain words.
    reason: str = ""
    attempts: int = 0
    lease_owner: str | None = None
    lease_until: datetime | None = instant(optional=True)
    channel: Channel | None = Field(default=None, sa_type=choice(Channel))
    #: Where it went: kept for the caps, which belong to the number.
    address: str | None = None
    body: str | None = None
    provider_id: str | None = Field(default=None, index=True)
    sent_at: datetime | None = instant(optional=True)
    created_at: datetime = instant()
    updated_at: datetime = instant()


class Attempt(PharmacyScoped, table=True):
    """One call to an outside party for one action."""

    __table_args__ = (UniqueConstraint("action_id", "number"),)

    id: str = id_field()
    action_id: str = ref("scheduled_action", index=False)
    number: int
    channel: Channel = Field(sa_type=choice(Channel))
    address: str
    started_at: datetime = instant()
    finished_at: datetime | None = instant(optional=True)
    #: calling, sent, permanent, configuration, transient, in_doubt, not_sent, not_called.
    outcome: str
    provider_id: str | None = Field(default=None, index=True)
    error_code: str | None = None
    error: str | None = None
    duration_ms: int | None = None
    settled_by: str | None = None
    #: How often a doubt was looked up, and when last.
    looks: int = 0
    looked_at: datetime | None = instant(optional=True)


class InboundMessage(PharmacyScoped, table=True):
    """A reply or message from a patient."""

    __table_args__ = (UniqueConstraint("source", "external_id"),)

    id: str = id_field()
    source: str
    external_id: str
    channel: Channel = Field(sa_type=choice(Channel))
    address: str = Field(index=True)
    body: str
    patient_id: str | None = optional_ref("patient", index=True)
    cycle_id: str | None = optional_ref("cycle")
    #: confirm, change, call, stop, start, help, refusal, free_text.
    meaning: str
    outcome: str = ""
    received_at: datetime = instant(index=True)
    handled_at: datetime | None = instant(optional=True)


class InboundEvent(Table, table=True):
    """A raw event as it arrived, kept before anything is done with it."""

    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index(
            "ix_inbound_event_waiting",
            "received_at",
            "id",
            sqlite_where=_UNWORKED,
            postgresql_where=_UNWORKED,
        ),
        Index(
            "ix_inbound_event_unused", "pharmacy_id", "waits_for", sqlite_where=_UNUSED, postgresql_where=_UNUSED
        ),
        Index("ix_inbound_event_full", "processed_at", sqlite_where=_FULL, postgresql_where=_FULL),
    )  # fmt: skip

    id: str = id_field()
    pharmacy_id: str | None = optional_ref("pharmacy", index=True)
    source: str
    external_id: str
    #: Emptied some time after it was worked (`emptied_at`): the ids stay, so that a copy is still known.
    payload: dict[str, Any] = document()
    received_at: datetime = instant(index=True)
    processed_at: datetime | None = instant(optional=True)
    outcome: str = ""
    #: The sender's name of an event of a pharmacy system.
    kind: str = Field(default="", sa_column_kwargs={"server_default": ""})
    #: Why such an event could not be used: it is shown until it can be, or a person puts it aside.
    problem: str = Field(default="", sa_column_kwargs={"server_default": ""})
    #: What lets it be tried again when it comes: patient:ID, rx:NUMBER or cycle:ID.
    waits_for: str = Field(default="", sa_column_kwargs={"server_default": ""})
    #: Digest of its signature, or of a form's own id: the same delivery is not taken at a second location.
    signed: str | None = Field(default=None, unique=True)
    emptied_at: datetime | None = instant(optional=True)


class LoopHeartbeat(Table, table=True):
    """When a background loop last finished a tick."""

    owner: str = Field(primary_key=True)
    started_at: datetime = instant()
    beat_at: datetime = instant(index=True)
    last_error: str = ""
    stopped_at: datetime | None = instant(optional=True)


class ChannelStatus(PharmacyScoped, table=True):
    """Whether a channel is stopped because of its configuration or its provider."""

    __table_args__ = (UniqueConstraint("pharmacy_id", "channel"),)

    id: str = id_field()
    channel: Channel = Field(sa_type=choice(Channel))
    stopped_at: datetime | None = instant(optional=True)
    reason: str = ""


class ProviderStatus(Table, table=True):
    """What all loops know of the provider of a channel (domain/provider.py)."""

    channel: Channel = Field(sa_type=choice(Channel), primary_key=True)
    seen_at: datetime = instant()
    spent_until: datetime = instant()
    line_until: datetime = instant()
    late_until: datetime = instant()
    paused_until: datetime = instant()
    failures: int
    openings: int
    open_until: datetime | None = instant(optional=True)
    probing_since: datetime | None = instant(optional=True)
