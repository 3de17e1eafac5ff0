"""The calendar's read: scope, range, filter, the limit per day, and what the head of a day says."""

from datetime import date, timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import CycleState, ItemState
from medsync_app.errors import Invalid, NotFound
from medsync_app.reads import calendar as reads
from medsync_app.reads.batch import batch_view
from medsync_app.reads.calendar import calendar_days
from medsync_app.store.session import Database
from medsync_app.store.tables import ClosedDay, CycleItem, Pharmacy
from tests.support.screens import TODAY, make_batch, make_message, make_task, make_therapy
from tests.support.store import NOW, SYSTEM, Shop, make_patient, make_shop

FIRST, END = date(2026, 12, 1), date(2027, 1, 1)
CLOCK = VirtualClock(NOW)


def batch(
    database: Database, shop: Shop, on: date, *, last: str = "Example", drugs: int = 1,
    state: CycleState = CycleState.PLANNED,
) -> str:  # fmt: skip
    patient = make_patient(database, shop, last=last)
    therapies = tuple(
        make_therapy(database, shop, patient, f"Drug {n} 10 mg", rx_number=f"{last}{on}{n}")
        for n in range(drugs)
    )
    return make_batch(database, shop, patient, therapies, on=on, state=state).cycle_id


def read(database: Database, shop: Shop, **more: str) -> reads.Month:
    with database.reading(shop.scope, CLOCK) as tx:
        return calendar_days(tx, FIRST, END, **more)


def test_only_the_days_asked_for_are_read(database: Database, shop: Shop) -> None:
    for on in (FIRST - timedelta(days=1), FIRST, END - timedelta(days=1), END):
        batch(database, shop, on, last=f"L{on.day}{on.month}")
    assert [chip.day for chip in read(database, shop).chips] == [FIRST, END - timedelta(days=1)]


def test_batches_of_another_pharmacy_are_not_there(database: Database, shop: Shop) -> None:
    other = make_shop(database, "other")
    batch(database, other, FIRST)
    mine = batch(database, shop, FIRST)
    month = read(database, shop)
    assert [chip.cycle_id for chip in month.chips] == [mine]
    assert (month.total, month.days[0].load) == (1, 1)


@pytest.mark.both_databases
def test_a_chip_counts_its_drugs_without_skipped_ones(database: Database, shop: Shop) -> None:
    cycle_id = batch(database, shop, FIRST, drugs=3)
    with database.transaction(SYSTEM, CLOCK) as tx:
        item = tx.session.query(CycleItem).filter_by(cycle_id=cycle_id).first()
        assert item is not None
        item.state = ItemState.SKIPPED
    assert read(database, shop).chips[0].drugs == 2


@pytest.mark.both_databases
def test_a_filter_shows_one_group_and_the_load_stays_whole(database: Database, shop: Shop) -> None:
    ready = batch(database, shop, FIRST, last="Ready", state=CycleState.READY)
    batch(database, shop, FIRST, last="Planned")
    batch(database, shop, FIRST, last="Gone", state=CycleState.CANCELLED)
    month = read(database, shop, group="ready")
    assert [chip.cycle_id for chip in month.chips] == [ready]
    assert month.days[0].load == 2
    assert len(read(database, shop).chips) == 2


@pytest.mark.both_databases
def test_a_full_day_sends_the_first_chips_by_name_and_counts_the_rest(
    database: Database, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "MOST_PER_DAY", 2)
    for last in ("Cole", "Adams", "Baker"):
        batch(database, shop, FIRST, last=last)
    month = read(database, shop)
    assert [chip.last_name for chip in month.chips] == ["Adams", "Baker"]
    assert (month.days[0].more, month.days[1].more, month.total) == (1, 0, 3)


def test_a_holiday_and_a_closed_weekday_say_why(database: Database, shop: Shop) -> None:
    with database.transaction(SYSTEM, CLOCK) as tx:
        pharmacy = tx.get(Pharmacy, shop.pharmacy_id)
        pharmacy.hours = {day: hours for day, hours in pharmacy.hours.items() if day != "6"}
        pharmacy.daily_capacity = 7
        tx.add(ClosedDay(pharmacy_id=shop.pharmacy_id, day=date(2026, 12, 25), name="Christmas"))
    days = {head.day: head for head in read(database, shop).days}
    assert days[date(2026, 12, 25)].closed == "Christmas"
    assert days[date(2026, 12, 6)].closed == "Closed"
    assert (days[date(2026, 12, 7)].closed, days[date(2026, 12, 7)].capacity) == ("", 7)


def test_with_one_of_two_locations_closed_the_day_is_open_and_names_it(
    database: Database, shop: Shop
) -> None:
    other = make_shop(database, "other")
    with database.transaction(SYSTEM, CLOCK) as tx:
        tx.get(Pharmacy, other.pharmacy_id).daily_capacity = 5
        tx.get(Pharmacy, shop.pharmacy_id).daily_capacity = 7
        tx.add(ClosedDay(pharmacy_id=other.pharmacy_id, day=FIRST, name="Move"))
    with database.reading(SYSTEM, CLOCK) as tx:
        first, second, *_ = calendar_days(tx, FIRST, END).days
    assert (first.closed, first.closed_at, first.capacity) == ("", ("other pharmacy",), 7)
    assert (second.closed_at, second.capacity) == ((), 12)


@pytest.mark.parametrize("days", [0, -1, 63])
def test_an_empty_or_endless_range_is_refused(database: Database, shop: Shop, days: int) -> None:
    with database.reading(shop.scope, CLOCK) as tx, pytest.raises(Invalid):
        calendar_days(tx, FIRST, FIRST + timedelta(days=days))


@pytest.mark.both_databases
def test_the_panel_shows_drugs_problems_and_what_is_coming(database: Database, shop: Shop) -> None:
    from medsync_app.domain.states import ActionState, ExceptionKind

    cycle_id = batch(database, shop, FIRST, drugs=2)
    with database.reading(SYSTEM, CLOCK) as tx:
        patient_id = batch_view(tx, cycle_id).patient_id
    with database.reading(SYSTEM, CLOCK) as tx:
        drug = batch_view(tx, cycle_id).drugs[0].therapy_id
    make_task(
        database, shop, ExceptionKind.NO_REFILLS, patient_id=patient_id, cycle_id=cycle_id, therapy_id=drug
    )
    make_task(database, shop, ExceptionKind.CONTACT, patient_id=patient_id)
    make_message(database, shop, patient_id, due_at=NOW + timedelta(days=2), cycle_id=cycle_id, step="later")
    make_message(database, shop, patient_id, due_at=NOW + timedelta(days=1), cycle_id=cycle_id, step="soon")
    make_message(
        database, shop, patient_id, due_at=NOW, cycle_id=cycle_id, step="gone", state=ActionState.SENT
    )
    with database.reading(shop.scope, CLOCK) as tx:
        found = batch_view(tx, cycle_id)
    assert [drug.name for drug in found.drugs] == ["Drug 0 10 mg", "Drug 1 10 mg"]
    assert {(problem.kind, problem.of_batch, problem.drug) for problem in found.problems} == {
        (ExceptionKind.NO_REFILLS, True, "Drug 0 10 mg"),
        (ExceptionKind.CONTACT, False, ""),
    }
    assert [action.step for action in found.coming] == ["soon", "later"]


def test_the_panel_of_another_pharmacys_batch_is_not_found(database: Database, shop: Shop) -> None:
    other = make_shop(database, "other")
    theirs = batch(database, other, TODAY)
    with database.reading(shop.scope, CLOCK) as tx, pytest.raises(NotFound):
        batch_view(tx, theirs)
