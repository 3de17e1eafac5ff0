"""A stop entered in one pharmacy ends the messages to that number in the whole group, and opens nobody's data."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, Channel, ContactBasis, ExceptionKind, ExceptionState, Role
from medsync_app.engine.deliver import deliver
from medsync_app.engine.inbox import MAX_TRIES
from medsync_app.errors import Conflict
from medsync_app.outbox.settle import lock_address
from medsync_app.services.change_contact import decide_hold
from medsync_app.services.contact_settings import hold_address, record_basis
from medsync_app.services.handle_inbound import InboundText, handle_inbound_message
from medsync_app.services.number_stops import ELSEWHERE, release_address, stop_number
from medsync_app.services.wrong_number import mark_wrong
from medsync_app.store.repositories.contact import status_of
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    AddressStatus,
    AuditEvent,
    ConsentEvent,
    ContactPoint,
    ExceptionCase,
    InboundEvent,
    Patient,
)
from tests.support.databases import POSTGRES
from tests.support.loop import FakeConnection, action, claim, exceptions, queue_message, run_tick
from tests.support.store import NUMBER, SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.slow

MAIL = "home@example.org"


def stop(database: Database, shop: Shop, clock: VirtualClock, channel: Channel = Channel.SMS) -> None:
    with database.transaction(shop.scope, clock) as tx:
        stop_number(
            tx, shop.pharmacy_id, channel, MAIL if channel is Channel.EMAIL else NUMBER, "asked by phone"
        )


def basis(database: Database, patient: str) -> ContactBasis:
    with database.reading(SYSTEM) as tx:
        return tx.session.scalars(select(ContactPoint.basis).where(ContactPoint.patient_id == patient)).one()


def rows(database: Database, kind: type) -> list:  # type: ignore[type-arg]
    with database.reading(SYSTEM) as tx:
        return list(tx.session.scalars(select(kind)))


@pytest.mark.both_databases
def test_a_stop_that_staff_enter_holds_in_the_whole_group(
    database: Database, shop: Shop, sister: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    family = make_patient(database, sister, first="Bea", phone=NUMBER)
    stranger = make_patient(database, make_shop(database, "stranger"), first="Cy", phone=NUMBER)
    waiting = queue_message(database, sister, clock, family, due_at=clock.now() + timedelta(days=3))
    stop(database, shop, clock)
    run_tick(database, clock, {Channel.SMS: sms})
    assert (basis(database, patient), basis(database, family)) == (ContactBasis.REVOKED,) * 2
    assert basis(database, stranger) is ContactBasis.EXPRESS, "another group has its own numbers"
    assert action(database, waiting).state is ActionState.SUPPRESSED
    assert {case.pharmacy_id for case in exceptions(database, ExceptionKind.CONTACT)} == {
        shop.pharmacy_id, sister.pharmacy_id,
    }  # fmt: skip
    (event,) = rows(database, InboundEvent)
    assert event.outcome == "stopped in 1 more"


@pytest.mark.both_databases
def test_from_the_stop_on_nothing_goes_out_elsewhere_before_the_loop_has_carried_it_over(
    database: Database, shop: Shop, sister: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    family = make_patient(database, sister, first="Bea", phone=NUMBER)
    made = queue_message(database, sister, clock, family)
    claimed = claim(database, clock)
    stop(database, shop, clock)
    deliver(database, clock, {Channel.SMS: sms}, claimed)
    assert sms.sent == []
    assert action(database, made).state is ActionState.SUPPRESSED
    assert basis(database, family) is ContactBasis.EXPRESS, "not carried over yet"


@pytest.mark.both_databases
def test_a_loop_that_decides_elsewhere_while_a_stop_is_entered_waits_for_it(
    database: Database, shop: Shop, sister: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    family = make_patient(database, sister, first="Bea", phone=NUMBER)
    with database.transaction(SYSTEM, clock) as tx:  # a row that the loop has read before it waits
        tx.add(AddressStatus(pharmacy_id=sister.pharmacy_id, channel=Channel.SMS, address=NUMBER))
    made = queue_message(database, sister, clock, family)
    claimed = claim(database, clock)
    loop = threading.Thread(target=deliver, args=(database, clock, {Channel.SMS: sms}, claimed))
    with database.transaction(shop.scope, clock) as tx:
        stop_number(tx, shop.pharmacy_id, Channel.SMS, NUMBER, "asked by phone")
        loop.start()
        loop.join(0.4)
        assert loop.is_alive(), "it must not decide before the stop is there"
    loop.join(20)
    assert sms.sent == []
    assert action(database, made).state is ActionState.SUPPRESSED


@pytest.mark.parametrize("database", [POSTGRES], indirect=True)
def test_what_was_read_of_a_number_is_read_anew_after_waiting_for_it(
    database: Database, shop: Shop, sister: Shop, clock: VirtualClock
) -> None:
    make_patient(database, sister, first="Bea", phone=NUMBER)
    with database.transaction(SYSTEM, clock) as tx:
        row = status_of(tx, sister.pharmacy_id, Channel.SMS, NUMBER)
        tx.session.commit()
        assert row.opted_out_at is None
        stop(database, shop, clock)
        assert lock_address(tx, NUMBER)
        assert row.opted_out_at == clock.now()


def test_who_enters_a_stop_sees_nothing_of_the_other_pharmacies(
    database: Database, shop: Shop, sister: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    make_patient(database, sister, first="Bea", phone=NUMBER)
    with database.transaction(shop.scope, clock) as tx:
        stop_number(tx, shop.pharmacy_id, Channel.SMS, NUMBER, "asked by phone")
        seen = {row.pharmacy_id for row in tx.session.scalars(select(AddressStatus))}
        assert seen == {shop.pharmacy_id}
    run_tick(database, clock, {Channel.SMS: sms})
    acts = {(row.chain, row.act): row for row in rows(database, AuditEvent)}
    assert acts[shop.pharmacy_id, "contact.stop"].detail == {"channel": "sms", "over_group": True}
    assert (sister.pharmacy_id, "contact.stop_of_group") in acts
    theirs = [one for one in rows(database, ConsentEvent) if one.pharmacy_id == sister.pharmacy_id]
    assert {one.how for one in theirs} == {ELSEWHERE}
    told = repr(
        [(row.detail, row.actor_name) for (chain, _), row in acts.items() if chain == sister.pharmacy_id]
    )
    assert shop.pharmacy_id not in told
    assert shop.scope.actor_name not in told


def test_a_stop_where_there_is_no_group_goes_nowhere(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    make_patient(database, make_shop(database, "stranger"), first="Bea", phone=NUMBER)
    stop(database, shop, clock)
    assert rows(database, InboundEvent) == []
    (act,) = [row for row in rows(database, AuditEvent) if row.act == "contact.stop"]
    assert act.detail["over_group"] is False


def test_what_was_agreed_anew_elsewhere_before_it_is_carried_over_stands(
    database: Database, shop: Shop, sister: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    family = make_patient(database, sister, first="Bea", phone=NUMBER)
    stop(database, shop, clock)
    clock.advance(timedelta(seconds=1))
    with database.transaction(sister.scope, clock) as tx:
        record_basis(tx, family, Channel.SMS, NUMBER, ContactBasis.EXPRESS, "counter", wording="Yes.")
    run_tick(database, clock, {Channel.SMS: sms})
    assert basis(database, family) is ContactBasis.EXPRESS


def test_a_decision_about_a_refusal_settles_it_in_every_pharmacy_when_it_is_a_stop(
    database: Database, shop: Shop, sister: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    make_patient(database, sister, first="Bea", phone=NUMBER)
    with database.transaction(SYSTEM, clock) as tx:
        handle_inbound_message(tx, InboundText("twilio", "SM1", NUMBER, "please stop texting me", tx.now))
    with database.reading(SYSTEM) as tx:
        point = tx.session.scalars(select(ContactPoint.id).where(ContactPoint.patient_id == patient)).one()
    with database.transaction(shop.scope, clock) as tx:
        decide_hold(tx, point, stop=True)
    run_tick(database, clock, {Channel.SMS: sms})
    replies = [case for case in rows(database, ExceptionCase) if case.kind is ExceptionKind.REPLY]
    assert [case.state for case in replies] == [ExceptionState.CLOSED] * 2
    assert [row.held_at for row in rows(database, AddressStatus)] == [None] * 4


def test_to_let_messages_go_on_is_each_pharmacys_own_decision(
    database: Database, shop: Shop, sister: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    make_patient(database, sister, first="Bea", phone=NUMBER)
    with database.transaction(SYSTEM, clock) as tx:
        handle_inbound_message(tx, InboundText("twilio", "SM1", NUMBER, "please stop texting me", tx.now))
        point = tx.session.scalars(select(ContactPoint.id).where(ContactPoint.patient_id == patient)).one()
    with database.transaction(shop.scope, clock) as tx:
        decide_hold(tx, point, stop=False)
    run_tick(database, clock, {Channel.SMS: sms})
    (left,) = exceptions(database, ExceptionKind.REPLY)
    assert left.pharmacy_id == sister.pharmacy_id


def test_a_stop_that_is_entered_again_counts_from_then_on_in_the_other_pharmacies_too(
    database: Database, shop: Shop, sister: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    family = make_patient(database, sister, first="Bea", phone=NUMBER)
    for _ in range(2):
        stop(database, shop, clock)
        said_at = clock.now()
        clock.advance(timedelta(minutes=30))
        run_tick(database, clock, {Channel.SMS: sms})
        clock.advance(timedelta(minutes=30))
    assert {row.opted_out_at for row in rows(database, AddressStatus)} == {said_at}, (
        "not when it was carried over"
    )
    with pytest.raises(Conflict), database.transaction(sister.scope, clock) as tx:
        record_basis(
            tx, family, Channel.SMS, NUMBER, ContactBasis.EXPRESS, "form", wording="Yes.",
            agreed_at=said_at - timedelta(minutes=10),
        )  # fmt: skip


@pytest.mark.parametrize("wrong", [False, True], ids=["stop", "wrong number"])
def test_an_errand_to_the_group_that_fails_again_and_again_becomes_a_persons_task(
    database: Database, shop: Shop, sister: Shop, patient: str, clock: VirtualClock, sms: FakeConnection,
    monkeypatch: pytest.MonkeyPatch, *, wrong: bool,
) -> None:  # fmt: skip
    def broken(*_: object) -> str:
        raise RuntimeError

    for name in ("carry_over", "carry_over_wrong"):
        monkeypatch.setattr(f"medsync_app.engine.inbox.{name}", broken)
    make_patient(database, sister, first="Bea", phone=NUMBER)
    with database.transaction(shop.scope, clock) as tx:
        if wrong:
            mark_wrong(tx, shop.pharmacy_id, NUMBER)
        else:
            stop_number(tx, shop.pharmacy_id, Channel.SMS, NUMBER, "asked by phone")
    for _ in range(MAX_TRIES + 1):
        run_tick(database, clock, {Channel.SMS: sms})
    left = [case for case in exceptions(database) if case.cause_key.startswith("group:")]
    assert [(case.pharmacy_id, case.owner_role) for case in left] == [(shop.pharmacy_id, Role.OWNER)]


def test_an_e_mail_that_waited_for_a_decision_about_the_phone_goes_out_when_that_is_a_stop(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    mail = FakeConnection()
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, patient, Channel.EMAIL, MAIL, ContactBasis.EXPRESS, "form", rank=5)
        tx.get(Patient, patient).preferred_channel = Channel.EMAIL
        hold_address(tx, shop.pharmacy_id, Channel.SMS, NUMBER, "A free-text refusal")
    made = queue_message(database, shop, clock, patient)
    run_tick(database, clock, {Channel.SMS: sms, Channel.EMAIL: mail})
    assert action(database, made).state is ActionState.HELD
    with database.transaction(shop.scope, clock) as tx:
        release_address(tx, shop.pharmacy_id, Channel.SMS, NUMBER, opted_out=True)
    run_tick(database, clock, {Channel.SMS: sms, Channel.EMAIL: mail})
    assert (len(sms.sent), [message.to for message in mail.sent]) == (0, [MAIL])
