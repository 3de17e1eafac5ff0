"""Closed days: chosen from the federal holidays, or days of one's own."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState
from medsync_app.errors import Invalid, NotFound
from medsync_app.reads.settings import closures
from medsync_app.services.closed_days import close_on, open_on, us_holidays
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, ClosedDay, ScheduledAction
from tests.services.test_update_pharmacy import saved
from tests.support.cycles import SYNC, make_cycle
from tests.support.programme import Batch, Clinic
from tests.support.store import SYSTEM, make_patient, make_shop

CHRISTMAS = date(2026, 12, 25)


def test_the_holidays_of_a_year_hold_the_observed_days() -> None:
    found = us_holidays(2026)
    assert found[CHRISTMAS] == "Christmas Day"
    assert found[date(2026, 7, 3)] == "Independence Day (observed)"
    assert list(found) == sorted(found)


def test_closed_days_are_added_once_and_written_down(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    with database.transaction(shop.scope, clock) as tx:
        assert close_on(tx, shop.pharmacy_id, {CHRISTMAS: "Christmas Day", SYNC: " Inventory "}) == 2
    with database.transaction(shop.scope, clock) as tx:
        assert close_on(tx, shop.pharmacy_id, {CHRISTMAS: "Again"}) == 0
    with database.reading(shop.scope, clock) as tx:
        assert [(one.day, one.name) for one in closures(tx, shop.pharmacy_id)] == [
            (SYNC, "Inventory"),
            (CHRISTMAS, "Christmas Day"),
        ]
    with database.reading(SYSTEM) as tx:
        (event,) = tx.session.scalars(select(AuditEvent)).all()
    assert event.detail == {"days": [SYNC.isoformat(), CHRISTMAS.isoformat()]}


def test_a_closed_day_says_how_many_pickups_stand_on_it(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    make_cycle(database, shop, make_patient(database, shop))
    with database.transaction(shop.scope, clock) as tx:
        close_on(tx, shop.pharmacy_id, {SYNC: "Inventory", CHRISTMAS: "Christmas Day"})
    with database.reading(shop.scope, clock) as tx:
        assert [one.pickups for one in closures(tx, shop.pharmacy_id)] == [1, 0]


def prepared_on(clinic: Clinic) -> list[date | None]:
    with clinic.reading() as tx:
        waiting = select(ScheduledAction.local_date).where(
            ScheduledAction.step == "prepare_t2", ScheduledAction.state == ActionState.QUEUED
        )
        return list(tx.session.scalars(waiting))


@pytest.mark.slow
def test_preparation_follows_the_days_on_which_the_pharmacy_is_open(clinic: Clinic, batch: Batch) -> None:
    usual = batch.sync_date - timedelta(days=2)
    assert prepared_on(clinic) == [usual]
    with clinic.writing() as tx:
        close_on(
            tx, clinic.shop.pharmacy_id, {usual: "Stocktaking", usual - timedelta(days=1): "Stocktaking"}
        )
    assert prepared_on(clinic) == [usual - timedelta(days=2)]
    with clinic.reading() as tx:
        first, second = tx.session.scalars(select(ClosedDay.id).order_by(ClosedDay.day))
    with clinic.writing() as tx:
        open_on(tx, second)
    assert prepared_on(clinic) == [usual]
    with clinic.writing() as tx:
        open_on(tx, first)
    day = usual.weekday()
    saved(clinic.database, clinic.clock, clinic.shop, **{f"opens_{day}": "", f"closes_{day}": ""})
    assert prepared_on(clinic) == [usual - timedelta(days=1)]


@pytest.mark.parametrize(
    ("days", "field"),
    [
        ({}, "day"),
        ({date(2026, 10, 31): "Past"}, "day"),
        ({date(2030, 1, 1): "Far"}, "day"),
        ({SYNC: " "}, "name"),
    ],
)
def test_days_that_make_no_sense_are_refused(
    database: Database, clock: VirtualClock, days: dict[date, str], field: str
) -> None:
    shop = make_shop(database)
    with pytest.raises(Invalid) as caught, database.transaction(shop.scope, clock) as tx:
        close_on(tx, shop.pharmacy_id, days)
    assert caught.value.field == field


def test_only_its_own_staff_opens_a_day_again(database: Database, clock: VirtualClock) -> None:
    shop, other = make_shop(database), make_shop(database, "other")
    with database.transaction(shop.scope, clock) as tx:
        close_on(tx, shop.pharmacy_id, {CHRISTMAS: "Christmas Day"})
        day = closures(tx, shop.pharmacy_id)[0]
    with pytest.raises(NotFound), database.transaction(other.scope, clock) as tx:
        open_on(tx, day.id)
    with database.transaction(shop.scope, clock) as tx:
        open_on(tx, day.id)
    with database.reading(SYSTEM) as tx:
        assert tx.session.scalars(select(ClosedDay)).all() == []
