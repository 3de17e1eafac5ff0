"""A reply is acted on: stop words at once, digits as answers, everything else by a person."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, Channel, ContactBasis, ExceptionKind
from medsync_app.outbox.queue import supersede
from medsync_app.services.contact_settings import opt_out, record_basis
from medsync_app.services.handle_inbound import InboundText, handle_inbound_message
from medsync_app.services.number_stops import release_address
from medsync_app.services.schedule_cycle import reschedule_cycle, schedule_cycle
from medsync_app.store.session import Database
from medsync_app.store.tables import ConsentEvent, ContactPoint, Cycle, InboundMessage, Patient, Pharmacy
from tests.support.cycles import make_cycle
from tests.support.loop import FakeConnection, action, all_actions, exceptions, queue_message, run_tick
from tests.support.store import NUMBER, SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.slow


def receive(
    database: Database, clock: VirtualClock, body: str, sid: str = "SMin1", sender: str = NUMBER
) -> str:
    with database.transaction(SYSTEM, clock) as tx:
        return handle_inbound_message(tx, InboundText("twilio", sid, sender, body, tx.now))


def basis(database: Database, patient: str) -> ContactBasis:
    with database.reading(SYSTEM) as tx:
        return tx.session.scalars(select(ContactPoint.basis).where(ContactPoint.patient_id == patient)).one()


def cycle_of(database: Database, cycle_id: str) -> Cycle:
    with database.reading(SYSTEM) as tx:
        return tx.get(Cycle, cycle_id)


def test_a_stop_word_revokes_cancels_and_confirms_once(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    waiting = queue_message(database, shop, clock, patient, due_at=clock.now() + timedelta(days=1))
    receive(database, clock, "Stop.")
    receive(database, clock, "STOP", sid="SMin2")
    assert basis(database, patient) is ContactBasis.REVOKED
    assert action(database, waiting).state is ActionState.SUPPRESSED
    run_tick(database, clock, {Channel.SMS: sms})
    assert len(sms.sent) == 1
    assert "no more messages" in sms.sent[0].body


def test_after_a_stop_no_other_automated_channel_is_used(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    mail = FakeConnection()
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, patient, Channel.EMAIL, "ada@example.org", ContactBasis.EXPRESS, "form", rank=5)
        opt_out(tx, shop.pharmacy_id, NUMBER, "reply")
    made = queue_message(database, shop, clock, patient)
    run_tick(database, clock, {Channel.SMS: sms, Channel.EMAIL: mail})
    assert sms.sent == mail.sent == []
    assert action(database, made).state is ActionState.SUPPRESSED


def test_after_a_stop_only_its_confirmation_goes_out(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    make_cycle(database, shop, patient, sync_date=date(2026, 11, 26))
    receive(database, clock, "1")
    receive(database, clock, "STOP", sid="SMin2")
    run_tick(database, clock, {Channel.SMS: sms})
    (said,) = sms.sent
    assert "no more messages" in said.body


def test_who_asks_for_help_after_a_stop_is_told_and_stays_stopped(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    receive(database, clock, "STOP")
    run_tick(database, clock, {Channel.SMS: sms})
    receive(database, clock, "HELP", sid="SMin2")
    queue_message(database, shop, clock, patient)
    run_tick(database, clock, {Channel.SMS: sms})
    assert len(sms.sent) == 2
    assert "404-555-0100" in sms.sent[1].body
    assert basis(database, patient) is ContactBasis.REVOKED


@pytest.mark.parametrize(("preferred", "sent"), [(Channel.EMAIL, 1), (None, 0)])
def test_a_stop_by_text_leaves_what_goes_by_email_as_the_patient_chose(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection,
    preferred: Channel | None, sent: int,
) -> None:  # fmt: skip
    mail = FakeConnection()
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, patient, Channel.EMAIL, "ada@example.org", ContactBasis.EXPRESS, "form", rank=5)
        tx.get(Patient, patient).preferred_channel = preferred
    queue_message(database, shop, clock, patient)
    receive(database, clock, "STOP")
    run_tick(database, clock, {Channel.SMS: sms, Channel.EMAIL: mail})
    assert len(mail.sent) == sent


@pytest.mark.both_databases
def test_start_brings_back_what_the_stop_cancelled_while_it_is_of_use(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    coming = queue_message(database, shop, clock, patient, due_at=clock.now() + timedelta(days=3))
    passed = queue_message(database, shop, clock, patient, "m2", stale_at=clock.now() + timedelta(hours=1))
    receive(database, clock, "STOP")
    clock.advance(timedelta(days=1))
    receive(database, clock, "START", sid="SMin2")
    clock.advance(timedelta(days=2))
    run_tick(database, clock, {Channel.SMS: sms})
    assert action(database, coming).state is ActionState.SENT
    assert action(database, passed).state is ActionState.SUPPRESSED


def test_who_agrees_to_email_after_a_stop_is_written_to(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    mail = FakeConnection()
    receive(database, clock, "STOP")
    clock.advance(timedelta(days=1))
    with database.transaction(shop.scope, clock) as tx:
        record_basis(tx, patient, Channel.EMAIL, "ada@example.org", ContactBasis.EXPRESS, "counter", rank=5)
    queue_message(database, shop, clock, patient)
    run_tick(database, clock, {Channel.SMS: sms, Channel.EMAIL: mail})
    assert (len(sms.sent), len(mail.sent)) == (0, 1)


@pytest.mark.both_databases
def test_a_stop_reaches_everybody_at_that_number_in_every_pharmacy(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    elsewhere = make_shop(database, "elsewhere")
    family = make_patient(database, shop, first="Bob", phone=NUMBER)
    other = make_patient(database, elsewhere, first="Cy", phone=NUMBER)
    receive(database, clock, "STOPALL")
    assert {basis(database, p) for p in (patient, family, other)} == {ContactBasis.REVOKED}


def test_start_lets_messages_go_again_to_those_who_had_agreed(
    database: Database, shop: Shop, clock: VirtualClock, patient: str, sms: FakeConnection
) -> None:
    never = make_patient(database, shop, first="No", phone=NUMBER, basis=ContactBasis.DECLINED)
    gave = make_patient(database, shop, first="Gave", phone=NUMBER, basis=ContactBasis.NUMBER_GIVEN)
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, patient, Channel.SMS, NUMBER, ContactBasis.EXPRESS, "form", wording="Yes.")
    for sid in ("1", "2"):
        receive(database, clock, "stop", sid=f"SMstop{sid}")
        receive(database, clock, "START", sid=f"SMstart{sid}")
    assert basis(database, patient) is ContactBasis.EXPRESS
    assert basis(database, gave) is ContactBasis.NUMBER_GIVEN, "nobody has read a wording to them"
    made = queue_message(database, shop, clock, patient)
    run_tick(database, clock, {Channel.SMS: sms})
    assert action(database, made).state is ActionState.SENT
    assert basis(database, never) is ContactBasis.DECLINED


@pytest.mark.both_databases
@pytest.mark.parametrize("own", [True, False], ids=["own number too", "caregiver only"])
def test_a_stop_of_a_caregiver_ends_what_goes_to_them_and_nothing_else(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, *, own: bool
) -> None:
    theirs = "+14045550144"
    with database.transaction(SYSTEM, clock) as tx:
        key = record_basis(tx, patient, Channel.SMS, theirs, ContactBasis.EXPRESS, "counter", rank=-1)
        caregiver = tx.get(ContactPoint, key)
        caregiver.caregiver_name, caregiver.caregiver_allowed_at = "Ben Example", tx.now
        if not own:
            record_basis(tx, patient, Channel.SMS, NUMBER, ContactBasis.DECLINED, "counter")
    made = queue_message(database, shop, clock, patient)
    receive(database, clock, "STOP", sender=theirs)
    run_tick(database, clock, {Channel.SMS: sms})
    assert [one.to for one in sms.sent if "no more messages" not in one.body] == [NUMBER] * own
    assert action(database, made).state is (ActionState.SENT if own else ActionState.SUPPRESSED)
    assert len(exceptions(database, ExceptionKind.CALL)) == (not own), "nobody is silently unreached"


def test_one_confirms_the_cycle_that_was_asked_about(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    made = make_cycle(database, shop, patient, sync_date=date(2026, 11, 26))
    assert receive(database, clock, " 1 ") == "confirmed"
    assert cycle_of(database, made.cycle_id).confirmed_at == clock.now()
    run_tick(database, clock, {Channel.SMS: sms})
    assert "confirmed for Thu Nov 26" in sms.sent[0].body


def test_one_that_comes_after_its_day_goes_to_a_person(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    made = make_cycle(database, shop, patient, sync_date=clock.now().date() - timedelta(days=1))
    assert receive(database, clock, "1") == "to a person"
    assert cycle_of(database, made.cycle_id).confirmed_at is None
    run_tick(database, clock, {Channel.SMS: sms})
    assert sms.sent == [], "nobody thanks for a day that has passed"


def test_one_says_nothing_about_a_day_the_patient_has_not_heard_of(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    made = make_cycle(database, shop, patient, sync_date=date(2026, 11, 26))
    with database.transaction(SYSTEM, clock) as tx:
        schedule_cycle(tx, made.cycle_id)
        supersede(
            tx, pharmacy_id=shop.pharmacy_id, cycle_id=made.cycle_id, reason="-", only_steps=["welcome"]
        )
    run_tick(database, clock, {Channel.SMS: sms})
    assert "Reply 1 to confirm" in sms.sent[0].body
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Cycle, made.cycle_id).sync_date = date(2026, 12, 2)
        reschedule_cycle(tx, made.cycle_id, "The date was moved.")
        supersede(
            tx, pharmacy_id=shop.pharmacy_id, cycle_id=made.cycle_id, reason="-", only_steps=["welcome"]
        )
    run_tick(database, clock, {Channel.SMS: sms})  # the news waits: that number had its message of today
    assert receive(database, clock, "1") == "to a person"
    assert cycle_of(database, made.cycle_id).confirmed_at is None
    clock.advance(timedelta(days=1))
    run_tick(database, clock, {Channel.SMS: sms})
    assert "Dec 2" in sms.sent[-1].body
    assert receive(database, clock, "1", "SMin2") == "confirmed"


@pytest.mark.parametrize(("body", "words"), [("2", "another pickup date"), ("3", "asks to be called")])
def test_two_and_three_make_a_call_back_task(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, body: str, words: str
) -> None:
    made = make_cycle(database, shop, patient, sync_date=date(2026, 11, 26))
    receive(database, clock, body)
    (task,) = exceptions(database, ExceptionKind.CALL_BACK)
    assert words in task.summary
    assert task.cycle_id == made.cycle_id
    assert cycle_of(database, made.cycle_id).confirmed_at is None


def test_who_asked_to_be_called_is_not_called_for_not_answering_as_well(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    made = make_cycle(database, shop, patient, sync_date=date(2026, 11, 26))
    with database.transaction(SYSTEM, clock) as tx:
        schedule_cycle(tx, made.cycle_id)
    receive(database, clock, "3")
    clock.advance(timedelta(days=1, minutes=1))
    run_tick(database, clock, {Channel.SMS: sms})
    assert exceptions(database, ExceptionKind.CALL) == []
    assert len(exceptions(database, ExceptionKind.CALL_BACK)) == 1


def test_an_answer_that_fits_several_patients_goes_to_a_person(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    other = make_patient(database, shop, first="Bob", phone=NUMBER)
    cycles = [make_cycle(database, shop, p, sync_date=date(2026, 11, 26)) for p in (patient, other)]
    receive(database, clock, "1")
    assert [cycle_of(database, c.cycle_id).confirmed_at for c in cycles] == [None, None]
    (task,) = exceptions(database, ExceptionKind.REPLY)
    assert "several" in task.summary


def test_an_answer_is_to_the_cycle_a_question_went_out_about(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    made = make_cycle(database, shop, patient, sync_date=date(2026, 11, 26))
    trip = make_cycle(
        database, shop, patient, sync_date=date(2026, 11, 30), kind="trip", enrollment_id=made.enrollment_id
    )
    with database.transaction(SYSTEM, clock) as tx:
        schedule_cycle(tx, made.cycle_id)
    for _ in range(3):
        run_tick(database, clock, {Channel.SMS: sms})
        clock.advance(timedelta(days=1))
        if "confirm" in " ".join(m.body for m in sms.sent):
            break
    receive(database, clock, "1")
    assert cycle_of(database, made.cycle_id).confirmed_at is not None
    assert cycle_of(database, trip.cycle_id).confirmed_at is None


def test_free_text_goes_to_a_person_and_stays_readable(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    receive(database, clock, "Can my son collect them?")
    (task,) = exceptions(database, ExceptionKind.REPLY)
    assert "son" not in task.summary
    with database.reading(SYSTEM) as tx:
        kept = tx.get(InboundMessage, task.detail["inbound_message"])
    assert (kept.body, kept.meaning, kept.patient_id) == ("Can my son collect them?", "free_text", patient)


def test_yes_means_nothing_by_itself_and_start_after_a_stop(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    make_cycle(database, shop, patient, sync_date=date(2026, 11, 26))
    assert receive(database, clock, "YES") == "to a person"
    receive(database, clock, "STOP", sid="SMin2")
    assert receive(database, clock, "YES", sid="SMin3") == "opted in"


def test_a_free_text_refusal_holds_everything_until_a_person_decides(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    made = queue_message(database, shop, clock, patient)
    receive(database, clock, "please stop texting me")
    run_tick(database, clock, {Channel.SMS: sms})
    assert sms.sent == []
    assert action(database, made).state is ActionState.HELD
    (task,) = exceptions(database, ExceptionKind.REPLY)
    assert "wait" in task.summary
    with database.transaction(shop.scope, clock) as tx:
        assert release_address(tx, shop.pharmacy_id, Channel.SMS, NUMBER, opted_out=False) == 1
    run_tick(database, clock, {Channel.SMS: sms})
    assert action(database, made).state is ActionState.SENT


def test_a_refusal_by_text_holds_the_calls_to_that_number_whoever_they_are_for(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    voice = FakeConnection()
    bob = make_patient(database, shop, first="Bob")
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, bob, Channel.VOICE, NUMBER, ContactBasis.EXPRESS, "form")
    made = queue_message(database, shop, clock, bob)
    receive(database, clock, "please stop texting me")
    run_tick(database, clock, {Channel.VOICE: voice})
    assert (action(database, made).state, voice.sent) == (ActionState.HELD, [])


def test_a_refusal_holds_the_number_in_every_pharmacy_and_each_has_a_task_to_decide(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    elsewhere = make_shop(database, "elsewhere")
    theirs = make_patient(database, elsewhere, first="Cy", phone=NUMBER)
    made = [
        queue_message(database, shop, clock, patient),
        queue_message(database, elsewhere, clock, theirs, "m2"),
    ]
    receive(database, clock, "please stop texting me")
    assert receive(database, clock, "please stop texting me") == "known"
    run_tick(database, clock, {Channel.SMS: sms})
    assert [action(database, one).state for one in made] == [ActionState.HELD] * 2
    tasks = {task.pharmacy_id: task for task in exceptions(database, ExceptionKind.REPLY)}
    assert {place: task.patient_id for place, task in tasks.items()} == {
        shop.pharmacy_id: patient, elsewhere.pharmacy_id: theirs,
    }  # fmt: skip
    with database.reading(elsewhere.scope) as tx:
        kept = tx.get(InboundMessage, tasks[elsewhere.pharmacy_id].detail["inbound_message"])
    assert kept.body == "please stop texting me"


def test_a_held_number_can_be_opted_out_by_a_person(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    made = queue_message(database, shop, clock, patient)
    receive(database, clock, "I do not want these messages")
    run_tick(database, clock, {Channel.SMS: sms})
    with database.transaction(shop.scope, clock) as tx:
        release_address(tx, shop.pharmacy_id, Channel.SMS, NUMBER, opted_out=True)
    assert action(database, made).state is ActionState.SUPPRESSED
    assert basis(database, patient) is ContactBasis.REVOKED


def test_help_is_answered_without_any_other_effect(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    clock.set(clock.now().replace(hour=5))  # midnight in New York: a direct answer does not wait
    receive(database, clock, "AYUDA")
    run_tick(database, clock, {Channel.SMS: sms})
    assert "404-555-0100" in sms.sent[0].body
    assert basis(database, patient) is ContactBasis.EXPRESS


@pytest.mark.parametrize(
    ("word", "language", "answer"),
    [
        ("AYUDA", "en", "Para ayuda"), ("HELP", "es", "Para ayuda"), ("ALTO", "en", "no recibira"),
        ("HELP", "en", "for help"),
    ],
)  # fmt: skip
def test_the_answer_to_a_word_is_in_its_language_else_in_that_of_the_people_at_the_number(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection,
    word: str, language: str, answer: str,
) -> None:  # fmt: skip
    family = make_patient(database, shop, first="Bob", phone=NUMBER)
    with database.transaction(SYSTEM, clock) as tx:
        for one in (patient, family):
            tx.get(Patient, one).language = language
    receive(database, clock, word)
    run_tick(database, clock, {Channel.SMS: sms})
    assert answer in sms.sent[0].body


def test_the_same_message_twice_has_one_effect(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    receive(database, clock, "hello")
    assert receive(database, clock, "hello") == "known"
    assert len(exceptions(database, ExceptionKind.REPLY)) == 1


def test_a_message_of_an_unknown_number_is_kept_for_a_person(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    receive(database, clock, "hello", sender="+14045550999")
    (task,) = exceptions(database, ExceptionKind.REPLY)
    assert task.patient_id is None
    assert all_actions(database, kind="reply") == []


@pytest.mark.parametrize(("ends_all", "by_voice"), [(True, 0), (False, 1)])
def test_a_stop_by_text_ends_calls_too_unless_the_pharmacy_says_otherwise(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, ends_all: bool, by_voice: int
) -> None:
    voice = FakeConnection()
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Pharmacy, shop.pharmacy_id).rules = {"stop_ends_all": ends_all}
        record_basis(tx, patient, Channel.VOICE, NUMBER, ContactBasis.EXPRESS, "form", rank=5)
    receive(database, clock, "STOP")
    queue_message(database, shop, clock, patient, "later")
    run_tick(database, clock, {Channel.SMS: FakeConnection(), Channel.VOICE: voice})
    assert len(voice.sent) == by_voice


def test_a_basis_is_kept_with_when_how_and_by_whom(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    clock.advance(timedelta(hours=1))
    with database.transaction(shop.scope, clock) as tx:
        record_basis(tx, patient, Channel.SMS, NUMBER, ContactBasis.NUMBER_GIVEN, "counter")
    with database.reading(SYSTEM) as tx:
        point = tx.session.scalars(select(ContactPoint).where(ContactPoint.patient_id == patient)).one()
        event = tx.session.scalars(select(ConsentEvent).order_by(ConsentEvent.id.desc())).first()
    assert (point.basis_at, point.basis_how, point.basis_by) == (clock.now(), "counter", "staff-of-test")
    assert event is not None
    assert (event.basis, event.at, event.how, event.by) == (
        point.basis,
        clock.now(),
        "counter",
        "staff-of-test",
    )
