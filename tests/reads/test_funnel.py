"""The funnel of the pharmacies in scope, from candidates to those who stay."""

from datetime import timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.funnel import Funnel, Step
from medsync_app.domain.states import CycleState, EnrollmentState
from medsync_app.reads.funnel import programme_funnel
from medsync_app.store.session import Database
from medsync_app.store.tables import EnrollmentOffer
from tests.support.databases import POSTGRES, SQLITE
from tests.support.screens import TODAY, make_batch, make_therapy
from tests.support.store import NOW, SYSTEM, Shop, make_patient, make_shop

FILLED = tuple(TODAY - timedelta(days=ago) for ago in (95, 65, 35, 5))
AGO = TODAY - timedelta(days=30)


def funnel_of(database: Database, clock: VirtualClock, shop: Shop) -> Funnel:
    with database.reading(shop.scope, clock) as tx:
        return programme_funnel(tx)


def candidate(database: Database, shop: Shop, first: str) -> str:
    patient = make_patient(database, shop, first=first)
    for drug in ("Lisinopril 10 MG", "Metformin 500 MG"):
        make_therapy(database, shop, patient, drug, fills=FILLED)
    return patient


def ask(
    database: Database, shop: Shop, patient_id: str, *, days_ago: int = 40, declined: bool = False
) -> None:
    at = NOW - timedelta(days=days_ago)
    with database.transaction(SYSTEM, VirtualClock(at)) as tx:
        offer = EnrollmentOffer(
            pharmacy_id=shop.pharmacy_id, patient_id=patient_id, asked_at=at, asked_by="Pat Tester"
        )
        offer.declined_at = at if declined else None
        tx.add(offer)


@pytest.mark.parametrize(
    "database", [SQLITE, pytest.param(POSTGRES, marks=pytest.mark.postgres)], indirect=True
)
def test_patients_are_counted_as_far_as_they_have_come(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    candidate(database, shop, "Never")
    ask(database, shop, candidate(database, shop, "Declined"), declined=True)
    make_batch(database, shop, make_patient(database, shop, first="New"), (), on=TODAY + timedelta(days=9))
    stays = make_patient(database, shop, first="Stays")
    kept = make_batch(database, shop, stays, (), on=AGO, state=CycleState.CLOSED, picked_up_on=AGO)
    make_batch(database, shop, stays, (), on=TODAY, enrollment_id=kept.enrollment_id, number=2)
    misses = make_patient(database, shop, first="Misses")
    first = make_batch(
        database, shop, misses, (), on=AGO - timedelta(days=30), state=CycleState.CLOSED,
        picked_up_on=AGO - timedelta(days=30),
    )  # fmt: skip
    make_batch(
        database,
        shop,
        misses,
        (),
        on=AGO,
        enrollment_id=first.enrollment_id,
        number=2,
        state=CycleState.MISSED,
    )
    make_batch(
        database, shop, make_patient(database, shop, first="Leaves"), (), on=AGO,
        enrollment=EnrollmentState.WITHDRAWN, state=CycleState.CANCELLED,
    )  # fmt: skip
    make_patient(database, shop, first="Single")
    found = funnel_of(database, clock, shop)
    assert [found.reached[step] for step in Step] == [6, 5, 4, 2, 1]
    assert [(rate.numerator, rate.denominator) for rate in found.rates.values()] == [
        (5, 6), (4, 5), (2, 3), (1, 2),
    ]  # fmt: skip
    assert (found.declined, dict(found.fell_out)) == (1, {EnrollmentState.WITHDRAWN: 1})


def test_who_came_back_takes_part(database: Database, clock: VirtualClock, shop: Shop) -> None:
    patient = make_patient(database, shop)
    make_batch(
        database, shop, patient, (), on=AGO, enrollment=EnrollmentState.INACTIVE, state=CycleState.MISSED
    )
    assert dict(funnel_of(database, clock, shop).fell_out) == {EnrollmentState.INACTIVE: 1}
    make_batch(database, shop, patient, (), on=TODAY)
    found = funnel_of(database, clock, shop)
    assert (found.reached[Step.ENROLLED], dict(found.fell_out)) == (1, {})


def test_of_two_enrollments_the_one_that_lives_counts(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(database, shop)
    make_batch(database, shop, patient, (), on=TODAY)
    make_batch(
        database,
        shop,
        patient,
        (),
        on=AGO,
        enrollment=EnrollmentState.TRANSFERRED,
        state=CycleState.CANCELLED,
    )
    assert dict(funnel_of(database, clock, shop).fell_out) == {}


def test_another_location_is_not_counted(database: Database, clock: VirtualClock, shop: Shop) -> None:
    other = make_shop(database, "other")
    candidate(database, other, "There")
    make_batch(
        database, other, make_patient(database, other), (), on=AGO, state=CycleState.CLOSED, picked_up_on=AGO
    )
    assert set(funnel_of(database, clock, shop).reached.values()) == {0}
    assert funnel_of(database, clock, other).reached[Step.ELIGIBLE] == 2
