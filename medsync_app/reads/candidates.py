"""Candidates: patients outside the programme with two or more chronic drugs, and what they would gain.

One pass over bare columns counts drugs, visits and PDC of everybody; the next common date is planned for the
rows shown only.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, cast

import numpy as np
from sqlalchemy import select

from medsync_app.clock import local_day
from medsync_app.domain.adherence import Period, ratio
from medsync_app.domain.adherence_indicators import DAYS_PER_MONTH
from medsync_app.domain.states import EnrollmentState
from medsync_app.domain.sync_plan import plan
from medsync_app.population.fill_ledger import NO_GROUP, FillLedger
from medsync_app.population.walks import begins
from medsync_app.reads.fill_columns import Drug, Person, SoldColumns, people
from medsync_app.reads.kept import Kept
from medsync_app.reads.kept_columns import dispensing
from medsync_app.reads.places import Here, places
from medsync_app.reads.search import fold
from medsync_app.services.plan_inputs import drugs_for, policy_for
from medsync_app.services.rules import Rules, rules_of
from medsync_app.store.session import Tx
from medsync_app.store.tables import Enrollment, EnrollmentOffer, Pharmacy

PAGE_SIZE: Final = 50
MIN_DRUGS: Final = 2
MANY_DRUGS: Final = 5
MANY_VISITS: Final = 2.0
#: Visits are counted over this many days, and PDC over a year.
VISIT_DAYS: Final = 180
YEAR_DAYS: Final = 365
_SHORTEST_VISIT_DAYS: Final = 30
_DAY_BITS: Final = 20
_enrollment, _offer = cast(Any, Enrollment), cast(Any, EnrollmentOffer)
_NEVER: Final = (None, None)
#: Who takes part, and who was asked and left, died or went elsewhere; INACTIVE ones may be asked again.
_NO_CANDIDATES: Final = tuple(state for state in EnrollmentState if state is not EnrollmentState.INACTIVE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One patient: `visits` a month, `pdc` over the chronic drugs of a year, `next_window` None until planned
    (or when no date is possible).
    """

    patient_id: str
    pharmacy_id: str
    first_name: str
    last_name: str
    drugs: tuple[str, ...]
    #: What the drugs are made of, in the same order: short enough for a list.
    ingredients: tuple[str, ...]
    visits: float
    pdc: float
    next_window: date | None = None
    planned: bool = False
    #: The day the patient was last asked, and of a no.
    asked_on: date | None = None
    declined_on: date | None = None


_kept: Final[Kept[tuple[Candidate, ...]]] = Kept()


@dataclass(frozen=True, slots=True)
class CandidateList:
    """One page, the number that fit the filter, and the numbers of each group that fit the search."""

    rows: tuple[Candidate, ...]
    total: int
    counts: Mapping[str, int]
    places: Mapping[str, Here]


_GROUPS: Final[Mapping[str, Callable[[Candidate], bool]]] = {
    "": lambda one: True,
    "low": lambda one: one.pdc < 0.8,
    "drugs": lambda one: len(one.drugs) >= MANY_DRUGS,
    "visits": lambda one: one.visits >= MANY_VISITS,
}
_KEYS: Final[Mapping[str, Callable[[Candidate], Any]]] = {
    "name": lambda one: "",
    "drugs": lambda one: len(one.drugs),
    "visits": lambda one: one.visits,
    "pdc": lambda one: one.pdc,
}
GROUPS: Final = tuple(_GROUPS)
SORTS: Final = tuple(_KEYS)
FIRST_SORT: Final = "-visits"


