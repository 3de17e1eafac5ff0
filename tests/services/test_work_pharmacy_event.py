"""Events of the pharmacy system run the rules of the daily import, in whatever order and however often they come."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from medsync_app.connections.pioneerrx import PRESET, read_message
from medsync_app.domain.pharmacy_events import parse_event_mapping
from medsync_app.domain.states import (
    CycleState,
    ExceptionKind,
    FillStatus,
    ItemState,
    JoinOrigin,
    RenewalState,
    Role,
)
from medsync_app.engine.chores import usual_chores
from medsync_app.engine.inbox import work_pharmacy_events
from medsync_app.engine.loop import tick
from medsync_app.errors import Conflict
from medsync_app.services import work_pharmacy_event
from medsync_app.services.approve_plan import approve
from medsync_app.services.change_form_mapping import change_mapping
from medsync_app.services.import_chunk import store_chunk
from medsync_app.services.keep_pharmacy_event import PIONEERRX, keep_pharmacy_event
from medsync_app.services.mark_ready import mark_ready
from medsync_app.services.renewals import request_renewals
from medsync_app.store.repositories import cycles
from medsync_app.store.scratch import quick
from medsync_app.store.snapshot import snapshot
from medsync_app.store.tables import (
    ContactPoint,
    Cycle,
    ExceptionCase,
    Fill,
    InboundEvent,
    Patient,
    Pharmacy,
    Prescription,
    RenewalRequest,
    ScheduledAction,
    Therapy,
)
from tests.support.pharmacy_events import CLEAR, JOSE, LISINOPRIL, keep, kept, pioneerrx_body, tell
from tests.support.programme import TODAY, Batch, Clinic, batch_of, enroll_recommended, open_kinds
from tests.support.store import SYSTEM
from tests.support.two_drugs import FILLED, lisinopril, metformin, us

pytestmark = pytest.mark.slow
METFORMIN = {
    **LISINOPRIL, "number": "700002", "drug_name": "Metformin HCl 500 MG Oral Tablet", "quantity": 60,
    "directions": "Take 2 unit(s) daily",
}  # fmt: skip
Bring = Callable[..., Any]


@pytest.fixture
def batch(clinic: Clinic, bring: Bring) -> Batch:
    """The planned batch of a patient with two drugs, imported and enrolled; no event has come yet."""
    bring(lisinopril(), metformin())
    with clinic.reading() as tx:
        patient_id = tx.session.scalars(select(Patient.id)).one()
    enroll_recommended(clinic, patient_id, contacts=())
    return batch_of(clinic)


def rows(clinic: Clinic, kind: type) -> list[Any]:
    with clinic.reading() as tx:
        return list(tx.session.scalars(select(kind)))


def fills(clinic: Clinic) -> list[tuple[int, FillStatus, date | None]]:
    return sorted((one.fill_number, one.status, one.picked_up_on) for one in rows(clinic, Fill))


def due(clinic: Clinic, step: str) -> list[timedelta]:
    """In how long each pending message of a step is due."""
    actions = [one for one in rows(clinic, ScheduledAction) if one.step == step and one.state == "queued"]
    return [one.due_at - clinic.clock.now() for one in actions]


@pytest.mark.both_databases
def test_ready_of_each_drug_makes_the_batch_ready_and_sold_of_each_closes_it(
    clinic: Clinic, batch: Batch
) -> None:
    clinic.go_to(batch.sync_date)
    filled = {"filled_on": batch.sync_date.isoformat()}
    first = tell(clinic, "rx.ready", rx=LISINOPRIL | filled)
    assert (first.outcome, first.problem) == ("Ready.", "")
    assert batch_of(clinic).state is CycleState.PARTLY_READY
    assert due(clinic, "partly_ready") == [timedelta(hours=2)], "the rest may be ready in a minute"
    tell(clinic, "rx.ready", rx=METFORMIN | filled)
    assert batch_of(clinic).state is CycleState.READY
    assert due(clinic, "partly_ready") == []
    assert due(clinic, "ready") == [timedelta()]
    at = f"{batch.sync_date.isoformat()}T17:00:00Z"
    tell(clinic, "rx.sold", rx={"number": "700001", "fill_number": 1}, at=at)
    assert batch_of(clinic).state is CycleState.PARTLY_PICKED_UP
    tell(clinic, "rx.sold", rx={"number": "700002", "fill_number": 1}, at=at)
    assert batch_of(clinic).state is CycleState.CLOSED
    assert batch_of(clinic, number=2).sync_date == batch.sync_date + timedelta(days=30)
    assert all(one.picked_up_on == batch.sync_date for one in rows(clinic, Fill) if one.fill_number)
    assert rows(clinic, Pharmacy)[0].data_as_of == clinic.clock.now()


def test_a_part_is_told_at_once_by_the_button(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        item = next(iter(batch.items))
        mark_ready(tx, batch.id, expected_version=batch.version, items=[item])
    assert due(clinic, "partly_ready") == [timedelta()]


def test_events_in_any_order_leave_the_same(clinic: Clinic, batch: Batch) -> None:
    """Sold before filled, ready after sold, filled last: what came last in life counts."""
    clinic.go_to(batch.sync_date)
    on = {"filled_on": batch.sync_date.isoformat()}
    for drug in (LISINOPRIL, METFORMIN):
        tell(clinic, "rx.sold", rx=drug | on, at=f"{batch.sync_date}T17:00:00Z")
    assert batch_of(clinic).state is CycleState.CLOSED
    after = fills(clinic), batch_of(clinic, number=2)
    assert tell(clinic, "rx.ready", rx=LISINOPRIL | on).outcome == "It was fetched or returned meanwhile."
    tell(clinic, "rx.filled", rx=METFORMIN | on)
    tell(clinic, "rx.new", rx=METFORMIN, at="2026-10-02T15:00:00Z")
    assert (fills(clinic), batch_of(clinic, number=2)) == after
    assert open_kinds(clinic) == {ExceptionKind.CONTACT}, "the patient has agreed to nothing yet"


@pytest.mark.parametrize(
    ("last", "drugs", "ends"),
    [
        ("rx.returned_to_stock", (LISINOPRIL, METFORMIN), "over"),
        ("rx.returned_to_stock", (LISINOPRIL,), "over"),
        ("rx.reversed", (LISINOPRIL, METFORMIN), ItemState.PLANNED),
    ],
    ids=["all returned", "one returned", "all reversed"],
)
def test_in_whatever_order_the_life_of_a_fill_is_told_its_batch_is_the_same(
    clinic: Clinic, batch: Batch, last: str, drugs: Sequence[dict[str, Any]], ends: str, tmp_path: Path
) -> None:
    """Each order is told to a copy of the same pharmacy."""
    clinic.go_to(batch.sync_date)
    life = ("rx.filled", "rx.ready", last)
    found: dict[tuple[str, ...], Any] = {}
    for order in permutations(life):
        path = tmp_path / f"{'-'.join(order)}.db"
        snapshot(clinic.database.url, path)
        copy = replace(clinic, database=quick(f"sqlite:///{path}"))
        for event, drug in product(order, drugs):
            at = f"{batch.sync_date.isoformat()}T1{4 + life.index(event)}:00:00Z"
            tell(copy, event, rx=drug | {"filled_on": batch.sync_date.isoformat()}, at=at)
        with copy.reading() as tx:
            # What was not filled when the first went back is skipped with the batch.
            over = {ItemState.RETURNED, ItemState.SKIPPED}
            items = {"over" if one.state in over else one.state for one in cycles.items_of(tx, batch.id)}
            found[order] = (items, fills(copy))
            if last == "rx.returned_to_stock":
                assert tx.get(Cycle, batch.id).state is CycleState.RETURNED
                assert ExceptionKind.CALL in open_kinds(copy), order
        copy.database.dispose()
    assert found[life][0] == {ends}
    assert {order: told for order, told in found.items() if told != found[life]} == {}


def test_what_is_returned_or_reversed_leaves_the_batch_as_by_the_button(clinic: Clinic, batch: Batch) -> None:
    clinic.go_to(batch.sync_date)
    on = {"filled_on": batch.sync_date.isoformat()}
    tell(clinic, "rx.ready", rx=LISINOPRIL | on)
    at = f"{batch.sync_date}T20:00:00Z"
    tell(clinic, "rx.reversed", rx={"number": "700001", "fill_number": 1}, at=at)
    assert set(batch_of(clinic).items.values()) == {ItemState.PLANNED}
    for drug in (LISINOPRIL, METFORMIN):
        tell(clinic, "rx.ready", rx={**drug, **on, "fill_number": 2})
    for number in ("700001", "700002"):
        tell(clinic, "rx.returned_to_stock", rx={"number": number}, at=at)
    assert batch_of(clinic).state is CycleState.RETURNED
    again = tell(clinic, "rx.returned_to_stock", rx={"number": "700001"}, at=at)
    assert again.waits_for == "rx:700001", "what was sold before is not returned"
    assert fills(clinic)[0] == (0, FillStatus.SOLD, FILLED)


def test_delivered_closes_the_cycle(clinic: Clinic, batch: Batch) -> None:
    clinic.go_to(batch.sync_date)
    for drug in (LISINOPRIL, METFORMIN):
        tell(clinic, "rx.filled", rx=drug | {"filled_on": batch.sync_date.isoformat()})
        tell(clinic, "rx.delivered", rx={"number": drug["number"]}, at=f"{batch.sync_date}T20:00:00Z")
    assert batch_of(clinic).state is CycleState.CLOSED


@pytest.mark.both_databases
def test_what_comes_before_its_patient_waits_is_shown_and_takes_effect_with_the_import(
    clinic: Clinic, bring: Bring
) -> None:
    sold = tell(clinic, "rx.sold", rx={"number": "700001", "fill_number": 0}, patient={"id": "P1"})
    assert (sold.waits_for, sold.outcome) == ("rx:700001", "")
    assert "not known yet" in sold.problem
    nameless = tell(clinic, "rx.filled", rx=METFORMIN, patient={"id": "P1"})
    assert nameless.waits_for == "patient:P1"
    work_pharmacy_events(clinic.database, clinic.clock)
    assert [one.problem != "" for one in kept(clinic.database)] == [True, True]
    bring(lisinopril(Date_Sold="", Status="ReadyForPickup"))
    assert [one.problem for one in kept(clinic.database)] == ["", ""]
    work_pharmacy_events(clinic.database, clinic.clock)
    assert [(one.outcome, one.problem) for one in kept(clinic.database)] == [("Stored.", "")] * 2
    assert fills(clinic) == [(0, FillStatus.SOLD, TODAY), (1, FillStatus.WAITING, None)]


def test_an_event_brings_the_patient_that_others_wait_for(clinic: Clinic) -> None:
    tell(clinic, "rx.sold", rx={"number": "700001", "fill_number": 1})
    tell(clinic, "rx.filled", rx=METFORMIN, patient={"id": "P1"})
    tell(clinic, "patient.upsert", patient=JOSE | {"email": "jose@example.com"})
    work_pharmacy_events(clinic.database, clinic.clock)
    assert fills(clinic) == [(1, FillStatus.WAITING, None)]
    tell(clinic, "rx.filled", rx=LISINOPRIL, patient={"id": "P1"})
    work_pharmacy_events(clinic.database, clinic.clock)
    assert fills(clinic) == [(1, FillStatus.SOLD, TODAY), (1, FillStatus.WAITING, None)]
    assert all(one.problem == "" for one in kept(clinic.database))
    assert {one.address for one in rows(clinic, ContactPoint)} == {"+14045550123", "jose@example.com"}


def test_a_later_word_about_a_patient_stands_and_says_nothing_of_what_it_leaves_out(
    clinic: Clinic, bring: Bring
) -> None:
    bring(lisinopril())
    moved = {**JOSE, "city": "Macon"}
    tell(clinic, "patient.upsert", patient=moved, at="2026-11-23T14:00:00Z")
    tell(clinic, "patient.upsert", patient={**moved, "city": "Athens"}, at="2026-11-23T13:00:00Z")
    patient = rows(clinic, Patient)[0]
    assert (patient.city, patient.address, patient.external_id) == ("Macon", "1 Peachtree St", "P1")
    assert len(rows(clinic, ContactPoint)) == 2


def test_the_same_event_again_changes_nothing(clinic: Clinic, batch: Batch) -> None:
    on = {"filled_on": TODAY.isoformat()}
    assert keep(clinic, "rx.ready", "evt-1", rx=LISINOPRIL | on)
    assert not keep(clinic, "rx.ready", "evt-1", rx=LISINOPRIL | on)
    work_pharmacy_events(clinic.database, clinic.clock)
    before = batch_of(clinic), fills(clinic)
    assert not keep(clinic, "rx.ready", "evt-1", rx=LISINOPRIL | on)
    assert work_pharmacy_events(clinic.database, clinic.clock) == 0
    tell(clinic, "rx.ready", "evt-2", rx=LISINOPRIL | on)
    assert (batch_of(clinic), fills(clinic)) == before


def test_ready_for_a_plan_that_is_not_approved_waits_for_the_approval(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        tx.get(Cycle, batch.id).needs_review = True
    event = tell(clinic, "rx.ready", rx=LISINOPRIL | {"filled_on": TODAY.isoformat()})
    assert event.waits_for == f"cycle:{batch.id}"
    assert (1, FillStatus.WAITING, None) in fills(clinic), "the fill is stored all the same"
    assert ItemState.READY not in batch_of(clinic).items.values()
    with clinic.writing() as tx:
        approve(tx, batch.id, expected_version=batch_of(clinic).version)
    work_pharmacy_events(clinic.database, clinic.clock)
    assert ItemState.READY in batch_of(clinic).items.values()
    assert kept(clinic.database)[0].problem == ""


def test_a_new_prescription_closes_the_renewal_and_a_new_drug_is_planned_or_asked_about(
    clinic: Clinic, bring: Bring, batch: Batch
) -> None:
    bring(lisinopril(Refills_Left="0"))
    with clinic.writing() as tx:
        assert request_renewals(tx, batch_of(clinic).id) == 1
    new = {**LISINOPRIL, "number": "700009", "written_on": TODAY.isoformat(), "refills_left": 5}
    tell(clinic, "rx.new", rx=new, patient={"id": "P1"})
    assert [one.state for one in rows(clinic, RenewalRequest)] == [RenewalState.CLOSED]
    therapy = next(one for one in rows(clinic, Therapy) if "isinopril" in one.drug_name)
    current = next(one for one in rows(clinic, Prescription) if one.id == therapy.current_prescription_id)
    assert (current.rx_number, current.refills_left) == ("700009", 5)
    before = len(rows(clinic, Fill))
    added = {**new, "number": "700010", "drug_name": "Amlodipine Besylate 5 MG Oral Tablet"}
    told = tell(clinic, "rx.new", rx=added, patient={"id": "P1"})
    assert (told.outcome, told.problem) == ("Stored.", "")
    assert len(rows(clinic, Fill)) == before, "nothing was filled yet"
    drug = next(one for one in rows(clinic, Therapy) if "Amlodipine" in one.drug_name)
    planned = drug.id in batch_of(clinic).therapies
    asked = any(one.therapy_id == drug.id for one in rows(clinic, ExceptionCase))
    assert planned or asked
    assert ExceptionKind.DOSE_CONFLICT not in open_kinds(clinic), "the plan could follow"


def test_a_cancelled_or_transferred_prescription_stops_its_drug(clinic: Clinic, batch: Batch) -> None:
    tell(clinic, "rx.transferred", rx={"number": "700001"})
    assert len(batch_of(clinic).items) == 1
    drug = next(one for one in rows(clinic, Therapy) if "isinopril" in one.drug_name)
    assert (drug.status, drug.stopped_on) == ("discontinued", TODAY)
    tell(clinic, "rx.cancelled", rx={"number": "700002"})
    assert {one.status for one in rows(clinic, Therapy)} == {"discontinued"}
    with clinic.reading() as tx:
        assert tx.get(Cycle, batch.id).state is CycleState.CANCELLED


def test_a_cancelled_prescription_stops_nothing_that_goes_on_by_another_or_was_filled_since(
    clinic: Clinic, batch: Batch
) -> None:
    new = {**LISINOPRIL, "number": "700009", "refills_left": 5}
    tell(clinic, "rx.new", rx=new, patient={"id": "P1"})
    tell(clinic, "rx.cancelled", rx={"number": "700001"})  # the old one
    tell(clinic, "rx.filled", rx=METFORMIN | {"filled_on": TODAY.isoformat()})
    late = tell(clinic, "rx.cancelled", rx={"number": "700002"}, at="2026-11-20T12:00:00Z")
    assert late.outcome == "Nothing new: it was filled after that."
    assert {one.status for one in rows(clinic, Therapy)} == {"active"}
    assert len(batch_of(clinic).items) == 2


def test_a_new_prescription_that_is_cancelled_unfilled_leaves_the_drug_and_asks(
    clinic: Clinic, bring: Bring, batch: Batch
) -> None:
    bring(lisinopril(Refills_Left="0"))
    tell(clinic, "rx.new", rx={**LISINOPRIL, "number": "700009", "refills_left": 5}, patient={"id": "P1"})
    tell(clinic, "rx.cancelled", rx={"number": "700009"})
    drug = next(one for one in rows(clinic, Therapy) if "isinopril" in one.drug_name)
    current = next(one for one in rows(clinic, Prescription) if one.id == drug.current_prescription_id)
    assert (drug.status, current.rx_number) == ("active", "700001")
    assert ExceptionKind.NEW_DRUG in open_kinds(clinic)


def test_a_prescribers_answer_comes_by_the_rx_number(clinic: Clinic, bring: Bring, batch: Batch) -> None:
    bring(lisinopril(Refills_Left="0"))
    asked = tell(clinic, "renewal.response", rx={"number": "700001"}, renewal={"answer": "approved"})
    assert asked.problem == "No renewal of this medicine was asked for."
    with clinic.writing() as tx:
        request_renewals(tx, batch_of(clinic).id)
    answer = {"rx": {"number": "700001"}, "renewal": {"answer": "approved", "note": "2 refills"}}
    assert tell(clinic, "renewal.response", **answer).outcome == "The answer is recorded."
    assert [(one.state, one.answer) for one in rows(clinic, RenewalRequest)] == [
        (RenewalState.APPROVED, "2 refills")
    ]
    assert tell(clinic, "renewal.response", **answer).outcome == "Nothing new: the answer is known."
    other = tell(clinic, "renewal.response", rx={"number": "700001"}, renewal={"answer": "denied"})
    assert "answered already" in other.problem


@pytest.mark.parametrize(
    ("event", "rx", "said"),
    [
        ("rx.exploded", LISINOPRIL, "knows no event"),
        ("rx.sold", {}, "The Rx number is missing"),
        ("rx.filled", {**LISINOPRIL, "quantity": None}, "fill date and quantity are needed"),
        ("rx.filled", {**LISINOPRIL, "quantity": "many"}, "Quantity: This is not a number."),
        (
            "rx.filled",
            {**LISINOPRIL, "filled_on": "2028-01-01"},
            "Date filled: The fill date is in the future.",
        ),
    ],
)
def test_what_cannot_be_used_is_kept_with_the_reason(
    clinic: Clinic, event: str, rx: dict[str, Any], said: str
) -> None:
    row = tell(clinic, event, rx=rx, patient=JOSE)
    assert said in row.problem
    assert row.payload["patient"]["last_name"] == "O’Connor"
    assert "Connor" not in row.problem
    assert rows(clinic, Fill) == []


def test_an_rx_number_of_somebody_else_is_not_taken_over(clinic: Clinic, bring: Bring) -> None:
    bring(lisinopril())
    other = {**JOSE, "id": "P2", "last_name": "Other"}
    assert "another patient" in tell(clinic, "rx.filled", rx=LISINOPRIL, patient=other).problem
    assert fills(clinic) == [(0, FillStatus.SOLD, FILLED)]


def test_all_of_an_event_or_nothing_and_it_is_tried_again(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stored_then_broken(*given: Any) -> Any:
        store_chunk(*given)
        raise RuntimeError("José O’Connor")

    with monkeypatch.context() as patched:
        patched.setattr(work_pharmacy_event, "store_chunk", stored_then_broken)
        row = tell(clinic, "rx.filled", rx=LISINOPRIL, patient=JOSE)
        assert (row.processed_at, row.outcome) == (None, "failed 1 times: RuntimeError")
        assert rows(clinic, Patient) == []
        for _ in range(4):
            work_pharmacy_events(clinic.database, clinic.clock)
        row = kept(clinic.database)[0]
        assert row.processed_at is not None
        assert row.problem.startswith("MedSync failed at it")
    with clinic.database.transaction(SYSTEM) as tx:
        tx.get(InboundEvent, row.id).processed_at = None
    work_pharmacy_events(clinic.database, clinic.clock)
    assert fills(clinic) == [(1, FillStatus.WAITING, None)]


def test_an_event_that_is_refused_half_way_leaves_nothing_but_its_reason(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stored_then_refused(*given: Any) -> Any:
        store_chunk(*given)
        raise Conflict("Somebody else changed it.")

    with monkeypatch.context() as patched:
        patched.setattr(work_pharmacy_event, "store_chunk", stored_then_refused)
        row = tell(clinic, "rx.filled", rx=LISINOPRIL, patient=JOSE)
    assert (row.outcome, row.problem) == ("", "Somebody else changed it.")
    assert row.processed_at == clinic.clock.now()
    assert rows(clinic, Patient) == rows(clinic, Fill) == []


def test_what_an_event_says_is_looked_at_for_problems_at_once(clinic: Clinic, batch: Batch) -> None:
    """The rules see what was just stored, not what was read before."""
    ends = (TODAY + timedelta(days=10)).isoformat()
    tell(clinic, "rx.filled", rx=LISINOPRIL | {"pa_ends_on": ends})
    assert ExceptionKind.PA_ENDING in open_kinds(clinic)


@pytest.fixture
def send(clinic: Clinic) -> Callable[..., InboundEvent]:
    """A message of PioneerRx comes and is worked; gives its row."""

    def sent(status: str, message_id: str, **rx: Any) -> InboundEvent:
        name, key, raw = read_message(pioneerrx_body(status, message_id, **rx))
        with clinic.database.transaction(SYSTEM, clinic.clock) as tx:
            assert keep_pharmacy_event(tx, clinic.shop.pharmacy_id, PIONEERRX, key, name, raw, "")
        work_pharmacy_events(clinic.database, clinic.clock)
        return kept(clinic.database)[-1]

    return sent


def test_pioneerrx_brings_a_patient_whom_the_import_then_finds_again(
    clinic: Clinic, bring: Bring, send: Callable[..., InboundEvent]
) -> None:
    assert send("Ready For Pickup", "1", **CLEAR).problem == ""
    (patient,) = rows(clinic, Patient)
    assert (patient.last_name, patient.birth_date, patient.external_id[:5]) == (
        "O’Connor",
        date(1960, 5, 1),
        "name:",
    )
    assert fills(clinic) == [(1, FillStatus.WAITING, None)]
    assert [(one.units_per_day, one.written_on) for one in rows(clinic, Prescription)] == [
        (1, date(2026, 10, 1))
    ]
    bring(lisinopril(Fill_Number="1", Date_Filled=us(TODAY), Date_Sold="", Status="ReadyForPickup"))
    (found,) = rows(clinic, Patient)
    assert (found.id, found.external_id) == (patient.id, "P1")
    assert send("Completed", "2", **CLEAR).outcome == "Stored."
    assert (len(rows(clinic, Therapy)), fills(clinic)) == (1, [(1, FillStatus.SOLD, TODAY)])


def test_what_pioneerrx_spells_otherwise_changes_nobody_and_nothing_that_is_known(
    clinic: Clinic, bring: Bring, send: Callable[..., InboundEvent]
) -> None:
    bring(lisinopril(Last_Name="O'CONNOR", First_Name="JOSE"))
    other = {**CLEAR, "DirectionsTranslatedEnglish": "TAKE 2 TABLETS DAILY"}
    assert send("Ready For Pickup", "1", **other).problem == ""
    metformin_too = {**CLEAR["MedicationDispensed"], "DrugName": "METFORMIN HCL 500 MG TABLET"}
    assert send("Verified", "2", **CLEAR, RxNumber="700002") is not None
    assert (
        send("Verified", "3", **{**CLEAR, "MedicationDispensed": metformin_too}, RxNumber="700003").problem
        == ""
    )
    (patient,) = rows(clinic, Patient)
    assert (patient.last_name, patient.first_name) == ("O'CONNOR", "JOSE")
    first = next(one for one in rows(clinic, Prescription) if one.rx_number == "700001")
    assert (first.units_per_day, first.drug_name) == (1, "Lisinopril 20 MG Oral Tablet")
    assert len(rows(clinic, Therapy)) == 2, "700002 is the same medicine as 700001"


@pytest.mark.parametrize(
    "unclear",
    [
        {"MedicationDispensed": {"DrugName": "LISINOPRIL 20 MG", "Quantity": "30", "DaysSupply": "30"}},
        {"MedicationDispensed": {"DrugName": "UNHEARDOF 20 MG TABLET", "Quantity": "30", "DaysSupply": "30"}},
        {"MedicationDispensed": {"DrugName": "LISINOPRIL 20 MG TABLET", "Quantity": "30", "DaysSupply": ""}},
        {"DirectionsTranslatedEnglish": ""},
    ],
    ids=["form", "drug", "days", "directions"],
)
def test_what_pioneerrx_leaves_in_doubt_waits_for_the_import(
    clinic: Clinic, send: Callable[..., InboundEvent], unclear: dict[str, Any]
) -> None:
    row = send("Ready For Pickup", "1", **CLEAR | unclear)
    assert (row.outcome, row.waits_for, rows(clinic, Patient)) == ("", "rx:700001", [])


def test_a_pharmacy_reads_pioneerrx_in_its_own_way(clinic: Clinic, send: Callable[..., InboundEvent]) -> None:
    """Here the export has PioneerRx's own ids, and a status is called otherwise."""
    own = parse_event_mapping(
        {
            "fields": PRESET.to_document()["fields"]
            | {"patient_id": ["Body.Patient.Identification.PatientPioneerRxID"]},
            "events": {"rx.ready": ["Shelved"]}, "ignored": ["Ready For Pickup"],
        },
        PRESET,
    )  # fmt: skip
    owner = replace(clinic.shop, role=Role.OWNER)
    with clinic.database.transaction(owner.scope, clinic.clock) as tx:
        assert change_mapping(tx, clinic.shop.pharmacy_id, JoinOrigin.PIONEERRX, own)
    assert send("Ready For Pickup", "1", **CLEAR).outcome == "Nothing to do: it is not filled yet."
    assert send("Verified", "2", **CLEAR).problem == "MedSync knows no event of this name."
    assert send("Shelved", "3", **CLEAR).problem == ""
    assert [one.external_id for one in rows(clinic, Patient)] == ["0f2c-11"]
    with clinic.database.transaction(owner.scope, clinic.clock) as tx:
        assert change_mapping(tx, clinic.shop.pharmacy_id, JoinOrigin.PIONEERRX, None)
    work_again = kept(clinic.database)[1].id
    with clinic.database.transaction(SYSTEM) as tx:
        tx.get(InboundEvent, work_again).processed_at = None
    work_pharmacy_events(clinic.database, clinic.clock)
    assert kept(clinic.database)[1].problem == ""


