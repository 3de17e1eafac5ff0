"""Days that break a rule: a pharmacist of that pharmacy chooses them with a reason, nobody else does."""

from datetime import timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.errors import Forbidden, Invalid
from medsync_app.services.override import BREAK_WORDS, NEVER, check_override
from medsync_app.services.reschedule import reschedule
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import ClosedDay, Cycle
from tests.support.programme import NOW, Batch, Clinic, batch_of


def check(database: Database, scope: Scope, breaks: tuple[str, ...], reason: str) -> None:
    with database.reading(scope, VirtualClock(NOW)) as tx:
        check_override(tx, "here", breaks, reason)


def as_(role: Role, at: str = "here") -> Scope:
    return Scope.staff("somebody", "Somebody", {"here": Role.TECHNICIAN, at: role})


def test_a_day_that_breaks_nothing_needs_nobody(database: Database) -> None:
    check(database, as_(Role.TECHNICIAN), (), "")


@pytest.mark.parametrize("code", sorted(BREAK_WORDS.keys() - NEVER))
def test_a_pharmacist_breaks_a_rule_with_a_reason(database: Database, code: str) -> None:
    check(database, as_(Role.PHARMACIST), (code,), "Leaves for a journey.")
    with pytest.raises(Invalid) as caught:
        check(database, as_(Role.PHARMACIST), (code,), "  ")
    assert caught.value.field == "override_reason"
    assert BREAK_WORDS[code] in caught.value.message


@pytest.mark.parametrize("scope", [as_(Role.TECHNICIAN), as_(Role.OWNER), as_(Role.PHARMACIST, at="there")])
def test_nobody_else_does(database: Database, scope: Scope) -> None:
    with pytest.raises(Forbidden, match="pharmacist"):
        check(database, scope, ("full",), "Leaves for a journey.")


@pytest.mark.parametrize("code", sorted(NEVER))
def test_no_reason_makes_an_impossible_day_possible(database: Database, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        check(database, as_(Role.PHARMACIST), ("full", code), "Leaves for a journey.")
    assert caught.value.field == "sync_date"


def test_a_technician_who_knows_a_reason_moves_nothing(clinic: Clinic, batch: Batch) -> None:
    """What the page checks before is checked again where it is written: the day may have closed in between."""
    to = batch.sync_date - timedelta(days=1)
    pharmacy_id = clinic.shop.pharmacy_id
    with clinic.writing() as tx:
        tx.add(ClosedDay(pharmacy_id=pharmacy_id, day=to, name="Inventory"))
    technician = Scope.staff("t", "Technician", {pharmacy_id: Role.TECHNICIAN})
    with pytest.raises(Forbidden), clinic.database.transaction(technician, clinic.clock) as tx:
        reschedule(tx, batch.id, to, expected_version=batch.version, override_reason="The patient wants it.")
    with clinic.reading() as tx:
        assert tx.get(Cycle, batch.id).sync_date == batch.sync_date
    assert batch_of(clinic) == batch