def candidate_list(
    tx: Tx,
    *,
    text: str = "",
    group: str = "",
    sort: str = FIRST_SORT,
    page: int = 1,
    size: int | None = PAGE_SIZE,
) -> CandidateList:
    """Page `page` (from 1) with `size` rows, all of them when None. `sort` is one of SORTS, "-" before it
    turns it round; an unknown one is FIRST_SORT.
    """
    here = places(tx)
    today = min((place.today for place in here.values()), default=tx.now.date())
    found = [one for one in _kept.of(tx, today, lambda: _candidates(tx, here, today)) if _fits(one, text)]
    counts = {name: sum(map(fits, found)) for name, fits in _GROUPS.items()}
    shown = sorted(
        filter(_GROUPS.get(group, _GROUPS[""]), found),
        key=lambda one: (fold(one.last_name), fold(one.first_name), one.patient_id),
    )
    key = sort if sort.removeprefix("-") in _KEYS else FIRST_SORT
    shown.sort(key=_KEYS[key.removeprefix("-")], reverse=key.startswith("-"))
    if key == "-name":
        shown.reverse()
    if size is not None:
        first = (max(page, 1) - 1) * size
        shown, total = shown[first : first + size], len(shown)
    else:
        total = len(shown)
    return CandidateList(tuple(shown), total, counts, here)


