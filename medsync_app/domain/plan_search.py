"""Finds sync dates: the candidates, the best of them, and the drugs that no date serves.

Choice where the rules leave room: only dates within lead time and horizon count for "no date serves all";
without any open day with room, no drug is taken out.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from medsync_app.domain.plan_cases import Drug, Link, Outcome, Setting
from medsync_app.domain.plan_model import Cost
from medsync_app.domain.plan_trips import Trips, serve


class Dated(NamedTuple):
    """One sync date worked out: outcomes and links of each drug, and the trips of all links."""

    day: int
    cost: Cost
    outcomes: list[Outcome]
    links: list[list[Link]]
    trips: Trips


class Best(NamedTuple):
    """The order of plans as one comparable value: the cost, then the earlier day."""

    gap_days: int
    too_soon: int
    trips: int
    short_fills: int
    left_out: int
    early_days: int
    day: int


def candidate_days(setting: Setting, drugs: Sequence[Drug]) -> list[int]:
    """Open days with room from the lead time to the horizon, which reaches to the earliest planned fill."""
    policy = setting.policy
    end = setting.today + policy.horizon_days
    if drugs:
        end = max(end, min(drug.planned for drug in drugs))
    days = setting.days
    open_days = [day for day in range(setting.today + policy.min_lead_days, end + 1) if days.is_open(day)]
    capacity = policy.daily_capacity
    if capacity is None:
        return open_days
    load = {day.toordinal(): count for day, count in policy.planned_load.items()}
    return [day for day in open_days if load.get(day, 0) < capacity]


def work_out(setting: Setting, drugs: Sequence[Drug], day: int) -> Dated | None:
    """The plan of all drugs for one date with its cost; None when a drug makes the date infeasible."""
    outcomes: list[Outcome] = []
    for drug in drugs:
        outcome = drug.outcome(day, setting.cycle)
        if outcome is None:
            return None
        outcomes.append(outcome)
    links = [drug.links(outcome) for drug, outcome in zip(drugs, outcomes, strict=True)]
    trips = serve([link for own in links for link in own], setting.days, day, setting.cycle)
    cost = Cost(
        gap_days=sum(drug.gap_days for drug in drugs),
        too_soon=sum(trips.too_soon),
        trips=trips.total,
        short_fills=sum(outcome.short_fills for outcome in outcomes),
        left_out=sum(outcome.case == "left_out" for outcome in outcomes),
        early_days=sum(outcome.early_days for outcome in outcomes),
    )
    return Dated(day, cost, outcomes, links, trips)


def blockers(drugs: Sequence[Drug], day: int, cycle: int) -> list[Drug]:
    """The drugs that make a date infeasible."""
    return [drug for drug in drugs if drug.outcome(day, cycle) is None]


def fills_any(outcomes: Sequence[Outcome]) -> bool:
    """Whether a drug is filled on the date itself; a date without a fill is no candidate."""
    return any(outcome.case not in ("left_out", "not_due") for outcome in outcomes)


def best_day(setting: Setting, drugs: Sequence[Drug], candidates: Sequence[int] | None = None) -> Best | None:
    """The optimum over the candidates; those on a preferred weekday alone when one of them is feasible."""
    days = candidate_days(setting, drugs) if candidates is None else candidates
    preferred = setting.policy.preferred_weekdays
    if preferred:
        found = _best_of(setting, drugs, [day for day in days if (day - 1) % 7 in preferred])
        if found is not None:
            return found
    return _best_of(setting, drugs, days)


class Aligned(NamedTuple):
    """The drugs one date serves, those taken out for it, and the best date (None when nothing serves)."""

    kept: list[Drug]
    taken_out: list[Drug]
    best: Best | None


def align(setting: Setting, drugs: Sequence[Drug]) -> Aligned:
    """Splits the drugs into those that one date serves and the fewest unbreakable ones taken out for it."""
    found = best_day(setting, drugs)
    if found is not None or not drugs:
        return Aligned(list(drugs), [], found)
    best: tuple[int, Best, list[str]] | None = None
    for removed in _removals(setting, drugs):
        if best is not None and len(removed) > best[0]:
            break
        rest = [drug for drug in drugs if drug.medication.id not in removed]
        found = best_day(setting, rest)
        if found is not None:
            rank = (len(removed), found, sorted(removed))
            best = rank if best is None else min(best, rank)
    if best is None:
        return Aligned(list(drugs), [], None)
    taken_out = set(best[2])
    kept = [drug for drug in drugs if drug.medication.id not in taken_out]
    return Aligned(kept, [drug for drug in drugs if drug.medication.id in taken_out], best[1])


def _removals(setting: Setting, drugs: Sequence[Drug]) -> list[frozenset[str]]:
    """Sets of unbreakable drugs whose removal may make some date feasible, smallest first.

    A smallest set is exactly what blocks one date. Dates past the horizon become candidates once every drug
    due before them is gone, so those drugs and what blocks such a date form a set as well.
    """
    found: set[frozenset[str]] = set()
    in_order = sorted(drugs, key=lambda drug: drug.planned)
    for count in range(len(in_order)):
        gone, rest = in_order[:count], in_order[count:]
        if any(drug.splittable for drug in gone):
            break
        ids = frozenset(drug.medication.id for drug in gone)
        for day in candidate_days(setting, rest):
            blocking = _blocking(rest, day, setting.cycle)
            if blocking is not None:
                found.add(ids | blocking)
    sets = [ids for ids in found if 0 < len(ids) < len(drugs)]
    return sorted(sets, key=lambda ids: (len(ids), sorted(ids)))


def _blocking(drugs: Sequence[Drug], day: int, cycle: int) -> frozenset[str] | None:
    """The ids of the drugs that block a date; None when one of them is splittable and so has to stay."""
    blocking = blockers(drugs, day, cycle)
    if any(drug.splittable for drug in blocking):
        return None
    return frozenset(drug.medication.id for drug in blocking)


def _best_of(setting: Setting, drugs: Sequence[Drug], days: Sequence[int]) -> Best | None:
    """Works out trips only for dates that could still win: the rest of the cost is known beforehand."""
    gap_days = sum(drug.gap_days for drug in drugs)
    cycle = setting.cycle
    pasts, fewest = _fewest_trips(drugs)
    bounds: list[tuple[int, int, int, int, int]] = []
    for day in days:
        short_fills = left_out = early_days = 0
        filled = False
        for drug in drugs:
            outcome = drug.outcome(day, cycle)
            if outcome is None:
                break
            case, _, _, _, _, shorts, early = outcome
            if case == "left_out":
                left_out += 1
            elif case != "not_due":
                filled = True
            short_fills += shorts
            early_days += early
        else:
            if filled:
                trips_at_least = fewest[bisect_left(pasts, day)]
                bounds.append((trips_at_least, short_fills, left_out, early_days, day))
    bounds.sort()
    best: Best | None = None
    for trips_at_least, short_fills, left_out, early_days, day in bounds:
        bound = Best(gap_days, 0, trips_at_least, short_fills, left_out, early_days, day)
        if best is not None and bound > best:
            break
        trips = _trips(setting, drugs, day)
        bound = Best(gap_days, sum(trips.too_soon), trips.total, short_fills, left_out, early_days, day)
        best = bound if best is None else min(best, bound)
    return best


def _fewest_trips(drugs: Sequence[Drug]) -> tuple[list[int], list[int]]:
    """Lower bounds of the trips of a date: the first fills alone of the drugs that it comes too late for.

    Gives the last day each drug needs no fill before, in order, and the bound when the first 0, 1, 2 ... of
    them lie before the date. Such fills are due before the date, which is open, so none of their trips is a
    sync date; closed days only make trips more, or too soon, which is worse.
    """
    late = sorted(drugs, key=lambda drug: drug.planned + drug.in_hand)
    fewest = [0]
    for count in range(1, len(late) + 1):
        trips, stab = 0, -1
        for drug in sorted(late[:count], key=lambda drug: drug.planned):
            if stab < drug.eligible:
                trips, stab = trips + 1, drug.planned
        fewest.append(trips)
    return [drug.planned + drug.in_hand for drug in late], fewest


def _trips(setting: Setting, drugs: Sequence[Drug], day: int) -> Trips:
    links: list[Link] = []
    for drug in drugs:
        outcome = drug.outcome(day, setting.cycle)
        if outcome is not None and (outcome.full_fills or outcome.short_fills):
            links.extend(drug.links(outcome))
    return serve(links, setting.days, day, setting.cycle)
