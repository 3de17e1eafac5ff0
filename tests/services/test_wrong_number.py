"""A call that reached a stranger: that number gets nothing more, the patient's others do."""

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Channel, ContactBasis, ExceptionKind, ExceptionState
from medsync_app.errors import Invalid
from medsync_app.services.contact_settings import record_basis
from medsync_app.services.record_call import CallOutcome, record_call
from medsync_app.store.session import Database
from medsync_app.store.tables import ContactPoint, ExceptionCase
from tests.support.loop import FakeConnection, exceptions, queue_message, run_tick
from tests.support.screens import make_task
from tests.support.store import NUMBER, SYSTEM, Shop, make_patient

pytestmark = pytest.mark.slow

OTHER = "+14045550124"


@pytest.fixture
def two_numbers(database: Database, shop: Shop, patient: str, clock: VirtualClock) -> str:
    """The patient can be texted and called at one number, and called at another."""
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, patient, Channel.VOICE, NUMBER, ContactBasis.EXPRESS, "form", rank=5)
        record_basis(tx, patient, Channel.VOICE, OTHER, ContactBasis.EXPRESS, "form", rank=6)
    return patient


def wrong(database: Database, shop: Shop, clock: VirtualClock, patient: str, number: str = "") -> str:
    task = make_task(database, shop, ExceptionKind.CALL, patient_id=patient)
    with database.transaction(shop.scope, clock) as tx:
        record_call(tx, task, outcome=CallOutcome.WRONG_NUMBER, number=number)
    return task


def bases(database: Database, patient: str) -> dict[tuple[Channel, str], ContactBasis]:
    with database.reading(SYSTEM) as tx:
        rows = tx.session.scalars(select(ContactPoint).where(ContactPoint.patient_id == patient))
        return {(row.channel, row.address): row.basis for row in rows}


def test_only_the_number_that_was_rung_gets_nothing_more_and_the_next_channel_is_used(
    database: Database, shop: Shop, two_numbers: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    voice = FakeConnection()
    queue_message(database, shop, clock, two_numbers)
    wrong(database, shop, clock, two_numbers, NUMBER)
    assert bases(database, two_numbers) == {
        (Channel.SMS, NUMBER): ContactBasis.DECLINED,
        (Channel.VOICE, NUMBER): ContactBasis.DECLINED,
        (Channel.VOICE, OTHER): ContactBasis.EXPRESS,
    }
    run_tick(database, clock, {Channel.SMS: sms, Channel.VOICE: voice})
    assert (len(sms.sent), [call.to for call in voice.sent]) == (0, [OTHER])
    (task,) = exceptions(database, ExceptionKind.CONTACT)
    assert task.patient_id == two_numbers


@pytest.mark.parametrize("number", ["", "+14045550999"])
def test_of_several_numbers_it_must_be_said_which_one_was_wrong(
    database: Database, shop: Shop, two_numbers: str, clock: VirtualClock, number: str
) -> None:
    before = bases(database, two_numbers)
    with pytest.raises(Invalid) as caught:
        wrong(database, shop, clock, two_numbers, number)
    assert caught.value.field == "number"
    assert bases(database, two_numbers) == before
    assert exceptions(database, ExceptionKind.CONTACT) == []


def test_the_only_number_need_not_be_named(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    task = wrong(database, shop, clock, patient)
    assert bases(database, patient) == {(Channel.SMS, NUMBER): ContactBasis.DECLINED}
    with database.reading(SYSTEM) as tx:
        assert tx.get(ExceptionCase, task).state is ExceptionState.RESOLVED


def test_who_shares_that_number_is_asked_about_and_keeps_it(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    housemate = make_patient(database, shop, first="Bea", phone=NUMBER)
    wrong(database, shop, clock, patient)
    assert bases(database, housemate) == {(Channel.SMS, NUMBER): ContactBasis.EXPRESS}
    assert {task.patient_id for task in exceptions(database, ExceptionKind.CONTACT)} == {patient, housemate}
