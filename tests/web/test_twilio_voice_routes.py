"""A call from the outbox to the last key: a real provider's server, the real routes, real signatures."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from medsync_app.clock import VirtualClock
from medsync_app.connections.protocol import Connections
from medsync_app.connections.twilio import TwilioApi, TwilioVoice
from medsync_app.domain.states import ActionState, Channel, ContactBasis, CycleState, ExceptionKind
from medsync_app.engine.loop import tick
from medsync_app.services.contact_settings import record_basis
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    ContactPoint,
    Cycle,
    InboundEvent,
    InboundMessage,
    Patient,
    Pharmacy,
    ScheduledAction,
)
from tests.support.cycles import make_cycle
from tests.support.fake_twilio import FakeTwilio
from tests.support.household import change, prepared, ready, remind
from tests.support.loop import FakeConnection, action, all_actions, attempts, exceptions, queue_message
from tests.support.signed_requests import PUBLIC, TOKEN, api_client, signed
from tests.support.store import NUMBER, SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.slow

DRUG = "Drug0 10 mg"


@dataclass
class Phone:
    """One patient's phone, the provider between, and everything behind."""

    client: TestClient
    database: Database
    clock: VirtualClock
    provider: FakeTwilio
    connections: Connections
    patient: str
    cycle: str
    action_id: str

    def tick(self) -> None:
        tick(self.database, self.clock, self.connections, "loop-1")

    def post(self, url: str, **fields: str) -> Any:
        call = self.provider.calls[-1]
        data = {"CallSid": call.sid, "AccountSid": "ACtest", "To": NUMBER, "From": "+14045550999", **fields}
        parts = urlsplit(url)
        path = parts.path.removeprefix("/api/v1") + (f"?{parts.query}" if parts.query else "")
        return self.client.post(path, data=data, headers=signed(url, data))

    def answer(self, answered_by: str = "human") -> str:
        return self.post(self.provider.calls[-1].fields["Url"], AnsweredBy=answered_by).text

    def press(self, document: str, key: str) -> str:
        found = re.search(r'action="([^"]+)"', document)
        assert found is not None, document
        return self.post(found.group(1).replace("&amp;", "&"), Digits=key).text

    def news(self, status: str, **fields: str) -> int:
        url = self.provider.calls[-1].fields["StatusCallback"]
        return self.post(url, CallStatus=status, **fields).status_code

    def state(self) -> ActionState:
        return action(self.database, self.action_id).state

    def follow_up(self) -> ActionState:
        """The state of what was queued because the call did not reach anybody."""
        (later,) = [one for one in all_actions(self.database) if one.id != self.action_id]
        return later.state


@pytest.fixture
def ring(database: Database, clock: VirtualClock) -> Iterator[Callable[..., Phone]]:
    with FakeTwilio().running() as provider, api_client(database) as client:

        def make(language: str = "en", **more: Any) -> Phone:
            shop = make_shop(database)
            patient = make_patient(database, shop, birth_date=date(1950, 5, 1))
            with database.transaction(SYSTEM, clock) as tx:
                row = tx.get(Patient, patient)
                row.language, row.drug_names_wanted = language, True
                record_basis(
                    tx, patient, Channel.VOICE, NUMBER, ContactBasis.EXPRESS, "form", kind="landline"
                )
            cycle = make_cycle(database, shop, patient, sync_date=date(2026, 11, 26)).cycle_id
            made = queue_message(
                database, shop, clock, patient, cycle_id=cycle, step="confirm_t3",
                payload={"action": {"do": "message", "template": "confirm_t3"}, "sync_date": "2026-11-26"},
            )  # fmt: skip
            account = TwilioApi(account_sid="ACtest", auth_token=TOKEN, api_url=provider.url, seconds=2.0)
            voice = TwilioVoice(account, callback_url=f"{PUBLIC}/api/v1", from_number="+14045550999")
            phone = Phone(
                client, database, clock, provider, {Channel.VOICE: voice, **more}, patient, cycle, made
            )
            phone.tick()
            return phone

        yield make


def cycle_of(phone: Phone) -> Cycle:
    with phone.database.reading(SYSTEM) as tx:
        return tx.get(Cycle, phone.cycle)


