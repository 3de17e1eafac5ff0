"""What is kept of a pharmacy's fills is what a fresh reading gives, whatever has changed meanwhile and by whom."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

import pytest
from sqlalchemy import select, text, update
from sqlmodel import SQLModel, col

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import FillStatus
from medsync_app.reads import fill_columns, kept_columns
from medsync_app.reads.fill_columns import Drug, SoldColumns
from medsync_app.reads.kept_columns import Dispensing, dispensing
from medsync_app.store.repositories import dispensing as imported
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import Fill, Patient, Pharmacy, Prescription, Therapy
from tests.support.screens import NOW, TODAY, make_therapy
from tests.support.store import SYSTEM, Shop, make_patient, make_shop

T = TypeVar("T", bound=SQLModel)
SINCE = TODAY - timedelta(days=400)
MONTHLY = tuple(TODAY - timedelta(days=30 * number) for number in range(6, 0, -1))


@dataclass
class Reads:
    """How many patients' fills were asked for, None for everybody's."""

    asked: list[int | None]


@pytest.fixture
def shop(database: Database) -> Shop:
    """Six patients with two drugs each."""
    made = make_shop(database)
    for number in range(6):
        patient = make_patient(database, made, first=f"P{number}")
        for drug in ("Lisinopril 10 mg", "Metformin 500 mg"):
            make_therapy(database, made, patient, drug, fills=MONTHLY)
    return made


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reads]:
    kept_columns._kept.clear()  # pyright: ignore[reportPrivateUsage]
    found = Reads([])
    real = fill_columns.sold_columns

    def counted(tx: Tx, since: date, until: date, ids: list[str] | None = None) -> SoldColumns:
        found.asked.append(None if ids is None else len(ids))
        return real(tx, since, until, ids)

    monkeypatch.setattr(kept_columns, "sold_columns", counted)
    yield found
    kept_columns._kept.clear()  # pyright: ignore[reportPrivateUsage]


def contents(found: Dispensing) -> tuple[dict[str, Drug], dict[str, list[tuple[int, ...]]]]:
    sold = found.sold
    rows: dict[str, list[tuple[int, ...]]] = {}
    for key, start, size in zip(sold.therapies, sold.starts.tolist(), sold.sizes.tolist(), strict=True):
        columns = (
            column[start : start + size].tolist() for column in (sold.claimed, sold.day, sold.days_supply)
        )
        rows[key] = sorted(zip(*columns, strict=True))
    return dict(found.drugs), rows


def kept(database: Database, shop: Shop) -> Dispensing:
    with database.reading(shop.scope, VirtualClock(NOW)) as tx:
        return dispensing(tx, SINCE, TODAY)


def fresh(database: Database, shop: Shop) -> Dispensing:
    with database.reading(shop.scope, VirtualClock(NOW)) as tx:
        return Dispensing(fill_columns.drugs(tx), fill_columns.sold_columns(tx, SINCE, TODAY))


def change(database: Database, act: Callable[[Tx], None]) -> None:
    with database.transaction(SYSTEM, VirtualClock(NOW)) as tx:
        act(tx)


def first(tx: Tx, kind: type[T]) -> T:
    return tx.session.scalars(select(kind).limit(1)).one()


def _reversed(tx: Tx) -> None:
    first(tx, Fill).status = FillStatus.REVERSED


def _stopped(tx: Tx) -> None:
    first(tx, Therapy).status = "discontinued"


def _no_refills(tx: Tx) -> None:
    first(tx, Prescription).refills_left = 0


def _deleted(tx: Tx) -> None:
    tx.session.delete(first(tx, Fill))


def _imported(tx: Tx) -> None:
    rx = first(tx, Prescription)
    row = {
        "patient_id": rx.patient_id, "therapy_id": rx.therapy_id, "prescription_id": rx.id, "fill_number": 90,
        "filled_on": TODAY, "picked_up_on": TODAY, "days_supply": 30, "quantity": Decimal(30),
        "kind": "full", "status": FillStatus.SOLD, "copay": None,
    }  # fmt: skip
    imported.write_fills(tx, rx.pharmacy_id, [row], [])


@pytest.mark.both_databases
@pytest.mark.parametrize("act", [_reversed, _stopped, _no_refills, _deleted, _imported])
def test_a_change_reads_its_patient_again_and_nobody_else(
    database: Database, shop: Shop, reads: Reads, act: Callable[[Tx], None]
) -> None:
    before = contents(kept(database, shop))
    change(database, act)
    now = contents(kept(database, shop))
    assert now != before
    assert now == contents(fresh(database, shop))
    assert reads.asked == [None, 1]


def test_a_change_of_something_else_reads_no_fills(database: Database, shop: Shop, reads: Reads) -> None:
    held = kept(database, shop)
    change(database, lambda tx: setattr(tx.get(Pharmacy, shop.pharmacy_id), "phone", "+14045550100"))
    assert kept(database, shop) is held
    assert reads.asked == [None]


def test_a_new_patient_is_read_and_many_changed_ones_read_everything(
    database: Database, shop: Shop, reads: Reads
) -> None:
    kept(database, shop)
    new = make_patient(database, shop, first="New")
    make_therapy(database, shop, new, "Atorvastatin 20 mg", fills=MONTHLY)
    assert contents(kept(database, shop)) == contents(fresh(database, shop))

    def all_stopped(tx: Tx) -> None:
        for therapy in tx.session.scalars(select(Therapy)):
            therapy.status = "discontinued"

    change(database, all_stopped)
    assert contents(kept(database, shop)) == contents(fresh(database, shop))
    assert reads.asked == [None, 1, None]


def test_what_is_kept_is_for_the_pharmacies_in_scope(database: Database, shop: Shop, reads: Reads) -> None:
    other = make_shop(database, "other")
    kept(database, shop)
    assert kept(database, other).drugs == {}
    assert reads.asked == [None, None]


def test_an_older_copy_of_the_database_is_read_anew(database: Database, shop: Shop, reads: Reads) -> None:
    kept(database, shop)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE pharmacy SET revision = revision - 1"))
        connection.execute(update(Fill.__table__).values(days_supply=7))  # pyright: ignore
    assert contents(kept(database, shop)) == contents(fresh(database, shop))


def test_a_writing_transaction_sees_its_own_change(database: Database, shop: Shop, reads: Reads) -> None:
    before = contents(kept(database, shop))
    with database.transaction(shop.scope, VirtualClock(NOW)) as tx:
        _stopped(tx)
        tx.session.flush()
        assert contents(dispensing(tx, SINCE, TODAY)) != before


@pytest.mark.both_databases
def test_a_mark_is_the_revision_of_its_own_change(database: Database, shop: Shop) -> None:
    change(database, _stopped)
    with database.reading(SYSTEM, VirtualClock(NOW)) as tx:
        revision = tx.get(Pharmacy, shop.pharmacy_id).revision
        marks = list(tx.session.scalars(select(col(Patient.dispensing_revision))))
    assert marks.count(revision) == 1
    assert max(marks) == revision
