"""The supply of each drug of one patient over time, and how adherent the patient was this year."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, cast

from sqlalchemy import select

from medsync_app.domain.adherence import NOBODY, Adherence, Claim, Gap, Period, Person, outlook, pdc
from medsync_app.domain.care import Care, CareFacts, care_facts
from medsync_app.domain.cycle import OPEN, PENDING_ITEMS
from medsync_app.domain.drug_classes import (
    CLASS_LABELS,
    DrugClass,
    excludes_from,
    ingredients_in,
)
from medsync_app.domain.drug_names import is_for_weight_only
from medsync_app.domain.states import FillKind, FillStatus
from medsync_app.domain.supply import MAX_DAYS_SUPPLY
from medsync_app.reads.places import places
from medsync_app.services.plan_inputs import current_prescription
from medsync_app.store.repositories import care
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    Cycle,
    CycleItem,
    Fill,
    Patient,
    Prescriber,
    Prescription,
    Therapy,
)

#: Fills older than this are not drawn.
SHOWN_DAYS: Final = 400
_fill, _therapy, _rx, _cycle, _item = (
    cast(Any, kind) for kind in (Fill, Therapy, Prescription, Cycle, CycleItem)
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days of supply from `start` to `end`, both counted."""

    start: date
    end: date
    planned: bool
    short: bool


@dataclass(frozen=True, slots=True)
class DrugLine:
    """One drug of the patient: its present Rx number and its supply."""

    therapy_id: str
    name: str
    active: bool
    include: bool | None
    stopped_on: date | None
    stop_reason: str
    rx_number: str
    refills_left: int | None
    expires_on: date | None
    pa_ends_on: date | None
    prescriber: str
    last_fill: date | None
    #: The last day with supply in hand; None when nothing is known.
    supply_until: date | None
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """Adherence of one class or drug in the calendar year so far; `left` are gap days left until its end."""

    label: str
    is_class: bool
    result: Adherence
    left: int
    lost: bool
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class SupplyFacts:
    """What the page draws of supply and adherence."""

    drugs: tuple[DrugLine, ...]
    measures: tuple[Measure, ...]


def patient_supply(tx: Tx, patient_id: str) -> SupplyFacts:
    """The drugs of a patient, active ones first; NotFound outside the scope."""
    patient = tx.get(Patient, patient_id)
    today = places(tx)[patient.pharmacy_id].today
    therapies = tx.session.scalars(
        select(Therapy).where(_therapy.patient_id == patient_id).order_by(_therapy.drug_name, _therapy.id)
    ).all()
    fills = _fills(tx, patient_id)
    planned = _planned(tx, patient_id)
    records = [Care(row.kind, row.starts_on, row.ends_on) for row in care.of_patient(tx, patient_id)]
    prescriptions = _prescriptions(tx, patient_id, therapies)
    drugs = [
        _line(row, prescriptions.get(row.id), fills.get(row.id, []), planned.get(row.id, []), today)
        for row in therapies
    ]
    drugs.sort(key=lambda drug: (not drug.active, drug.name))
    return SupplyFacts(tuple(drugs), tuple(_measures(patient, therapies, fills, records, today)))


def _fills(tx: Tx, patient_id: str) -> dict[str, list[Fill]]:
    statement = (
        select(Fill)
        .where(
            _fill.patient_id == patient_id,
            _fill.status.in_((FillStatus.SOLD, FillStatus.WAITING)),
            _fill.days_supply.between(1, MAX_DAYS_SUPPLY),
        )
        .order_by(_fill.filled_on, _fill.id)
    )
    found: dict[str, list[Fill]] = defaultdict(list)
    for row in tx.session.scalars(statement):
        found[row.therapy_id].append(row)
    return found


def _planned(tx: Tx, patient_id: str) -> dict[str, list[tuple[date, int, bool]]]:
    statement = (
        select(_item.therapy_id, _cycle.sync_date, _item.days_supply, _item.fill_kind)
        .join(Cycle, _cycle.id == _item.cycle_id)
        .where(
            _cycle.patient_id == patient_id,
            _cycle.state.in_(sorted(OPEN)),
            _item.state.in_(sorted(PENDING_ITEMS)),
            _item.days_supply > 0,
        )
        .order_by(_cycle.sync_date)
    )
    found: dict[str, list[tuple[date, int, bool]]] = defaultdict(list)
    for therapy_id, on, days, kind in tx.session.execute(statement):
        found[therapy_id].append((on, days, kind is FillKind.SHORT))
    return found


def _prescriptions(
    tx: Tx, patient_id: str, therapies: Iterable[Therapy]
) -> dict[str, tuple[Prescription, str]]:
    """The present Rx number of each drug, the one that planning uses, with its prescriber's name."""
    prescriber = cast(Any, Prescriber)
    statement = (
        select(Prescription, prescriber.name)
        .outerjoin(Prescriber, prescriber.id == _rx.prescriber_id)
        .where(_rx.patient_id == patient_id)
    )
    known: dict[str, list[Prescription]] = defaultdict(list)
    names: dict[str, str] = {}
    for row, name in cast(Any, tx.session.execute(statement)):
        known[row.therapy_id].append(row)
        names[row.id] = name or ""
    present = (current_prescription(therapy, known.get(therapy.id, [])) for therapy in therapies)
    return {rx.therapy_id: (rx, names[rx.id]) for rx in present if rx is not None}


