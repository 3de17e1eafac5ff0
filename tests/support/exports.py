"""Dispensing exports for tests: the shipped samples, small files made row by row, and what an import left behind."""

import csv
import gzip
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import text

from medsync_app.clock import VirtualClock
from medsync_app.connections.csv.mapping import ColumnMapping
from medsync_app.services.import_dispensing import ImportReport, run_import
from medsync_app.services.start_import import start_import
from medsync_app.store.session import Database
from tests.support.store import SYSTEM, Shop

DATA = Path(__file__).parent.parent / "data"
HEADERS = (
    "Rx Number", "Fill Number", "Date Written", "Date Filled", "Date Sold", "Drug Name", "NDC", "Form", "Quantity",
    "Days Supply", "Refills Left", "Sig", "DEA Class", "Patient ID", "Last Name", "First Name", "DOB", "Cell Phone",
    "Home Phone", "Email", "Address", "City", "State", "Zip", "Prescriber", "Prescriber NPI", "Prescriber Phone",
    "Prescriber Fax", "Plan", "Plan Type", "Copay", "PA Expires", "Status",
)  # fmt: skip
USUAL = {
    "Rx Number": "700001", "Fill Number": "0", "Date Written": "10/1/2026", "Date Filled": "10/5/2026",
    "Date Sold": "10/6/2026", "Drug Name": "Lisinopril 20 MG Oral Tablet", "NDC": "03860595833", "Form": "TAB",
    "Quantity": "30", "Days Supply": "30", "Refills Left": "5", "Sig": "Take 1 unit(s) daily", "DEA Class": "",
    "Patient ID": "P1", "Last Name": "O’Connor", "First Name": "José", "DOB": "5/1/1960",
    "Cell Phone": "(404) 555-0123", "Home Phone": "", "Email": "Jose@Example.com", "Address": "1 Peachtree St",
    "City": "Atlanta", "State": "GA", "Zip": "30303", "Prescriber": "Kim, Mary", "Prescriber NPI": "1835487536",
    "Prescriber Phone": "555.555.0159", "Prescriber Fax": "5555550241", "Plan": "BlueShield PPO",
    "Plan Type": "COMM", "Copay": "3.40", "PA Expires": "", "Status": "Completed",
}  # fmt: skip


def row(**changes: str) -> dict[str, str]:
    """A usable row; keywords are headers with underscores for spaces."""
    named = {key.replace("_", " "): value for key, value in changes.items()}
    assert set(named) <= set(HEADERS), named
    return {**USUAL, **named}


def export_text(
    rows: Iterable[Mapping[str, str]], *, delimiter: str = ",", headers: Iterable[str] = HEADERS
) -> str:
    """The rows as delimited text with a header."""
    out = io.StringIO(newline="")
    names = list(headers)
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([entry.get(name, "") for name in names] for entry in rows)
    return out.getvalue()


def write_export(folder: Path, rows: Iterable[Mapping[str, str]], name: str = "export.csv") -> Path:
    """A UTF-8 file of those rows."""
    path = folder / name
    path.write_text(export_text(rows), encoding="utf-8")
    return path


def sample(folder: Path, name: str) -> Path:
    """The shipped sample of that name, unpacked."""
    path = folder / f"{name}.csv"
    path.write_bytes(gzip.decompress((DATA / f"{name}.csv.gz").read_bytes()))
    return path


def import_path(
    database: Database, clock: VirtualClock, shop: Shop, path: Path, *, mapping: ColumnMapping | None = None,
    chunk_rows: int = 2_000,
) -> ImportReport:  # fmt: skip
    """Import a file from start to end."""
    with database.transaction(SYSTEM, clock) as tx:
        run_id = start_import(tx, shop.pharmacy_id, path, file_name=path.name, mapping=mapping, at_once=True)
    return run_import(database, clock, run_id, chunk_rows=chunk_rows)


_CONTENTS = {
    "patient": """
        select external_id, first_name, last_name, search_name, birth_date, address, city, state, postal_code,
               source_rank from patient""",
    "contact": """
        select p.external_id, c.channel, c.address, c.kind, c.rank, c.basis from contact_point c
        join patient p on p.id = c.patient_id""",
    "prescriber": "select external_key, name, npi, phone, fax, source_rank from prescriber",
    "therapy": """
        select p.external_id, t.drug_key, t.drug_name, t.form, t.schedule, t.plan_name, t.payer, t.copay,
               t.pa_ends_on, t.as_needed, x.rx_number from therapy t join patient p on p.id = t.patient_id
        join prescription x on x.id = t.current_prescription_id""",
    "prescription": """
        select x.rx_number, p.external_id, t.drug_key, d.external_key, x.refills_left, x.written_on, x.expires_on,
               x.pa_ends_on, x.units_per_day, x.quantity, x.days_supply, x.sig from prescription x
        join patient p on p.id = x.patient_id join therapy t on t.id = x.therapy_id
        left join prescriber d on d.id = x.prescriber_id""",
    "fill": """
        select x.rx_number, t.drug_key, f.fill_number, f.filled_on, f.picked_up_on, f.days_supply, f.quantity,
               f.kind, f.status, f.copay from fill f join prescription x on x.id = f.prescription_id
        join therapy t on t.id = f.therapy_id""",
}


def contents(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Everything imports store, without ids: equal when two databases say the same."""
    with database.reading(SYSTEM) as tx:
        return {
            name: sorted((tuple(found) for found in tx.session.execute(text(query))), key=repr)
            for name, query in _CONTENTS.items()
        }
