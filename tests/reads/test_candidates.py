"""Who would gain by the programme: chronic drugs, visits, days covered, order, pages, scope."""

from datetime import timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import EnrollmentState
from medsync_app.reads.candidates import PAGE_SIZE, CandidateList, candidate_list, with_windows
from medsync_app.services.propose import propose
from medsync_app.store.session import Database
from medsync_app.store.tables import Patient
from tests.support.adherent import monthly
from tests.support.screens import TODAY, make_batch, make_therapy
from tests.support.store import SYSTEM, Shop, make_patient, make_shop

RECENT = monthly(TODAY - timedelta(days=150), 6)
DRUGS = ("Lisinopril 10 mg", "Metformin 500 mg", "Atorvastatin 20 mg", "Amlodipine 5 mg", "Losartan 50 mg")


def person(database: Database, shop: Shop, first: str, count: int = 2, *, apart: int = 0) -> str:
    """A patient with `count` chronic drugs, each filled `apart` days after the one before."""
    patient = make_patient(database, shop, first=first)
    for number, drug in enumerate(DRUGS[:count]):
        fills = tuple(day - timedelta(days=number * apart) for day in RECENT)
        make_therapy(database, shop, patient, drug, fills=fills)
    return patient


def listed(database: Database, clock: VirtualClock, shop: Shop, **asked: object) -> CandidateList:
    with database.reading(shop.scope, clock) as tx:
        return candidate_list(tx, **asked)  # pyright: ignore[reportArgumentType]


def names(found: CandidateList) -> list[str]:
    return [row.first_name for row in found.rows]


def test_two_chronic_drugs_make_a_candidate(database: Database, clock: VirtualClock, shop: Shop) -> None:
    person(database, shop, "Ada")
    person(database, shop, "Ben", 1)
    cleo = person(database, shop, "Cleo", 1)
    make_therapy(database, shop, cleo, "Ibuprofen 400 mg", fills=RECENT, as_needed=True)
    make_therapy(database, shop, cleo, "Amoxicillin 500 mg", fills=RECENT[-1:], days=10)
    make_therapy(database, shop, cleo, "Methylphenidate 10 mg", fills=RECENT, schedule=2)
    make_therapy(database, shop, cleo, "Losartan 50 mg", fills=RECENT, status="discontinued")
    make_therapy(database, shop, cleo, "Metformin 500 mg", fills=(TODAY - timedelta(days=61),))
    found = listed(database, clock, shop)
    assert names(found) == ["Ada"]
    assert found.rows[0].drugs == ("Lisinopril 10 mg", "Metformin 500 mg")


def test_supply_that_ended_a_month_ago_still_counts(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    ada = make_patient(database, shop)
    for drug in DRUGS[:2]:
        make_therapy(database, shop, ada, drug, fills=(TODAY - timedelta(days=60),))
    assert names(listed(database, clock, shop)) == ["Ada"]


@pytest.mark.parametrize(
    "state", [state for state in EnrollmentState if state is not EnrollmentState.INACTIVE]
)
def test_who_takes_part_or_left_is_no_candidate(
    database: Database, clock: VirtualClock, shop: Shop, state: EnrollmentState
) -> None:
    make_batch(database, shop, person(database, shop, "Ada"), (), on=TODAY, enrollment=state)
    assert names(listed(database, clock, shop)) == []


def test_who_became_inactive_may_be_asked_again(database: Database, clock: VirtualClock, shop: Shop) -> None:
    make_batch(
        database, shop, person(database, shop, "Ada"), (), on=TODAY, enrollment=EnrollmentState.INACTIVE
    )
    assert names(listed(database, clock, shop)) == ["Ada"]


def test_the_dead_are_no_candidates(database: Database, clock: VirtualClock, shop: Shop) -> None:
    ada = person(database, shop, "Ada")
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Patient, ada).deceased_on = TODAY
    assert names(listed(database, clock, shop)) == []


def test_visits_are_distinct_days_and_pdc_covers_all_chronic_drugs(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    ada = make_patient(database, shop)
    make_therapy(database, shop, ada, DRUGS[0], fills=monthly(TODAY - timedelta(days=359), 12))
    make_therapy(database, shop, ada, DRUGS[1], fills=monthly(TODAY - timedelta(days=179), 3, every=60))
    row = listed(database, clock, shop).rows[0]
    # Six days in the last 180, the second drug on three of them.
    assert row.visits == pytest.approx(6 / (180 / (365.25 / 12)))
    # 360 of 360 days and 90 of 180.
    assert row.pdc == pytest.approx(450 / 540)


def test_a_short_history_is_not_stretched_over_half_a_year(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    ada = make_patient(database, shop)
    for drug in DRUGS[:2]:
        make_therapy(database, shop, ada, drug, fills=(TODAY - timedelta(days=4), TODAY))
    assert listed(database, clock, shop).rows[0].visits == pytest.approx(2 / (30 / (365.25 / 12)))


@pytest.mark.both_databases
def test_groups_orders_and_search(database: Database, clock: VirtualClock, shop: Shop) -> None:
    person(database, shop, "Ada", 2)
    person(database, shop, "Ben", 5)
    person(database, shop, "Cleo", 3, apart=3)
    low = make_patient(database, shop, first="Dora")
    for drug in DRUGS[:2]:
        make_therapy(database, shop, low, drug, fills=monthly(TODAY - timedelta(days=150), 3, every=75))
    found = listed(database, clock, shop)
    assert found.counts == {"": 4, "low": 1, "drugs": 1, "visits": 1}
    assert names(found)[0] == "Cleo"
    assert names(listed(database, clock, shop, sort="name")) == ["Ada", "Ben", "Cleo", "Dora"]
    assert names(listed(database, clock, shop, sort="-name")) == ["Dora", "Cleo", "Ben", "Ada"]
    assert names(listed(database, clock, shop, sort="-drugs")) == ["Ben", "Cleo", "Ada", "Dora"]
    assert names(listed(database, clock, shop, sort="pdc"))[0] == "Dora"
    assert names(listed(database, clock, shop, sort="x; drop")) == names(found)
    assert names(listed(database, clock, shop, group="low")) == ["Dora"]
    assert names(listed(database, clock, shop, text="exam be")) == ["Ben"]
    assert names(listed(database, clock, shop, text="xample")) == []


def test_fifty_rows_make_a_page_and_an_export_takes_all(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    for number in range(PAGE_SIZE + 2):
        person(database, shop, f"P{number:03d}")
    first, second = listed(database, clock, shop), listed(database, clock, shop, page=2)
    assert (len(first.rows), len(second.rows), first.total) == (PAGE_SIZE, 2, PAGE_SIZE + 2)
    assert not {row.patient_id for row in first.rows} & {row.patient_id for row in second.rows}
    assert len(listed(database, clock, shop, size=None).rows) == PAGE_SIZE + 2


def test_the_next_common_date_is_what_the_plan_recommends(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    person(database, shop, "Ada")
    rows = listed(database, clock, shop).rows
    assert (rows[0].planned, rows[0].next_window) == (False, None)
    with database.reading(shop.scope, clock) as tx:
        planned = with_windows(tx, rows)
        recommended = propose(tx, rows[0].patient_id).plan.recommended.sync_date
    assert recommended is not None
    assert (planned[0].planned, planned[0].next_window) == (True, recommended)


def test_another_pharmacy_sees_nobody(database: Database, clock: VirtualClock, shop: Shop) -> None:
    person(database, shop, "Ada")
    found = listed(database, clock, make_shop(database, "other"))
    assert (found.rows, found.total) == ((), 0)
