"""After a merge the pharmacy system still speaks of two: its files change nothing, adherence is that of one person."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from medsync_app.domain.states import ActionState, Channel
from medsync_app.domain.workflow import EVENTS
from medsync_app.reads.kept_columns import dispensing
from medsync_app.reads.patient_supply import patient_supply
from medsync_app.services.enroll import EnrollCommand, enroll
from medsync_app.services.handle_inbound import InboundText, handle_inbound_message
from medsync_app.services.merge_patients import merge_patients
from medsync_app.services.propose import propose
from medsync_app.store.repositories import merging
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    ContactPoint,
    Fill,
    InboundMessage,
    Patient,
    PharmacyScoped,
    ScheduledAction,
    Therapy,
)
from tests.support.exports import contents, import_path, row, write_export
from tests.support.programme import TODAY, Clinic, make_clinic
from tests.support.store import SYSTEM, make_patient

pytestmark = pytest.mark.slow

ATORVASTATIN = {"Rx_Number": "700002", "Drug_Name": "Atorvastatin 20 MG Oral Tablet"}
#: The same person under a second id, with a name misspelt and another phone.
TWIN = {
    "Patient_ID": "P2",
    "First_Name": "Jose M",
    "Cell_Phone": "(404) 555-0188",
    "Address": "1 Peachtree Street",
}


def patient_of(clinic: Clinic, external_id: str) -> str:
    with clinic.reading() as tx:
        return tx.session.scalars(select(Patient.id).where(Patient.external_id == external_id)).one()


def merge(clinic: Clinic, kept: str, dropped: str) -> None:
    with clinic.writing() as tx:
        merge_patients(tx, kept, dropped, reason="The same person.")


@pytest.mark.parametrize("chunk_rows", [1, 100])
def test_the_same_file_again_changes_nothing(
    clinic: Clinic, bring: Callable[..., Any], chunk_rows: int
) -> None:
    rows = (
        row(),
        row(**ATORVASTATIN, **TWIN),
        row(Rx_Number="700003", Fill_Number="1", Date_Filled="10/7/2026", **TWIN),
    )
    bring(*rows)
    merge(clinic, patient_of(clinic, "P1"), patient_of(clinic, "P2"))
    before = contents(clinic.database)
    report = bring(*rows, chunk_rows=chunk_rows)
    assert [dict(tally) for tally in (report.patients, report.prescriptions, report.fills)] == [
        {"added": 0, "changed": 0, "unchanged": 2}, {"added": 0, "changed": 0, "unchanged": 3},
        {"added": 0, "changed": 0, "unchanged": 3},
    ]  # fmt: skip
    assert report.problems == []
    assert contents(clinic.database) == before


def test_tomorrows_file_goes_to_the_patient_who_stayed(clinic: Clinic, bring: Callable[..., Any]) -> None:
    bring(row(), row(**ATORVASTATIN, **TWIN))
    kept = patient_of(clinic, "P1")
    merge(clinic, kept, patient_of(clinic, "P2"))
    later = {"Date_Filled": "11/4/2026", "Date_Sold": "11/5/2026", "Fill_Number": "1"}
    report = bring(row(**ATORVASTATIN, **{**TWIN, **later}), row(Rx_Number="700009", **{**TWIN, **later}))
    assert (dict(report.patients)["added"], report.problems) == (0, [])
    with clinic.reading() as tx:
        (patient,) = tx.session.scalars(select(Patient)).all()
        assert (patient.id, patient.first_name, patient.address) == (kept, "José", "1 Peachtree St")
        drugs = tx.session.scalars(select(Therapy)).all()
        assert sorted(drug.drug_name.split()[0] for drug in drugs) == ["Atorvastatin", "Lisinopril"]
        assert len(tx.session.scalars(select(Fill)).all()) == 4
        addresses = {point.address for point in tx.session.scalars(select(ContactPoint))}
    assert addresses == {"+14045550123", "+14045550188", "jose@example.com"}


def test_who_was_added_by_hand_takes_the_sources_id_from_the_imported_record(
    clinic: Clinic, bring: Callable[..., Any]
) -> None:
    by_hand = make_patient(clinic.database, clinic.shop, first="Joe", last="Connor")
    bring(row())
    merge(clinic, by_hand, patient_of(clinic, "P1"))
    assert patient_of(clinic, "P1") == by_hand
    report = bring(row(Fill_Number="1", Date_Filled="11/4/2026", Date_Sold="11/5/2026", First_Name="Joseph"))
    assert dict(report.patients) == {"added": 0, "changed": 1, "unchanged": 0}
    with clinic.reading() as tx:
        assert tx.session.scalars(select(Patient)).one().first_name == "Joseph", (
            "it is the source of this patient now"
        )


def test_a_text_from_the_other_records_number_is_the_patients(
    clinic: Clinic, bring: Callable[..., Any]
) -> None:
    bring(row(), row(**ATORVASTATIN, **TWIN))
    kept = patient_of(clinic, "P1")
    merge(clinic, kept, patient_of(clinic, "P2"))
    with clinic.database.transaction(SYSTEM, clinic.clock) as tx:
        handle_inbound_message(
            tx, InboundText("twilio", "SM1", "+14045550188", "When is it ready?", tx.now, Channel.SMS)
        )
    with clinic.reading() as tx:
        assert tx.session.scalars(select(InboundMessage)).one().patient_id == kept


@st.composite
def _fills(draw: st.DrawFn) -> list[tuple[int, int, int, int]]:
    """Fills as (record, drug, days before today, days of supply), on as many different days."""
    days = draw(st.lists(st.integers(1, 300), min_size=1, max_size=14, unique=True))
    return [
        (draw(st.integers(1, 2)), draw(st.integers(0, 2)), day, draw(st.sampled_from([14, 30, 90])))
        for day in days
    ]


_DRUGS = ("Lisinopril 20 MG Oral Tablet", "Atorvastatin 20 MG Oral Tablet", "Metformin 500 MG Oral Tablet")


def _rows(fills: list[tuple[int, int, int, int]], *, one_person: bool) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for record, drug, ago, supply in sorted(fills, key=lambda fill: -fill[2]):
        on = TODAY - timedelta(days=ago)
        text = f"{on.month}/{on.day}/{on.year}"
        who = {} if one_person or record == 1 else TWIN
        found.append(
            row(
                Rx_Number=f"70{record}{drug}", Drug_Name=_DRUGS[drug], Fill_Number=str(ago), Date_Filled=text,
                Date_Sold=text, Days_Supply=str(supply), Quantity=str(supply), Date_Written="1/1/2026", **who,
            )
        )  # fmt: skip
    return found


def _figures(clinic: Clinic, patient_id: str) -> list[object]:
    """Adherence as the patient's page shows it, and the columns that figures over the pharmacy are counted from."""
    with clinic.reading() as tx:
        measures = [(one.label, one.result) for one in patient_supply(tx, patient_id).measures]
        kept = dispensing(tx, TODAY - timedelta(days=365), TODAY)
        names = [kept.drugs[key].name for key in kept.sold.therapies]
        starts, sizes = kept.sold.starts.tolist(), kept.sold.sizes.tolist()
        fills = list(zip(kept.sold.claimed.tolist(), kept.sold.days_supply.tolist(), strict=True))
        columns = sorted(
            (name, sorted(fills[start : start + size]))
            for name, start, size in zip(names, starts, sizes, strict=True)
        )
    return [measures, columns]


