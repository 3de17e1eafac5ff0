"""Drugs and fills of whole pharmacies as bare columns: what figures over many patients are counted from."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import String, func, select
from sqlalchemy import cast as sql_cast

from medsync_app.domain.drug_traits import is_acute
from medsync_app.domain.participation import looks_like_maintenance
from medsync_app.domain.states import FillStatus
from medsync_app.domain.supply import MAX_DAYS_SUPPLY
from medsync_app.store.session import Tx
from medsync_app.store.tables import Fill, Patient, Prescription, Therapy

_fill, _therapy, _rx, _patient = (cast(Any, kind) for kind in (Fill, Therapy, Prescription, Patient))
#: Nothing waits longer in will-call: lets the index on the claim date find what was picked up in a window.
_LONGEST_WAIT: Final = timedelta(days=90)


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
    """One fill in the patient's hands: drug, ordinal day it was picked up, days supply."""

    therapy_id: str
    day: int
    days_supply: int


def people(tx: Tx) -> dict[str, Person]:
    """Every patient in scope by id."""
    columns = select(
        _patient.id, _patient.pharmacy_id, _patient.first_name, _patient.last_name, _patient.birth_date,
        _patient.deceased_on,
    )  # fmt: skip
    return {row[0]: Person(*row) for row in cast(Sequence[Any], tx.session.execute(columns).all())}


def drugs(tx: Tx) -> dict[str, Drug]:
    """Every therapy in scope by id."""
    columns = (
        select(
            _therapy.id, _therapy.patient_id, _therapy.drug_name, sql_cast(_therapy.ingredients, String),
            _therapy.as_needed, _therapy.maintenance, _therapy.schedule, _therapy.status == "active",
            func.coalesce(_rx.refills_left, 0),
        )
        .select_from(Therapy)
        .outerjoin(Prescription, _rx.id == _therapy.current_prescription_id)
    )  # fmt: skip
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


def sold(tx: Tx, since: date, until: date) -> list[Sold]:
    """Fills picked up from `since` to `until` with a usable days supply, in no order.

    A fill without a pickup date of its own counts on its claim date.
    """
    on = func.coalesce(_fill.picked_up_on, _fill.filled_on)
    rows = tx.session.execute(
        select(_fill.therapy_id, sql_cast(on, String), _fill.days_supply).where(
            _fill.status == FillStatus.SOLD,
            _fill.days_supply.between(1, MAX_DAYS_SUPPLY),
            _fill.filled_on >= since - _LONGEST_WAIT,
            on.between(since, until),
        )
    )
    # A year has few days, a pharmacy many fills: each day's text is read once.
    days: dict[str, int] = {}
    found: list[Sold] = []
    for therapy_id, text, days_supply in cast(Sequence[Any], rows.all()):
        day = days.get(text)
        if day is None:
            day = days[text] = date.fromisoformat(text).toordinal()
        found.append(Sold(therapy_id, day, days_supply))
    return found
