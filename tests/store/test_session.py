"""A transaction commits once, and a caller's scope holds for every query and write."""

from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import aliased

from medsync_app.errors import Forbidden, NotFound
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import Patient, Pharmacy
from tests.support.store import SYSTEM, Shop, make_patient, make_shop


def _in(shop: Shop) -> Scope:
    return Scope.staff("s", "Sam", {shop.pharmacy_id: shop.role})


def test_a_caller_reads_rows_of_its_own_pharmacies_only(database: Database) -> None:
    ours, theirs = make_shop(database, "ours"), make_shop(database, "theirs")
    mine, other = make_patient(database, ours), make_patient(database, theirs)
    with database.reading(_in(ours)) as tx:
        assert [p.id for p in tx.session.scalars(select(Patient))] == [mine]
        assert tx.session.scalar(select(func.count()).select_from(Patient)) == 1
        assert [p.slug for p in tx.session.scalars(select(Pharmacy))] == ["ours"]
        assert tx.get(Patient, mine).id == mine
        with pytest.raises(NotFound):
            tx.get(Patient, other)


def test_scopes_do_not_leak_into_each_other(database: Database) -> None:
    ours, theirs = make_shop(database, "ours"), make_shop(database, "theirs")
    mine, other = make_patient(database, ours), make_patient(database, theirs)
    for shop, expected in ((ours, mine), (theirs, other), (ours, mine)):
        with database.reading(_in(shop)) as tx:
            assert tx.session.scalars(select(Patient.id)).all() == [expected]


@pytest.mark.both_databases
def test_bulk_updates_stay_inside_the_scope(database: Database) -> None:
    ours, theirs = make_shop(database, "ours"), make_shop(database, "theirs")
    make_patient(database, ours)
    other = make_patient(database, theirs)
    with database.transaction(_in(ours)) as tx:
        tx.session.execute(update(Patient).values(city="Changed"))
    with database.reading(Scope.system("test")) as tx:
        assert tx.get(Patient, other).city != "Changed"


def test_writing_into_another_pharmacy_is_refused(database: Database) -> None:
    ours, theirs = make_shop(database, "ours"), make_shop(database, "theirs")
    with pytest.raises(Forbidden), database.transaction(_in(ours)) as tx:
        tx.add(
            Patient(
                pharmacy_id=theirs.pharmacy_id,
                first_name="A",
                last_name="B",
                created_at=tx.now,
                updated_at=tx.now,
            )
        )


def test_an_error_rolls_everything_back(database: Database) -> None:
    shop = make_shop(database, "ours")
    with pytest.raises(ZeroDivisionError), database.transaction(_in(shop)) as tx:
        tx.get(Pharmacy, shop.pharmacy_id).name = "Changed"
        tx.session.flush()
        raise ZeroDivisionError
    with database.reading(_in(shop)) as tx:
        assert tx.get(Pharmacy, shop.pharmacy_id).name != "Changed"


def test_a_change_raises_the_pharmacys_revision_and_a_read_does_not(
    database: Database,
) -> None:
    shop = make_shop(database, "ours")

    def revision() -> int:
        with database.reading(_in(shop)) as tx:
            return tx.get(Pharmacy, shop.pharmacy_id).revision

    before = revision()
    patient = make_patient(database, shop)
    assert revision() == before + 1
    with database.transaction(_in(shop)) as tx:
        tx.get(Patient, patient)
    assert revision() == before + 1


def test_instants_come_back_aware(database: Database, tmp_path: Path) -> None:
    shop = make_shop(database, "ours")
    with database.reading(_in(shop)) as tx:
        assert tx.get(Pharmacy, shop.pharmacy_id).created_at.tzinfo is not None


@pytest.mark.both_databases
def test_the_scope_holds_for_aliases_joins_and_subqueries(database: Database) -> None:
    ours, theirs = make_shop(database, "ours"), make_shop(database, "theirs")
    mine, other = make_patient(database, ours), make_patient(database, theirs)
    twin = aliased(Patient)
    inner = select(Patient.id).subquery()
    for shop, expected in ((ours, mine), (theirs, other), (ours, mine)):
        with database.reading(_in(shop)) as tx:
            assert tx.session.scalars(select(twin.id)).all() == [expected]
            assert tx.session.scalars(select(inner.c.id)).all() == [expected]
            joined = select(twin.id).join(Patient, Patient.last_name == twin.last_name)
            assert tx.session.scalars(joined).all() == [expected]
            pharmacies = select(Pharmacy.slug).join(Patient, Patient.pharmacy_id == Pharmacy.id)
            assert len(tx.session.scalars(pharmacies).all()) == 1


def test_refreshed_statistics_are_kept_for_the_planner(database: Database) -> None:
    make_patient(database, make_shop(database, "ours"))
    database.refresh_statistics()
    with database.reading(SYSTEM) as tx:
        counted = tx.session.execute(text("select count(*) from sqlite_stat1 where tbl = 'patient'"))
        assert counted.scalar_one() > 0
