"""Makes of an event about an Rx the row that an export would have: what it leaves out is as it is stored.

Nothing is guessed: a fill needs its day and quantity, from the event or from the fill that is known.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from medsync_app.clock import local_day
from medsync_app.connections.csv.fields import FIELD_BY_KEY
from medsync_app.connections.csv.mapping import ColumnMapping
from medsync_app.connections.csv.notes import NoteBook
from medsync_app.connections.csv.reader import Record
from medsync_app.connections.csv.rows import RowParser
from medsync_app.connections.csv.values import BadValue, parse_date, parse_whole
from medsync_app.connections.payload import instant_at
from medsync_app.domain.dispensing_row import DispensingRow, PatientData, RowProblem
from medsync_app.domain.drug_forms import DrugForm
from medsync_app.domain.names import folded
from medsync_app.domain.pharmacy_events import STATUS_OF, EventKind, PharmacyEvent
from medsync_app.domain.states import FillStatus, JoinOrigin
from medsync_app.errors import Unreadable
from medsync_app.services.event_problem import Unusable, patient_key, rx_key
from medsync_app.store.repositories import dispensing, joining, therapies
from medsync_app.store.session import Tx
from medsync_app.store.tables import Fill, Patient, Pharmacy, Prescriber, Prescription, Therapy

Found = TypeVar("Found")
_NAMES: Final = ("patient_name", "last_name", "first_name")
_LIVE: Final = frozenset({FillStatus.WAITING, FillStatus.SOLD})
#: The word of an export for each state of a fill.
_WORDS: Final = {
    FillStatus.WAITING: "waiting", FillStatus.SOLD: "sold", FillStatus.RETURNED: "returned",
    FillStatus.REVERSED: "reversed",
}  # fmt: skip
#: A claim and its label may bear different days; two live fills of one number do not lie so near each other.
_SAME_FILL: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class _Named:
    """A patient as an event names one whose id it does not say."""

    first_name: str
    last_name: str
    birth_date: date | None
    source_id: str = ""
    origin: JoinOrigin = JoinOrigin.PHARMACY_SYSTEM


@dataclass(frozen=True, slots=True)
class KnownRx:
    """An Rx number as it is stored, with whose it is."""

    rx: Prescription
    therapy: Therapy
    patient: Patient
    prescriber: Prescriber | None
    fills: Sequence[Fill]


def known_rx(tx: Tx, pharmacy_id: str, rx_number: str) -> KnownRx | None:
    """The Rx with that number at the pharmacy."""
    found = dispensing.prescriptions(tx, pharmacy_id, [rx_number]).get(rx_number) if rx_number else None
    if found is None:
        return None
    rx = tx.get(Prescription, found["id"])
    fills = therapies.fills_of_therapy(tx, rx.therapy_id, date.min)
    return KnownRx(
        rx, tx.get(Therapy, rx.therapy_id), tx.get(Patient, rx.patient_id),
        tx.find(Prescriber, rx.prescriber_id) if rx.prescriber_id else None,
        [fill for fill in fills if fill.prescription_id == rx.id],
    )  # fmt: skip


def day_of(tx: Tx, pharmacy_id: str, event: PharmacyEvent) -> date:
    """The pharmacy's day on which it happened; today when the event does not say."""
    try:
        at = instant_at(event.values, "occurred_at")
    except Unreadable as error:
        raise Unusable(error.message) from None
    return local_day(at or tx.now, tx.get(Pharmacy, pharmacy_id).zone)


def said_of(event: PharmacyEvent) -> frozenset[str]:
    """The fields of an export that the event tells something of."""
    return frozenset(field for field, text in event.values.items() if text and field in FIELD_BY_KEY)


def _said(event: PharmacyEvent) -> dict[str, str]:
    return {field: event.said(field) for field in said_of(event)}


def only_news(tx: Tx, pharmacy_id: str, event: PharmacyEvent, known: KnownRx | None) -> PharmacyEvent:
    """The event without what it would only describe anew of a patient or Rx that is known."""
    if not event.only_new:
        return event
    if known is not None:
        return event.saying(**dict.fromkeys(event.only_new, ""))
    patient = _known_patient(tx, pharmacy_id, event)
    if patient is None:
        return event
    stored = {"last_name": patient.last_name, "first_name": patient.first_name}
    return event.saying(**stored, birth_date=_text(patient.birth_date))


