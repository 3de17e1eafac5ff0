"""Bulk reads and writes of an import: everything a chunk of rows may touch, in a handful of statements."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import Table as SqlTable
from sqlalchemy import bindparam, delete, insert, select, update

from medsync_app.domain.states import ContactBasis, EnrollmentState
from medsync_app.errors import NotFound
from medsync_app.store.ids import new_id
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    ContactPoint,
    Enrollment,
    Fill,
    Patient,
    PatientMerge,
    Prescriber,
    Prescription,
    Therapy,
)

#: How contact points made here say where they come from.
IMPORTED = "import"
PATIENT_COLUMNS = (
    "external_id", "first_name", "last_name", "search_name", "birth_date", "address", "city", "state",
    "postal_code",
    "source_rank",
)  # fmt: skip
PRESCRIBER_COLUMNS = ("name", "npi", "phone", "fax", "source_rank")
THERAPY_COLUMNS = (
    "drug_name", "ingredients", "form", "schedule", "unbreakable", "specialty", "as_needed", "plan_name",
    "payer",
    "copay", "pa_ends_on", "current_prescription_id", "status", "stopped_on", "stop_reason", "source_rank",
)  # fmt: skip
PRESCRIPTION_COLUMNS = (
    "therapy_id", "prescriber_id", "drug_name", "ndc", "sig", "units_per_day", "quantity", "days_supply",
    "refills_left", "written_on", "expires_on", "pa_ends_on", "source_rank",
)  # fmt: skip
FILL_COLUMNS = (
    "therapy_id", "filled_on", "picked_up_on", "days_supply", "quantity", "kind", "status", "copay",
)  # fmt: skip

Row = dict[str, Any]


def _table(kind: Any) -> SqlTable:
    return cast(SqlTable, kind.__table__)


_PATIENT, _CONTACT, _PRESCRIBER = _table(Patient), _table(ContactPoint), _table(Prescriber)
_THERAPY, _PRESCRIPTION, _FILL = _table(Therapy), _table(Prescription), _table(Fill)
_ENROLLMENT, _MERGE = _table(Enrollment), _table(PatientMerge)


def _require(tx: Tx, pharmacy_id: str) -> None:
    """These statements are Core, which the scope is not added to: it is checked here, and each names the
    pharmacy.
    """
    if not tx.scope.sees(pharmacy_id):
        raise NotFound("There is no such pharmacy among yours.")


def _rows(tx: Tx, table: SqlTable, pharmacy_id: str, names: Sequence[str], condition: Any) -> list[Row]:
    _require(tx, pharmacy_id)
    statement = select(*(table.c[name] for name in names)).where(
        table.c.pharmacy_id == pharmacy_id, condition
    )
    return [dict(row) for row in tx.session.connection().execute(statement).mappings()]


def _children(tx: Tx, table: SqlTable, pharmacy_id: str, names: Sequence[str], condition: Any) -> list[Row]:
    """Rows named by ids of rows of the pharmacy.

    The pharmacy is compared here and not in SQL: SQLite would take its index and read every row of the pharmacy.
    """
    _require(tx, pharmacy_id)
    statement = select(table.c.pharmacy_id, *(table.c[name] for name in names)).where(condition)
    found = [dict(row) for row in tx.session.connection().execute(statement).mappings()]
    return [row for row in found if row.pop("pharmacy_id") == pharmacy_id]


def patients(tx: Tx, pharmacy_id: str, keys: Collection[str]) -> dict[str, Row]:
    """Patients by the source's id; the id of a record that was merged gives the patient it was merged into.

    Two ids of one patient give the very same row: what is changed under one is seen under the other.
    """
    names = ("id", *PATIENT_COLUMNS)
    found = {
        row["external_id"]: row
        for row in _rows(tx, _PATIENT, pharmacy_id, names, _PATIENT.c.external_id.in_(sorted(keys)))
    }
    merged = {
        row["external_id"]: row["kept_id"]
        for row in _rows(
            tx, _MERGE, pharmacy_id, ("external_id", "kept_id"), _MERGE.c.external_id.in_(sorted(keys))
        )
    }
    known = {row["id"]: row for row in found.values()}
    missing = sorted(set(merged.values()) - set(known))
    if missing:
        rows = _rows(tx, _PATIENT, pharmacy_id, names, _PATIENT.c.id.in_(missing))
        known |= {row["id"]: row for row in rows}
    return found | {key: known[kept_id] for key, kept_id in merged.items()}


def patients_without_source(tx: Tx, pharmacy_id: str, search_names: Collection[str]) -> list[Row]:
    """Patients who have no source's id yet (entered by a person, or known by name and birth date), by folded name."""
    no_id = _PATIENT.c.external_id.is_(None) | _PATIENT.c.external_id.startswith("name:")
    condition = no_id & _PATIENT.c.search_name.in_(sorted(search_names))
    return _rows(tx, _PATIENT, pharmacy_id, ("id", *PATIENT_COLUMNS), condition)


