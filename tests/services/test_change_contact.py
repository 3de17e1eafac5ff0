"""Changing how a patient may be reached: what is queued follows, nothing is lost, held messages are decided about."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, Channel, ContactBasis, ExceptionKind, ExceptionState
from medsync_app.errors import Conflict, Invalid, NotFound
from medsync_app.services.change_contact import ContactChange, change_contacts, decide_hold
from medsync_app.services.enroll_contacts import ContactChoice, Wishes
from medsync_app.services.exceptions import resolve_exception
from medsync_app.services.handle_inbound import InboundText, handle_inbound_message
from medsync_app.store.repositories.contact import contact_points
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import ConsentEvent, ContactPoint, ExceptionCase, Patient
from tests.support.loop import FakeConnection, action, queue_message, run_tick
from tests.support.store import SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.slow

OLD, NEW = "+14045550123", "+14045550124"
WORDS = "I agree to texts."


@pytest.fixture
def patient(database: Database, shop: Shop) -> str:
    return make_patient(database, shop, phone=OLD)


def changed_at(database: Database, patient: str) -> datetime:
    with database.reading(SYSTEM) as tx:
        return tx.get(Patient, patient).updated_at


def points(database: Database, patient: str) -> dict[str, ContactBasis]:
    with database.reading(SYSTEM) as tx:
        rows = tx.session.scalars(select(ContactPoint).where(ContactPoint.patient_id == patient))
        return {row.address: row.basis for row in rows}


def agreed(address: str = NEW, *, replaced: str = OLD, language: str = "en") -> ContactChange:
    return ContactChange(
        contacts=[ContactChoice(Channel.SMS, address, ContactBasis.EXPRESS, WORDS, how="counter")],
        wishes=Wishes(language=language, drug_names_wanted=False),
        preferred_channel=None,
        replaced=[(Channel.SMS, replaced)],
    )


def change(database: Database, shop: Shop, clock: VirtualClock, patient: str, what: ContactChange) -> None:
    seen = changed_at(database, patient)
    with database.transaction(shop.scope, clock) as tx:
        change_contacts(tx, patient, what, seen_at=seen)


def test_a_message_that_is_queued_already_goes_to_the_new_number(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    sms = FakeConnection()
    made = queue_message(database, shop, clock, patient)
    change(database, shop, clock, patient, agreed())
    assert points(database, patient) == {NEW: ContactBasis.EXPRESS}
    run_tick(database, clock, {Channel.SMS: sms})
    assert action(database, made).state is ActionState.SENT
    assert [message.to for message in sms.sent] == [NEW]


def test_the_consents_of_a_replaced_number_stay_in_the_history(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    change(database, shop, clock, patient, agreed())
    change(database, shop, clock, patient, agreed(OLD, replaced=NEW))
    with database.reading(SYSTEM) as tx:
        events = tx.session.scalars(select(ConsentEvent).where(ConsentEvent.patient_id == patient))
        assert {NEW, OLD} <= {event.address for event in events}
    assert points(database, patient) == {OLD: ContactBasis.EXPRESS}


def test_the_same_e_mail_address_in_other_letters_stays(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    for address, before in (("ada@example.org", OLD), ("Ada@Example.org", "ada@example.org")):
        by_mail = ContactChange(
            contacts=[ContactChoice(Channel.EMAIL, address, ContactBasis.EXPRESS, WORDS, how="counter")],
            wishes=Wishes(), preferred_channel=None, replaced=[(Channel.EMAIL, before)],
        )  # fmt: skip
        change(database, shop, clock, patient, by_mail)
    assert points(database, patient)["ada@example.org"] is ContactBasis.EXPRESS


def test_another_caregiver_is_authorized_anew(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    for name in ("Ben Example", "Cleo Example"):
        clock.advance(timedelta(days=1))
        theirs = ContactChoice(
            Channel.SMS, NEW, ContactBasis.EXPRESS, WORDS, "counter", name, caregiver_allowed=True
        )
        change(database, shop, clock, patient, ContactChange([theirs], Wishes(), None))
    with database.reading(SYSTEM) as tx:
        point = tx.session.scalars(select(ContactPoint).where(ContactPoint.address == NEW)).one()
    assert (point.caregiver_name, point.caregiver_allowed_at) == ("Cleo Example", clock.now())


def test_a_second_number_that_the_form_did_not_show_is_left_alone(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        tx.add(
            ContactPoint(
                pharmacy_id=shop.pharmacy_id, patient_id=patient, channel=Channel.SMS, address="+14045550199",
                basis=ContactBasis.NUMBER_GIVEN, created_at=tx.now, rank=7,
            )
        )  # fmt: skip
    change(database, shop, clock, patient, agreed())
    assert set(points(database, patient)) == {NEW, "+14045550199"}


def test_the_second_of_two_people_is_told_and_changes_nothing(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    seen = changed_at(database, patient)
    clock.advance(timedelta(minutes=1))
    change(database, shop, clock, patient, agreed())
    with pytest.raises(Conflict), database.transaction(shop.scope, clock) as tx:
        change_contacts(tx, patient, agreed("+14045550150"), seen_at=seen)
    assert set(points(database, patient)) == {NEW}


@pytest.mark.parametrize("address", ["4045550124", "somebody@example.org", ""])
def test_a_number_that_cannot_be_used_changes_nothing(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, address: str
) -> None:
    before = points(database, patient)
    with pytest.raises(Invalid) as caught:
        change(database, shop, clock, patient, agreed(address))
    assert caught.value.field == "contacts[0].address"
    assert points(database, patient) == before


def test_nobody_agrees_anew_because_a_form_was_saved(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    def events() -> int:
        with database.reading(SYSTEM) as tx:
            return len(tx.session.scalars(select(ConsentEvent)).all())

    change(database, shop, clock, patient, agreed())
    once = events()
    clock.advance(timedelta(days=30))
    change(database, shop, clock, patient, agreed(replaced=NEW, language="es"))
    assert events() == once
    assert points(database, patient) == {NEW: ContactBasis.EXPRESS}


def test_a_number_that_stays_as_it_was_is_tried_where_the_form_put_it(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    first = ContactChoice(Channel.SMS, OLD, ContactBasis.EXPRESS, WORDS, how="counter")
    second = ContactChoice(Channel.SMS, NEW, ContactBasis.EXPRESS, WORDS, how="counter")
    for contacts in ([first, second], [second, first]):
        change(database, shop, clock, patient, ContactChange(contacts, Wishes(), None))
        with database.reading(SYSTEM) as tx:
            assert [point.address for point in contact_points(tx, patient)] == [
                one.address for one in contacts
            ]


def test_a_wish_can_be_taken_back(database: Database, shop: Shop, patient: str, clock: VirtualClock) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Patient, patient).preferred_channel = Channel.EMAIL
    change(database, shop, clock, patient, agreed(language="es"))
    with database.reading(SYSTEM) as tx:
        row = tx.get(Patient, patient)
        assert (row.preferred_channel, row.language) == (None, "es")


def held(database: Database, clock: VirtualClock, patient: str) -> str:
    """The patient seems to refuse; gives the contact point."""
    with database.transaction(SYSTEM, clock) as tx:
        handle_inbound_message(tx, InboundText("twilio", "SM1", OLD, "please stop texting me", tx.now))
    with database.reading(SYSTEM) as tx:
        return tx.session.scalars(select(ContactPoint.id).where(ContactPoint.patient_id == patient)).one()


def task(database: Database) -> ExceptionCase:
    with database.reading(SYSTEM) as tx:
        return tx.session.scalars(
            select(ExceptionCase).where(ExceptionCase.kind == ExceptionKind.REPLY)
        ).one()


@pytest.mark.parametrize(
    ("stop", "ends"), [(False, ActionState.SENT), (True, ActionState.SUPPRESSED)], ids=["go on", "stop"]
)
def test_a_person_decides_about_what_is_held_and_the_task_closes_with_it(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, stop: bool, ends: ActionState
) -> None:
    sms = FakeConnection()
    made = queue_message(database, shop, clock, patient)
    point_id = held(database, clock, patient)
    run_tick(database, clock, {Channel.SMS: sms})
    assert action(database, made).state is ActionState.HELD
    with pytest.raises(Conflict, match="patient's page"), database.transaction(shop.scope, clock) as tx:
        resolve_exception(tx, task(database).id, outcome="Read it.")
    with database.transaction(shop.scope, clock) as tx:
        decide_hold(tx, point_id, stop=stop)
    run_tick(database, clock, {Channel.SMS: sms})
    assert action(database, made).state is ends
    assert task(database).state is ExceptionState.CLOSED
    assert len(sms.sent) == (0 if stop else 1)
    with pytest.raises(Conflict), database.transaction(shop.scope, clock) as tx:
        decide_hold(tx, point_id, stop=not stop)


def test_what_waited_for_a_word_about_a_replaced_number_goes_to_the_new_one_and_its_task_closes(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    sms = FakeConnection()
    made = queue_message(database, shop, clock, patient)
    held(database, clock, patient)
    run_tick(database, clock, {Channel.SMS: sms})
    change(database, shop, clock, patient, agreed())
    run_tick(database, clock, {Channel.SMS: sms})
    assert action(database, made).state is ActionState.SENT
    assert [message.to for message in sms.sent] == [NEW]
    assert task(database).state is ExceptionState.CLOSED


def test_while_somebody_else_has_the_replaced_number_its_task_stays(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    held(database, clock, patient)
    make_patient(database, shop, first="Bob", phone=OLD)
    change(database, shop, clock, patient, agreed())
    assert task(database).state is ExceptionState.OPEN


def test_a_decision_about_a_shared_number_closes_the_task_of_whoever_wrote(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    make_patient(database, shop, first="Bob", phone=OLD)
    point_id = held(database, clock, patient)
    assert task(database).patient_id is None
    with database.transaction(shop.scope, clock) as tx:
        decide_hold(tx, point_id, stop=False)
    assert task(database).state is ExceptionState.CLOSED


def test_another_pharmacy_neither_changes_nor_decides(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    point_id = held(database, clock, patient)
    other: Scope = make_shop(database, "other").scope
    with pytest.raises(NotFound), database.transaction(other, clock) as tx:
        change_contacts(tx, patient, agreed(), seen_at=changed_at(database, patient))
    with pytest.raises(NotFound), database.transaction(other, clock) as tx:
        decide_hold(tx, point_id, stop=False)