def test_who_may_be_known_under_another_spelling_is_not_made_anew(
    clinic: Clinic, bring: Bring, send: Callable[..., InboundEvent]
) -> None:
    bring(metformin(Last_Name="O'Connor Perez", First_Name="J."))
    row = send("Ready For Pickup", "1", **CLEAR)
    assert (row.waits_for, len(rows(clinic, Patient))) == ("rx:700001", 1)
    bring(lisinopril(Last_Name="O'Connor Perez", First_Name="J."))
    work_pharmacy_events(clinic.database, clinic.clock)
    assert kept(clinic.database)[-1].problem == ""
    assert (1, FillStatus.WAITING, None) in fills(clinic)


def test_pioneerrx_follows_a_known_rx_and_waits_for_the_import_with_another(
    clinic: Clinic, batch: Batch, send: Callable[..., InboundEvent]
) -> None:
    assert send("In Process", "1").outcome == "Nothing to do: it is not filled yet."
    assert send("Ready For Pickup", "2").outcome == "Ready."
    assert fills(clinic)[-1] == (1, FillStatus.WAITING, None)
    assert send("Completed", "3").outcome == "Stored."
    assert fills(clinic)[-1] == (1, FillStatus.SOLD, TODAY)
    assert batch_of(clinic).state is CycleState.PARTLY_PICKED_UP
    assert send("Completed", "4", RxNumber="700099").waits_for == "rx:700099"
    assert send("Teleported", "5").problem == "MedSync knows no event of this name."
    assert rows(clinic, Patient)[0].external_id == "P1"


