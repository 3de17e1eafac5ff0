"""Twilio's webhooks: only signed ones are kept, each once, and the loop works them."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, Channel, ContactBasis, ExceptionKind
from medsync_app.engine.inbox import MAX_TRIES
from medsync_app.settings import Settings, get_settings
from medsync_app.store.session import Database
from medsync_app.store.tables import ContactPoint, InboundEvent, InboundMessage
from tests.support.loop import FakeConnection, action, attempts, exceptions, queue_message, run_tick
from tests.support.signed_requests import PUBLIC, TOKEN, api_client, signed
from tests.support.signed_requests import post_signed as post
from tests.support.store import NUMBER, SYSTEM, make_patient, make_shop


@pytest.fixture
def client(database: Database) -> Iterator[TestClient]:
    with api_client(database) as opened:
        yield opened


def status_fields(status: str, sid: str = "SM1") -> dict[str, str]:
    return {"MessageSid": sid, "MessageStatus": status, "AccountSid": "ACtest", "To": NUMBER}


def events(database: Database) -> list[InboundEvent]:
    with database.reading(SYSTEM) as tx:
        return list(tx.session.scalars(select(InboundEvent)))


def test_news_of_a_message_moves_it_forward(
    client: TestClient, database: Database, clock: VirtualClock
) -> None:
    shop = make_shop(database)
    made = queue_message(database, shop, clock, make_patient(database, shop, phone=NUMBER))
    connections = {Channel.SMS: FakeConnection()}
    run_tick(database, clock, connections)
    (attempt,) = attempts(database, made)
    for status in ("delivered", "sent", "delivered"):
        assert post(client, f"/twilio/status/{attempt.id}", status_fields(status)).status_code == 204
    assert len(events(database)) == 2
    run_tick(database, clock, connections)
    assert action(database, made).state is ActionState.DELIVERED
    assert all(event.processed_at is not None for event in events(database))


def test_a_stop_by_text_revokes(client: TestClient, database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    patient = make_patient(database, shop, phone=NUMBER)
    answer = post(
        client, "/twilio/inbound", {"MessageSid": "SMin", "From": NUMBER, "To": "+1", "Body": "STOP"}
    )
    assert answer.status_code == 200
    assert "<Response>" in answer.text
    run_tick(database, clock, {Channel.SMS: FakeConnection()})
    with database.reading(SYSTEM) as tx:
        basis = tx.session.scalars(select(ContactPoint.basis).where(ContactPoint.patient_id == patient)).one()
    assert basis is ContactBasis.REVOKED


def test_the_same_webhook_many_times_at_once_has_one_effect(
    client: TestClient, database: Database, clock: VirtualClock
) -> None:
    make_shop(database)
    fields = {"MessageSid": "SMin", "From": NUMBER, "To": "+1", "Body": "hello"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: post(client, "/twilio/inbound", fields).status_code, range(20)))
    assert set(answers) == {200}
    run_tick(database, clock, {})
    with database.reading(SYSTEM) as tx:
        assert len(tx.session.scalars(select(InboundMessage)).all()) == 1


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"Body": "", "NumMedia": "1"}, "[A picture or file without words]"),
        ({"Body": "1", "NumMedia": "1"}, "1"), ({"Body": " \U0001f44d"}, " \U0001f44d"), ({}, ""),
        ({"Body": "a\0b"}, "ab"),
    ],
)  # fmt: skip
def test_whatever_a_patient_sends_is_kept_for_a_person(
    client: TestClient, database: Database, clock: VirtualClock, fields: dict[str, str], kept: str
) -> None:
    make_patient(database, make_shop(database), phone=NUMBER)
    answer = post(client, "/twilio/inbound", {"MessageSid": "SMin", "From": NUMBER, "To": "+1", **fields})
    assert answer.status_code == 200
    run_tick(database, clock, {})
    with database.reading(SYSTEM) as tx:
        assert tx.session.scalars(select(InboundMessage.body)).one() == kept
    assert len(exceptions(database, ExceptionKind.REPLY)) == 1


def test_a_reply_that_cannot_be_acted_on_becomes_a_persons_task(
    client: TestClient, database: Database, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> str:
        raise RuntimeError

    monkeypatch.setattr("medsync_app.services.handle_inbound._act", broken)
    make_patient(database, make_shop(database), phone=NUMBER)
    post(client, "/twilio/inbound", {"MessageSid": "SMin", "From": NUMBER, "To": "+1", "Body": "STOP"})
    for _ in range(MAX_TRIES + 1):
        run_tick(database, clock, {})
    (task,) = exceptions(database, ExceptionKind.REPLY)
    with database.reading(SYSTEM) as tx:
        assert tx.get(InboundMessage, task.detail["inbound_message"]).body == "STOP"
    assert all(event.processed_at is not None for event in events(database))


@pytest.mark.parametrize("path", ["/twilio/inbound", "/twilio/status/attempt1"])
def test_what_twilio_did_not_sign_is_refused_and_not_kept(
    client: TestClient, database: Database, path: str
) -> None:
    fields = {**status_fields("sent"), "From": NUMBER, "Body": "STOP"}
    answers = [
        client.post(path, data=fields),
        client.post(path, data=fields, headers={"X-Twilio-Signature": "AAAA"}),
        post(client, path, fields, token="another"),
        post(client, path, fields, signed_for="/elsewhere"),
        client.post(path, content=b"\xff\x00", headers={"Content-Type": "application/x-www-form-urlencoded"}),
        client.post(path, data={**fields, "x": "1"}, headers=signed(f"{PUBLIC}/api/v1{path}", fields)),
        client.post(path, data=fields, headers={"X-Forwarded-Host": "shop.example", "X-Twilio-Signature": "x"}),
    ]  # fmt: skip
    assert {answer.status_code for answer in answers} == {403}
    assert events(database) == []


@pytest.mark.parametrize(
    "fields",
    [
        [("From", NUMBER), ("Body", "hi"), ("MessageSid", "SM1"), ("Tag", "b"), ("Tag", "a"), ("Tag", "b")],
        [("From", NUMBER), ("Body", ""), ("MessageSid", "SM1"), ("FromCity", ""), ("FromState", "")],
        [("From", NUMBER), ("Body", "¿Qué? & + % = ñ"), ("MessageSid", "SM1")],
    ],
    ids=["repeated", "empty", "foreign"],
)
@pytest.mark.parametrize("query", ["", "?a=1&b=%20x&c="])
def test_the_signature_covers_every_field_and_the_query_as_they_came(
    client: TestClient, database: Database, fields: list[tuple[str, str]], query: str
) -> None:
    url = f"{PUBLIC}/api/v1/twilio/inbound{query}"
    # As Twilio's documentation has it: names in order, each with its different values in order.
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    signature = b64encode(hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()
    body = urlencode(fields).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
    for more in (b"&Tag=c", b"&Body=STOP"):
        assert client.post(f"/twilio/inbound{query}", content=body + more, headers=headers).status_code == 403
    assert client.post("/twilio/inbound?a=2", content=body, headers=headers).status_code == 403
    behind = {"Host": "10.0.0.7:3000", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    answer = client.post(f"/twilio/inbound{query}", content=body, headers=headers | behind)
    assert answer.status_code == 200
    assert len(events(database)) == 1


def test_signed_but_useless_fields_are_refused(client: TestClient, database: Database) -> None:
    assert post(client, "/twilio/inbound", {"From": NUMBER}).status_code == 422
    assert (
        post(client, "/twilio/status/a", {"MessageSid": "S" * 99, "MessageStatus": "sent"}).status_code == 422
    )
    assert events(database) == []


def test_without_a_token_nothing_is_accepted(client: TestClient, database: Database) -> None:
    client.app.dependency_overrides[get_settings] = lambda: Settings(  # type: ignore[attr-defined]
        _env_file=None, medsync_public_url=PUBLIC  # type: ignore[call-arg]
    )  # fmt: skip
    assert post(client, "/twilio/inbound", {"MessageSid": "S", "From": NUMBER}, token="").status_code == 403
    assert events(database) == []


def test_news_of_an_unknown_attempt_is_kept(
    client: TestClient, database: Database, clock: VirtualClock
) -> None:
    post(client, "/twilio/status/nobody", status_fields("sent"))
    run_tick(database, clock, {})
    (event,) = events(database)
    assert event.outcome == "unknown"
