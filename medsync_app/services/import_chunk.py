"""Stores one chunk of dispensing rows in the caller's transaction: patients, prescribers, therapies, Rx and
fills.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from medsync_app.domain.directions import daily_units
from medsync_app.domain.dispensing_row import DispensingRow, PatientData, RowProblem
from medsync_app.domain.names import folded
from medsync_app.domain.states import ExceptionKind
from medsync_app.services.import_contacts import write_contacts
from medsync_app.services.import_drafts import Draft, Row
from medsync_app.services.import_fills import Fills
from medsync_app.services.import_tally import ImportTallies, Outcome
from medsync_app.services.rules import rules_of, rx_expires_on
from medsync_app.store.ids import new_id
from medsync_app.store.repositories import dispensing as repository
from medsync_app.store.repositories.exceptions import open_of_kind
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """What a chunk came to: rows that could not be stored (their `column` is our field), and the drafts the
    programme may have to react to.
    """

    problems: list[RowProblem] = field(default_factory=lambda: list[RowProblem]())
    therapies: list[Draft] = field(default_factory=lambda: list[Draft]())
    prescriptions: list[Draft] = field(default_factory=lambda: list[Draft]())
    fills: list[Draft] = field(default_factory=lambda: list[Draft]())
    #: The newest row of each therapy that was touched, by therapy id.
    newest: dict[str, DispensingRow] = field(default_factory=lambda: dict[str, DispensingRow]())
    #: Patients of the chunk with a running or paused enrollment.
    enrolled: set[str] = field(default_factory=lambda: set[str]())
    #: Those, and patients of the chunk with a batch that is still to be fetched or returned.
    followed: set[str] = field(default_factory=lambda: set[str]())
    #: Patients whose numbers or addresses changed.
    contacts: set[str] = field(default_factory=lambda: set[str]())


class _Chunk:
    """The stored rows that a chunk touches, changed in memory until all its rows are merged."""

    def __init__(
        self,
        tx: Tx,
        pharmacy_id: str,
        known: frozenset[str],
        rows: Sequence[DispensingRow],
        patients: Iterable[PatientData] = (),
    ) -> None:
        self._tx = tx
        self._pharmacy_id = pharmacy_id
        self._known = known
        self._columns = _KnownColumns(known)
        self._rules = rules_of(tx.get(Pharmacy, pharmacy_id))
        self._expiries: dict[tuple[date | None, int | None], date] = {}
        self.result = ChunkResult()
        self.patient_data: dict[str, PatientData] = {}
        self.patients = self._load_patients([*(row.patient for row in rows), *patients])
        ids: list[str] = [draft.values["id"] for draft in self.patients.values()]
        self.result.enrolled.update(repository.enrolled(tx, pharmacy_id, ids))
        waiting = {row.patient_id for row in open_of_kind(tx, pharmacy_id, ExceptionKind.RETURN_TO_STOCK)}
        self.result.followed.update(self.result.enrolled, (key for key in ids if key in waiting))
        prescriber_keys = {row.prescriber.key for row in rows if row.prescriber}
        self.prescribers = _drafts(repository.prescribers(tx, pharmacy_id, prescriber_keys))
        self.prescriptions = _drafts(
            repository.prescriptions(tx, pharmacy_id, {row.rx_number for row in rows})
        )
        self.therapies = self._load_therapies(rows)
        fill_keys = {
            (self.prescriptions[row.rx_number].values["id"], row.fill_number)
            for row in rows
            if row.rx_number in self.prescriptions
        }
        self.fills = Fills(repository.fills(tx, pharmacy_id, fill_keys))

    def _expires_on(self, written_on: date | None, schedule: int | None) -> date | None:
        key = (written_on, schedule)
        if written_on is not None and key not in self._expiries:
            self._expiries[key] = rx_expires_on(self._rules, written_on, schedule)
        return self._expiries.get(key)

    def _load_patients(self, patients: Iterable[PatientData]) -> dict[str, Draft]:
        """Stored patients by the source's key; one without an id is taken for the same by name and birth date."""
        wanted = {data.key: data for data in patients}
        found = _drafts(repository.patients(self._tx, self._pharmacy_id, wanted))
        unknown = {
            (folded(f"{data.last_name} {data.first_name}"), data.birth_date): key
            for key, data in wanted.items()
            if key not in found and data.birth_date
        }
        if unknown:
            names = {name for name, _ in unknown}
            for row in repository.patients_without_source(self._tx, self._pharmacy_id, names):
                key = unknown.pop((row["search_name"], row["birth_date"]), None)
                if key is not None:
                    found[key] = Draft(row)
                    found[key].values["external_id"] = key
        return found

    def _load_therapies(self, rows: Sequence[DispensingRow]) -> dict[tuple[str, str], Draft]:
        """Nearly all are named by the prescriptions at hand; those of other rows are looked up by patient."""
        ids = {draft.values["therapy_id"] for draft in self.prescriptions.values()}
        found = repository.therapies(self._tx, self._pharmacy_id, ids=ids)
        wanted = {
            (self.patients[row.patient.key].values["id"], row.drug.key)
            for row in rows
            if row.patient.key in self.patients
        }
        elsewhere = {patient_id for patient_id, _ in wanted - set(found)}
        more = repository.therapies(self._tx, self._pharmacy_id, patient_ids=elsewhere)
        return _drafts({**more, **found})

    def merge(self, row: DispensingRow, tallies: ImportTallies) -> None:
        """Merge one row; rows come oldest data first."""
        rx = self.prescriptions.get(row.rx_number)
        patient = self.patients.get(row.patient.key)
        if rx is not None and (patient is None or rx.values["patient_id"] != patient.values["id"]):
            self.result.problems.append(
                RowProblem(
                    row.line,
                    "rx_number",
                    "This Rx number belongs to another patient. Correct it in the source.",
                )
            )
            return
        patient = self.merge_patient(row.patient, row.rank)
        prescriber_id = self._merge_prescriber(row)
        therapy = self._merge_therapy(row, patient.values["id"])
        rx = self._merge_prescription(row, rx, therapy, prescriber_id)
        self._make_current(row, therapy, rx)
        tallies.patients.mark(row.patient.key, patient.outcome)
        tallies.prescriptions.mark(row.rx_number, rx.outcome)
        if not row.dispensed:
            return
        owner = {
            "patient_id": patient.values["id"], "therapy_id": therapy.values["id"],
            "prescription_id": rx.values["id"],
        }  # fmt: skip
        fill = self.fills.merge(row, owner)
        tallies.fills.mark((row.rx_number, row.fill_number, fill.values["filled_on"]), fill.outcome)

    def merge_patient(self, data: PatientData, rank: str) -> Draft:
        """The patient as the source's newest word has it."""
        found = self.patients.get(data.key)
        if found is not None and found.values["external_id"] not in (None, data.key):
            return (
                found  # a record that was merged: who the patient is says the source of the one that stayed
            )
        draft = found or Draft(None, {"id": new_id(), "external_id": data.key, **_NEW_PATIENT})
        self.patients[data.key] = draft
        values: dict[str, Any] = {
            "external_id": data.key, "first_name": data.first_name, "last_name": data.last_name,
            "search_name": folded(f"{data.last_name} {data.first_name}"), "birth_date": data.birth_date,
            "address": data.address, "city": data.city, "state": data.state, "postal_code": data.postal_code,
        }  # fmt: skip
        kept = self._columns.only_known(values, "patient")
        if draft.take(kept, rank, data.digest):
            self.patient_data[data.key] = data
        return draft

    def _merge_prescriber(self, row: DispensingRow) -> str | None:
        data = row.prescriber
        if data is None:
            return None
        draft = self.prescribers.get(data.key)
        if draft is None:
            draft = self.prescribers[data.key] = Draft(
                None,
                {"id": new_id(), "external_key": data.key, "name": "", "npi": "", "phone": "", "fax": ""},
            )
        values = {"name": data.name, "npi": data.npi, "phone": data.phone, "fax": data.fax}
        draft.take(self._columns.only_known(values, "prescriber"), row.rank, data.digest)
        return draft.values["id"]

    def _merge_therapy(self, row: DispensingRow, patient_id: str) -> Draft:
        key = (patient_id, row.drug.key)
        draft = self.therapies.get(key)
        if draft is None:
            draft = self.therapies[key] = Draft(
                None,
                {
                    "id": new_id(), "patient_id": patient_id, "drug_key": row.drug.key,
                    "schedule": row.drug.schedule, **_NEW_THERAPY,
                },
            )  # fmt: skip
        return draft

    def _make_current(self, row: DispensingRow, therapy: Draft, rx: Draft) -> None:
        """What the newest row says of the drug counts for the therapy."""
        drug = row.drug
        values: dict[str, Any] = {
            "drug_name": drug.name, "ingredients": list(drug.ingredients), "form": drug.form,
            "schedule": drug.schedule, "unbreakable": drug.unbreakable, "specialty": drug.specialty,
            "as_needed": row.as_needed, "plan_name": row.plan, "payer": row.payer, "copay": row.copay,
            "pa_ends_on": row.pa_ends_on, "current_prescription_id": rx.values["id"],
        }  # fmt: skip
        digest = _digest(values)
        therapy.take(self._columns.only_known(values, "therapy"), row.rank, digest)
        if therapy.values["source_rank"].startswith(row.rank):
            self.result.newest[therapy.values["id"]] = row
            if therapy.values["patient_id"] not in self.result.enrolled:
                self._stop_or_go_on(row, therapy.values)

    def _stop_or_go_on(self, row: DispensingRow, therapy: Row) -> None:
        """What the source stopped is taken again once its newest row is not stopped, or filled after the stop."""
        if row.stopped_on:
            therapy.update(status="discontinued", stopped_on=row.stopped_on, stop_reason=_SOURCE)
        elif therapy["stop_reason"] == _SOURCE and (
            "stopped_on" in self._known or row.filled_on > therapy["stopped_on"]
        ):
            therapy.update(status="active", stopped_on=None, stop_reason="")

    def _merge_prescription(
        self, row: DispensingRow, found: Draft | None, therapy: Draft, prescriber_id: str | None
    ) -> Draft:
        draft = found or Draft(
            None,
            {
                "id": new_id(), "rx_number": row.rx_number, "patient_id": therapy.values["patient_id"],
                "therapy_id": therapy.values["id"], **_NEW_PRESCRIPTION,
            },
        )  # fmt: skip
        self.prescriptions[row.rx_number] = draft
        values: dict[str, Any] = {
            "therapy_id": therapy.values["id"], "prescriber_id": prescriber_id, "drug_name": row.drug.name,
            "ndc": row.ndc, "sig": row.sig, "units_per_day": _units_per_day(row), "quantity": row.quantity,
            "days_supply": row.days_supply, "refills_left": row.refills_left, "written_on": row.written_on,
            "expires_on": self._expires_on(row.written_on, row.drug.schedule),
            "pa_ends_on": row.pa_ends_on,
        }  # fmt: skip
        # By the drug's key, not our id of it: merging two records of a patient is no news of the source.
        digest = _digest({**values, "therapy_id": row.drug.key})
        draft.take(self._columns.only_known(values, "prescription"), row.rank, digest)
        return draft

    def write(self, tallies: ImportTallies) -> None:
        """Write parents first; ids are known already, but for fills."""
        tx, pharmacy_id = self._tx, self._pharmacy_id
        repository.write_patients(tx, pharmacy_id, *_to_write(self.patients.values()))
        described = [(self.patients[key], data) for key, data in self.patient_data.items()]
        for key in write_contacts(tx, pharmacy_id, self._known, described):
            tallies.patients.mark(key, Outcome.CHANGED)
            self.result.contacts.add(self.patients[key].values["id"])
        repository.write_prescribers(tx, pharmacy_id, *_to_write(self.prescribers.values()))
        repository.write_therapies(tx, pharmacy_id, *_to_write(self.therapies.values()))
        repository.write_prescriptions(tx, pharmacy_id, *_to_write(self.prescriptions.values()))
        repository.write_fills(tx, pharmacy_id, *_to_write(self.fills.all()))
        result = self.result
        result.therapies.extend(self.therapies.values())
        result.prescriptions.extend(self.prescriptions.values())
        result.fills.extend(self.fills.all())