def test_one_call_asks_for_any_of_a_household_and_counts_the_medicines_of_all_without_naming_them(
    ring: Callable[..., Phone],
) -> None:
    phone = ring()
    with phone.database.reading(SYSTEM) as tx:
        ada = tx.get(Patient, phone.patient)
        shop = Shop(ada.pharmacy_id, tx.get(Pharmacy, ada.pharmacy_id).organization_id)
    bob = make_patient(phone.database, shop, first="Bob", phone="+14045550124", birth_date=date(1950, 5, 1))
    change(phone.database, phone.clock, Patient, bob, drug_names_wanted=True)
    with phone.database.transaction(SYSTEM, phone.clock) as tx:
        record_basis(tx, bob, Channel.VOICE, NUMBER, ContactBasis.EXPRESS, "form", kind="landline", rank=-1)
    ours = cycle_of(phone).enrollment_id
    made = [
        prepared(phone.database, shop, person, enrollment_id=enrollment)
        for person, enrollment in ((phone.patient, ours), (bob, None))
    ]
    thursday = make_cycle(
        phone.database, shop, bob, sync_date=date(2026, 11, 26), number=3, enrollment_id=made[1].enrollment_id
    )
    remind(phone.database, shop, phone.clock, thursday, "confirm_t3", date(2026, 11, 26))
    for one in made:
        ready(phone.database, phone.clock, one)
    phone.tick()
    assert len(phone.provider.calls) == 2
    greeting = phone.answer()
    assert re.search("If you are (Ada or Bob|Bob or Ada), or you take care of", greeting)
    message = phone.press(greeting, "1")
    assert "4 medicines for 2 people at this number ready for pickup" in message
    assert DRUG not in message
    assert "For the pickup on Thursday, November 26: press 1 to confirm" in message
    phone.press(message, "1")
    phone.tick()
    with phone.database.reading(SYSTEM) as tx:
        assert tx.get(Cycle, thursday.cycle_id).confirmed_how == "voice"
        assert [tx.get(Cycle, one.cycle_id).confirmed_at for one in made] == [None, None]
        assert tx.get(Cycle, phone.cycle).confirmed_at is None


def test_a_call_asks_who_is_there_then_reads_the_message_and_takes_a_confirmation(
    ring: Callable[..., Phone],
) -> None:
    phone = ring()
    assert len(phone.provider.calls) == 1
    greeting = phone.answer()
    assert "main pharmacy for Ada" in greeting
    assert 'numDigits="1"' in greeting
    assert re.search(r"</Gather><Say[^>]*>[^<]*Goodbye[^<]*</Say><Hangup />", greeting), "who says nothing"
    message = phone.press(greeting, "1")
    assert DRUG in message
    assert "Thursday, November 26" in message
    assert "Press 1 to confirm" in message
    assert "Goodbye" in phone.press(message, "1")
    assert phone.news("completed", AnsweredBy="human") == 204
    phone.tick()
    assert phone.state() is ActionState.DELIVERED
    assert cycle_of(phone).confirmed_how == "voice"
    assert len(phone.provider.calls) == 1
    assert all_actions(phone.database, kind="reply") == []


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "in another pharmacy"])
def test_a_key_answers_what_that_call_has_read_and_nothing_else(
    ring: Callable[..., Phone], elsewhere: bool
) -> None:
    phone = ring()
    with phone.database.reading(SYSTEM) as tx:
        ours = tx.get(Patient, phone.patient)
        place = Shop(ours.pharmacy_id, "")
    shop = make_shop(phone.database, "sister") if elsewhere else place
    housemate = make_patient(phone.database, shop, first="Ben", phone=NUMBER)
    theirs = make_cycle(phone.database, shop, housemate, sync_date=date(2026, 11, 25)).cycle_id
    asked = queue_message(
        phone.database, shop, phone.clock, housemate, "theirs", cycle_id=theirs, step="confirm_t3",
        payload={"action": {"do": "message", "template": "confirm_t3"}, "sync_date": "2026-11-25"},
    )  # fmt: skip
    with phone.database.transaction(
        SYSTEM, phone.clock
    ) as tx:  # asked by text, a moment after our call was placed
        row = tx.get(ScheduledAction, asked)
        row.state, row.address, row.channel = ActionState.SENT, NUMBER, Channel.SMS
        row.sent_at = tx.now + timedelta(minutes=1)
    phone.press(phone.press(phone.answer(), "1"), "1")
    phone.tick()
    with phone.database.reading(SYSTEM) as tx:
        assert tx.get(Cycle, theirs).confirmed_at is None
    assert cycle_of(phone).confirmed_how == "voice"
    assert exceptions(phone.database, ExceptionKind.REPLY) == []