def _line(
    therapy: Therapy,
    rx: tuple[Prescription, str] | None,
    fills: list[Fill],
    planned: list[tuple[date, int, bool]],
    today: date,
) -> DrugLine:
    held = _held(fills, today)
    until = held[-1].end if held else None
    active = therapy.status == "active"
    shown = [stretch for stretch in held if stretch.end >= today - timedelta(days=SHOWN_DAYS)]
    ahead = _ahead(planned, until) if active else []
    number, prescriber = rx if rx is not None else (None, "")
    return DrugLine(
        therapy_id=therapy.id,
        name=therapy.drug_name,
        active=active,
        include=therapy.include,
        stopped_on=therapy.stopped_on,
        stop_reason=therapy.stop_reason,
        rx_number=number.rx_number if number else "",
        refills_left=number.refills_left if number else None,
        expires_on=number.expires_on if number else None,
        pa_ends_on=therapy.pa_ends_on or (number.pa_ends_on if number else None),
        prescriber=prescriber,
        last_fill=fills[-1].filled_on if fills else None,
        supply_until=until,
        stretches=(*shown, *ahead),
    )


def _held(fills: Iterable[Fill], today: date) -> list[Stretch]:
    """Supply in hand is used first: each fill starts on its pickup, or when the supply before it has ended."""
    found: list[Stretch] = []
    for row in fills:
        if row.status is FillStatus.WAITING:
            continue
        start = row.picked_up_on or row.filled_on
        if found and found[-1].end >= start:
            start = found[-1].end + timedelta(days=1)
        end = start + timedelta(days=(row.days_supply or 1) - 1)
        found.append(Stretch(start, end, planned=False, short=row.kind is FillKind.SHORT))
    return found


def _ahead(planned: Iterable[tuple[date, int, bool]], until: date | None) -> list[Stretch]:
    found: list[Stretch] = []
    last = until
    for on, days, short in planned:
        start = on if last is None or last < on else last + timedelta(days=1)
        last = start + timedelta(days=days - 1)
        found.append(Stretch(start, last, planned=True, short=short))
    return found


def _measures(
    patient: Patient,
    therapies: Iterable[Therapy],
    fills: dict[str, list[Fill]],
    records: Iterable[Care],
    today: date,
) -> list[Measure]:
    """The three classes, then each drug that is taken for good, as far as there are fills this year."""
    rows = list(therapies)
    year = Period(date(today.year, 1, 1), date(today.year, 12, 31))
    known = care_facts(records, year, patient.deceased_on)
    if known.left_on is not None and known.left_on < year.start:
        return []
    year = replace(year, left_on=known.left_on)
    found: list[Measure | None] = []
    for drug_class, label in CLASS_LABELS.items():
        claims: list[Claim] = []
        for row in rows:
            members = ingredients_in(drug_class, row.ingredients)
            for_weight = drug_class is DrugClass.DIABETES and is_for_weight_only(row.drug_name)
            if members and not for_weight:
                claims += _claims(row, fills.get(row.id, []), members)
        excluding = [
            row
            for row in rows
            if excludes_from(drug_class, row.ingredients)
            and any(
                year.start <= claim.fill_date <= today for claim in _claims(row, fills.get(row.id, []), ())
            )
        ]
        person = _person(patient, known, drug_class, excluding)
        found.append(_measure(label, claims, year, today, person, is_class=True))
    for row in rows:
        if row.status == "active" and not row.as_needed:
            claims = _claims(row, fills.get(row.id, []), tuple(row.ingredients))
            alone = Person(patient.birth_date, known.hospice, known.esrd, stays=known.stays)
            found.append(_measure(row.drug_name, claims, year, today, alone))
    return [one for one in found if one is not None]


def _person(patient: Patient, known: CareFacts, drug_class: DrugClass, excluding: list[Therapy]) -> Person:
    return Person(
        birth_date=patient.birth_date,
        hospice=known.hospice,
        esrd=known.esrd,
        stays=known.stays,
        insulin=bool(excluding) and drug_class is DrugClass.DIABETES,
        sacubitril_valsartan=bool(excluding) and drug_class is DrugClass.RAS_ANTAGONISTS,
    )


def _claims(therapy: Therapy, fills: Iterable[Fill], ingredients: tuple[str, ...]) -> list[Claim]:
    return [
        Claim(
            therapy.patient_id,
            therapy.drug_name,
            row.filled_on,
            row.days_supply or 1,
            ingredients,
        )
        for row in fills
        if row.status is FillStatus.SOLD
    ]


def _measure(
    label: str,
    claims: list[Claim],
    year: Period,
    today: date,
    person: Person = NOBODY,
    *,
    is_class: bool = False,
) -> Measure | None:
    known = [claim for claim in claims if claim.fill_date <= today]
    so_far = Period(year.start, min(today, year.left_on or today))
    result = pdc(known, so_far, person=person)
    ahead = outlook(known, year, today, person=person)
    if result is None or ahead is None:
        return None
    return Measure(label, is_class, result, ahead.remaining, ahead.lost, result.gaps)