def test_without_the_sources_id_a_patient_is_found_by_name_and_birth_date_and_never_made(
    clinic: Clinic, bring: Bring
) -> None:
    nameless = {key: value for key, value in JOSE.items() if key != "id"}
    row = tell(clinic, "rx.filled", rx=LISINOPRIL, patient=nameless)
    assert (row.waits_for, rows(clinic, Patient)) == ("rx:700001", [])
    bring(metformin())
    tell(clinic, "rx.filled", rx=LISINOPRIL, patient=nameless)
    assert [one.external_id for one in rows(clinic, Patient)] == ["P1"]
    assert (1, FillStatus.WAITING, None) in fills(clinic)
    work_pharmacy_events(clinic.database, clinic.clock)
    assert all(one.problem == "" for one in kept(clinic.database))


def test_an_instant_is_the_pharmacys_day(clinic: Clinic) -> None:
    late = "2026-11-23T03:00:00Z"  # the evening before in New York
    tell(clinic, "rx.filled", rx=LISINOPRIL | {"filled_on": late}, patient=JOSE)
    assert [one.filled_on for one in rows(clinic, Fill)] == [TODAY - timedelta(days=1)]


def test_what_comes_late_is_dated_when_it_came_and_is_not_about_a_later_fill(
    clinic: Clinic, bring: Bring
) -> None:
    keep(clinic, "rx.sold", "evt-1", rx={"number": "700001", "fill_number": 1}, at="")
    keep(clinic, "rx.reversed", "evt-2", rx={"number": "700001"}, at="")
    work_pharmacy_events(clinic.database, clinic.clock)
    clinic.go_to(TODAY + timedelta(days=2))
    later = (TODAY + timedelta(days=1)).isoformat()
    tell(clinic, "rx.filled", rx=LISINOPRIL, patient=JOSE)
    tell(clinic, "rx.filled", rx=LISINOPRIL | {"fill_number": 2, "filled_on": later}, patient=JOSE)
    work_pharmacy_events(clinic.database, clinic.clock)
    assert fills(clinic) == [(1, FillStatus.REVERSED, TODAY), (2, FillStatus.WAITING, None)]


def test_a_chore_works_them_so_that_no_message_waits(clinic: Clinic) -> None:
    keep(clinic, "rx.filled", rx=LISINOPRIL, patient=JOSE)
    assert tick(clinic.database, clinic.clock, {}, "one", plan=False).inbound == 0
    chore = next(one for one in usual_chores() if one.name == "pharmacy events")
    assert (chore.run(clinic.database, clinic.clock), chore.every) == (1, timedelta(seconds=1))


def test_an_event_that_does_not_name_the_drug_stays_with_the_drug_of_its_rx(
    clinic: Clinic, bring: Bring
) -> None:
    bring(lisinopril())
    with clinic.database.transaction(SYSTEM) as tx:
        tx.get(Prescription, rows(clinic, Prescription)[0].id).drug_name = "Zestril, as written elsewhere"
    tell(
        clinic,
        "rx.filled",
        rx={"number": "700001", "fill_number": 1, "filled_on": "2026-11-23", "quantity": 30},
    )
    assert (len(rows(clinic, Therapy)), len(rows(clinic, Fill))) == (1, 2)
