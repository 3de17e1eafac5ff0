"""A stranger at a number: it gets nothing more, for anybody in the group; each who has it is asked about it."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.contact_rules import is_wrong
from medsync_app.domain.states import ActionState, Channel, ContactBasis, ExceptionKind, ExceptionState
from medsync_app.engine.deliver import deliver
from medsync_app.errors import Conflict, Invalid
from medsync_app.reads.phones import phones_of
from medsync_app.services.contact_settings import record_basis
from medsync_app.services.handle_inbound import InboundText, handle_inbound_message
from medsync_app.services.record_call import CallOutcome, record_call
from medsync_app.services.wrong_number import call_it_wrong, confirm_number, mark_wrong
from medsync_app.store.repositories.contact import contact_points, statuses
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import AddressStatus, AuditEvent, ContactPoint, ExceptionCase
from tests.support.loop import FakeConnection, action, claim, exceptions, queue_message, run_tick
from tests.support.screens import make_task
from tests.support.store import NUMBER, SYSTEM, Shop, make_patient, make_shop

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


def points(database: Database, patient: str) -> dict[tuple[Channel, str], ContactPoint]:
    with database.reading(SYSTEM) as tx:
        rows = tx.session.scalars(select(ContactPoint).where(ContactPoint.patient_id == patient))
        return {(row.channel, row.address): row for row in rows}


def bases(database: Database, patient: str) -> dict[tuple[Channel, str], ContactBasis]:
    return {key: point.basis for key, point in points(database, patient).items()}


def asked(database: Database) -> set[str | None]:
    return {task.patient_id for task in exceptions(database, ExceptionKind.CONTACT)}


@pytest.mark.both_databases
def test_only_the_number_that_was_rung_gets_nothing_more_and_the_next_channel_is_used(
    database: Database, shop: Shop, two_numbers: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    voice, before = FakeConnection(), bases(database, two_numbers)
    queue_message(database, shop, clock, two_numbers)
    wrong(database, shop, clock, two_numbers, NUMBER)
    run_tick(database, clock, {Channel.SMS: sms, Channel.VOICE: voice})
    assert (len(sms.sent), [call.to for call in voice.sent]) == (0, [OTHER])
    with database.reading(shop.scope, clock) as tx:
        assert phones_of(tx, [two_numbers]) == {two_numbers: [OTHER, NUMBER]}, (
            "people too ring the other one first"
        )
    assert asked(database) == {two_numbers}
    assert bases(database, two_numbers) == before, "a consent is what the patient said"


def test_who_can_be_reached_nowhere_else_is_called_and_the_messages_page_says_why(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    made = queue_message(database, shop, clock, patient)
    wrong(database, shop, clock, patient)
    run_tick(database, clock, {Channel.SMS: sms})
    assert sms.sent == []
    assert action(database, made).reason.startswith("No message can reach the patient: a wrong number.")
    assert len(exceptions(database, ExceptionKind.CALL)) == 1


@pytest.mark.parametrize("number", ["", "+14045550999"])
def test_of_several_numbers_it_must_be_said_which_one_was_wrong(
    database: Database, shop: Shop, two_numbers: str, clock: VirtualClock, number: str
) -> None:
    with pytest.raises(Invalid) as caught:
        wrong(database, shop, clock, two_numbers, number)
    assert caught.value.field == "number"
    assert exceptions(database, ExceptionKind.CONTACT) == []


def test_the_only_number_need_not_be_named(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    task = wrong(database, shop, clock, patient)
    assert asked(database) == {patient}
    with database.reading(SYSTEM) as tx:
        assert tx.get(ExceptionCase, task).state is ExceptionState.RESOLVED


@pytest.mark.both_databases
def test_a_wrong_number_gets_nothing_more_for_anybody_in_the_whole_group_and_all_are_asked(
    database: Database, shop: Shop, sister: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    housemate = make_patient(database, shop, first="Bea", phone=NUMBER)
    elsewhere = make_patient(database, sister, first="Cy", phone=NUMBER)
    stranger_shop = make_shop(database, "stranger")
    stranger = make_patient(database, stranger_shop, first="Di", phone=NUMBER)
    queue_message(database, shop, clock, housemate)
    queue_message(database, sister, clock, elsewhere, "m2")
    claimed = claim(database, clock)
    wrong(database, shop, clock, patient)
    assert asked(database) == {patient, housemate}
    deliver(database, clock, {Channel.SMS: sms}, claimed)
    assert sms.sent == [], "from the commit on, whatever the loop has claimed before"
    run_tick(database, clock, {Channel.SMS: sms})
    assert asked(database) == {patient, housemate, elsewhere}
    queue_message(database, stranger_shop, clock, stranger, "m3")
    run_tick(database, clock, {Channel.SMS: sms})
    assert len(sms.sent) == 1, "another group has its own numbers"


def test_the_other_pharmacies_are_not_told_who_found_a_number_to_be_wrong(
    database: Database, shop: Shop, sister: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    make_patient(database, sister, first="Cy", phone=NUMBER)
    with database.transaction(shop.scope, clock) as tx:
        mark_wrong(tx, shop.pharmacy_id, NUMBER)
        seen = {row.pharmacy_id for row in tx.session.scalars(select(AddressStatus))}
        assert seen == {shop.pharmacy_id}
    run_tick(database, clock, {Channel.SMS: sms})
    with database.reading(SYSTEM) as tx:
        acts = {(row.chain, row.act): row for row in tx.session.scalars(select(AuditEvent))}
        (theirs,) = [row for row in exceptions(database) if row.pharmacy_id == sister.pharmacy_id]
    assert acts[shop.pharmacy_id, "contact.wrong_number"].actor_name == shop.scope.actor_name
    told = acts[sister.pharmacy_id, "contact.wrong_number_of_group"]
    assert shop.pharmacy_id not in repr((told.detail, told.actor_name, theirs.summary, theirs.detail))
    assert shop.scope.actor_name != told.actor_name


@pytest.mark.both_databases
def test_a_loop_that_decides_elsewhere_while_a_number_is_found_wrong_waits_for_it(
    database: Database, shop: Shop, sister: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    queue_message(database, sister, clock, make_patient(database, sister, first="Bea", phone=NUMBER))
    claimed = claim(database, clock)
    loop = threading.Thread(target=deliver, args=(database, clock, {Channel.SMS: sms}, claimed))
    with database.transaction(shop.scope, clock) as tx:
        mark_wrong(tx, shop.pharmacy_id, NUMBER)
        loop.start()
        loop.join(0.4)
        assert loop.is_alive(), "it must not decide before the mark is there"
    loop.join(20)
    assert sms.sent == []


def test_whoever_says_that_the_number_is_theirs_is_written_to_again_and_nobody_else(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    housemate = make_patient(database, shop, first="Bea", phone=NUMBER)
    wrong(database, shop, clock, patient)
    clock.advance(timedelta(minutes=5))
    with database.transaction(shop.scope, clock) as tx:
        confirm_number(tx, points(database, housemate)[Channel.SMS, NUMBER].id)
    assert asked(database) == {patient}
    for one in (patient, housemate):
        queue_message(database, shop, clock, one, one)
    run_tick(database, clock, {Channel.SMS: sms})
    assert len(sms.sent) == 1
    with pytest.raises(Conflict), database.transaction(shop.scope, clock) as tx:
        confirm_number(tx, points(database, housemate)[Channel.SMS, NUMBER].id)
    clock.advance(timedelta(days=1))
    wrong(database, shop, clock, patient)
    assert asked(database) == {patient, housemate}, "found wrong again: asked again"


@pytest.mark.parametrize("basis", [ContactBasis.EXPRESS, ContactBasis.NUMBER_GIVEN])
@pytest.mark.parametrize("before", [True, False], ids=["a form from before", "asked anew"])
def test_a_number_that_a_patient_gives_anew_is_right_but_not_by_a_form_from_before(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, basis: ContactBasis, *, before: bool
) -> None:
    agreed_at = clock.now() - timedelta(hours=1) if before else None
    wrong(database, shop, clock, patient)
    clock.advance(timedelta(minutes=5))
    with database.transaction(shop.scope, clock) as tx:
        record_basis(
            tx,
            patient,
            Channel.VOICE,
            NUMBER,
            basis,
            "counter",
            wording="Yes.",
            agreed_at=agreed_at,
        )
        reading = contact_decision_facts(tx, shop, patient)
    assert reading == {Channel.SMS: before, Channel.VOICE: before}, "the line is one: texts and calls"


def test_who_has_said_so_before_the_loop_asks_is_not_asked(
    database: Database, shop: Shop, sister: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    elsewhere = make_patient(database, sister, first="Cy", phone=NUMBER)
    wrong(database, shop, clock, patient)
    clock.advance(timedelta(seconds=1))
    with database.transaction(sister.scope, clock) as tx:
        confirm_number(tx, points(database, elsewhere)[Channel.SMS, NUMBER].id)
    run_tick(database, clock, {Channel.SMS: sms})
    assert asked(database) == {patient}


def test_of_two_wrong_numbers_the_one_that_is_confirmed_is_used(
    database: Database, shop: Shop, two_numbers: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    voice = FakeConnection()
    for number in (NUMBER, OTHER):
        wrong(database, shop, clock, two_numbers, number)
    clock.advance(timedelta(minutes=5))
    with database.transaction(shop.scope, clock) as tx:
        confirm_number(tx, points(database, two_numbers)[Channel.VOICE, OTHER].id)
    queue_message(database, shop, clock, two_numbers)
    run_tick(database, clock, {Channel.SMS: sms, Channel.VOICE: voice})
    assert (sms.sent, [call.to for call in voice.sent]) == ([], [OTHER])


def test_what_waited_for_a_word_about_a_reply_goes_elsewhere_when_the_number_is_wrong(
    database: Database, shop: Shop, sister: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    mail = FakeConnection()
    make_patient(database, sister, first="Cy", phone=NUMBER)
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, patient, Channel.EMAIL, "ada@example.org", ContactBasis.EXPRESS, "form", rank=5)
        handle_inbound_message(
            tx, InboundText("twilio", "SM1", NUMBER, "You have the wrong number, sorry", tx.now)
        )
    made = queue_message(database, shop, clock, patient)
    run_tick(database, clock, {Channel.SMS: sms, Channel.EMAIL: mail})
    assert action(database, made).state is ActionState.HELD
    with database.transaction(shop.scope, clock) as tx:
        call_it_wrong(tx, points(database, patient)[Channel.SMS, NUMBER].id)
    run_tick(database, clock, {Channel.SMS: sms, Channel.EMAIL: mail})
    assert (sms.sent, [one.to for one in mail.sent]) == ([], ["ada@example.org"])
    assert exceptions(database, ExceptionKind.REPLY) == [], "settled in the other pharmacy too"
    with pytest.raises(Conflict), database.transaction(shop.scope, clock) as tx:
        call_it_wrong(tx, points(database, patient)[Channel.SMS, NUMBER].id)


def test_a_whole_reply_that_says_so_ends_it_at_once_and_from_nobody_we_know_it_goes_to_a_person(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        handle_inbound_message(tx, InboundText("twilio", "SM1", NUMBER, "Número equivocado", tx.now))
        handle_inbound_message(tx, InboundText("twilio", "SM2", OTHER, "Wrong number", tx.now))
    queue_message(database, shop, clock, patient)
    run_tick(database, clock, {Channel.SMS: sms})
    assert sms.sent == []
    assert asked(database) == {patient}
    assert len(exceptions(database, ExceptionKind.REPLY)) == 1


def contact_decision_facts(tx: Tx, shop: Shop, patient: str) -> dict[Channel, bool]:
    known = statuses(tx, shop.pharmacy_id, [NUMBER])
    return {
        point.channel: is_wrong(known[point.channel, NUMBER].wrong_at, point.confirmed_at)
        for point in contact_points(tx, patient)
    }
