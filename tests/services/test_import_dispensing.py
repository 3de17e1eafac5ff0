"""Importing a dispensing export: nothing is lost, nothing is counted twice, and order does not matter."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from medsync_app.clock import VirtualClock
from medsync_app.connections.csv.mapping import ColumnMapping
from medsync_app.domain.states import Channel, ContactBasis, FillKind, FillStatus
from medsync_app.errors import Conflict, Invalid
from medsync_app.services import import_dispensing
from medsync_app.services.import_dispensing import claim_run, run_import, try_import, work_run
from medsync_app.services.start_import import start_import
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import (
    ContactPoint,
    Fill,
    ImportProblem,
    ImportRun,
    Patient,
    Pharmacy,
    Prescription,
    Therapy,
)
from tests.support.exports import contents, import_path, row, sample, write_export
from tests.support.store import SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.slow

PROBLEMS = [
    (222, "Drug Name"), (1636, "Date Filled"), (2055, "DOB"), (2119, "DOB"), (3164, "Quantity"),
    (3512, "Days Supply"), (3787, "Quantity"), (4612, "Patient ID"), (5173, "Drug Name"), (6727,
    "Date Filled"),
    (6890, "Days Supply"),
]  # fmt: skip
NOTHING = {"added": 0, "changed": 0}


@pytest.fixture
def bring(database: Database, clock: VirtualClock, shop: Shop, tmp_path: Path) -> Callable[..., Any]:
    """Import rows as a file of their own."""

    def bring(*rows: dict[str, str], chunk_rows: int = 2_000) -> Any:
        return import_path(database, clock, shop, write_export(tmp_path, rows), chunk_rows=chunk_rows)

    return bring


def _one(database: Database, kind: type[Any]) -> Any:
    with database.reading(SYSTEM) as tx:
        return tx.session.scalars(select(kind)).one()


def _all(database: Database, kind: type[Any], order: str = "id") -> list[Any]:
    with database.reading(SYSTEM) as tx:
        return list(tx.session.scalars(select(kind).order_by(text(order))))


def test_the_sample_is_imported_but_for_eleven_rows(
    database: Database, clock: VirtualClock, shop: Shop, tmp_path: Path
) -> None:
    report = import_path(database, clock, shop, sample(tmp_path, "dispensing_export"))
    assert [(problem.line, problem.column) for problem in report.problems] == PROBLEMS
    assert report.rows_read == 7387
    assert dict(report.patients) == {"added": 200, "changed": 0, "unchanged": 0}
    assert dict(report.prescriptions) == {"added": 1419, "changed": 0, "unchanged": 0}
    assert dict(report.fills) == {"added": 7301, "changed": 0, "unchanged": 0}
    words = [(" ".join(note.split()[:5])) for note in report.notes]
    assert words == [
        "24 rows repeat another row", "51 rows are reversals; their", "171 fills were returned to",
        "262 rows have no days",
    ]  # fmt: skip
    with database.reading(SYSTEM) as tx:
        by_status = dict(tx.session.execute(select(Fill.status, func.count()).group_by(Fill.status)).all())
        assert tx.session.scalar(select(func.count()).select_from(ImportProblem)) == 11
    # 7,387 rows - 11 unusable - 24 repeated - 51 reversals of a fill in the file = 7,301.
    assert by_status == {
        FillStatus.SOLD: 7044, FillStatus.REVERSED: 51, FillStatus.RETURNED: 171, FillStatus.WAITING: 35,
    }  # fmt: skip


def test_importing_again_changes_nothing(
    database: Database, clock: VirtualClock, shop: Shop, tmp_path: Path
) -> None:
    path = sample(tmp_path, "dispensing_export")
    import_path(database, clock, shop, path)
    before = contents(database)
    clock.advance(timedelta(days=1))
    report = import_path(database, clock, shop, path, chunk_rows=700)
    assert dict(report.patients) == {**NOTHING, "unchanged": 200}
    assert dict(report.prescriptions) == {**NOTHING, "unchanged": 1419}
    assert dict(report.fills) == {**NOTHING, "unchanged": 7301}
    assert contents(database) == before


def test_the_next_days_file_adds_what_is_new_and_the_older_one_takes_nothing_back(
    database: Database, clock: VirtualClock, shop: Shop, tmp_path: Path
) -> None:
    first, second = sample(tmp_path, "dispensing_export"), sample(tmp_path, "dispensing_export_next_day")
    import_path(database, clock, shop, first)
    dry = try_import(database, clock, shop.pharmacy_id, second)
    report = import_path(database, clock, shop, second)
    assert dry == report
    assert [(problem.line, problem.column) for problem in report.problems] == [(485, "Patient ID")]
    assert dict(report.patients) == {"added": 0, "changed": 31, "unchanged": 147}
    assert report.prescriptions["added"] == 5
    assert dict(report.fills) == {"added": 35, "changed": 27, "unchanged": 445}
    after = contents(database)
    again = import_path(database, clock, shop, first)
    assert dict(again.fills) == {**NOTHING, "unchanged": 7301}
    assert contents(database) == after


def test_the_files_may_come_in_either_order(
    database: Database, clock: VirtualClock, shop: Shop, tmp_path: Path
) -> None:
    other = make_shop(database, "other")
    first, second = sample(tmp_path, "dispensing_export"), sample(tmp_path, "dispensing_export_next_day")
    for path in (first, second):
        import_path(database, clock, shop, path)
    forward = contents(database)
    with database.transaction(SYSTEM, clock) as tx:
        for table in ("contact_point", "fill", "prescription", "therapy", "prescriber", "patient"):
            tx.session.execute(text(f"delete from {table}"))
    for path in (second, first):
        import_path(database, clock, other, path)
    assert contents(database) == forward


def test_a_dry_run_writes_nothing(
    database: Database, clock: VirtualClock, shop: Shop, tmp_path: Path
) -> None:
    path = sample(tmp_path, "dispensing_export_next_day")
    before = contents(database)
    report = try_import(database, clock, shop.pharmacy_id, path, chunk_rows=100)
    assert contents(database) == before
    assert _all(database, ImportRun) == []
    written = import_path(database, clock, shop, path)
    assert (report.patients, report.fills, report.problems) == (
        written.patients,
        written.fills,
        written.problems,
    )


def test_a_row_becomes_patient_contacts_therapy_prescription_and_fill(
    database: Database, bring: Callable[..., Any]
) -> None:
    bring(row(Home_Phone="678-555-0199", PA_Expires="2/1/2027"))
    patient, therapy = _one(database, Patient), _one(database, Therapy)
    prescription, fill = _one(database, Prescription), _one(database, Fill)
    assert (patient.last_name, patient.first_name, patient.search_name) == (
        "O’Connor",
        "José",
        "oconnor jose",
    )
    points = {(p.channel, p.address, p.kind, p.basis) for p in _all(database, ContactPoint)}
    assert points == {
        (Channel.SMS, "+14045550123", "mobile", ContactBasis.NOT_ASKED),
        (Channel.VOICE, "+16785550199", "landline", ContactBasis.NOT_ASKED),
        (Channel.EMAIL, "jose@example.com", "email", ContactBasis.NOT_ASKED),
    }
    assert (therapy.ingredients, therapy.form, therapy.payer, therapy.copay) == (
        ["lisinopril"], "tablet", "commercial", Decimal("3.40"),
    )  # fmt: skip
    assert therapy.pa_ends_on == date(2027, 2, 1)
    assert therapy.current_prescription_id == prescription.id
    assert (prescription.refills_left, prescription.expires_on, prescription.units_per_day) == (
        5, date(2027, 10, 1), Decimal("1.000"),
    )  # fmt: skip
    assert (fill.filled_on, fill.picked_up_on, fill.days_supply, fill.status) == (
        date(2026, 10, 5), date(2026, 10, 6), 30, FillStatus.SOLD,
    )  # fmt: skip


def test_a_controlled_prescription_expires_after_six_months(
    database: Database, bring: Callable[..., Any]
) -> None:
    bring(row(Drug_Name="Zolpidem Tartrate 5 MG Oral Tablet", DEA_Class="C4"))
    assert _one(database, Prescription).expires_on == date(2027, 4, 1)
    assert _one(database, Therapy).schedule == 4


@pytest.mark.parametrize(("said", "schedule"), [("", 4), ("RX", None)])
def test_a_source_that_says_nothing_of_a_controlled_drug_makes_it_no_ordinary_one(
    database: Database, bring: Callable[..., Any], said: str, schedule: int | None
) -> None:
    bring(row(Drug_Name="Zolpidem Tartrate 5 MG Oral Tablet", DEA_Class=said))
    assert _one(database, Therapy).schedule == schedule


def test_a_file_without_schedules_makes_no_controlled_drug_an_ordinary_one(
    database: Database, clock: VirtualClock, shop: Shop, tmp_path: Path
) -> None:
    path = tmp_path / "short.csv"
    path.write_text(
        "Rx,Fill,Fill Date,Drug,Qty,Days,Patient ID,Last Name,First Name\n"
        "700001,1,11/4/2026,Adderall XR 20 MG Oral Capsule,30,30,P1,Kim,Ann\n",
        encoding="utf-8",
    )
    import_path(database, clock, shop, path)
    assert _one(database, Therapy).schedule == 2


def test_successive_prescriptions_of_one_drug_are_one_therapy(
    database: Database, bring: Callable[..., Any]
) -> None:
    bring(
        row(Rx_Number="1", Refills_Left="0"),
        row(Rx_Number="2", Drug_Name="LISINOPRIL 20MG ORAL TABLET", Date_Filled="11/4/2026", Date_Sold=""),
        row(Rx_Number="3", Drug_Name="Lisinopril 10 MG Oral Tablet", Date_Filled="11/4/2026"),
    )
    by_number = {rx.rx_number: rx for rx in _all(database, Prescription)}
    assert by_number["1"].therapy_id == by_number["2"].therapy_id != by_number["3"].therapy_id
    therapies = {therapy.id: therapy for therapy in _all(database, Therapy)}
    assert therapies[by_number["1"].therapy_id].current_prescription_id == by_number["2"].id


@pytest.mark.parametrize(
    ("status", "sold", "quantity", "expected"),
    [
        ("Completed", "10/6/2026", "30", FillStatus.SOLD),
        ("ReadyForPickup", "", "30", FillStatus.WAITING),
        ("Ready for pickup", "10/6/2026", "30", FillStatus.SOLD),
        ("ReturnedToStock", "", "30", FillStatus.RETURNED),
        ("Reversed", "", "-30", FillStatus.REVERSED),
        ("Completed", "", "-30", FillStatus.REVERSED),
        ("", "", "30", FillStatus.WAITING),
        ("Shipped?", "10/6/2026", "30", FillStatus.SOLD),
    ],
)
def test_a_fills_state_is_told_by_status_sold_date_and_sign(
    database: Database, bring: Callable[..., Any], status: str, sold: str, quantity: str, expected: FillStatus
) -> None:
    bring(row(Status=status, Date_Sold=sold, Quantity=quantity))
    assert _one(database, Fill).status is expected


def test_what_is_only_being_worked_on_is_no_fill_yet(database: Database, bring: Callable[..., Any]) -> None:
    report = bring(row(Status="In process", Date_Sold=""))
    assert _all(database, Fill) == []
    assert report.notes == ["1 row is not dispensed yet and was left for later (row 2)"]


SOLD = row()
WAITING = row(Date_Sold="", Status="ReadyForPickup")
REVERSAL = row(Quantity="-30", Status="Reversed")
LATE_REVERSAL = row(Quantity="-30", Status="Reversed", Date_Filled="10/9/2026", Date_Sold="")


@pytest.mark.parametrize(
    "files", [(SOLD, REVERSAL), (REVERSAL, SOLD), (WAITING, SOLD, REVERSAL), (REVERSAL, WAITING, SOLD)]
)
def test_a_reversal_takes_its_fill_back_in_whatever_file_it_comes(
    database: Database, bring: Callable[..., Any], files: tuple[dict[str, str], ...]
) -> None:
    for entry in files:
        bring(entry)
    fill = _one(database, Fill)
    assert (fill.status, fill.quantity, fill.picked_up_on) == (
        FillStatus.REVERSED, Decimal("30.000"), date(2026, 10, 6),
    )  # fmt: skip


@pytest.mark.parametrize("files", [(SOLD, LATE_REVERSAL), (LATE_REVERSAL, SOLD)])
def test_a_reversal_dated_later_takes_back_the_fill_before_it(
    database: Database, bring: Callable[..., Any], files: tuple[dict[str, str], ...]
) -> None:
    for entry in (*files, *files):
        bring(entry)
    fill = _one(database, Fill)
    assert (fill.status, fill.quantity, fill.filled_on) == (
        FillStatus.REVERSED, Decimal("30.000"), date(2026, 10, 5),
    )  # fmt: skip


def test_a_fill_that_was_sold_does_not_wait_again(database: Database, bring: Callable[..., Any]) -> None:
    bring(WAITING)
    assert _one(database, Fill).status is FillStatus.WAITING
    report = bring(SOLD)
    assert dict(report.fills) == {"added": 0, "changed": 1, "unchanged": 0}
    report = bring(WAITING)
    assert dict(report.fills) == {**NOTHING, "unchanged": 1}
    assert _one(database, Fill).picked_up_on == date(2026, 10, 6)


def test_a_short_fill_known_as_such_stays_one(
    database: Database, clock: VirtualClock, bring: Callable[..., Any]
) -> None:
    bring(WAITING)
    with database.transaction(SYSTEM, clock) as tx:
        tx.session.scalars(select(Fill)).one().kind = FillKind.SHORT
    bring(SOLD)
    assert _one(database, Fill).kind is FillKind.SHORT


def test_the_newest_fill_decides_what_is_known_of_the_patient(
    database: Database, bring: Callable[..., Any]
) -> None:
    newest = row(
        Fill_Number="1",
        Date_Filled="11/4/2026",
        Address="2 New St",
        Cell_Phone="4045550177",
        Refills_Left="4",
    )
    bring(newest)
    bring(row(Refills_Left="5"))
    assert _one(database, Patient).address == "2 New St"
    assert _one(database, Prescription).refills_left == 4
    addresses = {point.address for point in _all(database, ContactPoint) if point.channel is Channel.SMS}
    assert addresses == {"+14045550177"}


def test_a_number_with_consent_is_kept_when_the_source_changes_it(
    database: Database, clock: VirtualClock, bring: Callable[..., Any]
) -> None:
    bring(row())
    with database.transaction(SYSTEM, clock) as tx:
        point = tx.session.scalars(select(ContactPoint).where(ContactPoint.address == "+14045550123")).one()
        point.basis, point.basis_how = ContactBasis.EXPRESS, "counter"
    report = bring(row(Cell_Phone="4045550177"))
    assert dict(report.patients) == {"added": 0, "changed": 1, "unchanged": 0}
    sms = {(p.address, p.basis) for p in _all(database, ContactPoint) if p.channel is Channel.SMS}
    assert sms == {("+14045550123", ContactBasis.EXPRESS), ("+14045550177", ContactBasis.NOT_ASKED)}


def test_what_a_person_corrected_stays_while_the_source_says_nothing_new(
    database: Database, clock: VirtualClock, bring: Callable[..., Any]
) -> None:
    bring(row())
    with database.transaction(SYSTEM, clock) as tx:
        tx.session.scalars(select(Patient)).one().address = "corrected"
        tx.session.scalars(select(Therapy)).one().pa_ends_on = date(2027, 1, 1)
    report = bring(row())
    assert dict(report.patients) == {**NOTHING, "unchanged": 1}
    assert _one(database, Patient).address == "corrected"
    assert _one(database, Therapy).pa_ends_on == date(2027, 1, 1)


def test_a_patient_whom_a_person_entered_is_recognised_by_name_and_birth_date(
    database: Database, shop: Shop, bring: Callable[..., Any]
) -> None:
    known = make_patient(database, shop, first="Jose", last="OConnor", birth_date=date(1960, 5, 1))
    bring(row())
    patient = _one(database, Patient)
    assert (patient.id, patient.external_id, patient.last_name) == (known, "P1", "O’Connor")


def test_an_rx_number_of_another_patient_is_a_problem_and_touches_nobody(
    database: Database, bring: Callable[..., Any]
) -> None:
    bring(row())
    report = bring(row(Patient_ID="P2", Last_Name="Other"), row(Rx_Number="700002"))
    assert [(problem.line, problem.column) for problem in report.problems] == [(2, "Rx Number")]
    assert [patient.external_id for patient in _all(database, Patient)] == ["P1"]


def test_each_pharmacy_has_patients_and_rx_numbers_of_its_own(
    database: Database, clock: VirtualClock, shop: Shop, tmp_path: Path
) -> None:
    other = make_shop(database, "other")
    path = write_export(tmp_path, [row()])
    for place in (shop, other):
        report = import_path(database, clock, place, path)
        assert report.patients["added"] == report.fills["added"] == 1
    assert {patient.pharmacy_id for patient in _all(database, Patient)} == {
        shop.pharmacy_id,
        other.pharmacy_id,
    }


def test_odd_but_usable_rows_are_noted(bring: Callable[..., Any]) -> None:
    report = bring(
        row(Cell_Phone="12", Email="none"),
        row(Rx_Number="2", Patient_ID="P2", Refills_Left="many", Copay="?", PA_Expires="soon", DOB=""),
        row(
            Rx_Number="3", Patient_ID="P3", DEA_Class="C9", Plan="Xyz", Plan_Type="XYZ", Date_Sold="10/1/2026"
        ),
    )
    assert report.problems == []
    assert len(report.notes) == 9
    assert report.fills["added"] == 3


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"Rx_Number": " "}, "Rx Number"), ({"Quantity": "0"}, "Quantity"), ({"Quantity": "ten"}, "Quantity"),
        ({"Date_Filled": ""}, "Date Filled"), ({"Date_Filled": "1/1/2031"}, "Date Filled"),
        ({"Date_Written": "soon"}, "Date Written"), ({"Date_Sold": "99/1/2026"}, "Date Sold"),
        ({"DOB": "12/31/2026"}, "DOB"), ({"DOB": "11/1/2026", "Date_Filled": "10/5/2026"}, "DOB"),
        ({"Days_Supply": "-3"}, "Days Supply"), ({"Days_Supply": "5000"}, "Days Supply"),
        ({"Fill_Number": "x"}, "Fill Number"), ({"Last_Name": "", "First_Name": ""}, "Last Name"),
        ({"DOB": "5/1/60"}, "DOB"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_used_names_its_column_and_the_rest_is_imported(
    bring: Callable[..., Any], changes: dict[str, str], column: str
) -> None:
    report = bring(row(**changes), row(Rx_Number="700009", Patient_ID="P9"))
    assert [(problem.line, problem.column) for problem in report.problems] == [(2, column)]
    assert report.problems[0].reason.endswith(".")
    assert report.fills["added"] == 1


def test_a_file_without_a_column_says_nothing_about_it(
    database: Database, clock: VirtualClock, shop: Shop, tmp_path: Path, bring: Callable[..., Any]
) -> None:
    bring(row(PA_Expires="2/1/2027"))
    path = tmp_path / "short.csv"
    path.write_text(
        "Rx,Fill,Fill Date,Drug,Qty,Days,Patient ID,Patient Name\n"
        '700001,1,11/4/2026,Lisinopril 20 MG Oral Tablet,30,30,P1,"O’Connor, José"\n',
        encoding="utf-8",
    )
    report = import_path(database, clock, shop, path)
    assert dict(report.fills) == {"added": 1, "changed": 0, "unchanged": 0}
    patient, therapy = _one(database, Patient), _one(database, Therapy)
    assert (patient.address, patient.birth_date) == ("1 Peachtree St", date(1960, 5, 1))
    assert (therapy.pa_ends_on, therapy.copay) == (date(2027, 2, 1), Decimal("3.40"))
    assert (therapy.plan_name, therapy.payer) == ("BlueShield PPO", "commercial")
    assert len(_all(database, ContactPoint)) == 2


def test_without_patient_ids_name_and_birth_date_tell_patients_apart(
    database: Database, clock: VirtualClock, shop: Shop, tmp_path: Path
) -> None:
    path = tmp_path / "short.csv"
    path.write_text(
        "Rx;Fill Date;Drug;Qty;Days;First Name;Last Name;DOB\n"
        "1;5.10.2026;Metformin 500 MG Oral Tablet;60;30;Ann;Kim;1.2.1950\n"
        "2;6.10.2026;Metformin 500 MG Oral Tablet;60;30;ANN;KIM;1.2.1950\n"
        "3;6.10.2026;Metformin 500 MG Oral Tablet;60;30;Ann;Kim;2.2.1950\n",
        encoding="utf-8",
    )
    columns = {
        "rx_number": "Rx", "filled_on": "Fill Date", "drug_name": "Drug", "quantity": "Qty",
        "days_supply": "Days",
        "first_name": "First Name", "last_name": "Last Name", "birth_date": "DOB",
    }  # fmt: skip
    import_path(database, clock, shop, path, mapping=ColumnMapping(columns, day_first=True))
    assert {(p.last_name, p.birth_date) for p in _all(database, Patient)} == {
        ("KIM", date(1950, 2, 1)), ("Kim", date(1950, 2, 2)),
    }  # fmt: skip


_ENTRIES = [
    row(Patient_ID=f"P{n % 3}", Rx_Number=f"70000{n % 3}", Fill_Number=str(n // 3), Date_Filled=f"10/{5 + n}/2026",
        Date_Sold="", Address=f"{n} Main St", Refills_Left=str(9 - n % 5), Cell_Phone=f"40455501{n:02}",
        Days_Supply=str(28 + n % 3), Status="ReadyForPickup")
    for n in range(10)
]  # fmt: skip
_ENTRIES += [{**entry, "Date Sold": "10/30/2026", "Status": "Completed"} for entry in _ENTRIES[:5]]
_ENTRIES += [{**entry, "Quantity": "-30", "Status": "Reversed"} for entry in _ENTRIES[3:6]]
_ENTRIES += [{**entry, "Status": "ReturnedToStock"} for entry in _ENTRIES[7:9]]
_ENTRIES += _ENTRIES[1:3]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(len(_ENTRIES))), chunk_rows=st.sampled_from([1, 3, 7, 100]))
def test_rows_in_any_order_and_any_chunks_leave_the_same_database(
    database: Database, clock: VirtualClock, tmp_path: Path, order: list[int], chunk_rows: int
) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        for table in (
            "import_problem", "import_run", "contact_point", "fill", "prescription", "therapy", "prescriber",
            "patient", "pharmacy",
        ):  # fmt: skip
            tx.session.execute(text(f"delete from {table}"))
    straight, mixed = make_shop(database, "straight"), make_shop(database, "mixed")
    import_path(database, clock, straight, write_export(tmp_path, _ENTRIES))
    expected = contents(database)
    report = import_path(
        database, clock, mixed, write_export(tmp_path, [_ENTRIES[n] for n in order]), chunk_rows=chunk_rows
    )
    both = contents(database)
    assert report.problems == []
    for name, rows in expected.items():
        assert both[name] == sorted([*rows, *rows], key=repr), name


def test_an_interrupted_import_goes_on_where_it_stopped(
    database: Database, clock: VirtualClock, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sample(tmp_path, "dispensing_export_next_day")
    with database.transaction(SYSTEM, clock) as tx:
        run_id = start_import(tx, shop.pharmacy_id, path, file_name="a.csv", at_once=True)
    real, calls = import_dispensing.store_chunk, [0]

    def failing(*args: Any) -> Any:
        calls[0] += 1
        if calls[0] == 4:
            raise KeyboardInterrupt  # the process dies: nothing is recorded
        return real(*args)

    monkeypatch.setattr(import_dispensing, "store_chunk", failing)
    with pytest.raises(KeyboardInterrupt):
        run_import(database, clock, run_id, chunk_rows=100)
    run = _one(database, ImportRun)
    assert (run.state, run.rows_done) == ("running", 300)
    with pytest.raises(Conflict):
        run_import(database, clock, run_id)
    clock.advance(timedelta(minutes=3))
    untouched = try_import(database, clock, make_shop(database, "other").pharmacy_id, path)
    report = run_import(database, clock, run_id, chunk_rows=100)
    assert report.rows_read == 515
    assert report.notes == untouched.notes
    assert [(problem.line, problem.column) for problem in report.problems] == [(485, "Patient ID")]
    assert (report.patients["added"], report.fills["added"]) == (178, 507)
    run = _one(database, ImportRun)
    assert (run.state, run.rows_done, run.rows_total) == ("done", 515, 515)
    assert len(_all(database, Fill)) == 507


@pytest.mark.both_databases
def test_a_run_that_another_process_went_on_with_is_left_to_it(
    database: Database, clock: VirtualClock, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sample(tmp_path, "dispensing_export_next_day")
    with database.transaction(SYSTEM, clock) as tx:
        run_id = start_import(tx, shop.pharmacy_id, path, file_name="a.csv", at_once=True)
        claimed = claim_run(tx, run_id)
    real, opened = import_dispensing.store_chunk, import_dispensing._chunks  # pyright: ignore[reportPrivateUsage]
    stored = list[list[int]]()

    def counted(tx: Tx, pharmacy_id: str, known: frozenset[str], chunk: list[Any], tallies: Any) -> Any:
        if len(stored) == 2:
            raise KeyboardInterrupt  # the other process dies after its first chunk
        stored.append([row.line for row in chunk])
        return real(tx, pharmacy_id, known, chunk, tallies)

    def chunks(table: Any, size: int) -> Any:
        for number, chunk in enumerate(opened(table, size)):
            if number == 1:  # the first chunk took long: another loop took the run over
                clock.advance(timedelta(minutes=3))
                monkeypatch.setattr(import_dispensing, "_chunks", opened)
                with pytest.raises(KeyboardInterrupt):
                    run_import(database, clock, run_id, chunk_rows=100)
            yield chunk

    monkeypatch.setattr(import_dispensing, "store_chunk", counted)
    monkeypatch.setattr(import_dispensing, "_chunks", chunks)
    work_run(database, clock, claimed, chunk_rows=100)
    assert len(stored) == 2
    assert not set(stored[0]) & set(stored[1]), "no row was worked twice"
    run = _one(database, ImportRun)
    assert (run.state, run.rows_done) == ("running", 200)


def test_a_finished_import_tells_how_new_the_data_is(
    database: Database, clock: VirtualClock, shop: Shop, bring: Callable[..., Any]
) -> None:
    bring(row(Quantity="x"))
    assert _one(database, Pharmacy).data_as_of is None
    bring(row())
    assert _one(database, Pharmacy).data_as_of == clock.now()


def test_a_file_that_goes_away_fails_the_run_with_a_reason(
    database: Database, clock: VirtualClock, shop: Shop, tmp_path: Path
) -> None:
    path = write_export(tmp_path, [row()])
    with database.transaction(SYSTEM, clock) as tx:
        run_id = start_import(tx, shop.pharmacy_id, path, file_name="a.csv", at_once=True)
    path.unlink()
    with pytest.raises(Invalid):
        run_import(database, clock, run_id)
    run = _one(database, ImportRun)
    assert run.state == "failed"
    assert "cannot be read" in run.error


@pytest.mark.postgres
def test_an_import_does_the_same_on_postgresql(
    database: Database, clock: VirtualClock, shop: Shop, fresh_postgres_url: str, tmp_path: Path
) -> None:
    path = sample(tmp_path, "dispensing_export_next_day")
    here = import_path(database, clock, shop, path)
    db = Database(fresh_postgres_url)
    try:
        place = make_shop(db)
        assert import_path(db, clock, place, path, chunk_rows=150) == here
        again = import_path(db, clock, place, path)
        assert dict(again.fills) == {**NOTHING, "unchanged": 507}
        with db.reading(SYSTEM) as tx:
            assert tx.session.scalar(select(func.count()).select_from(Fill)) == 507
    finally:
        db.dispose()
