"""Plans a whole pharmacy at once: one sync date for each patient, so that the load of the days is level.

DOMAIN.md section 2, house rule: capacity is a hard bound, chosen dates spread by it. The objective, smaller first:

1. patients without a date because no allowed day has room (only those who have none yet);
2. batches above the capacity, which only days that are too full already can have;
3. the sum over the days of the square of the load (sync dates and trips);
4. patients whose date changes (for a new patient: from the recommended one), because each has to be told;
5. the cost of all patients, by the order of plans: gap_days, too_soon, trips, short fills, left out, early_days;
6. the days by which dates change, in all.

Safety comes before all of it: `allowed_days` offers a patient no day with more gap_days or too_soon fills than the
recommended date, and none that costs more than an allowance. A day that is above its capacity takes nobody in.

Patients and days are a flow whose cost is convex in the load of a day, so successive shortest paths find the
optimum of all six. Where days are above the capacity already, the first solution may relieve them; then they are open
again and the flow is solved anew, until nothing changes. Planning twice changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from medsync_app.domain.level_flow import Flow, Place
from medsync_app.domain.plan_days import Allowance, DayOption, PatientDays
from medsync_app.domain.plan_model import Cost

Costs = tuple[int, int, int, int, int, int]
_NOTHING: Costs = (0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Choice:
    """One patient: the days to choose from, and the `home` day that counts as no change.

    `stays`: the patient has that day already and may keep it however full it is.
    """

    id: str
    options: tuple[DayOption, ...]
    home: date
    stays: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Score:
    """The objective as one comparable value; `cost` is the sum of all patients, field by field."""

    without_date: int
    over_capacity: int
    squares: int
    moves: int
    cost: Costs
    days_moved: int


@dataclass(frozen=True, slots=True)
class Levelled:
    """The day of each patient by id (None: no allowed day has room), and the load of the days then."""

    days: Mapping[str, date | None]
    load: Mapping[date, int]
    score: Score


def allowed_days(
    known: PatientDays,
    allowance: Allowance,
    *,
    present: DayOption | None = None,
    trips: frozenset[date] | None = None,
) -> tuple[DayOption, ...]:
    """The days a patient may be given: as safe as the recommended one and within the allowance.

    A day no worse than `present` in any respect is allowed too, and `present` always is. Trips stay where they are,
    or fall away: `trips` are their days (those of the recommended plan when None), which the load counts already.
    """
    best = known.best
    if best is None:
        return () if present is None else (present,)
    there = best.trips if trips is None else trips
    found = [
        option
        for option in known.options
        if option.trips <= there
        and (_within(option.cost, best.cost, allowance) or _no_worse(option.cost, present, best.cost))
        and (present is None or option.day != present.day)
    ]
    if present is not None:
        found.append(present)
    return tuple(sorted(found, key=lambda option: option.day))


def level(choices: Iterable[Choice], load: Mapping[date, int], capacity: int | None) -> Levelled:
    """Choose a day for every patient; `load` is what stands on the days without their sync dates.

    The order of `choices` does not matter. Ids must differ.
    """
    patients = sorted(choices, key=lambda choice: choice.id)
    if len({choice.id for choice in patients}) < len(patients):
        raise ValueError("Two choices share an id.")
    chosen: dict[str, date | None] = {p.id: p.home if p.stays else None for p in patients}
    full = _too_full(load_of(chosen, load), capacity)
    while True:
        chosen = _solve(patients, load, capacity, full)
        still = full & _too_full(load_of(chosen, load), capacity)
        if still == full:
            break
        full = still
    return Levelled(chosen, load_of(chosen, load), score(patients, chosen, load, capacity))


def take_one_by_one(choices: Iterable[Choice], load: Mapping[date, int], capacity: int | None) -> Levelled:
    """What happens without planning together: in order of id each takes the cheapest day that still has room."""
    patients = sorted(choices, key=lambda choice: choice.id)
    counts = dict(load)
    chosen: dict[str, date | None] = {}
    for patient in patients:
        fitting = [
            (option.cost, option.day)
            for option in patient.options
            if capacity is None
            or counts.get(option.day, 0) < capacity
            or (patient.stays and option.day == patient.home)
        ]
        day = min(fitting)[1] if fitting else None
        chosen[patient.id] = day
        if day is not None:
            counts[day] = counts.get(day, 0) + 1
    return Levelled(chosen, counts, score(patients, chosen, load, capacity))


def load_of(days: Mapping[str, date | None], load: Mapping[date, int]) -> dict[date, int]:
    """The load of each day with these sync dates on top."""
    counts = dict(load)
    for day in days.values():
        if day is not None:
            counts[day] = counts.get(day, 0) + 1
    return counts


def score(
    choices: Iterable[Choice], days: Mapping[str, date | None], load: Mapping[date, int], capacity: int | None
) -> Score:
    """How good these days are by the objective above."""
    counts = load_of(days, load)
    cost = _NOTHING
    without = moves = moved = 0
    for choice in choices:
        day = days[choice.id]
        if day is None:
            without += 1
            continue
        option = next(option for option in choice.options if option.day == day)
        cost = _add(cost, costs_of(option.cost))
        moves += day != choice.home
        moved += abs((day - choice.home).days)
    over = 0 if capacity is None else sum(max(0, count - capacity) for count in counts.values())
    return Score(without, over, sum(count * count for count in counts.values()), moves, cost, moved)


def costs_of(cost: Cost) -> Costs:
    """A cost as a tuple, in the order of plans."""
    return (cost.gap_days, cost.too_soon, cost.trips, cost.short_fills, cost.left_out, cost.early_days)


def _add(left: Costs, right: Costs) -> Costs:
    a, b, c, d, e, f = left
    g, h, i, j, k, m = right
    return (a + g, b + h, c + i, d + j, e + k, f + m)


def _within(cost: Cost, best: Cost, allowance: Allowance) -> bool:
    return (
        cost.gap_days <= best.gap_days
        and cost.too_soon <= best.too_soon
        and cost.trips <= best.trips + allowance.trips
        and cost.short_fills <= best.short_fills + allowance.short_fills
        and cost.left_out <= best.left_out + allowance.left_out
        and cost.early_days <= best.early_days + allowance.early_days
    )


def _no_worse(cost: Cost, present: DayOption | None, best: Cost) -> bool:
    """As good as the present day in every respect, and as safe as the best one."""
    if present is None or cost.gap_days > best.gap_days or cost.too_soon > best.too_soon:
        return False
    return all(new <= old for new, old in zip(costs_of(cost), costs_of(present.cost), strict=True))


def _too_full(load: Mapping[date, int], capacity: int | None) -> frozenset[date]:
    return frozenset() if capacity is None else frozenset(day for day, n in load.items() if n > capacity)


def _weights(patients: Sequence[Choice]) -> Callable[[DayOption, Choice], int]:
    """Move, cost and distance of a choice as one number, so that sums compare as the objective does."""

    def parts(option: DayOption, patient: Choice) -> tuple[int, ...]:
        apart = abs((option.day - patient.home).days)
        return (int(apart > 0), *costs_of(option.cost), apart)

    most = [0] * 8
    for patient in patients:
        if patient.options:
            worst = map(max, zip(*(parts(option, patient) for option in patient.options), strict=True))
            most = [total + part for total, part in zip(most, worst, strict=True)]

    def weigh(option: DayOption, patient: Choice) -> int:
        value = 0
        for part, total in zip(parts(option, patient), most, strict=True):
            value = value * (total + 1) + part
        return value

    return weigh


def _solve(
    patients: Sequence[Choice], load: Mapping[date, int], capacity: int | None, full: frozenset[date]
) -> dict[str, date | None]:
    """The optimum when nobody may move to a day of `full`."""
    days = sorted({option.day for patient in patients for option in patient.options})
    place = {day: index for index, day in enumerate(days)}
    nowhere = len(days)
    flow = Flow(
        [Place(load.get(day, 0), capacity, day in full) for day in days]
        + [Place(0, None, False, outside=True)]
    )
    weigh = _weights(patients)
    for patient in patients:
        arcs = {
            place[option.day]: weigh(option, patient)
            for option in patient.options
            if option.day not in full or (patient.stays and option.day == patient.home)
        }
        if not patient.stays:
            arcs[nowhere] = 0
        flow.add(arcs)
    return {
        patient.id: None if at == nowhere else days[at]
        for patient, at in zip(patients, flow.places(), strict=True)
    }