_NEW_PATIENT: dict[str, Any] = {
    "first_name": "", "last_name": "", "search_name": "", "birth_date": None, "address": "", "city": "",
    "state": "",
    "postal_code": "", "source_rank": "",
}  # fmt: skip
_NEW_THERAPY: dict[str, Any] = {
    "plan_name": "", "payer": "", "copay": None, "pa_ends_on": None, "as_needed": False, "status": "active",
    "stopped_on": None, "stop_reason": "", "source_rank": "",
}  # fmt: skip
_NEW_PRESCRIPTION: dict[str, Any] = {
    "prescriber_id": None, "ndc": "", "sig": "", "units_per_day": None, "refills_left": None,
    "written_on": None,
    "expires_on": None, "pa_ends_on": None, "source_rank": "",
}  # fmt: skip
#: Why a drug was stopped: the pharmacy system says so.
_SOURCE = "source"
#: Table -> column -> the fields of the file it comes from; columns that are not here always have a source.
_FIELDS: dict[str, dict[str, str]] = {
    "patient": {
        "birth_date": "birth_date", "address": "address", "city": "city", "state": "state",
        "postal_code": "postal_code",
    },
    "prescriber": {"phone": "prescriber_phone", "fax": "prescriber_fax"},
    "therapy": {
        "schedule": "schedule", "as_needed": "sig", "plan_name": "plan", "payer": "plan plan_type",
        "copay": "copay", "pa_ends_on": "pa_ends_on",
    },
    "prescription": {
        "ndc": "ndc", "sig": "sig", "refills_left": "refills_left", "written_on": "written_on",
        "expires_on": "written_on", "pa_ends_on": "pa_ends_on",
    },
}  # fmt: skip