def is_like_somebody(tx: Tx, pharmacy_id: str, names: Collection[str], birth_date: date) -> bool:
    """Whether a patient was born that day whose folded name has one of these names, whole or beside others."""
    same = select(_PATIENT.c.search_name).where(
        _PATIENT.c.pharmacy_id == pharmacy_id, _PATIENT.c.birth_date == birth_date
    )
    wanted = {word for name in names for word in name.split()}
    return any(not wanted.isdisjoint(name.split()) for name in tx.session.scalars(same))


def prescribers(tx: Tx, pharmacy_id: str, keys: Collection[str]) -> dict[str, Row]:
    """Prescribers by NPI or folded name."""
    names = ("id", "external_key", *PRESCRIBER_COLUMNS)
    found = _rows(tx, _PRESCRIBER, pharmacy_id, names, _PRESCRIBER.c.external_key.in_(sorted(keys)))
    return {row["external_key"]: row for row in found}


def prescriptions(tx: Tx, pharmacy_id: str, rx_numbers: Collection[str]) -> dict[str, Row]:
    """Prescriptions by Rx number."""
    names = ("id", "rx_number", "patient_id", *PRESCRIPTION_COLUMNS)
    found = _rows(tx, _PRESCRIPTION, pharmacy_id, names, _PRESCRIPTION.c.rx_number.in_(sorted(rx_numbers)))
    return {row["rx_number"]: row for row in found}


def therapies(
    tx: Tx, pharmacy_id: str, *, ids: Collection[str] = (), patient_ids: Collection[str] = ()
) -> dict[tuple[str, str], Row]:
    """Therapies with those ids or of those patients, by patient and drug key."""
    names = ("id", "patient_id", "drug_key", *THERAPY_COLUMNS)
    found: list[Row] = []
    if ids:
        found += _children(tx, _THERAPY, pharmacy_id, names, _THERAPY.c.id.in_(sorted(ids)))
    if patient_ids:
        found += _children(tx, _THERAPY, pharmacy_id, names, _THERAPY.c.patient_id.in_(sorted(patient_ids)))
    return {(row["patient_id"], row["drug_key"]): row for row in found}


def fills(tx: Tx, pharmacy_id: str, keys: Collection[tuple[str, int]]) -> list[Row]:
    """Fills by prescription and fill number: returned and repeated ones share both."""
    names = ("id", "patient_id", "prescription_id", "fill_number", *FILL_COLUMNS)
    by_number: dict[int, list[str]] = {}
    for prescription_id, number in sorted(keys):
        by_number.setdefault(number, []).append(prescription_id)
    found: list[Row] = []
    # One statement for each number: SQLite reads the whole table for a list of pairs.
    for number, prescription_ids in by_number.items():
        condition = _FILL.c.prescription_id.in_(prescription_ids) & (_FILL.c.fill_number == number)
        found += _children(tx, _FILL, pharmacy_id, names, condition)
    return found


def units_per_day(tx: Tx, pharmacy_id: str, prescription_ids: Collection[str]) -> dict[str, Any]:
    """The daily dose of prescriptions by id."""
    condition = _PRESCRIPTION.c.id.in_(sorted(prescription_ids))
    found = _children(tx, _PRESCRIPTION, pharmacy_id, ("id", "units_per_day"), condition)
    return {row["id"]: row["units_per_day"] for row in found}


def contact_points(tx: Tx, pharmacy_id: str, patient_ids: Collection[str]) -> list[Row]:
    """Contact points of patients."""
    names = ("id", "patient_id", "channel", "address", "basis", "basis_how")
    return _children(tx, _CONTACT, pharmacy_id, names, _CONTACT.c.patient_id.in_(sorted(patient_ids)))


def enrolled(tx: Tx, pharmacy_id: str, patient_ids: Collection[str]) -> set[str]:
    """Those of the patients whose enrollment is running or paused."""
    condition = _ENROLLMENT.c.patient_id.in_(sorted(patient_ids))
    found = _children(tx, _ENROLLMENT, pharmacy_id, ("patient_id", "state"), condition)
    return {
        row["patient_id"] for row in found if row["state"] in (EnrollmentState.ACTIVE, EnrollmentState.PAUSED)
    }


