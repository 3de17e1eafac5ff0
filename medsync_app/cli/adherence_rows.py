"""Turns rows of fills into the `adherence` command's result rows: by drug, by class or by patient."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from medsync_app.cli.adherence_file import FillRow, StayRow
from medsync_app.domain.adherence import NOBODY, Adherence, Period, Person
from medsync_app.domain.drug_classes import (
    DrugClass,
    class_named,
    excludes_from,
    ingredients_in,
)
from medsync_app.domain.drug_names import parse_drug_name
from medsync_app.population.fill_ledger import NO_GROUP, FillLedger, Tally

BY = ("drug", "class", "patient")
_WHOLE_LIST = 1
"""The one group of `by patient`: every drug of the patient."""


@dataclass(frozen=True, slots=True)
class ResultRow:
    """The figures of one patient for one key."""

    patient_id: str
    key: str
    figures: Adherence


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was used but that a person should know."""

    drug: str | None
    fills: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Target:
    group: int
    unit: int
    echo: bool


@dataclass(frozen=True, slots=True)
class _Product:
    targets: tuple[_Target, ...]
    excludes: tuple[DrugClass, ...]
    unknown: bool


class _Numbers:
    """Gives each different key a number and keeps the text it was first written with."""

    def __init__(self, *labels: str) -> None:
        self.labels = list(labels)
        self._numbers: dict[str, int] = {}

    def of(self, key: str, label: str | None = None) -> int:
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.labels)
            self.labels.append(key if label is None else label)
        return number


class AdherenceTable:
    """Collects fills and stays, then measures them; `by` is one of BY."""

    def __init__(self, period: Period, by: str) -> None:
        self._period = period
        self._by = by
        self._ledger = FillLedger(period)
        self._patients = _Numbers()
        self._units = _Numbers()
        self._groups = _Numbers("", "")
        self._group_class: dict[int, DrugClass | None] = {}
        self._products: dict[tuple[str, str], _Product] = {}
        self._unknown: dict[str, int] = {}
        self._births: dict[int, date] = {}
        self._birth_conflicts = 0
        self._excluding_days: dict[tuple[int, DrugClass], list[int]] = {}
        self._stays: dict[int, list[tuple[int, int]]] = {}

    def add_fills(self, rows: Iterable[FillRow]) -> None:
        """Take over fills; those outside the window count for nothing but their birth date."""
        add, number = self._ledger.add, self._patients.of
        for row in rows:
            patient = number(row.patient_id)
            product = self._products.get((row.drug, row.drug_class)) or self._product(
                row.drug, row.drug_class
            )
            if product.unknown:
                self._unknown[row.drug] = self._unknown.get(row.drug, 0) + 1
            for drug_class in product.excludes:
                self._excluding_days.setdefault((patient, drug_class), []).append(row.day)
            for target in product.targets:
                add(patient, target.group, target.unit, row.day, row.days_supply, target.echo)
            if row.birth_date and self._births.setdefault(patient, row.birth_date) != row.birth_date:
                self._birth_conflicts += 1

    def add_stays(self, rows: Iterable[StayRow]) -> None:
        """Take over inpatient and nursing-facility stays."""
        for row in rows:
            self._stays.setdefault(self._patients.of(row.patient_id), []).append((row.start, row.stop))

    def rows(self, as_of: date | None = None) -> Iterator[ResultRow]:
        """The results, patient by patient in the order of the file, keys in alphabetical order."""
        tallies = self._ledger.tallies(
            units=self._by == "drug",
            groups=self._by != "drug",
            as_of=None if as_of is None else as_of.toordinal(),
            stays=self._stays,
        )
        for _, own in groupby(tallies, key=_patient_of):
            yield from sorted(map(self._row, own), key=_key_of)

    def notes(self) -> list[Note]:
        """Drugs that are not in the table, and what else was used with a reservation."""
        lost = self._by == "class"
        reason = "not in the built-in table" + (
            "; counted only where the file names its class" if lost else "; measured under its own name"
        )
        found = [Note(drug, fills, reason) for drug, fills in sorted(self._unknown.items())]
        if self._birth_conflicts:
            reason = "birth date differs from an earlier row of the patient; the first one is used"
            found.append(Note(None, self._birth_conflicts, reason))
        if self._stays and not self._period.counts_stays:
            found.append(Note(None, 0, "stays are not taken out in measurement years after 2025"))
        return found

    def _row(self, tally: Tally) -> ResultRow:
        patient_id = self._patients.labels[tally.patient]
        birth_date = self._births.get(tally.patient)
        person = Person(birth_date=birth_date) if birth_date else NOBODY
        if self._by == "drug":
            return ResultRow(patient_id, self._units.labels[tally.unit], self._ledger.record(tally, person))
        if self._by == "patient":
            return ResultRow(patient_id, patient_id, self._ledger.record(tally, person))
        last = self._period.start.toordinal() + tally.figures.end - 1
        if self._is_excluded(tally, DrugClass.DIABETES, last):
            person = Person(birth_date=birth_date, insulin=True)
        elif self._is_excluded(tally, DrugClass.RAS_ANTAGONISTS, last):
            person = Person(birth_date=birth_date, sacubitril_valsartan=True)
        return ResultRow(patient_id, self._groups.labels[tally.group], self._ledger.record(tally, person))

    def _is_excluded(self, tally: Tally, drug_class: DrugClass, last: int) -> bool:
        if self._group_class[tally.group] is not drug_class:
            return False
        days = self._excluding_days.get((tally.patient, drug_class), ())
        return any(self._period.start.toordinal() <= day <= last for day in days)

    def _product(self, drug: str, class_text: str) -> _Product:
        parsed = parse_drug_name(drug)
        units = parsed.ingredients or (drug.casefold(),)
        numbers = {name: self._units.of(name, name if parsed.known else drug) for name in units}
        grouped: Mapping[int, tuple[str, ...]]
        if self._by == "class":
            grouped = self._classes(class_text, units, parsed.classes)
        else:
            grouped = {NO_GROUP if self._by == "drug" else _WHOLE_LIST: units}
        product = _Product(
            targets=tuple(
                _Target(group, numbers[name], group != NO_GROUP and place > 0)
                for group, names in grouped.items()
                for place, name in enumerate(names)
            ),
            excludes=tuple(c for c in DrugClass if excludes_from(c, parsed.ingredients)),
            unknown=not parsed.known,
        )
        self._products[drug, class_text] = product
        return product

    def _classes(
        self, class_text: str, units: tuple[str, ...], built_in: tuple[DrugClass, ...]
    ) -> dict[int, tuple[str, ...]]:
        """Group -> the ingredients that cover its days. A class the file names counts as it says."""
        if not class_text:
            return {self._group(c.value, c.value, c): ingredients_in(c, units) for c in built_in}
        named = class_named(class_text)
        members = units if named is None else ingredients_in(named, units) or units
        key = class_text.casefold() if named is None else named.value
        return {self._group(key, class_text, named): members}

    def _group(self, key: str, label: str, drug_class: DrugClass | None) -> int:
        group = self._groups.of(key, label)
        self._group_class[group] = drug_class
        return group


def _patient_of(tally: Tally) -> int:
    return tally.patient


def _key_of(row: ResultRow) -> str:
    return row.key