_NUMBERS = iter(range(10_000))


@pytest.mark.both_databases
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fills=_fills())
def test_adherence_is_that_of_a_person_whose_fills_were_never_apart(
    database: Database, tmp_path: Path, fills: list[tuple[int, int, int, int]]
) -> None:
    if {record for record, *_ in fills} != {1, 2}:
        fills = [*fills, (1, 0, 301, 30), (2, 0, 302, 30)]
    straight, mixed = (make_clinic(database, f"{name}-{next(_NUMBERS)}") for name in ("straight", "mixed"))
    import_path(
        database, straight.clock, straight.shop, write_export(tmp_path, _rows(fills, one_person=True))
    )
    path = write_export(tmp_path, _rows(fills, one_person=False))
    import_path(database, mixed.clock, mixed.shop, path)
    kept, dropped = patient_of(mixed, "P1"), patient_of(mixed, "P2")
    merge(mixed, kept, dropped)
    for _ in range(2):
        assert _figures(mixed, kept) == _figures(straight, patient_of(straight, "P1"))
        report = import_path(database, mixed.clock, mixed.shop, path)
        assert not any(tally[what] for tally in (report.patients, report.prescriptions, report.fills)
                       for what in ("added", "changed"))  # fmt: skip


def _ids(clinic: Clinic) -> dict[str, set[Any]]:
    with clinic.reading() as tx:
        return {
            kind.__tablename__: set(tx.session.scalars(select(kind.id)))  # type: ignore[attr-defined]
            for kind in PharmacyScoped.__subclasses__()
        }


