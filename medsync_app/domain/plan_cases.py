"""What one drug does for a given sync date: the case table of DOMAIN.md section 2, in ordinal days."""

from dataclasses import dataclass, field
from typing import NamedTuple

from medsync_app.domain.days import OpenDays
from medsync_app.domain.participation import is_splittable
from medsync_app.domain.plan_model import Case, Medication, Policy
from medsync_app.domain.supply import Supply, days_spare

MAX_JOINING_CYCLES = 12
LONGEST_SHORT_FILL = 30
MOST_EARLY_DAYS = 14


class Outcome(NamedTuple):
    """The case of a drug for a sync date, and how it joins: as `joins_as` on the nominal sync date `day`.

    Both are the same for a drug that is filled on the date; not_due and left_out drugs join on a later one.
    """

    case: Case
    joins_as: Case
    day: int
    full_fills: int
    remainder: int
    short_fills: int
    early_days: int


class Link(NamedTuple):
    """A fill before the drug has joined: planned for `due`, to be picked up from `opens` (and today) on."""

    opens: int
    due: int
    days: int
    short: bool


@dataclass(slots=True)
class Setting:
    """The policy of one calculation in ordinal days."""

    policy: Policy
    days: OpenDays
    today: int
    first_open: int
    cycle: int

    @classmethod
    def of(cls, policy: Policy) -> "Setting":
        days = OpenDays.of(policy.open_weekdays, policy.closed_dates)
        today = policy.today.toordinal()
        return cls(policy, days, today, days.on_or_after(today), policy.cycle_days)


@dataclass(slots=True)
class Drug:
    """A drug that takes part, with the quantities of the case table (names as in DOMAIN.md section 2)."""

    medication: Medication
    supply: Supply
    usual_days: int
    next_due: int
    eligible: int
    filled_from: int
    planned: int
    in_hand: int
    leeway: int
    absorb_days: int
    splittable: bool
    gap_days: int
    outcomes: dict[int, Outcome | None] = field(default_factory=dict[int, "Outcome | None"])

    @classmethod
    def of(cls, setting: Setting, medication: Medication, supply: Supply) -> "Drug":
        next_due, eligible = supply.run_out.toordinal(), supply.eligible.toordinal()
        usual = supply.usual_days
        planned = max(next_due - setting.policy.buffer_days, eligible, setting.first_open)
        in_hand = max(0, next_due - planned)
        leeway = max(0, days_spare(medication.share_to_use, usual) - in_hand)
        return cls(
            medication=medication,
            supply=supply,
            usual_days=usual,
            next_due=next_due,
            eligible=eligible,
            filled_from=max(eligible, next_due - setting.cycle + 1) if setting.policy.in_sync else eligible,
            planned=planned,
            in_hand=in_hand,
            leeway=leeway,
            absorb_days=min(leeway, usual // 4, MOST_EARLY_DAYS),
            splittable=is_splittable(medication),
            gap_days=max(0, planned - max(next_due, setting.today)),
        )

    def outcome(self, day: int, cycle: int) -> Outcome | None:
        """The case on sync date `day`; None when the drug makes that date infeasible."""
        try:
            return self.outcomes[day]
        except KeyError:
            outcome = self._join(day, None) if day >= self.filled_from else self._join_later(day, cycle)
            self.outcomes[day] = outcome
            return outcome

    def _join_later(self, day: int, cycle: int) -> Outcome | None:
        case: Case = "not_due" if self.next_due >= day + cycle else "left_out"
        first = -(-(self.filled_from - day) // cycle)
        for cycles in range(first, MAX_JOINING_CYCLES + 1):
            outcome = self._join(day + cycles * cycle, case)
            if outcome is not None:
                return outcome
        return None

    def _join(self, day: int, case: Case | None) -> Outcome | None:
        """How the drug is filled on `day`, which is not before its eligible date; None when it cannot be."""
        past = day - self.planned
        if past < 0:
            return Outcome(case or "early", "early", day, 0, 0, 0, -past)
        full_fills, remainder = divmod(past, self.usual_days)
        if remainder <= self.in_hand:
            return Outcome(case or "on_time", "on_time", day, full_fills, remainder, 0, 0)
        missing = self.usual_days - remainder
        if missing <= self.absorb_days:
            return Outcome(case or "absorb", "absorb", day, full_fills + 1, remainder, 0, missing)
        if self.splittable:
            short_fills = -(-remainder // LONGEST_SHORT_FILL)
            return Outcome(case or "bridge", "bridge", day, full_fills, remainder, short_fills, 0)
        return None

    def links(self, outcome: Outcome) -> list[Link]:
        """The fills before the joining one, in order."""
        links: list[Link] = []
        due = self.planned
        for _ in range(outcome.full_fills):
            links.append(self._link(due, self.usual_days, False))
            due += self.usual_days
        if outcome.joins_as == "bridge":
            left = outcome.remainder
            while left > 0:
                days = min(left, LONGEST_SHORT_FILL)
                links.append(self._link(due, days, True))
                due, left = due + days, left - days
        return links

    def _link(self, due: int, days: int, short: bool) -> Link:
        opens = self.eligible if due == self.planned else due - self.leeway
        return Link(opens, due, days, short)

    def earliest_joining(self, outcome: Outcome) -> int:
        """The first day on which the joining fill is not too soon."""
        if not outcome.full_fills and not outcome.short_fills:
            return self.eligible
        planned = (
            outcome.day - outcome.remainder
            if outcome.joins_as == "on_time"
            else outcome.day + outcome.early_days
        )
        return planned - self.leeway