def with_windows(tx: Tx, rows: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The same rows with the date the plan recommends for each (about ten milliseconds a row)."""
    here = places(tx)
    policies = {
        pharmacy_id: policy_for(tx, pharmacy_id, today=here[pharmacy_id].today)
        for pharmacy_id in {one.pharmacy_id for one in rows}
    }
    planned: list[Candidate] = []
    for one in rows:
        policy = policies[one.pharmacy_id]
        found = plan(policy, drugs_for(tx, one.patient_id, today=policy.today).medications)
        planned.append(replace(one, next_window=found.recommended.sync_date, planned=True))
    return tuple(planned)


def _fits(one: Candidate, text: str) -> bool:
    """Every word searched for begins a word of the name."""
    words = fold(f"{one.last_name} {one.first_name}")
    return all(any(word.startswith(part) for word in words) for part in fold(text[:80]))


@dataclass(frozen=True, slots=True)
class Eligible:
    """Who could take part: drugs and fills of the last year, and the fills' positions of two or more chronic drugs."""

    persons: Mapping[str, Person]
    drugs: Mapping[str, Drug]
    fills: SoldColumns
    #: Patient -> positions in `fills` of the drugs taken on and on whose supply has not lapsed.
    chronic: Mapping[str, list[int]]


def eligible(tx: Tx, today: date) -> Eligible:
    """Everybody in scope who takes two drugs or more on and on and does not take part."""
    taken = set(
        tx.session.scalars(select(_enrollment.patient_id).where(_enrollment.state.in_(_NO_CANDIDATES)))
    )
    free = {key: one for key, one in people(tx).items() if key not in taken and one.deceased_on is None}
    dispensed = dispensing(tx, _year_before(today), today)
    known = {key: drug for key, drug in dispensed.drugs.items() if drug.patient_id in free}
    fills = dispensed.sold.only(known)
    limits = {row.id: rules_of(row) for row in tx.session.scalars(select(Pharmacy))}
    found = _chronic(fills, known, free, limits, today)
    chronic = {key: positions for key, positions in found.items() if len(positions) >= MIN_DRUGS}
    return Eligible(free, known, fills, chronic)


def _year_before(today: date) -> date:
    return today - timedelta(days=YEAR_DAYS - 1)


def _candidates(tx: Tx, here: Mapping[str, Here], today: date) -> tuple[Candidate, ...]:
    found = eligible(tx, today)
    known, fills, chronic = found.drugs, found.fills, found.chronic
    pdc = _pdc(fills, chronic, Period(_year_before(today), today))
    visits = _visits(fills, known, today)
    asked = _asked(tx, here)
    rows: list[Candidate] = []
    for person in (found.persons[key] for key in chronic):
        taken_on = sorted(
            (known[fills.therapies[at]] for at in chronic[person.id]), key=lambda drug: drug.name
        )
        rows.append(
            Candidate(
                person.id,
                person.pharmacy_id,
                person.first_name,
                person.last_name,
                tuple(drug.name for drug in taken_on),
                tuple("/".join(drug.ingredients) or drug.name for drug in taken_on),
                visits.get(person.id, 0.0),
                pdc.get(person.id, 0.0),
                asked_on=asked.get(person.id, _NEVER)[0],
                declined_on=asked.get(person.id, _NEVER)[1],
            )
        )
    return tuple(rows)


def _asked(tx: Tx, here: Mapping[str, Here]) -> dict[str, tuple[date | None, date | None]]:
    """Patient -> the days of the newest offer: asked, declined."""
    rows = tx.session.execute(
        select(_offer.patient_id, _offer.pharmacy_id, _offer.asked_at, _offer.declined_at).order_by(
            _offer.asked_at, _offer.id
        )
    )
    return {
        patient_id: (
            local_day(asked, here[place].zone),
            local_day(declined, here[place].zone) if declined else None,
        )
        for patient_id, place, asked, declined in rows
    }


def _chronic(
    fills: SoldColumns,
    known: Mapping[str, Drug],
    free: Mapping[str, Person],
    limits: Mapping[str, Rules],
    today: date,
) -> dict[str, list[int]]:
    """Patient -> positions in `fills` of the drugs taken on and on whose supply has not lapsed."""
    found: dict[str, list[int]] = defaultdict(list)
    columns = (fills.sizes.tolist(), fills.last_supply().tolist(), fills.run_outs().tolist())
    for at, (therapy_id, count, days, ends) in enumerate(zip(fills.therapies, *columns, strict=True)):
        drug = known[therapy_id]
        lapsed = limits[free[drug.patient_id].pharmacy_id].lapsed_after_days
        if today.toordinal() - ends <= lapsed and drug.is_chronic(count, days):
            found[drug.patient_id].append(at)
    return found


def _pdc(fills: SoldColumns, chronic: Mapping[str, list[int]], period: Period) -> dict[str, float]:
    """Covered days of all chronic drugs of a patient by their days since the first fill in the year."""
    drugs_of = [at for keys in chronic.values() for at in keys]
    patients = np.repeat(np.arange(len(chronic)), [len(keys) for keys in chronic.values()])
    # A drug's number only has to differ from those of the same patient's other drugs.
    units = np.array([unit for keys in chronic.values() for unit in range(len(keys))], np.int64)
    index, row = fills.of(drugs_of)
    ledger = FillLedger(period)
    ledger.add_columns(patients[index], NO_GROUP, units[index], fills.claimed[row], fills.days_supply[row])
    tallies = ledger.tallies(units=True, groups=False)
    measured = np.bincount(tallies.patient, tallies.period_days, len(chronic)).astype(np.int64)
    covered = measured - np.bincount(tallies.patient, tallies.uncovered, len(chronic)).astype(np.int64)
    ratios = map(ratio, covered.tolist(), measured.tolist())
    return dict(zip(chronic, ratios, strict=True))


def _visits(fills: SoldColumns, known: Mapping[str, Drug], today: date) -> dict[str, float]:
    """Distinct days at the counter a month, over the last 180 days or since the first visit if that is less."""
    numbers: dict[str, int] = {}
    owners = [numbers.setdefault(known[key].patient_id, len(numbers)) for key in fills.therapies]
    # Patient and day as one number: sorted, each visit stands there once and a patient's first one comes first.
    visits = np.unique(np.repeat(np.array(owners, np.int64), fills.sizes) << _DAY_BITS | fills.day)
    owner, day = visits >> _DAY_BITS, visits & ((1 << _DAY_BITS) - 1)
    spans = np.minimum(VISIT_DAYS, today.toordinal() - day[begins(owner)] + 1)
    counts = np.bincount(owner[day > today.toordinal() - VISIT_DAYS], minlength=len(numbers))
    months = np.maximum(spans, _SHORTEST_VISIT_DAYS) / DAYS_PER_MONTH
    return dict(zip(numbers, (counts / months).tolist(), strict=True))
