"""The audit log as the settings show it: one pharmacy's chain only."""

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.errors import NotFound
from medsync_app.reads.audit import PAGE_SIZE, audit_page
from medsync_app.services.audit import audit
from medsync_app.services.verify_audit import note_check, verify_audit
from medsync_app.store import audit as audit_store
from medsync_app.store.audit import ChainReport, Head
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import AuditEvent
from tests.support.store import SYSTEM, Shop, make_shop


def written(database: Database, clock: VirtualClock, shop: Shop, *acts: str, who: str = "Pat Tester") -> None:
    scope = Scope.staff(f"id of {who}", who, {shop.pharmacy_id: Role.OWNER})
    for act in acts:
        with database.transaction(scope, clock) as tx:
            audit(tx, pharmacy_id=shop.pharmacy_id, act=act, subject_kind="patient", subject_id="p1")


def test_the_newest_act_comes_first_and_the_filters_narrow_it(
    database: Database, clock: VirtualClock
) -> None:
    shop = make_shop(database)
    written(database, clock, shop, "view_patient", "enroll")
    written(database, clock, shop, "view_patient", who="Sam Other")
    with database.reading(shop.scope, clock) as tx:
        everything = audit_page(tx, shop.pharmacy_id)
        by_act = audit_page(tx, shop.pharmacy_id, act="view_patient")
        by_person = audit_page(tx, shop.pharmacy_id, actor_id="id of Pat Tester")
    assert [row.sequence for row in everything.rows] == [3, 2, 1]
    assert everything.acts == ["enroll", "view_patient"]
    assert everything.people == {"id of Pat Tester": "Pat Tester", "id of Sam Other": "Sam Other"}
    assert ([row.sequence for row in by_act.rows], by_act.total) == ([3, 1], 2)
    assert [row.sequence for row in by_person.rows] == [2, 1]


def test_the_log_comes_in_pages(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    written(database, clock, shop, *["view_patient"] * (PAGE_SIZE + 1))
    with database.reading(shop.scope, clock) as tx:
        found = audit_page(tx, shop.pharmacy_id, page=2)
    assert ([row.sequence for row in found.rows], found.total) == ([1], PAGE_SIZE + 1)


def test_the_log_of_another_pharmacy_is_never_read(database: Database, clock: VirtualClock) -> None:
    shop, other = make_shop(database), make_shop(database, "other")
    written(database, clock, shop, "enroll")
    with database.reading(other.scope, clock) as tx:
        assert audit_page(tx, other.pharmacy_id).total == 0
        with pytest.raises(NotFound):
            audit_page(tx, shop.pharmacy_id)
    with pytest.raises(NotFound), database.transaction(other.scope, clock) as tx:
        verify_audit(tx, shop.pharmacy_id)


def checked(database: Database, clock: VirtualClock, shop: Shop) -> ChainReport:
    with database.reading(shop.scope, clock) as tx:
        found = verify_audit(tx, shop.pharmacy_id)
    with database.transaction(shop.scope, clock) as tx:
        note_check(tx, shop.pharmacy_id, found)
    return found


@pytest.mark.slow
@pytest.mark.both_databases
def test_what_is_written_while_the_log_is_checked_is_no_damage(
    database: Database, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(database)
    written(database, clock, shop, "enroll")
    read = audit_store.heads

    def heads_and_then_a_colleague_works(tx: Tx) -> list[Head]:
        found = read(tx)
        written(database, clock, shop, "withdraw")
        return found

    monkeypatch.setattr(audit_store, "heads", heads_and_then_a_colleague_works)
    with database.reading(shop.scope, clock) as tx:
        assert verify_audit(tx, shop.pharmacy_id).problem == ""


def test_checking_finds_a_changed_row_and_is_written_down(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    written(database, clock, shop, "enroll", "withdraw")
    assert checked(database, clock, shop).ok
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(AuditEvent, 2).act = "view_patient"
    found = checked(database, clock, shop)
    assert found.problem == "row 2 was changed, or the key is another one"
    with database.reading(shop.scope, clock) as tx:
        checks = audit_page(tx, shop.pharmacy_id, act="verify_audit").rows
    assert [row.detail for row in checks] == [{"rows": 3, "ok": False}, {"rows": 2, "ok": True}]


def test_another_chains_damage_is_not_this_pharmacys(database: Database, clock: VirtualClock) -> None:
    shop, other = make_shop(database), make_shop(database, "other")
    written(database, clock, other, "enroll")
    written(database, clock, shop, "enroll")
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(AuditEvent, 1).act = "changed"
    with database.transaction(shop.scope, clock) as tx:
        assert verify_audit(tx, shop.pharmacy_id).ok
    with database.transaction(other.scope, clock) as tx:
        assert not verify_audit(tx, other.pharmacy_id).ok
