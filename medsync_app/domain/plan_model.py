"""What goes into a sync plan and what comes out: frozen dataclasses for services, screens and CLI."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal, NewType

from medsync_app.domain.supply import MAX_DAYS_SUPPLY, Day, Fill, FillKind, default_threshold
from medsync_app.errors import Invalid

MedicationId = NewType("MedicationId", str)
Case = Literal["on_time", "early", "absorb", "bridge", "not_due", "left_out"]
Status = Literal["active", "discontinued", "expired"]
Strategy = Literal[
    "recommended", "anchor", "latest_due", "earliest_due", "most_common_due", "requested", "without_blocker"
]
ExclusionReason = Literal[
    "discontinued",
    "expired",
    "schedule_ii",
    "as_needed",
    "not_maintenance",
    "unknown_days_supply",
    "lapsed",
    "schedule_iii_v",
    "insulin",
    "liquid",
    "drops",
    "inhaler",
    "specialty",
    "cannot_align",
    "taken_out",
]
Break = Literal["past", "closed", "lead_time", "beyond_horizon", "full", "gap", "too_soon", "no_fill"]

MAX_CYCLE_DAYS = 366
MAX_HORIZON_DAYS = 730
ALL_WEEKDAYS = frozenset(range(7))
NO_LOAD: Mapping[date, int] = {}
NO_MONEY = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Policy:
    """The pharmacy's rules for one calculation; days are pharmacy-local, weekdays count from Monday = 0.

    `in_sync`: a date after the first one, on which a drug that lasts to the next date is not filled (cadence:
    90 days on a 30-day cycle, a surplus of a whole cycle), although a payer would pay.
    """

    today: date
    cycle_days: int = 30
    horizon_days: int = 45
    min_lead_days: int = 0
    open_weekdays: frozenset[int] = ALL_WEEKDAYS
    closed_dates: frozenset[date] = frozenset()
    daily_capacity: int | None = None
    planned_load: Mapping[date, int] = field(default_factory=lambda: NO_LOAD)
    preferred_weekdays: frozenset[int] = frozenset()
    requested_date: date | None = None
    buffer_days: int = 0
    accumulation: bool = True
    lapsed_after_days: int = 30
    short_fill_uses_refill: bool = False
    in_sync: bool = False

    def __post_init__(self) -> None:
        _whole("cycle_days", self.cycle_days, 1, MAX_CYCLE_DAYS)
        _whole("horizon_days", self.horizon_days, 0, MAX_HORIZON_DAYS)
        _whole("min_lead_days", self.min_lead_days, 0, MAX_HORIZON_DAYS)
        _whole("buffer_days", self.buffer_days, 0, MAX_DAYS_SUPPLY)
        _whole("lapsed_after_days", self.lapsed_after_days, 0, 10_000)
        if self.daily_capacity is not None:
            _whole("daily_capacity", self.daily_capacity, 0, 1_000_000)
        if not self.open_weekdays:
            raise Invalid("Name at least one open weekday (0 = Monday .. 6 = Sunday).", "open_weekdays")
        if not self.open_weekdays <= ALL_WEEKDAYS:
            raise Invalid("Give weekdays as numbers from 0 (Monday) to 6 (Sunday).", "open_weekdays")
        if not self.preferred_weekdays <= ALL_WEEKDAYS:
            raise Invalid("Give weekdays as numbers from 0 (Monday) to 6 (Sunday).", "preferred_weekdays")


@dataclass(frozen=True, slots=True)
class Medication:
    """One drug of the patient, all its Rx numbers together.

    `threshold` None: by schedule (0.85 for III-V, else 0.75). `splittable` None: by form. `include` True
    lifts only the tick-in group and lapsed, False takes it out. `renewal_possible` True keeps a drug whose Rx
    has expired (its fills then need a renewal). `copay_prorated` False: a short fill costs the full copay.
    """

    id: MedicationId
    fills: tuple[Fill, ...]
    name: str = ""
    units_per_day: Decimal = Decimal(1)
    usual_days: int | None = None
    form: str = ""
    status: Status = "active"
    refills_left: int | None = None
    quantity_left: Decimal | None = None
    expires_on: date | None = None
    pa_ends_on: date | None = None
    splittable: bool | None = None
    maintenance: bool = True
    as_needed: bool = False
    schedule: int | None = None
    threshold: Decimal | None = None
    include: bool | None = None
    cost_per_fill: Decimal | None = None
    copay: Decimal | None = None
    copay_prorated: bool = True
    renewal_possible: bool | None = None

    def __post_init__(self) -> None:
        if not self.id:
            raise Invalid("Give the medication an id.", "id")
        if not 0 < self.units_per_day <= 100_000:
            raise Invalid("Give the units per day as a number above 0.", "units_per_day")
        if self.usual_days is not None:
            _whole("usual_days", self.usual_days, 1, MAX_DAYS_SUPPLY)
        if self.schedule is not None:
            _whole("schedule", self.schedule, 2, 5)
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise Invalid("Give the threshold as a share from 0 to 1.", "threshold")
        for name, value in (
            ("refills_left", self.refills_left),
            ("quantity_left", self.quantity_left),
            ("cost_per_fill", self.cost_per_fill),
            ("copay", self.copay),
        ):
            if value is not None and value < 0:
                raise Invalid("Give a number that is not below 0.", name)

    @property
    def share_to_use(self) -> Decimal:
        """The refill-too-soon threshold in force."""
        return default_threshold(self.schedule) if self.threshold is None else self.threshold

    @property
    def label(self) -> str:
        """What sentences call this drug."""
        return self.name or f"medicine {self.id}"


@dataclass(frozen=True, slots=True)
class PlannedFill:
    """One dated fill: `date` is the day it is picked up, `due` the day it is planned for.

    `opens` is the first day on which it is not too soon; it may be picked up on any open day until `due`.
    """

    date: Day
    due: Day
    opens: Day
    days_supply: int
    quantity: int
    kind: FillKind
    too_soon: bool = False
    claim_code: int | None = None


@dataclass(frozen=True, slots=True)
class MedicationPlan:
    """What one drug does for a sync date, from today to the day it has joined.

    `pickup_by` is the last open day to pick up a fill that waits in will-call; it is not filled again.
    """

    id: MedicationId
    case: Case
    next_due: date
    eligible: date
    planned_for: date
    early_days: int
    gap_days: int
    joins_on: date
    refills_needed: int
    needs_renewal_by: date | None
    pa_expires: date | None
    extra_copay: Decimal
    fills: tuple[PlannedFill, ...]
    pickup_by: date | None = None


@dataclass(frozen=True, slots=True, order=True)
class Cost:
    """What a plan costs the patient; compared field by field, smaller is better."""

    gap_days: int
    too_soon: int
    trips: int
    short_fills: int
    left_out: int
    early_days: int


@dataclass(frozen=True, slots=True)
class Option:
    """One strategy with its full cost; without a `sync_date` it has no cost and `reason` says why.

    `breaks` names what a requested date breaks; `without` the drugs that this option takes out; `blocked_by` the
    unbreakable drugs because of which there is no date.
    """

    strategy: Strategy
    sync_date: date | None
    cost: Cost | None
    needs_pharmacist_review: bool
    extra_copay: Decimal
    explanation: str
    medications: tuple[MedicationPlan, ...] = ()
    same_as: tuple[Strategy, ...] = ()
    reason: str | None = None
    breaks: tuple[Break, ...] = ()
    without: tuple[MedicationId, ...] = ()
    blocked_by: tuple[MedicationId, ...] = ()


@dataclass(frozen=True, slots=True)
class Excluded:
    """A drug that takes no part, and why."""

    id: MedicationId
    reason: ExclusionReason


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """Every option of one patient, `recommended` first, and the drugs left aside."""

    options: tuple[Option, ...]
    excluded: tuple[Excluded, ...]

    def option(self, strategy: Strategy) -> Option | None:
        """The option of that strategy, None when it does not apply (such as no requested date)."""
        return next((option for option in self.options if option.strategy == strategy), None)

    @property
    def recommended(self) -> Option:
        return self.options[0]


def _whole(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise Invalid(f"Give a whole number from {low} to {high}.", name)