def _insert(tx: Tx, table: SqlTable, pharmacy_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
    _require(tx, pharmacy_id)
    if rows:
        tx.session.connection().execute(insert(table), [{**row, "pharmacy_id": pharmacy_id} for row in rows])


def _update(
    tx: Tx, table: SqlTable, pharmacy_id: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    _require(tx, pharmacy_id)
    if not rows:
        return
    statement = (
        update(table)
        .where(table.c.id == bindparam("row_id"), table.c.pharmacy_id == bindparam("row_pharmacy"))
        .values({name: bindparam(f"new_{name}") for name in columns})
    )
    tx.session.connection().execute(
        statement,
        [
            {
                "row_id": row["id"],
                "row_pharmacy": pharmacy_id,
                **{f"new_{name}": row[name] for name in columns},
            }
            for row in rows
        ],
    )


def _dated(rows: Iterable[Mapping[str, Any]], now: datetime) -> list[Row]:
    return [{**row, "created_at": now, "updated_at": now} for row in rows]


def _touched(rows: Iterable[Mapping[str, Any]], now: datetime) -> list[Row]:
    return [{**row, "updated_at": now} for row in rows]


def _dispensed(tx: Tx, pharmacy_id: str, *written: Sequence[Row]) -> None:
    tx.dispensed(pharmacy_id, {row["patient_id"] for rows in written for row in rows})


def write_patients(tx: Tx, pharmacy_id: str, added: Sequence[Row], changed: Sequence[Row]) -> None:
    """Insert and update patients."""
    _insert(tx, _PATIENT, pharmacy_id, _dated(added, tx.now))
    _update(tx, _PATIENT, pharmacy_id, (*PATIENT_COLUMNS, "updated_at"), _touched(changed, tx.now))


def write_prescribers(tx: Tx, pharmacy_id: str, added: Sequence[Row], changed: Sequence[Row]) -> None:
    """Insert and update prescribers."""
    _insert(tx, _PRESCRIBER, pharmacy_id, added)
    _update(tx, _PRESCRIBER, pharmacy_id, PRESCRIBER_COLUMNS, changed)


def write_therapies(tx: Tx, pharmacy_id: str, added: Sequence[Row], changed: Sequence[Row]) -> None:
    """Insert and update therapies."""
    _insert(tx, _THERAPY, pharmacy_id, _dated(added, tx.now))
    _update(tx, _THERAPY, pharmacy_id, (*THERAPY_COLUMNS, "updated_at"), _touched(changed, tx.now))
    _dispensed(tx, pharmacy_id, added, changed)


def write_prescriptions(tx: Tx, pharmacy_id: str, added: Sequence[Row], changed: Sequence[Row]) -> None:
    """Insert and update prescriptions."""
    _insert(tx, _PRESCRIPTION, pharmacy_id, _dated(added, tx.now))
    _update(tx, _PRESCRIPTION, pharmacy_id, (*PRESCRIPTION_COLUMNS, "updated_at"), _touched(changed, tx.now))
    _dispensed(tx, pharmacy_id, added, changed)


def write_fills(tx: Tx, pharmacy_id: str, added: Sequence[Row], changed: Sequence[Row]) -> None:
    """Insert and update fills; their ids come from the database."""
    _insert(tx, _FILL, pharmacy_id, added)
    _update(tx, _FILL, pharmacy_id, FILL_COLUMNS, changed)
    _dispensed(tx, pharmacy_id, added, changed)


def write_contact_points(tx: Tx, pharmacy_id: str, added: Sequence[Row], removed: Sequence[str]) -> None:
    """Insert contact points of imported patients, and remove imported ones that nobody has asked about yet."""
    _insert(
        tx, _CONTACT, pharmacy_id,
        [
            {**row, "id": new_id(), "basis": ContactBasis.NOT_ASKED, "basis_how": IMPORTED,
            "created_at": tx.now}
            for row in added
        ],
    )  # fmt: skip
    _require(tx, pharmacy_id)
    if removed:
        tx.session.connection().execute(
            delete(_CONTACT).where(
                _CONTACT.c.pharmacy_id == pharmacy_id, _CONTACT.c.id.in_(sorted(removed)),
                _CONTACT.c.basis == ContactBasis.NOT_ASKED,
            )
        )  # fmt: skip
