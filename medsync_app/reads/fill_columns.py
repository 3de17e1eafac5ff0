"""Drugs and fills of whole pharmacies as bare columns: what figures over many patients are counted from."""

import json
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, NamedTuple, cast

import numpy as np
from sqlalchemy import String, func, select
from sqlalchemy import cast as sql_cast

from medsync_app.domain.drug_traits import is_acute
from medsync_app.domain.participation import looks_like_maintenance
from medsync_app.domain.states import FillStatus
from medsync_app.domain.supply import MAX_DAYS_SUPPLY
from medsync_app.population.walks import Column
from medsync_app.store.ordinal import ordinal
from medsync_app.store.session import Tx
from medsync_app.store.tables import Fill, Patient, Prescription, Therapy

_fill, _therapy, _rx, _patient = (cast(Any, kind) for kind in (Fill, Therapy, Prescription, Patient))
#: Nothing waits longer in will-call: lets the index on the claim date find what was picked up in a window.
_LONGEST_WAIT: Final = timedelta(days=90)
#: A fill as one number: claim date, days until it was picked up (half of the range lies before the claim: some
#: systems bill at the counter), days supply.
_WAIT_BITS: Final = 12
_SUPPLY_BITS: Final = 10
_WAITS: Final = 1 << _WAIT_BITS
_DAY_BITS: Final = 20
_SUPPLIES: Final = 1 << _SUPPLY_BITS


class Person(NamedTuple):
    """A patient in one line."""

    id: str
    pharmacy_id: str
    first_name: str
    last_name: str
    birth_date: date | None
    deceased_on: date | None


class Drug(NamedTuple):
    """A therapy in one line; `maintenance` None: the rule decides."""

    id: str
    patient_id: str
    name: str
    ingredients: tuple[str, ...]
    as_needed: bool
    maintenance: bool | None
    schedule: int | None
    active: bool
    refills_left: int

    def is_chronic(self, fills: int, days_supply: int) -> bool:
        """Whether the drug is taken on and on: `fills` so far, the last of `days_supply` days."""
        if not self.active or self.as_needed or self.schedule == 2:
            return False
        if self.maintenance is not None:
            return self.maintenance
        return looks_like_maintenance(
            days_supply=days_supply,
            refills_authorised=self.refills_left,
            fills=fills,
            acute_drug=is_acute(self.ingredients),
        )


class Sold(NamedTuple):
    """One fill in the patient's hands: drug, ordinal day it was picked up, days supply, day of the claim."""

    therapy_id: str
    day: int
    days_supply: int
    claimed: int


def people(tx: Tx) -> dict[str, Person]:
    """Every patient in scope by id."""
    columns = select(
        _patient.id, _patient.pharmacy_id, _patient.first_name, _patient.last_name, _patient.birth_date,
        _patient.deceased_on,
    )  # fmt: skip
    return {row[0]: Person(*row) for row in cast(Sequence[Any], tx.session.execute(columns).all())}


def drugs(tx: Tx, patient_ids: Sequence[str] | None = None) -> dict[str, Drug]:
    """Every therapy in scope by id, or those of some patients."""
    columns = (
        select(
            _therapy.id, _therapy.patient_id, _therapy.drug_name, sql_cast(_therapy.ingredients, String),
            _therapy.as_needed, _therapy.maintenance, _therapy.schedule, _therapy.status == "active",
            func.coalesce(_rx.refills_left, 0),
        )
        .select_from(Therapy)
        .outerjoin(Prescription, _rx.id == _therapy.current_prescription_id)
    )  # fmt: skip
    if patient_ids is not None:
        columns = columns.where(_therapy.patient_id.in_(patient_ids))
    parsed: dict[str, tuple[str, ...]] = {}
    found: dict[str, Drug] = {}
    for key, patient_id, name, text, as_needed, maintenance, schedule, active, refills in cast(
        Sequence[Any], tx.session.execute(columns).all()
    ):
        ingredients = parsed.get(text)
        if ingredients is None:
            ingredients = parsed[text] = tuple(json.loads(text))
        found[key] = Drug(
            key, patient_id, name, ingredients, as_needed, maintenance, schedule, active, refills
        )
    return found


