"""Plans an enrolled patient anew: for a given day, or for the best one, from what is known now."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, cast

from medsync_app.clock import local_day
from medsync_app.domain.cadence import last_open_day, nominal_date
from medsync_app.domain.plan_model import Medication, Option, Policy, SyncPlan
from medsync_app.domain.plan_words import EXCLUSION_LABELS
from medsync_app.domain.states import ItemState
from medsync_app.domain.sync_plan import plan
from medsync_app.services.plan_inputs import drugs_for, policy_for
from medsync_app.store.repositories import cycles
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment, Pharmacy

#: Reasons for which a drug leaves the programme without a word on the next batch.
_GONE = frozenset({"discontinued", "taken_out"})


@dataclass(frozen=True, slots=True)
class Replan:
    """One calculation for an enrollment; `requested` answers for the day asked for, when one was.

    `left_aside` are drugs of its batches that the plan does not hold: therapy id -> the reason in plain words.
    """

    today: date
    policy: Policy
    plan: SyncPlan
    medications: tuple[Medication, ...]
    left_aside: Mapping[str, str]

    @property
    def requested(self) -> Option | None:
        return self.plan.option("requested")

    @property
    def recommended(self) -> Option:
        return self.plan.recommended

    def without_blockers(self) -> "Replan":
        """For a day that stands: planned without the drugs in one piece that cannot meet it, which are left aside."""
        blocked = self.requested.blocked_by if self.requested is not None else ()
        if not blocked:
            return self
        out = tuple(replace(m, include=False) if m.id in blocked else m for m in self.medications)
        aside = {**self.left_aside, **dict.fromkeys(blocked, EXCLUSION_LABELS["cannot_align"])}
        return replace(self, plan=plan(self.policy, out), medications=out, left_aside=aside)

    def option_without_day_breaks(self, option: Option) -> Option:
        """The option judged by its fills alone, for a day that was chosen (and approved if need be) before."""
        cost = option.cost
        if cost is None:
            return option
        too_soon = any(fill.too_soon for drug in option.medications for fill in drug.fills)
        return replace(
            option, breaks=(), needs_pharmacist_review=bool(cost.short_fills or cost.gap_days or too_soon)
        )

    def avoidable_breaks(self, option: Option) -> tuple[str, ...]:
        """What a day breaks beyond what the best day breaks too (a patient who is out already has a gap)."""
        best = self.recommended.cost
        if best is None or option.cost is None or option.cost.gap_days > best.gap_days:
            return option.breaks
        return tuple(code for code in option.breaks if code != "gap")


def replan(
    tx: Tx,
    enrollment: Enrollment,
    number: int,
    *,
    day: date | None = None,
    cycle: Cycle | None = None,
    min_lead_days: int = 0,
) -> Replan:
    """Plan the sync date of that number (and its trips): what is planned for it so far is left out of account."""
    pharmacy = tx.get(Pharmacy, enrollment.pharmacy_id)
    today = local_day(tx.now, pharmacy.zone)
    replanned = {
        trip.id
        for trip in cycles.open_of_enrollment(tx, enrollment.id, "trip")
        if trip.number in (number, number + 1)
    }
    if cycle is not None:
        replanned.add(cycle.id)
    policy = policy_for(
        tx, enrollment.pharmacy_id, today=today, min_lead_days=min_lead_days,
        requested_date=day, exclude_cycle_ids=replanned, cycle_days=enrollment.cycle_days,
        horizon_days=(day - today).days if day is not None and day > today else None,
    )  # fmt: skip
    policy = replace(policy, in_sync=number > 1)
    # What a trip holds already is claimed: it is fetched, not filled again. Only the batch itself is planned anew.
    anew = [cycle.id] if cycle is not None else []
    medications = tuple(drugs_for(tx, enrollment.patient_id, today=today, replanned=anew).medications)
    result = plan(policy, medications)
    return Replan(today, policy, result, medications, _left_aside(tx, enrollment, result))


def next_nominal(enrollment: Enrollment, number: int, policy: Policy) -> date:
    """The nominal date of the number-th cycle: counted from the anchor, which belongs to `anchor_number`."""
    steps = number - anchor_number(enrollment.plan)
    kind = "monthly" if enrollment.cadence == "monthly" else "cycle"
    return nominal_date(enrollment.anchor, steps, replace(policy, cycle_days=enrollment.cycle_days), kind)


def anchor_number(document: Mapping[str, Any]) -> int:
    """The number of the cycle that the anchor of an enrollment belongs to, from its plan document."""
    first = document.get("anchor_number", 1)
    return first if isinstance(first, int) else 1


def set_anchor(enrollment: Enrollment, number: int, day: date) -> None:
    """Count the nominal dates from this cycle on: its date was chosen by a person or planned anew."""
    enrollment.anchor = day
    enrollment.plan = {**enrollment.plan, "anchor_number": number}


def hold_date(enrollment: Enrollment, number: int, *, onward: bool) -> None:
    """Remember that a person chose the date of this cycle (`onward`: and of those after it): levelling keeps it."""
    enrollment.plan = {**enrollment.plan, "held": {"number": number, "onward": onward}}


def is_held(enrollment: Enrollment, number: int) -> bool:
    """Whether the date of that cycle was asked for at enrollment, or chosen by a person since."""
    held = enrollment.plan.get("held")
    if isinstance(held, dict):
        known = cast("dict[str, object]", held)
        since, onward = known.get("number"), known.get("onward") is True
        if since == number or (onward and isinstance(since, int) and since < number):
            return True
    return enrollment.plan.get("strategy") == "requested"


def held_on(nominal: date, policy: Policy) -> date:
    """The day a nominal date is held on: the last open day on or before it, with room when one is near."""
    day = last_open_day(nominal, policy)
    capacity = policy.daily_capacity
    if capacity is None:
        return day
    near = day
    while policy.planned_load.get(near, 0) >= capacity:
        near = last_open_day(near - timedelta(days=1), policy)
        # Further back than this the fills would be too soon: a full day is then better than that.
        if (day - near).days > 4 or near < policy.today:
            return day
    return near


def _left_aside(tx: Tx, enrollment: Enrollment, result: SyncPlan) -> Mapping[str, str]:
    """Drugs that batches of this enrollment held and this plan does not, with the reason in plain words."""
    known = {
        item.therapy_id
        for item, cycle in cycles.items_with_cycles(tx, enrollment.patient_id)
        if cycle.enrollment_id == enrollment.id and item.state is not ItemState.SKIPPED
    }
    return {
        excluded.id: EXCLUSION_LABELS[excluded.reason]
        for excluded in result.excluded
        if excluded.id in known and excluded.reason not in _GONE
    }