def row_of(tx: Tx, pharmacy_id: str, event: PharmacyEvent, known: KnownRx | None) -> DispensingRow:
    """The row; Unusable when something is missing, with what would bring it."""
    assert event.kind is not None  # noqa: S101 - only known events come here
    rx_number, day = event.said("rx_number"), day_of(tx, pharmacy_id, event)
    if not rx_number:
        raise Unusable("The Rx number is missing.")
    if known is None and not event.said("drug_name"):
        raise Unusable(
            "This Rx number is not known yet: it is tried again when it arrives.", rx_key(rx_number)
        )
    cells = {**_rx_cells(known), **patient_cells(tx, pharmacy_id, event, known.patient if known else None)}
    cells |= _said(event)
    status = STATUS_OF.get(event.kind)
    if status is None:
        cells |= {"filled_on": day.isoformat(), "status": "waiting", "sold_on": ""}
        cells["quantity"] = cells.get("quantity") or _text(known.rx.quantity if known else None)
        cells["days_supply"] = cells.get("days_supply") or _text(known.rx.days_supply if known else None)
    else:
        cells |= _fill_cells(event, known, day) | {"status": _WORDS[status]}
        if status is not FillStatus.SOLD:
            cells["sold_on"] = ""
    found = _parse(tx, pharmacy_id, cells, RowParser.parse)
    if not isinstance(found, DispensingRow):
        raise Unusable("Nothing of this was dispensed.")
    if known is None and event.only_new:
        _require_clear(found, rx_key(rx_number))
    return _as_stored(replace(found, dispensed=status is not None), event, known)


def _require_clear(row: DispensingRow, waits_for: str) -> None:
    """What is to be made from words that an export may have otherwise: only what they leave no doubt of."""
    said = row.drug.key.partition("|")[0] != "name" and row.drug.form != DrugForm.UNKNOWN.value
    if said and row.sig and row.days_supply and row.status in _LIVE:
        return
    raise Unusable(
        "This Rx number is not known yet, and its medicine or directions are not clear enough to begin with: it is "
        "tried again when the import brings it.",
        waits_for,
    )


def patient_of(tx: Tx, pharmacy_id: str, event: PharmacyEvent) -> PatientData:
    """Who an event is about that tells nothing else; Unusable without a name of somebody who is not known."""
    cells = {**patient_cells(tx, pharmacy_id, event, None), **_said(event)}
    return _parse(tx, pharmacy_id, cells, RowParser.patient)


def patient_cells(tx: Tx, pharmacy_id: str, event: PharmacyEvent, known: Patient | None) -> Mapping[str, str]:
    """What is known of the patient, for what the event leaves out; Unusable while nothing is."""
    key = event.said("patient_id")
    known = known or _known_patient(tx, pharmacy_id, event)
    if known is not None:
        return {
            "patient_id": key or known.external_id or "", "last_name": known.last_name,
            "first_name": known.first_name, "birth_date": _text(known.birth_date),
        }  # fmt: skip
    if _is_new_by_name(tx, pharmacy_id, event):
        return {}
    if not (key and any(event.said(name) for name in _NAMES)):
        # Without the source's id the next export would bring the same person once more.
        number = event.said("rx_number")
        waits_for = patient_key(key) if key else rx_key(number) if number else ""
        raise Unusable(
            "This patient is not known yet: it is tried again when the patient arrives.", waits_for
        )
    return {}


def _known_patient(tx: Tx, pharmacy_id: str, event: PharmacyEvent) -> Patient | None:
    """By the source's id, or when the event says none by name and date of birth."""
    key = event.said("patient_id")
    if key:
        stored = dispensing.patients(tx, pharmacy_id, [key]).get(key)
        return tx.get(Patient, stored["id"]) if stored is not None else None
    born = _day(event.said("birth_date"))
    return joining.known_patient(
        tx, pharmacy_id, _Named(event.said("first_name"), event.said("last_name"), born)
    )


def _is_new_by_name(tx: Tx, pharmacy_id: str, event: PharmacyEvent) -> bool:
    """Whether a sender without ids names somebody whom nobody here could be under another spelling.

    Such a patient is kept by name and date of birth, as of an export without ids; the import that has one finds them.
    """
    first, last, born = event.said("first_name"), event.said("last_name"), _day(event.said("birth_date"))
    if not (event.only_new and first and last and born) or event.said("patient_id"):
        return False
    return not dispensing.is_like_somebody(tx, pharmacy_id, (folded(first), folded(last)), born)


def _rx_cells(known: KnownRx | None) -> dict[str, str]:
    if known is None:
        return {}
    rx, drug, writer = known.rx, known.therapy, known.prescriber
    cells = {
        "drug_name": rx.drug_name, "form": drug.form, "schedule": _text(drug.schedule), "ndc": rx.ndc,
        "sig": rx.sig, "refills_left": _text(rx.refills_left), "written_on": _text(rx.written_on),
        "pa_ends_on": _text(rx.pa_ends_on),
    }  # fmt: skip
    if writer is not None:
        cells |= {
            "prescriber_name": writer.name, "prescriber_npi": writer.npi, "prescriber_phone": writer.phone,
            "prescriber_fax": writer.fax,
        }  # fmt: skip
    return cells