@pytest.mark.parametrize("language", ["en", "es"])
def test_nothing_about_health_is_said_before_the_person_has_confirmed(
    ring: Callable[..., Phone], language: str
) -> None:
    phone = ring(language)
    greeting = phone.answer()
    said = [
        greeting,
        phone.press(greeting, "7"),
        phone.press(greeting, "2"),
        phone.answer("machine_end_beep"),
    ]
    said.append(phone.press(phone.press(greeting, "7"), "8"))
    for document in said:
        for word in (DRUG, "medic", "Nov", "refill", "receta", "pickup", "recog"):
            assert word.casefold() not in document.casefold(), document
    assert DRUG not in str(phone.provider.calls[0].fields)
    spanish = language == "es"
    assert ('language="es-MX"' in greeting) is spanish
    assert ("oprima 1" in greeting) is spanish


@pytest.mark.parametrize(("key", "words"), [("2", "another pickup date"), ("3", "asks to be called")])
def test_two_and_three_make_a_call_back_task_like_a_reply_by_text(
    ring: Callable[..., Phone], key: str, words: str
) -> None:
    phone = ring()
    message = phone.press(phone.answer(), "1")
    assert "We will call you" in phone.press(message, key)
    phone.press(message, "1")  # one answer per call
    phone.tick()
    (task,) = exceptions(phone.database, ExceptionKind.CALL_BACK)
    assert words in task.summary
    assert cycle_of(phone).confirmed_at is None
    with phone.database.reading(SYSTEM) as tx:
        (kept,) = tx.session.scalars(select(InboundMessage))
    assert (kept.channel, kept.body, kept.patient_id) == (Channel.VOICE, key, phone.patient)


@pytest.mark.parametrize("heard_first", [True, False])
def test_nine_stops_texts_and_calls_to_that_number(ring: Callable[..., Phone], heard_first: bool) -> None:
    phone = ring()
    document = phone.answer()
    if heard_first:
        document = phone.press(document, "1")
    assert "no more automated calls" in phone.press(document, "9")
    phone.news("completed")
    phone.tick()
    with phone.database.reading(SYSTEM) as tx:
        point = tx.session.scalars(select(ContactPoint)).one()
    assert point.basis is ContactBasis.REVOKED
    phone.tick()
    assert len(phone.provider.calls) == 1
    assert exceptions(phone.database, ExceptionKind.CALL) == []


def test_after_three_nothing_automated_goes_to_that_number_and_somebody_asks(
    ring: Callable[..., Phone],
) -> None:
    sms = FakeConnection()
    phone = ring(**{Channel.SMS: sms})
    with phone.database.transaction(SYSTEM, phone.clock) as tx:
        record_basis(tx, phone.patient, Channel.SMS, NUMBER, ContactBasis.EXPRESS, "form")
    assert "Thank you for telling us" in phone.press(phone.answer(), "3")
    phone.news("completed")
    for _ in range(3):
        phone.tick()
    (asked,) = exceptions(phone.database, ExceptionKind.CONTACT)
    assert asked.patient_id == phone.patient
    assert (len(phone.provider.calls), sms.sent) == (1, [])
    assert len(exceptions(phone.database, ExceptionKind.CALL)) == 1, "a person calls about the message"
    with phone.database.reading(SYSTEM) as tx:
        assert {one.basis for one in tx.session.scalars(select(ContactPoint))} == {ContactBasis.EXPRESS}


def test_an_answering_machine_gets_a_number_to_call_and_the_messages_page_says_so(
    ring: Callable[..., Phone],
) -> None:
    phone = ring()
    left = phone.answer("machine_end_beep")
    assert "4 0 4, 5 5 5, 0 1 0 0" in left
    assert "Gather" not in left
    phone.news("completed", AnsweredBy="machine_end_beep")
    phone.tick()
    row = action(phone.database, phone.action_id)
    assert row.state is ActionState.DELIVERED
    assert "answering machine" in row.reason


def test_who_answers_and_says_nothing_is_reached_by_a_person_and_not_by_a_text_as_well(
    ring: Callable[..., Phone],
) -> None:
    sms = FakeConnection()
    phone = ring(**{Channel.SMS: sms})
    with phone.database.transaction(SYSTEM, phone.clock) as tx:
        record_basis(tx, phone.patient, Channel.SMS, NUMBER, ContactBasis.EXPRESS, "form")
    phone.answer()
    phone.news("completed", AnsweredBy="human")
    phone.tick()
    phone.tick()
    assert "did not say who" in action(phone.database, phone.action_id).reason
    assert sms.sent == []
    assert len(exceptions(phone.database, ExceptionKind.CALL)) == 1


