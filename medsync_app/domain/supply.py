"""Supply of one drug: when it runs out and from when a payer is expected to pay again (DOMAIN.md section 1).

Choices where the rules leave room: fills of one date keep the order of their pickup; a fill still waiting
in will-call is expected to be picked up today; supply is unknown when the last counted fill has no days
supply, or when no full fill and no prescribed number of days says what is usual.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from medsync_app.errors import Invalid

FillKind = Literal["full", "short"]
Day = date  # a field named `date` would hide the type in its own class
MAX_DAYS_SUPPLY = 999
DEFAULT_THRESHOLD = Decimal("0.75")
CONTROLLED_THRESHOLD = Decimal("0.85")


@dataclass(frozen=True, slots=True)
class Fill:
    """One dispensing. `days_supply` None or 0: unknown; `waiting`: claimed and still in will-call."""

    date: Day
    days_supply: int | None
    quantity: Decimal | None = None
    kind: FillKind = "full"
    picked_up_on: Day | None = None
    reversed: bool = False
    waiting: bool = False

    def __post_init__(self) -> None:
        if self.days_supply is not None and not 0 <= self.days_supply <= MAX_DAYS_SUPPLY:
            raise Invalid(
                f"Give the days supply as a whole number from 0 to {MAX_DAYS_SUPPLY}.", "days_supply"
            )

    @property
    def counts(self) -> bool:
        """False for a fill that was reversed, returned to stock or has no positive quantity."""
        return not self.reversed and (self.quantity is None or self.quantity > 0)


@dataclass(frozen=True, slots=True)
class Supply:
    """What the fill history of one drug says; `run_out` is the first day without supply.

    `pickup_due` is set while a fill waits in will-call: the first day without supply unless it is picked up.
    `after_short`: the last fill was a short one, so the next full one says so to the payer. `claimed_until` is the
    first day without supply by claim dates; None when supply in hand does not count towards the eligible date.
    """

    run_out: date
    eligible: date
    usual_days: int
    last_fill: date
    pickup_due: date | None = None
    after_short: bool = False
    claimed_until: date | None = None

    @property
    def next_due(self) -> date:
        return self.run_out

    def days_in_hand(self, today: date) -> int:
        """Days of supply left on `today`, 0 when out."""
        return max(0, (self.run_out - today).days)


def days_used(threshold: Decimal, days: int) -> int:
    """ceil(threshold x days): days that must pass before a refill is paid; 30 days at 0.75 -> 23."""
    numerator, denominator = threshold.as_integer_ratio()
    return -(-numerator * days // denominator)


def days_spare(threshold: Decimal, days: int) -> int:
    """floor((1 - threshold) x days): days a refill may overlap the supply before it; 30 days at 0.75 -> 7."""
    numerator, denominator = threshold.as_integer_ratio()
    return (denominator - numerator) * days // denominator


def default_threshold(schedule: int | None) -> Decimal:
    """Share of the supply to be used before a refill is paid, when neither plan nor Rx says otherwise."""
    return CONTROLLED_THRESHOLD if schedule in (3, 4, 5) else DEFAULT_THRESHOLD


def summarise(
    fills: Sequence[Fill],
    *,
    today: date,
    threshold: Decimal = DEFAULT_THRESHOLD,
    usual_days: int | None = None,
    accumulate: bool = True,
) -> Supply | None:
    """Run-out, eligible date and usual days of one drug, from its fills in any order; None when unknown.

    `usual_days` is the prescribed days supply when known. `accumulate` counts supply in hand towards the
    eligible date (DOMAIN.md section 1, always on for schedule III-V).
    """
    counted = sorted((fill for fill in fills if fill.counts), key=_by_date)
    if not counted or not counted[-1].days_supply:
        return None
    usual = usual_days or next((fill.days_supply for fill in reversed(counted) if fill.kind == "full"), None)
    if not usual:
        return None
    now, run_out, claimed_until = today.toordinal(), 0, 0
    pickup_due: date | None = None
    for fill in counted:
        days = fill.days_supply or 0
        claimed = taken = fill.date.toordinal()
        if fill.waiting:
            taken = max(claimed, now)
            pickup_due = pickup_due or date.fromordinal(max(taken, run_out))
        elif fill.picked_up_on is not None:
            taken = fill.picked_up_on.toordinal()
        run_out = max(taken, run_out) + days
        claimed_until = max(claimed, claimed_until) + days
    last = counted[-1]
    last_days = last.days_supply or 0
    eligible = last.date.toordinal() + days_used(threshold, last_days)
    if accumulate:
        eligible = max(eligible, claimed_until - days_spare(threshold, last_days))
    return Supply(
        date.fromordinal(run_out),
        date.fromordinal(eligible),
        usual,
        last.date,
        pickup_due,
        last.kind == "short",
        date.fromordinal(claimed_until) if accumulate else None,
    )


def run_out_after_dose_change(
    today: date, run_out: date, old_units_per_day: Decimal, new_units_per_day: Decimal
) -> date:
    """First day without supply once the dose changes today: whole days of remaining units / new dose."""
    if old_units_per_day <= 0 or new_units_per_day <= 0:
        raise Invalid("Give the units per day as a number above 0.", "units_per_day")
    remaining = Decimal(max(0, (run_out - today).days)) * old_units_per_day
    return today + timedelta(days=int(remaining // new_units_per_day))


def _by_date(fill: Fill) -> tuple[date, date, bool, int]:
    return (fill.date, fill.picked_up_on or fill.date, fill.waiting, fill.days_supply or 0)