@pytest.mark.both_databases
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fills=_fills(),
    taking=st.sets(st.sampled_from([1, 2])),
    said=st.floats(0, 1),
    data=st.randoms(use_true_random=False),
)
@example(fills=[], taking={1, 2}, said=0.5, data=Random(1))
def test_nothing_is_lost_and_nothing_is_said_twice(
    database: Database, tmp_path: Path, fills: list[tuple[int, int, int, int]], taking: set[int], said: float,
    data: Any,
) -> None:  # fmt: skip
    clinic = make_clinic(database, f"lost-{next(_NUMBERS)}")
    fills = [*fills, (1, 0, 21, 30), (2, 1, 21, 30), (2, 0, 200, 30)]
    import_path(database, clinic.clock, clinic.shop, write_export(tmp_path, _rows(fills, one_person=False)))
    people = {1: patient_of(clinic, "P1"), 2: patient_of(clinic, "P2")}
    for record in sorted(taking):
        with clinic.writing() as tx:
            date = propose(tx, people[record]).plan.recommended.sync_date
            if date is not None:
                enroll(tx, EnrollCommand(people[record], date))
    with clinic.writing() as tx:
        for action in tx.session.scalars(select(ScheduledAction).where(ScheduledAction.kind == "message")):
            if data.random() < said:
                action.state, action.sent_at, action.address = ActionState.SENT, tx.now, "+14045550123"
    before = _ids(clinic)
    with clinic.writing() as tx:
        same = {
            drug.drug_key
            for drug in tx.session.scalars(select(Therapy).where(Therapy.patient_id == people[1]))
        }
        twice = sum(
            drug.drug_key in same
            for drug in tx.session.scalars(select(Therapy).where(Therapy.patient_id == people[2]))
        )
    merge(clinic, people[1], people[2])
    after = _ids(clinic)
    gone = {name: len(ids - after[name]) for name, ids in before.items() if ids - after[name]}
    # An item that a plan no longer holds is taken out of it: that is planning. So is one e-mail address of two.
    gone.pop("cycle_item", None)
    assert gone == {"patient": 1, "contact_point": 1} | ({"therapy": twice} if twice else {})
    with clinic.reading() as tx:
        assert merging.counts(tx, people[2]) == {}
        rows = tx.session.scalars(select(ScheduledAction).where(ScheduledAction.kind == "message")).all()
    of_a_date = [row for row in rows if row.payload.get("trigger") in EVENTS["scheduled"]]
    told = {(row.step, row.payload["sync_date"]) for row in of_a_date if row.state is ActionState.SENT}
    waits = [
        (row.step, row.payload["sync_date"]) for row in of_a_date
        if row.state in (ActionState.QUEUED, ActionState.HELD)
    ]  # fmt: skip
    assert told.isdisjoint(waits)
    assert len(waits) == len(set(waits))


def test_figures_kept_in_memory_forget_the_record_that_is_gone(
    clinic: Clinic, bring: Callable[..., Any]
) -> None:
    others = [row(Patient_ID=f"Q{n}", Rx_Number=f"80{n}", Last_Name=f"Other{n}", Email="") for n in range(12)]
    bring(*others, row(), row(Rx_Number="700003", Date_Filled="11/7/2026", Date_Sold="11/7/2026", **TWIN))
    kept, dropped = patient_of(clinic, "P1"), patient_of(clinic, "P2")

    def in_memory() -> tuple[list[str], int]:
        with clinic.reading() as tx:
            known = dispensing(tx, TODAY - timedelta(days=365), TODAY)
            return sorted(d.name for d in known.drugs.values() if d.patient_id in (kept, dropped)), len(
                known.sold.day
            )

    assert in_memory() == ([_DRUGS[0]] * 2, 14)
    merge(clinic, kept, dropped)
    assert in_memory() == ([_DRUGS[0]], 14)