@pytest.mark.parametrize(("status", "calls"), [("busy", 3), ("no-answer", 2)])
def test_a_call_that_nobody_took_is_made_again_hours_later_and_then_the_next_channel_is_used(
    ring: Callable[..., Phone], status: str, calls: int
) -> None:
    sms = FakeConnection()
    phone = ring(**{Channel.SMS: sms})
    with phone.database.transaction(SYSTEM, phone.clock) as tx:
        record_basis(tx, phone.patient, Channel.SMS, NUMBER, ContactBasis.EXPRESS, "form")
    for _ in range(calls):
        phone.news("ringing")
        phone.news(status)
        phone.news("ringing")  # late and out of order
        phone.tick()
        assert sms.sent == [] or len(phone.provider.calls) == calls
        phone.clock.advance(timedelta(hours=2))
        phone.tick()
    assert phone.state() is ActionState.UNDELIVERED
    assert len(phone.provider.calls) == calls
    assert [message.to for message in sms.sent] == [NUMBER]


def test_a_number_that_cannot_be_called_is_unreachable_and_a_person_calls(ring: Callable[..., Phone]) -> None:
    phone = ring()
    phone.news("failed")
    phone.tick()
    phone.tick()
    assert phone.state() is ActionState.UNDELIVERED
    assert len(exceptions(phone.database, ExceptionKind.CONTACT)) == 1
    assert len(exceptions(phone.database, ExceptionKind.CALL)) == 1


def test_a_lost_answer_is_settled_by_the_first_news_and_nobody_is_called_twice(
    ring: Callable[..., Phone], clock: VirtualClock
) -> None:
    phone = ring()
    with phone.database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, phone.patient, Channel.VOICE, "+14045550124", ContactBasis.EXPRESS, "form", rank=-1)
    phone.provider.behave = "reset"
    clock.advance(timedelta(days=1))
    made = queue_message(phone.database, make_shop(phone.database, "x"), clock, phone.patient, "m2")
    phone.tick()
    assert action(phone.database, made).state is ActionState.IN_DOUBT
    assert phone.news("initiated") == 204
    phone.tick()
    assert action(phone.database, made).state is ActionState.SENT
    (attempt,) = attempts(phone.database, made)
    assert attempt.provider_id == phone.provider.calls[-1].sid
    assert len(phone.provider.calls) == 2


def test_a_message_withdrawn_while_the_phone_rings_is_not_read(ring: Callable[..., Phone]) -> None:
    phone = ring()
    with phone.database.transaction(SYSTEM, phone.clock) as tx:
        tx.get(Patient, phone.patient).deceased_on = date(2026, 11, 23)
    assert "no longer needed" in phone.answer()
    assert "Ada" not in phone.answer()


def test_what_twilio_did_not_sign_moves_nothing(ring: Callable[..., Phone]) -> None:
    phone = ring()
    base = f"/twilio/voice/{attempts(phone.database, phone.action_id)[0].id}"
    fields = {"CallSid": "CA1", "To": NUMBER, "Digits": "1", "CallStatus": "completed"}
    forged = signed(f"{PUBLIC}/api/v1{base}/who", fields, "another")
    for path in (base, f"{base}/who", f"{base}/answer", base.replace("voice", "call-status")):
        for headers in ({}, forged):
            answer = phone.client.post(path, data=fields, headers=headers)
            assert (answer.status_code, DRUG in answer.text) == (403, False)
    with phone.database.reading(SYSTEM) as tx:
        assert list(tx.session.scalars(select(InboundEvent))) == []


def test_a_call_we_know_nothing_of_is_hung_up(ring: Callable[..., Phone]) -> None:
    phone = ring()
    answer = phone.post(f"{PUBLIC}/api/v1/twilio/voice/nobody", AnsweredBy="human")
    assert answer.text.endswith("<Response><Hangup /></Response>")
    assert phone.post(f"{PUBLIC}/api/v1/twilio/call-status/nobody", CallStatus="completed").status_code == 204
    phone.tick()
    with phone.database.reading(SYSTEM) as tx:
        assert [event.outcome for event in tx.session.scalars(select(InboundEvent))] == ["unknown"]
    assert cycle_of(phone).state is CycleState.PLANNED
