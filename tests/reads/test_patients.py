"""The list of patients: search, filter, order, pages, scope."""

from datetime import date, timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import EnrollmentState
from medsync_app.reads.patients import PAGE_SIZE, PatientList, patient_list
from medsync_app.reads.search import fold, search
from medsync_app.store.session import Database
from tests.support.screens import TODAY, make_batch, make_therapy
from tests.support.store import Shop, make_patient, make_shop


def listed(database: Database, clock: VirtualClock, shop: Shop, **asked: object) -> PatientList:
    with database.reading(shop.scope, clock) as tx:
        return patient_list(tx, **asked)  # pyright: ignore[reportArgumentType]


def names(found: PatientList) -> list[str]:
    return [row.first_name for row in found.rows]


@pytest.mark.both_databases
def test_patients_are_grouped_by_their_newest_enrollment(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    people = {name: make_patient(database, shop, first=name) for name in ("Ada", "Ben", "Cleo", "Dora")}
    make_batch(database, shop, people["Ada"], (), on=TODAY, enrollment=EnrollmentState.WITHDRAWN)
    make_batch(database, shop, people["Ada"], (), on=TODAY)
    make_batch(database, shop, people["Ben"], (), on=TODAY, enrollment=EnrollmentState.PAUSED)
    make_batch(database, shop, people["Cleo"], (), on=TODAY, enrollment=EnrollmentState.DECEASED)
    found = listed(database, clock, shop)
    assert found.counts == {"": 4, "enrolled": 1, "paused": 1, "ended": 1, "none": 1}
    assert found.total == 4
    for group, name in (("enrolled", "Ada"), ("paused", "Ben"), ("ended", "Cleo"), ("none", "Dora")):
        only = listed(database, clock, shop, group=group)
        assert (names(only), only.total) == ([name], 1)


def test_a_row_holds_the_nearest_batch_and_the_active_drugs(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    ada = make_patient(database, shop, phone="+14045550123")
    make_therapy(database, shop, ada, "Lisinopril 10 mg")
    make_therapy(database, shop, ada, "Metformin 500 mg", status="discontinued")
    batch = make_batch(database, shop, ada, (), on=TODAY + timedelta(days=30))
    make_batch(
        database, shop, ada, (), on=TODAY + timedelta(days=5), enrollment_id=batch.enrollment_id, number=2
    )
    row = listed(database, clock, shop).rows[0]
    assert (row.next_sync, row.drugs, row.phone) == (TODAY + timedelta(days=5), 1, "+14045550123")


def test_the_list_is_sorted_both_ways(database: Database, clock: VirtualClock, shop: Shop) -> None:
    for name, born in (("Ada", 1950), ("Ben", 1940), ("Cleo", 1960)):
        make_patient(database, shop, first=name, birth_date=date(born, 1, 1))
    assert names(listed(database, clock, shop, sort="birth")) == ["Ben", "Ada", "Cleo"]
    assert names(listed(database, clock, shop, sort="-birth")) == ["Cleo", "Ada", "Ben"]
    assert names(listed(database, clock, shop, sort="drop table")) == ["Ada", "Ben", "Cleo"]


@pytest.mark.both_databases
def test_patients_without_a_date_come_last_either_way(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    people = [make_patient(database, shop, first=name) for name in ("Ada", "Ben", "Cleo")]
    make_batch(database, shop, people[1], (), on=TODAY)
    make_batch(database, shop, people[2], (), on=TODAY + timedelta(days=1))
    assert names(listed(database, clock, shop, sort="next")) == ["Ben", "Cleo", "Ada"]
    assert names(listed(database, clock, shop, sort="-next")) == ["Cleo", "Ben", "Ada"]


def test_fifty_rows_make_a_page(database: Database, clock: VirtualClock, shop: Shop) -> None:
    for number in range(PAGE_SIZE + 3):
        make_patient(database, shop, first=f"P{number:03d}")
    first, second = listed(database, clock, shop), listed(database, clock, shop, page=2)
    assert (len(first.rows), len(second.rows), first.total) == (PAGE_SIZE, 3, PAGE_SIZE + 3)
    assert not {row.id for row in first.rows} & {row.id for row in second.rows}


@pytest.mark.parametrize(
    "text", ["exam", "Example, Ad", "ada", "ADA exam", "7012", "5550123", "(404) 555-0123"]
)
@pytest.mark.both_databases
def test_a_patient_is_found_by_name_rx_and_phone(
    database: Database, clock: VirtualClock, shop: Shop, text: str
) -> None:
    ada = make_patient(database, shop, phone="+14045550123")
    make_patient(database, shop, first="Zoe", last="Other", phone="+14045559999")
    make_therapy(database, shop, ada, "Lisinopril 10 mg", rx_number="7012345")
    with database.reading(shop.scope, clock) as tx:
        assert [found.patient_id for found in search(tx, text)] == [ada]
    assert names(listed(database, clock, shop, text=text)) == ["Ada"]


@pytest.mark.parametrize("text", ["", "a", "xample", "da", "%", "_", "' or 1=1", "0", "7%5", "70_2345"])
def test_the_middle_of_a_word_and_wildcards_find_nobody(
    database: Database, clock: VirtualClock, shop: Shop, text: str
) -> None:
    ada = make_patient(database, shop, phone="+14045550123")
    make_therapy(database, shop, ada, "Lisinopril 10 mg", rx_number="7012345")
    with database.reading(shop.scope, clock) as tx:
        assert search(tx, text) == []
    if text.strip("a"):
        assert names(listed(database, clock, shop, text=text)) == ([] if fold(text) else ["Ada"])


def test_search_forgives_accents_case_and_apostrophes() -> None:
    assert fold("Núñez, JOSÉ") == ["nunez", "jose"]
    assert fold("O'Brien-Smith") == ["obrien", "smith"]


def test_another_pharmacy_finds_nobody(database: Database, clock: VirtualClock, shop: Shop) -> None:
    ada = make_patient(database, shop, phone="+14045550123")
    make_therapy(database, shop, ada, "Lisinopril 10 mg", rx_number="7012345")
    make_batch(database, shop, ada, (), on=TODAY)
    other = make_shop(database, "other")
    found = listed(database, clock, other)
    assert (found.rows, found.total) == ((), 0)
    with database.reading(other.scope, clock) as tx:
        assert [search(tx, text) for text in ("exam", "7012345", "5550123")] == [[], [], []]