@dataclass(frozen=True, slots=True)
class SoldColumns:
    """Fills in the patients' hands as columns, those of one drug together, in the order of `therapies`.

    `claimed` is the date of service, which adherence counts from, `day` the day it was picked up (the claim's where
    the source does not say); both as ordinals.
    """

    therapies: tuple[str, ...]
    starts: Column
    claimed: Column
    day: Column
    days_supply: Column

    @property
    def sizes(self) -> Column:
        """Number of fills of each drug."""
        return np.diff(self.starts, append=len(self.day))

    def only(self, known: Container[str]) -> "SoldColumns":
        """The fills of the known drugs."""
        chosen = [at for at, key in enumerate(self.therapies) if key in known]
        _, row = self.of(chosen)
        sizes = self.sizes[np.asarray(chosen, np.int64)]
        return SoldColumns(
            tuple(self.therapies[at] for at in chosen),
            np.cumsum(sizes) - sizes,
            self.claimed[row],
            self.day[row],
            self.days_supply[row],
        )

    def joined(self, other: "SoldColumns") -> "SoldColumns":
        """These fills, and those of other drugs after them."""
        return SoldColumns(
            self.therapies + other.therapies,
            np.concatenate((self.starts, other.starts + len(self.day))),
            np.concatenate((self.claimed, other.claimed)),
            np.concatenate((self.day, other.day)),
            np.concatenate((self.days_supply, other.days_supply)),
        )

    def last_supply(self) -> Column:
        """The days supply of each drug's last fill."""
        if not len(self.day):
            return self.day
        latest = np.maximum.reduceat(self.day << _SUPPLY_BITS | self.days_supply, self.starts)
        return latest & (_SUPPLIES - 1)

    def run_outs(self) -> Column:
        """The first day (ordinal) without each drug: every fill is used after the one before it."""
        if not len(self.day):
            return self.day
        # One key sorts faster than an order of rows; the drugs stay in their order.
        owner = np.repeat(np.arange(len(self.starts)), self.sizes)
        key = np.sort((owner << _DAY_BITS | self.day) << _SUPPLY_BITS | self.days_supply)
        supply, day = key & (_SUPPLIES - 1), key >> _SUPPLY_BITS & ((1 << _DAY_BITS) - 1)
        # A run-out is the latest, over the fills, of that fill's day and all supply from it on.
        before = np.cumsum(supply) - supply
        ends = before + supply
        from_it_on = np.repeat(ends[np.append(self.starts[1:], len(ends)) - 1], self.sizes) - before
        return np.maximum.reduceat(day + from_it_on, self.starts)

    def of(self, chosen: Sequence[int]) -> tuple[Column, Column]:
        """The fills of some drugs, by their positions, a drug perhaps more than once: the index into `chosen`, and
        the fill's row.
        """
        at = np.asarray(chosen, np.int64)
        sizes = self.sizes[at]
        index = np.repeat(np.arange(len(at)), sizes)
        within = np.arange(len(index)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return index, self.starts[at][index] + within


def sold_columns(tx: Tx, since: date, until: date, patient_ids: Sequence[str] | None = None) -> SoldColumns:
    """Fills with a usable days supply that were claimed or picked up from `since` on, and both by `until`.

    Of everybody in scope, or of some patients.
    """
    taken = func.coalesce(_fill.picked_up_on, _fill.filled_on)
    claimed = ordinal(_fill.filled_on)
    wait = ordinal(taken) - claimed
    # One line a drug instead of one a fill: what a database hands over row by row costs far more than its reading.
    number = (claimed * _WAITS + wait + _WAITS // 2) * _SUPPLIES + _fill.days_supply
    statement = (
        select(_fill.therapy_id, func.aggregate_strings(sql_cast(number, String), ","))
        .where(
            _fill.status == FillStatus.SOLD,
            _fill.days_supply.between(1, MAX_DAYS_SUPPLY),
            # As text: SQLite would else leave the index that holds all of this for one by date.
            sql_cast(_fill.filled_on, String).between(str(since - _LONGEST_WAIT), str(until)),
            sql_cast(taken, String).between(str(since), str(until)),
            wait.between(-(_WAITS // 2), _WAITS // 2 - 1),
        )
        .group_by(_fill.therapy_id)
    )
    if patient_ids is not None:
        statement = statement.where(_fill.patient_id.in_(patient_ids))
    found = cast("Sequence[tuple[str, str]]", tx.session.execute(statement).all())
    sizes = np.array([text.count(",") + 1 for _, text in found], np.int64)
    packed = np.fromstring(",".join(text for _, text in found), np.int64, sep=",")
    claims = packed >> _SUPPLY_BITS + _WAIT_BITS
    waits = (packed >> _SUPPLY_BITS & (_WAITS - 1)) - _WAITS // 2
    return SoldColumns(
        tuple(therapy_id for therapy_id, _ in found),
        np.cumsum(sizes) - sizes,
        claims,
        claims + waits,
        packed & (_SUPPLIES - 1),
    )


def sold(tx: Tx, since: date, until: date) -> list[Sold]:
    """The same fills one by one, in no order."""
    columns = sold_columns(tx, since, until)
    owners = np.repeat(np.arange(len(columns.therapies)), columns.sizes).tolist()
    return [
        Sold(columns.therapies[owner], day, days_supply, claimed)
        for owner, day, days_supply, claimed in zip(
            owners, columns.day.tolist(), columns.days_supply.tolist(), columns.claimed.tolist(), strict=True
        )
    ]
