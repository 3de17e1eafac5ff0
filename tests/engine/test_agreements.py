"""Nothing of a patient really goes out before the agreement with who carries it is on record."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, Channel, Role
from medsync_app.errors import Forbidden, Invalid
from medsync_app.services.agreements import LOOK_AGAIN, Carrier, set_agreement, signed_on
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, Pharmacy
from tests.support.loop import FakeConnection, action, exceptions, queue_message, run_tick
from tests.support.store import NOW, SYSTEM, make_patient, make_shop

TODAY = NOW.date()


def waiting(database: Database) -> list[Role]:
    return [one.owner_role for one in exceptions(database) if one.cause_key == "agreement:twilio"]


@pytest.mark.slow
@pytest.mark.parametrize("messages", [1, 3])
def test_a_message_waits_for_the_agreement_and_then_goes(
    database: Database, clock: VirtualClock, messages: int
) -> None:
    shop = make_shop(database)
    patients = [make_patient(database, shop, phone=f"+1404555{1000 + n}") for n in range(messages)]
    real = FakeConnection(live=True, loopback=False)
    made = [queue_message(database, shop, clock, one, key=one) for one in patients]
    run_tick(database, clock, {Channel.SMS: real})
    assert real.sent == []
    for one in made:
        held = action(database, one)
        assert held.state is ActionState.QUEUED
        assert "no agreement with Twilio is on record" in held.reason
    assert waiting(database) == [Role.OWNER]
    with database.transaction(SYSTEM, clock) as tx:
        assert set_agreement(tx, shop.pharmacy_id, Carrier.TWILIO, TODAY)
    assert waiting(database) == []
    clock.advance(LOOK_AGAIN)
    run_tick(database, clock, {Channel.SMS: real})
    assert len(real.sent) == messages


@pytest.mark.slow
def test_a_test_server_on_this_machine_needs_none(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    here = FakeConnection(live=True, loopback=True)
    queue_message(database, shop, clock, make_patient(database, shop, phone="+14045550123"))
    run_tick(database, clock, {Channel.SMS: here})
    assert len(here.sent) == 1


def test_an_owner_records_and_takes_back_an_agreement(database: Database, clock: VirtualClock) -> None:
    shop = replace(make_shop(database), role=Role.OWNER)
    with database.transaction(shop.scope, clock) as tx:
        with pytest.raises(Invalid) as ahead:
            set_agreement(tx, shop.pharmacy_id, Carrier.MAIL, TODAY + timedelta(days=1))
        assert ahead.value.field == "signed_mail"
        assert set_agreement(tx, shop.pharmacy_id, Carrier.MAIL, date(2026, 1, 5))
        assert not set_agreement(tx, shop.pharmacy_id, Carrier.MAIL, date(2026, 1, 5))
        assert set_agreement(tx, shop.pharmacy_id, Carrier.TWILIO, TODAY)
        assert set_agreement(tx, shop.pharmacy_id, Carrier.TWILIO, None)
    with database.reading(shop.scope, clock) as tx:
        pharmacy = tx.get(Pharmacy, shop.pharmacy_id)
        assert {one: signed_on(pharmacy, one) for one in Carrier if signed_on(pharmacy, one)} == {
            Carrier.MAIL: date(2026, 1, 5)
        }
        acts = [row.act for row in tx.session.query(AuditEvent)]
        assert acts.count("set_agreement") == 3


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.PHARMACIST])
def test_nobody_but_an_owner_says_that_there_is_an_agreement(
    database: Database, clock: VirtualClock, role: Role
) -> None:
    shop = replace(make_shop(database), role=role)
    with database.transaction(shop.scope, clock) as tx, pytest.raises(Forbidden):
        set_agreement(tx, shop.pharmacy_id, Carrier.TWILIO, TODAY)
