"""Exceptions: one open per cause, updated, closed by themselves or by a person, assigned, commented."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from medsync_app.domain.states import ExceptionKind, ExceptionState, Role, Severity
from medsync_app.errors import Conflict, Invalid, NotFound
from medsync_app.services.exceptions import (
    assign,
    close_exception,
    comment,
    due_in,
    open_exception,
    postpone,
    resolve_exception,
)
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import AuditEvent, ExceptionCase, ExceptionComment, Membership, Staff
from tests.support.programme import Clinic, make_clinic


def opened(tx: Tx, clinic: Clinic, **changes: object) -> str:
    values: dict[str, object] = {
        "pharmacy_id": clinic.shop.pharmacy_id, "kind": ExceptionKind.CALL, "cause_key": "call:1",
        "summary": "Call.", "owner_role": Role.TECHNICIAN, "due_at": due_in(tx, hours=8), **changes,
    }  # fmt: skip
    return open_exception(tx, **values)  # type: ignore[arg-type]


def test_the_same_cause_updates_the_open_one(clinic: Clinic) -> None:
    with clinic.writing() as tx:
        first = opened(tx, clinic)
        again = opened(
            tx,
            clinic,
            summary="Call today.",
            due_at=due_in(tx, hours=20),
            severity=Severity.HIGH,
            detail={"n": 2},
        )
        opened(tx, clinic, severity=Severity.LOW, due_at=due_in(tx, hours=30))
        assert again == first
        row = tx.get(ExceptionCase, first)
        assert row.due_at == due_in(tx, hours=8), "the earlier due time stands"
        assert (row.severity, row.detail) == (Severity.HIGH, {"n": 2})
        assert tx.session.scalar(select(func.count()).select_from(ExceptionCase)) == 1


@pytest.mark.both_databases
def test_a_cause_that_comes_back_opens_a_new_one(clinic: Clinic) -> None:
    with clinic.writing() as tx:
        first = opened(tx, clinic)
        pharmacy_id = clinic.shop.pharmacy_id
        assert close_exception(tx, pharmacy_id=pharmacy_id, cause_key="call:1", outcome="Gone.") is True
        assert close_exception(tx, pharmacy_id=pharmacy_id, cause_key="call:1", outcome="Gone.") is False
        assert opened(tx, clinic) != first


def test_a_person_resolves_with_an_outcome_once(clinic: Clinic) -> None:
    with clinic.writing() as tx:
        key = opened(tx, clinic)
    with pytest.raises(Invalid) as caught, clinic.writing() as tx:
        resolve_exception(tx, key, outcome=" ")
    assert caught.value.field == "outcome"
    with clinic.writing() as tx:
        resolve_exception(tx, key, outcome="Spoke to the patient.")
    with clinic.reading() as tx:
        row = tx.get(ExceptionCase, key)
        assert (row.state, row.closed_by) == (ExceptionState.RESOLVED, "Pat Tester")
        assert "resolve_exception" in set(tx.session.scalars(select(AuditEvent.act)))
    with pytest.raises(Conflict, match="Pat Tester"), clinic.writing() as tx:
        resolve_exception(tx, key, outcome="Again.")


def test_only_staff_of_the_pharmacy_is_assigned(clinic: Clinic) -> None:
    with clinic.writing() as tx:
        key = opened(tx, clinic)
        staff = tx.add(
            Staff(
                organization_id=clinic.shop.organization_id, email="a@example.com", name="A", password_hash="x",
                created_at=tx.now,
            )
        )  # fmt: skip
        tx.session.flush()
        with pytest.raises(Invalid):
            assign(tx, key, staff.id)
        tx.add(Membership(pharmacy_id=clinic.shop.pharmacy_id, staff_id=staff.id, role=Role.TECHNICIAN))
        tx.session.flush()
        assign(tx, key, staff.id)
        assert tx.get(ExceptionCase, key).assigned_to == staff.id
        assign(tx, key, None)
        assert tx.get(ExceptionCase, key).assigned_to is None


def test_nobody_with_a_closed_account_is_given_a_task(clinic: Clinic) -> None:
    with clinic.writing() as tx:
        key = opened(tx, clinic)
        staff = tx.add(
            Staff(
                organization_id=clinic.shop.organization_id, email="a@example.com", name="A", password_hash="x",
                active=False, created_at=tx.now,
            )
        )  # fmt: skip
        tx.session.flush()
        tx.add(Membership(pharmacy_id=clinic.shop.pharmacy_id, staff_id=staff.id, role=Role.TECHNICIAN))
        tx.session.flush()
        with pytest.raises(Invalid, match="works at this pharmacy"):
            assign(tx, key, staff.id)


def test_comments_and_postponing(clinic: Clinic) -> None:
    with clinic.writing() as tx:
        key = opened(tx, clinic)
        comment(tx, key, " Left a message. ")
        assert tx.session.scalars(select(ExceptionComment.text)).one() == "Left a message."
        with pytest.raises(Invalid):
            comment(tx, key, "")
        with pytest.raises(Invalid):
            postpone(tx, key, tx.now - timedelta(hours=1))
        postpone(tx, key, tx.now + timedelta(days=2))
        assert tx.get(ExceptionCase, key).due_at == tx.now + timedelta(days=2)
        opened(tx, clinic)
        assert tx.get(ExceptionCase, key).due_at == tx.now + timedelta(days=2), "seen again: still postponed"
        opened(tx, clinic, severity=Severity.URGENT)
        assert tx.get(ExceptionCase, key).due_at == due_in(tx, hours=8), "more pressing: due earlier"


def test_another_pharmacys_exception_is_not_found(clinic: Clinic, database: Database) -> None:
    with clinic.writing() as tx:
        key = opened(tx, clinic)
    other = make_clinic(database, "other")
    with pytest.raises(NotFound), other.writing() as tx:
        resolve_exception(tx, key, outcome="x")
    with pytest.raises(NotFound), other.writing() as tx:
        comment(tx, key, "x")
