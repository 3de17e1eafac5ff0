"""Turns the cells of a record into a dispensing row, or into the problem why it cannot be used."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from operator import itemgetter

from medsync_app.connections.csv.codes import STATUSES, payer_of, schedule_of, status_word
from medsync_app.connections.csv.fields import FIELD_BY_KEY
from medsync_app.connections.csv.mapping import ColumnMapping, check_mapping
from medsync_app.connections.csv.notes import Note, NoteBook
from medsync_app.connections.csv.reader import Record
from medsync_app.connections.csv.values import (
    BadValue,
    clean_text,
    parse_date,
    parse_decimal,
    parse_email,
    parse_phone,
    parse_whole,
)
from medsync_app.domain.dispensing_row import DispensingRow, DrugData, PatientData, PrescriberData, RowProblem
from medsync_app.domain.drug_names import says_as_needed
from medsync_app.domain.drug_schedules import schedule_of_name
from medsync_app.domain.names import folded
from medsync_app.domain.states import FillStatus
from medsync_app.domain.supply import MAX_DAYS_SUPPLY
from medsync_app.domain.therapy_key import drug_data

#: A fill dated later than this is a slip of the pen; up to here it is used and noted.
FUTURE_DAYS = 31
SHORT_FILL_CODE = "47"
MAX_ID_LENGTH = 64
_CACHED = 20_000
_PATIENT = (
    "patient_id", "patient_name", "last_name", "first_name", "birth_date", "address", "city", "state",
    "postal_code", "cell", "home", "email",
)  # fmt: skip
_PRESCRIBER = ("prescriber_name", "prescriber_npi", "prescriber_phone", "prescriber_fax")
_REST = (
    "rx_number", "fill_number", "written_on", "filled_on", "sold_on", "drug_name", "ndc", "form", "quantity",
    "days_supply", "refills_left", "sig", "schedule", "plan", "plan_type", "copay", "pa_ends_on", "status",
    "claim_code", "stopped_on",
)  # fmt: skip
#: Later states win over earlier ones, in whatever order rows arrive.
PROGRESS = {FillStatus.WAITING: 0, FillStatus.SOLD: 1, FillStatus.RETURNED: 2, FillStatus.REVERSED: 3}


class _Unusable(Exception):
    """The row cannot be used; `key` is the field at fault."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key = key
        self.reason = reason


