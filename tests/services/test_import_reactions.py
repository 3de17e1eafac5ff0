"""A file that changes the drugs of an enrolled patient runs the mid-cycle rules in the import's transaction."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from medsync_app.domain.dispensing import ChangeKind, DispensingChange
from medsync_app.domain.states import Channel, ContactBasis, CycleState, ExceptionKind, ItemState
from medsync_app.services import import_dispensing
from medsync_app.services.contact_settings import record_basis
from medsync_app.services.mark_ready import mark_ready
from medsync_app.services.withdraw import withdraw
from medsync_app.store.repositories.contact import contact_points
from medsync_app.store.session import Tx
from medsync_app.store.tables import Enrollment, ExceptionCase, Fill, Patient, Pharmacy, Therapy
from tests.support.exports import import_path, row
from tests.support.programme import (
    CONSENT,
    TODAY,
    Batch,
    Clinic,
    batch_of,
    enroll_recommended,
    open_kinds,
    open_tasks,
)
from tests.support.store import SYSTEM
from tests.support.two_drugs import FILLED, lisinopril, metformin, us

pytestmark = pytest.mark.slow


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[DispensingChange]:
    """The changes handed to the programme, which does nothing about them."""
    found: list[DispensingChange] = []

    def note(_tx: Tx, _patient_id: str, changes: Sequence[DispensingChange]) -> None:
        found.extend(changes)

    monkeypatch.setattr(import_dispensing, "react", note)
    return found


def enrolled(clinic: Clinic, bring: Callable[..., Any]) -> Batch:
    """The patient of those two drugs, imported and enrolled."""
    bring(lisinopril(), metformin())
    with clinic.reading() as tx:
        patient_id = tx.session.scalars(select(Patient.id)).one()
    enroll_recommended(clinic, patient_id, contacts=())
    return batch_of(clinic)


def test_nothing_is_handed_on_for_patients_who_are_not_enrolled(
    seen: list[DispensingChange], bring: Callable[..., Any]
) -> None:
    bring(lisinopril())
    bring(lisinopril(Fill_Number="1", Date_Filled=us(TODAY)))
    assert seen == []


@pytest.mark.parametrize(
    ("rows", "kinds"),
    [
        ([lisinopril()], []),
        ([lisinopril(Refills_Left="0")], ["refills_changed"]),
        (
            [lisinopril(Fill_Number="1", Date_Filled=us(TODAY), Date_Sold="", Status="ReadyForPickup",
            Refills_Left="4")],
            ["filled", "refills_changed"],
        ),
        ([lisinopril(Fill_Number="1", Date_Filled=us(TODAY), Date_Sold=us(TODAY))], ["filled", "sold"]),
        ([lisinopril(Quantity="-30", Status="Reversed")], ["reversed"]),
        ([lisinopril(Status="ReturnedToStock")], ["returned"]),
        (
            [lisinopril(Rx_Number="700077", Date_Written=us(TODAY), Date_Filled=us(TODAY), Date_Sold="",
            Status="Ready")],
            ["new_prescription", "filled"],
        ),
        (
            [lisinopril(Rx_Number="700078", Drug_Name="Amlodipine Besylate 5 MG Oral Tablet",
            Date_Filled=us(TODAY))],
            ["new_therapy", "sold", "filled"],
        ),
        (
            [metformin(Fill_Number="1", Date_Filled=us(TODAY), Date_Sold="", Status="Ready",
            Sig="Take 3 unit(s) daily",
                       Quantity="90")],
            ["dose_changed", "filled"],
        ),
        # A fill that came and went between two files.
        (
            [lisinopril(Fill_Number="1", Date_Filled=us(TODAY)), lisinopril(Fill_Number="1",
            Date_Filled=us(TODAY), Quantity="-30")],
            [],
        ),
    ],
)  # fmt: skip
def test_each_change_of_an_enrolled_patient_is_handed_on_once(
    clinic: Clinic,
    bring: Callable[..., Any],
    seen: list[DispensingChange],
    rows: list[dict[str, str]],
    kinds: list[str],
) -> None:
    enrolled(clinic, bring)
    bring(*rows)
    assert sorted(change.kind.value for change in seen) == sorted(kinds)
    assert all(change.therapy_id for change in seen)
    assert all(change.fill_id for change in seen if change.kind in (ChangeKind.FILLED, ChangeKind.SOLD))
    assert [change.detail for change in seen if change.kind is ChangeKind.DOSE_CHANGED] == ["2>3"] * (
        "dose_changed" in kinds
    )
    seen.clear()
    bring(*rows)
    assert seen == []


def test_a_sold_date_in_tomorrows_file_confirms_the_pickup_and_opens_the_next_cycle(
    clinic: Clinic, bring: Callable[..., Any]
) -> None:
    batch = enrolled(clinic, bring)
    clinic.go_to(batch.sync_date)
    fresh = {"Fill_Number": "1", "Date_Filled": us(batch.sync_date), "Date_Sold": ""}
    bring(lisinopril(**fresh, Status="ReadyForPickup"), metformin(**fresh, Status="ReadyForPickup"))
    assert set(batch_of(clinic).items.values()) == {ItemState.FILLING}
    fresh["Date_Sold"] = us(batch.sync_date)
    bring(lisinopril(**fresh), metformin(**fresh))
    assert batch_of(clinic).state is CycleState.CLOSED
    assert set(batch_of(clinic).items.values()) == {ItemState.PICKED_UP}
    following = batch_of(clinic, number=2)
    assert following.sync_date > batch.sync_date
    with clinic.reading() as tx:
        assert all(fill.picked_up_on for fill in tx.session.scalars(select(Fill)))


@pytest.mark.both_databases
def test_one_patients_trouble_becomes_a_task_and_the_import_goes_on(
    clinic: Clinic, bring: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(clinic, bring)

    def failing(tx: Tx, patient_id: str, _: Sequence[DispensingChange]) -> None:
        tx.get(Patient, patient_id).city = "half done"
        tx.session.flush()
        raise ZeroDivisionError

    monkeypatch.setattr(import_dispensing, "react", failing)
    report = bring(lisinopril(Refills_Left="0"), row(Patient_ID="P9", Rx_Number="9"))
    assert report.fills["added"] == 1
    with clinic.database.reading(SYSTEM) as tx:
        cases = tx.session.scalars(
            select(ExceptionCase).where(ExceptionCase.cause_key.startswith("import:"))
        ).all()
        assert [case.kind for case in cases] == [ExceptionKind.DOSE_CONFLICT]
        assert "half done" not in tx.session.scalars(select(Patient.city)).all()


def test_a_drug_the_source_stopped_is_stopped(
    clinic: Clinic, bring: Callable[..., Any], tmp_path: Path, seen: list[DispensingChange]
) -> None:
    def file(name: str) -> Path:
        path = tmp_path / name
        path.write_text(
            "Rx,Fill,Fill Date,Drug,Qty,Days,Patient ID,Last Name,First Name,Stop Date\n"
            f"700001,0,{us(FILLED)},Lisinopril 20 MG Oral Tablet,30,30,P1,Kim,Ann,{us(TODAY)}\n",
            encoding="utf-8",
        )
        return path

    import_path(clinic.database, clinic.clock, clinic.shop, file("a.csv"))
    with clinic.reading() as tx:
        therapy = tx.session.scalars(select(Therapy)).one()
        assert (therapy.status, therapy.stopped_on) == ("discontinued", TODAY)
    assert seen == []


@pytest.mark.parametrize("backwards", [False, True])
def test_a_drug_stopped_under_one_rx_number_goes_on_under_the_next(
    clinic: Clinic, tmp_path: Path, backwards: bool
) -> None:
    stopped, next_rx = (
        f"700001,0,{us(FILLED)},Lisinopril 20 MG Oral Tablet,30,30,P1,Kim,Ann,{us(TODAY)}",
        f"700002,0,{us(TODAY)},Lisinopril 20 MG Oral Tablet,30,30,P1,Kim,Ann,",
    )
    rows = [next_rx, stopped] if backwards else [stopped, next_rx]
    path = tmp_path / "both.csv"
    head = "Rx,Fill,Fill Date,Drug,Qty,Days,Patient ID,Last Name,First Name,Stop Date"
    path.write_text("\n".join([head, *rows, ""]), encoding="utf-8")
    import_path(clinic.database, clinic.clock, clinic.shop, path, chunk_rows=1)
    with clinic.reading() as tx:
        assert tx.session.scalars(select(Therapy.status)).all() == ["active"]


def test_a_sale_in_tomorrows_file_settles_what_waits_after_the_end_of_the_enrollment(
    clinic: Clinic, bring: Callable[..., Any]
) -> None:
    batch = enrolled(clinic, bring)
    clinic.go_to(batch.sync_date)
    fresh = {"Fill_Number": "1", "Date_Filled": us(batch.sync_date), "Date_Sold": ""}
    bring(lisinopril(**fresh, Status="ReadyForPickup"), metformin(**fresh, Status="ReadyForPickup"))
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch_of(clinic).version)
        enrollment = tx.session.scalars(select(Enrollment)).one()
        withdraw(tx, enrollment.id, expected_version=enrollment.version, reason="Moves away")
    assert ExceptionKind.RETURN_TO_STOCK in open_kinds(clinic)
    fresh["Date_Sold"] = us(batch.sync_date)
    bring(lisinopril(**fresh), metformin(**fresh))
    assert batch_of(clinic).state is CycleState.CLOSED
    assert ExceptionKind.RETURN_TO_STOCK not in open_kinds(clinic)


def test_another_number_that_a_file_brings_is_asked_about_and_inherits_no_consent(
    clinic: Clinic, bring: Callable[..., Any]
) -> None:
    none, agreed_to = {"Home_Phone": "", "Email": ""}, "+14045550155"
    first = {**none, "Cell_Phone": "404-555-0155"}
    bring(lisinopril(**first), metformin(**first))
    with clinic.reading() as tx:
        patient_id = tx.session.scalars(select(Patient.id)).one()
    enroll_recommended(clinic, patient_id, contacts=(replace(CONSENT, address=agreed_to),))
    bring(lisinopril(**first), metformin(**first))
    assert ExceptionKind.CONTACT not in open_kinds(clinic)
    clinic.clock.advance(timedelta(days=1))
    other = {**none, "Cell_Phone": "404-555-0177"}
    for _ in range(2):
        bring(lisinopril(**other), metformin(**other))
    (task,) = [row for row in open_tasks(clinic) if row.kind is ExceptionKind.CONTACT]
    assert "new number" in task.summary
    with clinic.writing() as tx:
        assert {point.address: point.basis for point in contact_points(tx, patient_id)} == {
            agreed_to: ContactBasis.EXPRESS, "+14045550177": ContactBasis.NOT_ASKED,
        }  # fmt: skip
        record_basis(tx, patient_id, Channel.SMS, "+14045550177", ContactBasis.DECLINED, "counter")
    assert ExceptionKind.CONTACT not in open_kinds(clinic)


def test_a_number_that_a_file_brings_is_seen_at_once(clinic: Clinic, bring: Callable[..., Any]) -> None:
    with (
        clinic.writing() as tx
    ):  # texts are free to whoever gets them: a number nobody was asked about is of use
        tx.get(Pharmacy, clinic.shop.pharmacy_id).rules = {"free_to_end_user": True}
    none = {"Cell_Phone": "", "Home_Phone": "", "Email": ""}
    bring(lisinopril(**none), metformin(**none))
    with clinic.reading() as tx:
        patient_id = tx.session.scalars(select(Patient.id)).one()
    enroll_recommended(clinic, patient_id, contacts=())
    assert ExceptionKind.CONTACT in open_kinds(clinic)
    none["Cell_Phone"] = "404-555-0177"
    bring(lisinopril(**none), metformin(**none))
    assert ExceptionKind.CONTACT not in open_kinds(clinic)
