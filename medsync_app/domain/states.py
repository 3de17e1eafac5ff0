"""The states and kinds the domain speaks of, by the names tables and screens use (DESIGN.md section 4)."""

from enum import StrEnum


class EnrollmentState(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    WITHDRAWN = "withdrawn"
    TRANSFERRED = "transferred"
    DECEASED = "deceased"
    INACTIVE = "inactive"


class CycleState(StrEnum):
    PROPOSED = "proposed"
    PLANNED = "planned"
    REQUESTING = "requesting"
    PREPARING = "preparing"
    PARTLY_READY = "partly_ready"
    READY = "ready"
    PARTLY_PICKED_UP = "partly_picked_up"
    PICKED_UP = "picked_up"
    MISSED = "missed"
    RETURNED = "returned"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class ItemState(StrEnum):
    PLANNED = "planned"
    WAITING = "waiting"
    FILLING = "filling"
    READY = "ready"
    PICKED_UP = "picked_up"
    RETURNED = "returned"
    SKIPPED = "skipped"


class ActionState(StrEnum):
    QUEUED = "queued"
    HELD = "held"
    CLAIMED = "claimed"
    CALLING = "calling"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    SKIPPED = "skipped"
    SUPPRESSED = "suppressed"
    MERGED = "merged"
    SUPERSEDED = "superseded"


class Channel(StrEnum):
    SMS = "sms"
    VOICE = "voice"
    EMAIL = "email"


class ContactBasis(StrEnum):
    """Why a patient may be contacted on a channel (DOMAIN.md section 5)."""

    EXPRESS = "express"
    NUMBER_GIVEN = "number_given"
    DECLINED = "declined"
    REVOKED = "revoked"
    NOT_ASKED = "not_asked"


class Role(StrEnum):
    OWNER = "owner"
    PHARMACIST = "pharmacist"
    TECHNICIAN = "technician"


class SameDrug(StrEnum):
    """A pharmacist's answer about an older drug that shares an ingredient with a newer one."""

    TOGETHER = "together"
    REPLACED = "replaced"


class FillKind(StrEnum):
    FULL = "full"
    SHORT = "short"


class FillStatus(StrEnum):
    """Where one dispensing stands: waiting in will-call, sold, reversed or returned to stock."""

    WAITING = "waiting"
    SOLD = "sold"
    REVERSED = "reversed"
    RETURNED = "returned"


class RenewalState(StrEnum):
    OPEN = "open"
    SENT = "sent"
    APPROVED = "approved"
    CHANGED = "approved_with_changes"
    DENIED = "denied"
    REPLACED = "replaced"
    PENDING = "pending"
    CLOSED = "closed"


class ExceptionKind(StrEnum):
    PA_ENDING = "pa_ending"
    NO_REFILLS = "no_refills"
    RX_EXPIRES = "rx_expires"
    OUT_OF_STOCK = "out_of_stock"
    PRESCRIBER_SILENT = "prescriber_silent"
    PRESCRIBER_DENIED = "prescriber_denied"
    CONTACT = "contact"
    DOSE_CONFLICT = "dose_conflict"
    PLAN_REVIEW = "plan_review"
    CALL = "call"
    CALL_BACK = "call_back"
    REPLY = "reply"
    NOT_PICKED_UP = "not_picked_up"
    RETURN_TO_STOCK = "return_to_stock"
    SEND_IN_DOUBT = "send_in_doubt"
    SEND_FAILED = "send_failed"
    CHANNEL_DOWN = "channel_down"
    PREPARE = "prepare"
    STOCK_CHECK = "stock_check"
    RENEWAL = "renewal"
    NEW_DRUG = "new_drug"
    JOIN = "join"
    WORKFLOW = "workflow"


class JoinOrigin(StrEnum):
    """Where a request to take part came in, or what is told of Rx (the last never brings a request)."""

    FORM = "form"
    TYPEFORM = "typeform"
    GOOGLE_FORM = "google_form"
    PHARMACY_SYSTEM = "pharmacy_system"
    PIONEERRX = "pioneerrx"


class OutsideKind(StrEnum):
    """Programs that are told of tasks, and the ways on which renewal requests go to prescribers."""

    SLACK = "slack"
    ASANA = "asana"
    TRELLO = "trello"
    #: The pharmacy system, by a signed webhook.
    PHARMACY = "pharmacy"
    #: A prescriber portal, by a signed webhook.
    PORTAL = "portal"
    FAX = "fax"
    EMAIL_TO_FAX = "email_to_fax"
    EMAIL = "email"


class OutsideState(StrEnum):
    """Where something for another program stands."""

    QUEUED = "queued"
    CALLING = "calling"
    SENT = "sent"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    DROPPED = "dropped"


class Severity(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class ExceptionState(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"
    CLOSED = "closed_by_itself"