def _fill_cells(event: PharmacyEvent, known: KnownRx | None, day: date) -> dict[str, str]:
    """Which dispensing an event is about, and when it was fetched."""
    fill = _fill_meant(event, known.fills if known else (), day)
    cells: dict[str, str] = {}
    if fill is not None:
        stored = {"fill_number": fill.fill_number, "filled_on": fill.filled_on}
        if fill.quantity > 0:
            stored |= {"days_supply": fill.days_supply, "quantity": fill.quantity, "copay": fill.copay}
        cells = {field: _text(value) for field, value in stored.items()}
        cells |= {name: event.said(name) for name in ("days_supply", "quantity", "copay") if event.said(name)}
    elif not (event.said("filled_on") and event.said("quantity")):
        raise Unusable(
            "This fill is not known: its fill date and quantity are needed. It is tried again with the next news "
            "of this Rx number.",
            rx_key(event.said("rx_number")),
        )
    if event.kind in (EventKind.SOLD, EventKind.DELIVERED):
        cells["sold_on"] = event.said("sold_on") or day.isoformat()
    return cells


def _fill_meant(event: PharmacyEvent, fills: Sequence[Fill], day: date) -> Fill | None:
    """The known fill an event means: by number and day, by one of them, else the only one that waited that day."""
    number, on = _whole(event.said("fill_number")), _day(event.said("filled_on"))
    if number is not None:
        fills = [fill for fill in fills if fill.fill_number == number]
    if on is not None:
        exact = [fill for fill in fills if fill.filled_on == on]
        near = [fill for fill in fills if fill.status in _LIVE and abs(fill.filled_on - on) <= _SAME_FILL]
        return next(iter((*exact, *(near if number is not None else ()))), None)
    # An event that comes late is not about what was filled since.
    fills = [fill for fill in fills if fill.filled_on <= day]
    live = [fill for fill in fills if fill.status in _LIVE]
    if number is not None:
        return _newest(live or fills)
    if event.kind is EventKind.REVERSED:
        return _newest(live)
    if event.kind is EventKind.FILLED:
        return None
    waiting = [fill for fill in live if fill.status is FillStatus.WAITING]
    if len(waiting) > 1:
        raise Unusable("Several fills of this Rx number wait: the event must say the fill number.")
    return _newest(waiting)


def _newest(fills: Sequence[Fill]) -> Fill | None:
    return max(fills, key=lambda fill: (fill.filled_on, fill.id or 0), default=None)


def _parse(
    tx: Tx,
    pharmacy_id: str,
    cells: Mapping[str, str],
    parse: Callable[[RowParser, Record], Found | RowProblem],
) -> Found:
    """Read the cells as those of an export."""
    headers = [key for key in FIELD_BY_KEY if key not in ("patient_id", "patient_name") or cells.get(key)]
    columns = {key: FIELD_BY_KEY[key].label for key in headers}
    today = local_day(tx.now, tx.get(Pharmacy, pharmacy_id).zone)
    parser = RowParser(ColumnMapping(columns), list(columns.values()), today, NoteBook())
    found = parse(parser, Record(1, [cells.get(key, "") for key in headers]))
    if isinstance(found, RowProblem):
        raise Unusable(f"{found.column}: {found.reason}")
    return found


def _as_stored(row: DispensingRow, event: PharmacyEvent, known: KnownRx | None) -> DispensingRow:
    """Parts that the event says nothing of are no news: they keep the digest by which the next export is compared."""
    said = said_of(event)
    if known is None:
        return row
    if not said & {*_NAMES, "birth_date", "cell", "home", "email", "address", "city", "state", "postal_code"}:
        row = replace(row, patient=replace(row.patient, digest=_digest(known.patient.source_rank)))
    if row.prescriber and known.prescriber and not any(field.startswith("prescriber_") for field in said):
        stored = known.prescriber
        row = replace(
            row,
            prescriber=replace(row.prescriber, key=stored.external_key, digest=_digest(stored.source_rank)),
        )
    if not said & {"drug_name", "form"}:
        row = replace(row, drug=replace(row.drug, key=known.therapy.drug_key))
    return row


def _digest(source_rank: str) -> str:
    return source_rank.partition("#")[2]


def _text(value: Decimal | date | int | str | None) -> str:
    if value is None:
        return ""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _whole(text: str) -> int | None:
    try:
        return parse_whole(text, 9_999)
    except BadValue:
        return None  # the row's own check says so


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except BadValue:
        return None
