"""Enrollments, cycles and what each batch holds; renewal requests; drafts of the enrollment wizard."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field

from medsync_app.domain.states import CycleState, EnrollmentState, FillKind, ItemState, RenewalState
from medsync_app.store.tables.base import (
    PharmacyScoped,
    Quantity,
    choice,
    document,
    id_field,
    instant,
    optional_ref,
    ref,
)

_OPEN_RENEWAL = text("state in ('open', 'sent', 'pending')")
_OPEN_ENROLLMENT = text("state in ('draft', 'active', 'paused')")


class Enrollment(PharmacyScoped, table=True):
    """A patient's taking part in the programme; `version` guards against two people changing it at once."""

    __table_args__ = (
        Index(
            "uq_enrollment_open", "patient_id", unique=True,
            sqlite_where=_OPEN_ENROLLMENT, postgresql_where=_OPEN_ENROLLMENT,
        ),
    )  # fmt: skip

    id: str = id_field()
    patient_id: str = ref("patient")
    state: EnrollmentState = Field(sa_type=choice(EnrollmentState), index=True)
    #: "every" (cycle_days apart) or "monthly" (same day of the month).
    cadence: str = "every"
    cycle_days: int = 30
    #: The first sync date: nominal dates are counted from it.
    anchor: date
    version: int = 1
    workflow_version_id: str | None = optional_ref("workflow_version")
    #: How the anchor was chosen: strategy, cost, options offered, override reason.
    plan: dict[str, Any] = document()
    enrolled_at: datetime = instant(index=True)
    enrolled_by: str
    changed_by: str = ""
    changed_at: datetime = instant()
    ended_at: datetime | None = instant(optional=True)
    end_reason: str = ""


class EnrollmentOffer(PharmacyScoped, table=True):
    """A patient was asked to take part: when, by whom, and a no. A yes is the enrollment itself."""

    id: str = id_field()
    patient_id: str = ref("patient")
    asked_at: datetime = instant()
    asked_by: str
    #: Set when the patient said no.
    declined_at: datetime | None = instant(optional=True)
    declined_by: str = ""


class Cycle(PharmacyScoped, table=True):
    """One pickup of one enrollment: the sync date's batch, or a pre-sync trip (`kind` trip)."""

    __table_args__ = (Index(None, "pharmacy_id", "sync_date"), Index(None, "enrollment_id", "number", "kind"))

    id: str = id_field()
    enrollment_id: str = ref("enrollment", index=False)
    patient_id: str = ref("patient")
    #: 1 for the first sync date; trips carry the number of the cycle they lead to.
    number: int
    kind: str = "sync"
    #: Date of the nominal chain; `sync_date` is where it fell after closed days and moves.
    nominal_date: date
    sync_date: date
    state: CycleState = Field(sa_type=choice(CycleState), index=True)
    version: int = 1
    workflow_version_id: str | None = optional_ref("workflow_version")
    needs_review: bool = False
    #: Why a pharmacist must look: machine reasons with plain words.
    review: dict[str, Any] = document()
    reviewed_by: str = ""
    reviewed_at: datetime | None = instant(optional=True)
    confirmed_at: datetime | None = instant(optional=True)
    confirmed_how: str = ""
    ready_at: datetime | None = instant(optional=True)
    picked_up_on: date | None = None
    #: Earliest claim date in the batch: the return-to-stock clock starts here.
    claimed_on: date | None = None
    changed_by: str = ""
    changed_at: datetime = instant()

    @property
    def unapproved(self) -> bool:
        """Whether a pharmacist has still to approve its plan."""
        return self.needs_review and self.reviewed_at is None


class CycleItem(PharmacyScoped, table=True):
    """One drug in a batch: what is planned, how far it is, and what is wrong with it."""

    __table_args__ = (Index("uq_cycle_item", "cycle_id", "therapy_id", "due_on", unique=True),)

    id: str = id_field()
    cycle_id: str = ref("cycle", index=False)
    therapy_id: str = ref("therapy")
    state: ItemState = Field(sa_type=choice(ItemState))
    #: Case of the plan: on_time, early, bridge, absorb, not_due, left_out; pickup: filled before the plan was made.
    case: str
    fill_kind: FillKind = Field(default=FillKind.FULL, sa_type=choice(FillKind))
    due_on: date
    days_supply: int
    quantity: Decimal | None = Field(default=None, sa_type=Quantity)
    claim_code: int | None = None
    too_soon: bool = False
    needs_renewal_by: date | None = None
    #: Why an item waits, is skipped or is a problem: out_of_stock, owed, on_hold, no_refills, ...
    problem: str = ""
    problem_note: str = ""
    expected_on: date | None = None
    #: When, how (reply, call, counter) and from whom the patient's request to fill it came (fill on request).
    requested_at: datetime | None = instant(optional=True)
    requested_how: str = ""
    requested_by: str = ""
    #: Doses the patient had in hand when asked.
    doses_left: int | None = None
    #: The day it was fetched: not that of the batch, where that is fetched in parts.
    picked_up_on: date | None = None
    #: The fill of the pharmacy system that this item turned into.
    fill_id: int | None = None
    changed_at: datetime = instant()


class RenewalRequest(PharmacyScoped, table=True):
    """One request to a prescriber; at most one open per therapy."""

    __table_args__ = (
        Index(
            "uq_renewal_request_open", "therapy_id", unique=True,
            sqlite_where=_OPEN_RENEWAL, postgresql_where=_OPEN_RENEWAL,
        ),
    )  # fmt: skip

    id: str = id_field()
    therapy_id: str = ref("therapy", index=False)
    patient_id: str = ref("patient")
    cycle_id: str | None = optional_ref("cycle", index=True)
    prescriber_id: str | None = optional_ref("prescriber")
    state: RenewalState = Field(sa_type=choice(RenewalState))
    path: str
    reason: str
    needed_by: date
    sent_at: datetime | None = instant(optional=True)
    answered_at: datetime | None = instant(optional=True)
    answer: str = ""
    created_at: datetime = instant()


class EnrollmentDraft(PharmacyScoped, table=True):
    """The wizard as far as it was filled in: saved at each step, resumed by link."""

    id: str = id_field()
    patient_id: str | None = optional_ref("patient", index=True)
    staff_id: str | None = optional_ref("staff")
    step: int = 1
    answers: dict[str, Any] = document()
    version: int = 1
    created_at: datetime = instant()
    updated_at: datetime = instant()
    finished_at: datetime | None = instant(optional=True)