class _KnownColumns:
    """Leaves out values whose column the file does not have: it says nothing about them."""

    def __init__(self, known: frozenset[str]) -> None:
        self._unknown = {
            table: [column for column, sources in columns.items() if known.isdisjoint(sources.split())]
            for table, columns in _FIELDS.items()
        }

    def only_known(self, values: dict[str, Any], table: str) -> dict[str, Any]:
        for column in self._unknown[table]:
            del values[column]
        return values


def store_chunk(
    tx: Tx, pharmacy_id: str, known: frozenset[str], rows: Sequence[DispensingRow], tallies: ImportTallies
) -> ChunkResult:
    """Merge the rows into what is stored, oldest data first, so that their order in the file does not matter.

    `known` are the fields that the file has a column for. Never commits.
    """
    if not rows:
        return ChunkResult()
    chunk = _Chunk(tx, pharmacy_id, known, rows)
    for row in sorted(rows, key=lambda row: (row.rank, row.line)):
        chunk.merge(row, tallies)
    chunk.write(tallies)
    tx.touch(pharmacy_id)
    return chunk.result


def store_patient(
    tx: Tx, pharmacy_id: str, known: frozenset[str], data: PatientData, rank: str
) -> ChunkResult:
    """What `store_chunk` does for one patient of whom no dispensing is told."""
    chunk = _Chunk(tx, pharmacy_id, known, (), (data,))
    chunk.merge_patient(data, rank)
    chunk.write(ImportTallies())
    tx.touch(pharmacy_id)
    return chunk.result


def _drafts(rows: dict[Any, dict[str, Any]]) -> dict[Any, Draft]:
    """A draft for each row, one for a row that two keys name."""
    known: dict[int, Draft] = {}
    return {key: known.setdefault(id(row), Draft(row)) for key, row in rows.items()}


def _to_write(drafts: Iterable[Draft]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    added: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for draft in {id(draft): draft for draft in drafts}.values():
        if draft.is_new:
            added.append(draft.values)
        elif draft.is_dirty:
            changed.append(draft.values)
    return added, changed


def _digest(values: dict[str, Any]) -> str:
    return blake2b(repr(list(values.values())).encode(errors="replace"), digest_size=6).hexdigest()


def _units_per_day(row: DispensingRow) -> Decimal | None:
    """As directed, else what the quantity and days supply work out to."""
    directed = daily_units(row.sig)
    if directed is not None or not row.days_supply:
        return directed
    return (row.quantity / row.days_supply).quantize(Decimal("0.001"))
