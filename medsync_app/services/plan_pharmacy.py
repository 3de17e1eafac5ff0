"""Plans all patients of a pharmacy at once: dates for those who may enroll, and levelling of those who have.

Levelling moves a batch only when nobody has reckoned with its date yet: it is planned and nothing more, approved,
not confirmed, no message has named the date, no person has chosen it, and it lies far enough ahead that the refill
requests of the new date are in time. What it leaves alone counts as load.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from medsync_app.clock import Clock
from medsync_app.domain.level import Choice, Levelled, Score, allowed_days, level, load_of, score
from medsync_app.domain.plan_days import Allowance, patient_days
from medsync_app.domain.plan_model import Cost, Policy
from medsync_app.domain.states import CycleState, ItemState
from medsync_app.errors import Invalid, MedSyncError
from medsync_app.services.audit import record
from medsync_app.services.plan_inputs import drugs_of, policy_for
from medsync_app.services.replan import is_held
from medsync_app.services.reschedule import reschedule
from medsync_app.services.rules import Rules, rules_of
from medsync_app.store.audit import Act
from medsync_app.store.repositories import charts, cycles
from medsync_app.store.repositories.messaging import told_cycles
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import Cycle, Enrollment, Pharmacy

Why = Literal["begun", "review", "confirmed", "told", "held", "soon", "no_plan"]
#: Refill requests go out ten days before a date: a date nearer than that is not moved, and none is moved there.
NOTICE_DAYS = 10
ALLOWANCE = Allowance()


@dataclass(frozen=True, slots=True)
class LevelMove:
    """One batch on another day: what it costs the patient before and after, and how many messages are withdrawn."""

    cycle_id: str
    version: int
    patient_id: str
    from_date: date
    to_date: date
    before: Cost
    after: Cost
    withdrawn: int
    needs_review: bool


@dataclass(frozen=True, slots=True)
class LevelPreview:
    """Moves in an order in which each finds room, and the load of the days without and with them.

    `kept` counts the batches that stay for each reason; `level` ones are well where they are.
    """

    pharmacy_id: str
    today: date
    capacity: int | None
    moves: tuple[LevelMove, ...]
    kept: Mapping[str, int]
    patients: int
    before: Score
    after: Score
    load_before: Mapping[date, int]
    load_after: Mapping[date, int]


@dataclass(frozen=True, slots=True)
class Refused:
    """A move that was not made, with the reason in plain words."""

    cycle_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of each move."""

    moved: tuple[str, ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class ProposedDate:
    """The date of one patient when all are planned together; `recommended` is what the patient alone would get.

    `sync_date` None: no day as good has room, or no medicine takes part.
    """

    patient_id: str
    sync_date: date | None
    recommended: date | None
    cost: Cost | None


@dataclass(frozen=True, slots=True)
class PharmacyProposal:
    """Dates of all patients asked for, by patient id, and the load with all of them enrolled."""

    pharmacy_id: str
    today: date
    capacity: int | None
    dates: tuple[ProposedDate, ...]
    score: Score
    load: Mapping[date, int]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A batch that may move, with the days of its trips."""

    cycle: Cycle
    enrollment: Enrollment
    replanned: frozenset[str]
    trips: frozenset[date]


def propose_all(tx: Tx, pharmacy_id: str, patient_ids: Iterable[str]) -> PharmacyProposal:
    """Dates for patients who are not enrolled, beside what is planned already; writes nothing.

    Patients of another pharmacy are left out.
    """
    rules = rules_of(tx.get(Pharmacy, pharmacy_id))
    today = pharmacy_today(tx, pharmacy_id)
    policy = policy_for(tx, pharmacy_id, today=today)
    load = Counter(cycles.load_by_day(tx, pharmacy_id, today))
    choices: list[Choice] = []
    alone: dict[str, date | None] = {}
    for chart in charts.of_patients(tx, sorted(patient_ids)):
        if chart.patient.pharmacy_id != pharmacy_id:
            continue
        patient_id = chart.patient.id
        known = patient_days(policy, drugs_of(chart, rules, today=today).medications, within=ALLOWANCE)
        alone[patient_id] = known.best.day if known.best is not None else None
        if known.best is not None:
            choices.append(Choice(patient_id, allowed_days(known, ALLOWANCE), known.best.day))
            load.update(known.best.trips)
    found = level(choices, load, policy.daily_capacity)
    costs = _costs(choices, found)
    dates = tuple(ProposedDate(key, found.days.get(key), alone[key], costs.get(key)) for key in sorted(alone))
    return PharmacyProposal(pharmacy_id, today, policy.daily_capacity, dates, found.score, found.load)


def preview_level(tx: Tx, pharmacy_id: str) -> LevelPreview:
    """The moves that level the load of a pharmacy; writes nothing."""
    rules = rules_of(tx.get(Pharmacy, pharmacy_id))
    today = pharmacy_today(tx, pharmacy_id)
    kept: Counter[str] = Counter()
    movable = _movable(tx, pharmacy_id, today, kept)
    choices = {choice.id: choice for choice in _choices(tx, pharmacy_id, today, rules, movable, kept)}
    capacity = tx.get(Pharmacy, pharmacy_id).daily_capacity
    load = cycles.load_by_day(tx, pharmacy_id, today, without=list(choices))
    found = level(choices.values(), load, capacity)
    homes: dict[str, date | None] = {key: choice.home for key, choice in choices.items()}
    wanted = {key: day for key, day in found.days.items() if day is not None and day != homes[key]}
    order = _in_order(wanted, homes, load, capacity)
    kept["level"] += len(choices) - len(wanted)
    pending = cycles.pending_counts(tx, order)
    after = homes | {key: wanted[key] for key in order}
    by_id = {candidate.cycle.id: candidate for candidate in movable}
    moves = tuple(_move(by_id[key].cycle, choices[key], wanted[key], pending.get(key, 0)) for key in order)
    return LevelPreview(
        pharmacy_id, today, capacity, moves, {key: count for key, count in sorted(kept.items()) if count},
        len(choices), score(choices.values(), homes, load, capacity),
        score(choices.values(), after, load, capacity), load_of(homes, load), load_of(after, load),
    )  # fmt: skip


def apply_moves(
    database: Database, scope: Scope, clock: Clock, pharmacy_id: str, moves: Sequence[LevelMove]
) -> Applied:
    """Make the moves, each in a transaction of its own; a refused one (stale, full by now) leaves the others.

    The dates after a moved one follow it. Whether the caller may move batches is checked by the caller.
    """
    own = scope.only(pharmacy_id)
    moved: list[str] = []
    refused: list[Refused] = []
    for move in moves:
        try:
            with database.transaction(own, clock) as tx:
                tx.take_turn(pharmacy_id)
                reschedule(
                    tx, move.cycle_id, move.to_date, expected_version=move.version, from_now_on=True,
                    levelled=True,
                )  # fmt: skip
            moved.append(move.cycle_id)
        except MedSyncError as error:
            refused.append(Refused(move.cycle_id, error.message))
    with database.transaction(own, clock) as tx:
        # The loop never levels: it is a person's act, on the command line too.
        record(
            tx,
            Act(
                chain=pharmacy_id, actor_id=tx.scope.actor_id, actor_name=tx.scope.actor_name, act="level",
                subject_kind="pharmacy", subject_id=pharmacy_id,
                detail={"moved": moved, "refused": [one.cycle_id for one in refused]},
            ),
        )  # fmt: skip
    return Applied(tuple(moved), tuple(refused))


def chosen_moves(preview: LevelPreview, cycle_ids: Iterable[str]) -> tuple[LevelMove, ...]:
    """The moves of these batches, in the order of the preview; Invalid when one is not among them."""
    wanted = set(cycle_ids)
    if wanted - {move.cycle_id for move in preview.moves}:
        raise Invalid("One of these moves is not offered any more. Look at the moves again.", "moves")
    return tuple(move for move in preview.moves if move.cycle_id in wanted)


def _movable(tx: Tx, pharmacy_id: str, today: date, kept: Counter[str]) -> list[_Candidate]:
    """The batches that levelling may move; counts the others by reason."""
    rows = cycles.open_with_enrollments(tx, pharmacy_id, today)
    told = told_cycles(tx, pharmacy_id)
    own: dict[str, list[Cycle]] = defaultdict(list)
    for cycle, enrollment in rows:
        own[enrollment.id].append(cycle)
    found: list[_Candidate] = []
    for cycle, enrollment in rows:
        if cycle.kind != "sync":
            continue
        others = [other for other in own[enrollment.id] if other is not cycle]
        why = _why_kept(cycle, enrollment, others, told, today)
        if why is not None:
            kept[why] += 1
            continue
        trips = frozenset(trip.sync_date for trip in others)
        found.append(_Candidate(cycle, enrollment, frozenset({cycle.id, *(t.id for t in others)}), trips))
    return found


def _why_kept(
    cycle: Cycle, enrollment: Enrollment, others: Sequence[Cycle], told: frozenset[str], today: date
) -> Why | None:
    batch = [cycle, *others]
    checks: list[tuple[Why, bool]] = [
        ("review", any(one.unapproved for one in batch)),
        (
            "begun",
            any(one.state is not CycleState.PLANNED or one.kind == "sync" for one in others)
            or cycle.state is not CycleState.PLANNED,
        ),
        ("confirmed", any(one.confirmed_at is not None for one in batch)),
        ("told", any(one.id in told for one in batch)),
        ("held", is_held(enrollment, cycle.number)),
        ("soon", (cycle.sync_date - today).days < NOTICE_DAYS),
    ]
    return next((why for why, holds in checks if holds), None)


def _choices(
    tx: Tx, pharmacy_id: str, today: date, rules: Rules, movable: Sequence[_Candidate], kept: Counter[str]
) -> Iterable[Choice]:
    """The days of each batch that may move; one whose present date cannot be worked out stays."""
    by_patient = {candidate.cycle.patient_id: candidate for candidate in movable}
    policies: dict[int, Policy] = {}
    for chart in charts.of_patients(tx, list(by_patient)):
        candidate = by_patient[chart.patient.id]
        cycle, every = candidate.cycle, candidate.enrollment.cycle_days
        if every not in policies:
            policies[every] = policy_for(
                tx, pharmacy_id, today=today, min_lead_days=NOTICE_DAYS, cycle_days=every
            )
        if any(_filled(item.state) for item, held in chart.items if held.id in candidate.replanned):
            kept["begun"] += 1
            continue
        medications = drugs_of(chart, rules, today=today, replanned=candidate.replanned).medications
        known = patient_days(policies[every], medications, also=[cycle.sync_date], within=ALLOWANCE)
        present = known.on(cycle.sync_date)
        if present is None:
            kept["no_plan"] += 1
            continue
        days = allowed_days(known, ALLOWANCE, present=present, trips=candidate.trips)
        yield Choice(cycle.id, days, cycle.sync_date, stays=True)


def _filled(state: ItemState) -> bool:
    return state not in (ItemState.PLANNED, ItemState.WAITING, ItemState.SKIPPED)


def _in_order(
    wanted: Mapping[str, date],
    homes: Mapping[str, date | None],
    load: Mapping[date, int],
    capacity: int | None,
) -> list[str]:
    """The moves in an order in which each finds room: nobody only changes places, as fewer moves come first."""
    counts = load_of(homes, load)
    waiting = sorted(wanted, key=lambda key: (wanted[key], key))
    order: list[str] = []
    while waiting:
        left: list[str] = []
        for key in waiting:
            day, home = wanted[key], homes[key]
            if capacity is not None and counts.get(day, 0) >= capacity:
                left.append(key)
                continue
            counts[day] = counts.get(day, 0) + 1
            if home is not None:
                counts[home] -= 1
            order.append(key)
        if len(left) == len(waiting):
            return [*order, *left]
        waiting = left
    return order


def _move(cycle: Cycle, choice: Choice, to: date, withdrawn: int) -> LevelMove:
    costs = {option.day: option.cost for option in choice.options}
    after = costs[to]
    return LevelMove(
        cycle_id=cycle.id,
        version=cycle.version,
        patient_id=cycle.patient_id,
        from_date=choice.home,
        to_date=to,
        before=costs[choice.home],
        after=after,
        withdrawn=withdrawn,
        needs_review=bool(after.short_fills or after.gap_days or after.too_soon),
    )


def _costs(choices: Iterable[Choice], found: Levelled) -> dict[str, Cost]:
    return {
        choice.id: option.cost
        for choice in choices
        for option in choice.options
        if option.day == found.days[choice.id]
    }
