"""The audit log: acts of people, chained so that nothing is changed, removed or cut off unseen."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from medsync_app.errors import NotFound
from medsync_app.services.audit import audit
from medsync_app.store.audit import ChainReport, verify
from medsync_app.store.audit_key import audit_key
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, AuditHead
from tests.support.store import SYSTEM, Shop, make_shop


def _act(database: Database, shop: Shop, act: str = "enroll", **detail: Any) -> None:
    with database.transaction(shop.scope) as tx:
        audit(tx, pharmacy_id=shop.pharmacy_id, act=act, subject_kind="cycle", subject_id="c1", detail=detail)


def _report(database: Database, chain: str) -> ChainReport:
    with database.reading(SYSTEM) as tx:
        return next(report for report in verify(tx, audit_key()) if report.chain == chain)


def _rows(database: Database) -> list[AuditEvent]:
    with database.reading(SYSTEM) as tx:
        return list(tx.session.scalars(select(AuditEvent).order_by(AuditEvent.sequence)))  # pyright: ignore


def test_an_act_is_written_with_who_what_and_when(database: Database, shop: Shop) -> None:
    _act(database, shop, "mark_ready", items=["a", "b"], on=date(2026, 11, 24), copay=Decimal("1.50"))
    (row,) = _rows(database)
    assert (row.chain, row.sequence, row.actor_id, row.actor_name) == (
        shop.pharmacy_id, 1, "staff-of-test", "Pat Tester",
    )  # fmt: skip
    assert (row.act, row.subject_kind, row.subject_id) == ("mark_ready", "cycle", "c1")
    assert row.detail == {"items": ["a", "b"], "on": "2026-11-24", "copay": "1.50"}
    assert row.at.tzinfo is not None


def test_a_whole_chain_verifies(database: Database, shop: Shop) -> None:
    for number in range(5):
        _act(database, shop, number=number)
    report = _report(database, shop.pharmacy_id)
    assert report.ok
    assert report.rows == 5


def test_each_pharmacy_has_its_own_chain(database: Database, shop: Shop) -> None:
    other = make_shop(database, "other")
    _act(database, shop)
    _act(database, other)
    _act(database, shop)
    assert sorted((row.chain == shop.pharmacy_id, row.sequence) for row in _rows(database)) == [
        (False, 1), (True, 1), (True, 2),
    ]  # fmt: skip


def _change(database: Database, statement: Any) -> None:
    with database.engine.begin() as connection:
        connection.execute(statement)


EVENT: Any = AuditEvent.__table__  # pyright: ignore
HEAD: Any = AuditHead.__table__  # pyright: ignore


@pytest.mark.parametrize(
    ("tamper", "problem"),
    [
        (lambda: update(EVENT).where(EVENT.c.sequence == 2).values(act="other"), "row 2 was changed"),
        (lambda: update(EVENT).where(EVENT.c.sequence == 2).values(actor_name="Eve"), "row 2 was changed"),
        (lambda: update(EVENT).where(EVENT.c.sequence == 2).values(detail={"x": 1}), "row 2 was changed"),
        (lambda: delete(EVENT).where(EVENT.c.sequence == 1), "row 1 is missing"),
        (lambda: delete(EVENT).where(EVENT.c.sequence == 2), "row 2 is missing"),
        (lambda: delete(EVENT).where(EVENT.c.sequence == 4), "rows 4 to 4 were cut off"),
        (lambda: delete(EVENT), "rows 1 to 4 were cut off"),
        (lambda: delete(HEAD), "the head is missing"),
        (lambda: update(HEAD).values(sequence=3), "the head was changed"),
    ],
)
def test_tampering_is_found(database: Database, shop: Shop, tamper: Callable[[], Any], problem: str) -> None:
    for number in range(4):
        _act(database, shop, number=number)
    _change(database, tamper())
    report = _report(database, shop.pharmacy_id)
    assert not report.ok
    assert report.problem.startswith(problem)


def test_a_tail_cut_off_together_with_the_head_is_found(database: Database, shop: Shop) -> None:
    for number in range(4):
        _act(database, shop, number=number)
    third = _rows(database)[2]
    _change(database, delete(EVENT).where(EVENT.c.sequence == 4))
    _change(database, update(HEAD).values(sequence=3, mac=third.mac))
    assert _report(database, shop.pharmacy_id).problem == "the head was changed"


@pytest.mark.both_databases
def test_work_goes_on_after_tampering_and_the_break_stays_visible(database: Database, shop: Shop) -> None:
    for number in range(2):
        _act(database, shop, number=number)
    _change(database, delete(EVENT).where(EVENT.c.sequence == 2))
    _act(database, shop)
    assert _report(database, shop.pharmacy_id).problem == "row 2 is missing"


def test_machines_are_not_in_the_log(database: Database, shop: Shop) -> None:
    with database.transaction(Scope.system("loop")) as tx:
        audit(tx, pharmacy_id=shop.pharmacy_id, act="send")
    assert _rows(database) == []


def test_an_act_at_another_pharmacy_is_refused(database: Database, shop: Shop) -> None:
    other = make_shop(database, "other")
    with pytest.raises(NotFound), database.transaction(shop.scope) as tx:
        audit(tx, pharmacy_id=other.pharmacy_id, act="enroll")
    assert _rows(database) == []


def test_an_act_that_fails_leaves_no_row_and_no_hole(database: Database, shop: Shop) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction(shop.scope) as tx:
        audit(tx, pharmacy_id=shop.pharmacy_id, act="enroll")
        raise ZeroDivisionError
    _act(database, shop)
    assert [row.sequence for row in _rows(database)] == [1]


def test_a_transaction_that_only_reads_cannot_lose_an_audit_row(database: Database, shop: Shop) -> None:
    with pytest.raises(RuntimeError, match="writing"), database.reading(shop.scope) as tx:
        audit(tx, pharmacy_id=shop.pharmacy_id, act="view_patient")


def test_a_value_that_is_no_plain_fact_is_refused(database: Database, shop: Shop) -> None:
    with pytest.raises(TypeError):
        _act(database, shop, thing=object())