class RowParser:
    """Parses the records of one table; rows of the same patient, prescriber and drug share their parsed
    parts.

    `today` is the pharmacy's calendar day: births and fills cannot be later.
    """

    def __init__(self, mapping: ColumnMapping, headers: Sequence[str], today: date, notes: NoteBook) -> None:
        positions = check_mapping(mapping, headers)
        self._headers = headers
        self._positions = positions
        self._mapping = mapping
        self._today = today
        self._notes = notes
        # Cells get an empty one appended: fields without a column read that.
        blank = len(headers)
        self._patient_cells = itemgetter(*(positions.get(key, blank) for key in _PATIENT))
        self._prescriber_cells = itemgetter(*(positions.get(key, blank) for key in _PRESCRIBER))
        self._rest_cells = itemgetter(*(positions.get(key, blank) for key in _REST))
        self._patients: dict[tuple[str, ...], PatientData] = {}
        self._prescribers: dict[tuple[str, ...], PrescriberData | None] = {}
        self._as_needed: dict[str, bool] = {}

    def parse(self, record: Record) -> DispensingRow | RowProblem | None:
        """The row, the problem why it cannot be used, or None when nothing was dispensed (noted)."""
        cells = [*record.cells, ""]
        try:
            return self._parse(record.line, cells)
        except _Unusable as problem:
            return RowProblem(record.line, self.column(problem.key), problem.reason)

    def patient(self, record: Record) -> PatientData | RowProblem:
        """Who a record is about, whatever else it lacks."""
        try:
            return self._patient(record.line, self._patient_cells([*record.cells, ""]))
        except _Unusable as problem:
            return RowProblem(record.line, self.column(problem.key), problem.reason)

    @property
    def known(self) -> frozenset[str]:
        """The fields that the file has a column for."""
        return frozenset(self._positions)

    def column(self, key: str) -> str:
        """The source's own name of the column, so that a person finds it."""
        position = self._positions.get(key)
        return FIELD_BY_KEY[key].label if position is None else self._headers[position]

    def _parse(self, line: int, cells: list[str]) -> DispensingRow | None:
        (
            rx_text, fill_text, written, filled, sold, drug_name, ndc, form, quantity_text, days, refills,
            sig,
            schedule, plan, plan_type, copay, pa_ends, status_text, claim_code, stopped,
        ) = self._rest_cells(cells)  # fmt: skip
        patient = self._patient(line, self._patient_cells(cells))
        rx_number = _identifier("rx_number", rx_text)
        drug = self._drug(line, drug_name, form, schedule)
        filled_on = self._filled_on(line, filled, patient)
        written_on = self._date("written_on", written)
        sold_on = self._date("sold_on", sold)
        quantity = _decimal("quantity", quantity_text)
        if quantity is None:
            raise _Unusable("quantity", "The quantity is missing.")
        if quantity == 0:
            raise _Unusable("quantity", "The quantity is 0.")
        days_supply = self._days_supply(line, days)
        fill_number = _whole("fill_number", fill_text, 9_999) or 0
        status = self._status(line, status_text, sold_on, negative=quantity < 0)
        if status is None:
            self._notes.add(Note.NOT_DISPENSED, line)
            return None
        if (sold_on and sold_on < filled_on) or (written_on and written_on > filled_on):
            self._notes.add(Note.DATE_ORDER, line)
        payer = self._payer(line, plan_type.strip(), plan.strip())
        rank = (
            f"{filled_on.isoformat()}|{written_on.isoformat() if written_on else ''}|{rx_number:0>12}"
            f"|{fill_number:04d}|{PROGRESS[status]}"
        )
        return DispensingRow(
            line=line,
            patient=patient,
            prescriber=self._prescriber(line, self._prescriber_cells(cells)),
            drug=drug,
            rx_number=rx_number,
            fill_number=fill_number,
            written_on=written_on,
            filled_on=filled_on,
            sold_on=sold_on,
            ndc=clean_text(ndc, 20),
            quantity=abs(quantity),
            days_supply=days_supply,
            refills_left=self._refills(line, refills),
            sig=clean_text(sig, 500),
            as_needed=self._says_as_needed(sig),
            plan=clean_text(plan, 100),
            payer=payer,
            copay=self._copay(line, copay),
            pa_ends_on=self._pa_date(line, pa_ends),
            short_fill=claim_code.strip() == SHORT_FILL_CODE,
            status=status,
            stopped_on=self._date("stopped_on", stopped),
            content=hash(tuple(cells)),
            rank=rank,
        )

    def _date(self, key: str, text: str) -> date | None:
        try:
            return parse_date(text, self._mapping.two_digit_years, self._mapping.day_first)
        except BadValue as error:
            raise _Unusable(key, str(error)) from None

    def _filled_on(self, line: int, text: str, patient: PatientData) -> date:
        filled_on = self._date("filled_on", text)
        if filled_on is None:
            raise _Unusable("filled_on", "The fill date is missing.")
        if filled_on > self._today + timedelta(days=FUTURE_DAYS):
            raise _Unusable("filled_on", "The fill date is in the future.")
        if patient.birth_date and patient.birth_date > filled_on:
            raise _Unusable("birth_date", "The birth date is later than the fill date.")
        if filled_on > self._today + timedelta(days=1):
            self._notes.add(Note.FUTURE_DATE, line)
        return filled_on

    def _days_supply(self, line: int, text: str) -> int | None:
        days = _whole("days_supply", text, MAX_DAYS_SUPPLY)
        if not days:
            self._notes.add(Note.NO_DAYS_SUPPLY, line)
            return None
        return days

    def _status(self, line: int, text: str, sold_on: date | None, *, negative: bool) -> FillStatus | None:
        """Negative quantities are reversals whatever the status says; without a word the sold date decides."""
        word = status_word(text)
        status = FillStatus.SOLD
        if negative:
            status = FillStatus.REVERSED
        elif word in STATUSES:
            known = STATUSES[word]
            if known is None:
                return None
            status = known
        else:
            if word:
                self._notes.add(Note.UNKNOWN_STATUS, line)
            if "sold_on" in self._positions and sold_on is None:
                status = FillStatus.WAITING
        if status is FillStatus.WAITING and sold_on is not None:
            status = FillStatus.SOLD
        return status

    def _drug(self, line: int, name: str, form: str, schedule: str) -> DrugData:
        name = clean_text(name)
        if not name:
            raise _Unusable("drug_name", "The drug is missing.")
        known, understood = schedule_of(schedule)
        if not understood:
            self._notes.add(Note.BAD_SCHEDULE, line)
        if not understood or not schedule.strip():  # nothing said is not the same as not controlled
            known = schedule_of_name(name)
        return drug_data(name, clean_text(form, 40), known)

    def _says_as_needed(self, sig: str) -> bool:
        found = self._as_needed.get(sig)
        if found is None:
            _make_room(self._as_needed)
            found = self._as_needed[sig] = says_as_needed(sig)
        return found

    def _payer(self, line: int, plan_type: str, plan: str) -> str:
        payer = payer_of(plan_type, plan)
        if payer is None:
            self._notes.add(Note.UNKNOWN_PLAN_TYPE, line)
        return payer or ""

    def _refills(self, line: int, text: str) -> int | None:
        try:
            return parse_whole(text, 999)
        except BadValue:
            self._notes.add(Note.BAD_REFILLS, line)
            return None

    def _copay(self, line: int, text: str) -> Decimal | None:
        try:
            copay = parse_decimal(text)
        except BadValue:
            self._notes.add(Note.BAD_COPAY, line)
            return None
        # A reversal pays the copay back: the amount is the same.
        return None if copay is None else abs(copay).quantize(Decimal("0.01"))

    def _pa_date(self, line: int, text: str) -> date | None:
        try:
            return parse_date(text, self._mapping.two_digit_years, self._mapping.day_first)
        except BadValue:
            self._notes.add(Note.BAD_PA_DATE, line)
            return None

    def _patient(self, line: int, cells: tuple[str, ...]) -> PatientData:
        found = self._patients.get(cells)
        if found is None:
            _make_room(self._patients)
            found = self._patients[cells] = self._new_patient(line, cells)
        return found

    def _new_patient(self, line: int, cells: tuple[str, ...]) -> PatientData:
        id_text, full_name, last, first, birth, address, city, state, postal_code, cell, home, email = cells
        if full_name.strip() and not last.strip():
            last, _, first = full_name.partition(",") if "," in full_name else _split_name(full_name)
        last, first = clean_text(last, 100), clean_text(first, 100)
        external = clean_text(id_text, MAX_ID_LENGTH)
        if not external and "patient_id" in self._positions:
            raise _Unusable("patient_id", "The patient is missing.")
        if not last and not first:
            key = "patient_name" if "patient_name" in self._positions else "last_name"
            raise _Unusable(key, "The patient's name is missing.")
        birth_date = self._date("birth_date", birth)
        if birth_date is not None and birth_date > self._today:
            raise _Unusable("birth_date", "The birth date is in the future.")
        if birth_date is None:
            if not external:
                raise _Unusable("birth_date", "Without a patient ID the birth date is needed.")
            self._notes.add(Note.NO_BIRTH_DATE, line)
        key = external or f"name:{folded(f'{last} {first}')}:{birth_date}"
        parts = (
            key, first, last, birth_date, clean_text(address), clean_text(city, 100), clean_text(state, 40),
            clean_text(postal_code, 20), self._phone(line, cell), self._phone(line, home), self._email(line,
            email),
        )  # fmt: skip
        return PatientData(*parts, digest=_digest(parts))

    def _phone(self, line: int, text: str) -> str:
        try:
            return parse_phone(text) or ""
        except BadValue:
            self._notes.add(Note.BAD_PHONE, line)
            return ""

    def _email(self, line: int, text: str) -> str:
        try:
            return parse_email(text)
        except BadValue:
            self._notes.add(Note.BAD_EMAIL, line)
            return ""

    def _prescriber(self, line: int, cells: tuple[str, ...]) -> PrescriberData | None:
        if cells in self._prescribers:
            return self._prescribers[cells]
        _make_room(self._prescribers)
        name, npi, phone, fax = cells
        name = clean_text(name)
        npi = "".join(c for c in npi if c.isdigit())
        npi = npi if len(npi) == 10 else ""
        key = npi or folded(name)[:100]
        parts = (key, name, npi, self._phone(line, phone), self._phone(line, fax))
        found = self._prescribers[cells] = PrescriberData(*parts, digest=_digest(parts)) if key else None
        return found


def _make_room(cache: dict[str, bool] | Mapping[tuple[str, ...], object]) -> None:
    """Caches hold what neighbouring rows share, not the whole file."""
    if len(cache) >= _CACHED and isinstance(cache, dict):
        cache.clear()


def _digest(parts: tuple[object, ...]) -> str:
    return hashlib.blake2b(repr(parts).encode(errors="replace"), digest_size=6).hexdigest()


def _split_name(full_name: str) -> tuple[str, str, str]:
    """Last word is the family name where no comma says otherwise."""
    first, _, last = full_name.strip().rpartition(" ")
    return last, " ", first


def _identifier(key: str, text: str) -> str:
    found = clean_text(text, MAX_ID_LENGTH)
    if not found:
        raise _Unusable(key, "The Rx number is missing.")
    return found


def _decimal(key: str, text: str) -> Decimal | None:
    try:
        value = parse_decimal(text)
    except BadValue as error:
        raise _Unusable(key, str(error)) from None
    return None if value is None else value.quantize(Decimal("0.001"))


def _whole(key: str, text: str, most: int) -> int | None:
    try:
        return parse_whole(text, most)
    except BadValue as error:
        raise _Unusable(key, str(error)) from None
