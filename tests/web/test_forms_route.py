"""Deliveries over HTTP: believed by their signature alone, answered in plain words, safe against any bytes."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from medsync_app.clock import VirtualClock
from medsync_app.connections.webhook import SIGNATURE
from medsync_app.settings import get_settings
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import FormSource, InboundEvent, JoinRequest
from medsync_app.web import forms_route
from medsync_app.web.forms_route import MAX_BODY_BYTES
from medsync_app.web.site import site_around
from tests.support.forms import (
    SECRETS,
    event_body,
    google_body,
    signed_headers,
    typeform_body,
    typeform_headers,
)
from tests.support.store import NOW, SYSTEM, Shop

TYPEFORM, GOOGLE, EVENTS = "/forms/typeform/main", "/forms/google/main", "/events/main"
SENDERS = {
    TYPEFORM: (typeform_body(), "TYPEFORM_WEBHOOK_SECRET"),
    GOOGLE: (google_body(), "GOOGLE_FORM_SECRET"),
    EVENTS: (event_body(), "PHARMACY_EVENTS_SECRET"),
}


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process knows every sender's secret."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture
def client(house: Database, shop: Shop, secrets: None) -> Iterator[TestClient]:
    with TestClient(site_around(Starlette()), base_url="http://localhost:3000") as opened:
        yield opened


def headers_for(path: str, body: bytes, secret: str | None = None) -> dict[str, str]:
    right = SECRETS[SENDERS[path][1]]
    if path == TYPEFORM:
        return typeform_headers(body, right if secret is None else secret)
    return signed_headers(body, right if secret is None else secret, NOW)


def post(
    client: TestClient, path: str, body: bytes, headers: dict[str, str] | None = None
) -> tuple[int, str]:
    given = headers_for(path, body) if headers is None else headers
    answer = client.post(f"/api/v1{path}", content=body, headers=given)
    return answer.status_code, answer.json()["error"]["message"] if answer.content else ""


def kept(database: Database) -> list[JoinRequest]:
    with database.reading(SYSTEM) as tx:
        return list(tx.session.scalars(select(JoinRequest)))


def sources(database: Database) -> list[FormSource]:
    with database.reading(SYSTEM) as tx:
        return list(tx.session.scalars(select(FormSource)))


@pytest.mark.parametrize("path", sorted(SENDERS))
def test_what_is_signed_is_kept_once(client: TestClient, house: Database, path: str) -> None:
    body = SENDERS[path][0]
    assert [post(client, path, body) for _ in range(3)] == [(204, "")] * 3
    assert len(kept(house)) == 1
    assert sources(house)[0].received_at is not None


@pytest.mark.parametrize("path", sorted(SENDERS))
def test_what_is_forged_cut_short_or_unsigned_is_not_believed(
    client: TestClient, house: Database, path: str
) -> None:
    body, setting = SENDERS[path]
    for status, said in (
        post(client, path, body, headers_for(path, body, "guessed")),
        post(client, path, body, headers_for(path, body, "")),
        post(client, path, body, {}),
        post(client, path, body[:-1], headers_for(path, body)),
        post(client, path, body.replace(b"Ada", b"Eve") + b" ", headers_for(path, body)),
    ):
        assert status == 401
        assert setting in said
    assert kept(house) == []
    row = sources(house)[0]
    assert (row.received_at, row.refusal) == (None, said)
    assert post(client, path, body) == (204, "")


@pytest.mark.parametrize("path", sorted(SENDERS))
def test_without_a_secret_nothing_is_believed(
    house: Database, shop: Shop, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SENDERS[path][1], "")
    get_settings.cache_clear()
    with TestClient(site_around(Starlette()), base_url="http://localhost:3000") as client:
        body = SENDERS[path][0]
        assert post(client, path, body, headers_for(path, body, ""))[0] == 401
    monkeypatch.undo()
    get_settings.cache_clear()
    assert kept(house) == []


@pytest.mark.parametrize("path", [GOOGLE, EVENTS])
def test_a_copy_that_somebody_sends_later_is_refused(
    client: TestClient, house: Database, clock: VirtualClock, path: str
) -> None:
    body = SENDERS[path][0]
    headers = headers_for(path, body)
    clock.advance(timedelta(minutes=5, seconds=1))
    assert post(client, path, body, headers) == (401, sources(house)[0].refusal)
    assert "clock" in sources(house)[0].refusal
    ahead = signed_headers(body, SECRETS[SENDERS[path][1]], clock.now() + timedelta(minutes=6))
    assert post(client, path, body, ahead)[0] == 401
    without_zone = {**headers, "X-MedSync-Timestamp": "2026-11-23T15:00:00"}
    assert post(client, path, body, without_zone)[0] == 401
    assert kept(house) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"), (b'{"event_id": "a", "form_response": {}}', "token are missing"),
        (b'{"event_id":"LtWXD3crgy"}', "form_response is missing"), (b"[" * 100_000, "not JSON"),
    ],
)  # fmt: skip
def test_a_signed_body_that_makes_no_sense_is_refused_and_said_in_settings(
    client: TestClient, house: Database, body: bytes, said: str
) -> None:
    status, message = post(client, TYPEFORM, body)
    assert status == 400
    assert said in message
    assert sources(house)[0].refusal == message


def test_a_form_that_was_left_half_way_is_none_of_ours(client: TestClient, house: Database) -> None:
    body = json.dumps(json.loads(typeform_body()) | {"event_type": "form_response_partial"}).encode()
    assert post(client, TYPEFORM, body) == (204, "")
    assert kept(house) == []
    assert post(client, TYPEFORM, typeform_body()) == (204, "")
    assert len(kept(house)) == 1, "the whole form has the same token"


def test_a_pharmacy_that_is_not_there_is_said_to_who_signed(client: TestClient, house: Database) -> None:
    body = typeform_body()
    for slug in ("other", "Main", "a%00b", "%C3%A9", "x" * 200):
        answer = client.post(f"/api/v1/forms/typeform/{slug}", content=body, headers=typeform_headers(body))
        assert (answer.status_code, "Copy it from Settings" in answer.text) == (404, True), slug
        assert client.post(f"/api/v1/forms/typeform/{slug}", content=body).status_code == 401, slug
    assert sources(house) == []


def test_a_refusal_names_nobody(client: TestClient, house: Database) -> None:
    body = event_body(event_id="")
    assert post(client, EVENTS, body)[0] == 400
    assert "Ada" not in post(client, EVENTS, body)[1] + sources(house)[0].refusal
    assert client.get(f"/api/v1{EVENTS}").status_code == 405


def test_what_medsync_itself_fails_at_is_to_be_sent_again_and_is_taken_then(
    house: Database, shop: Shop, secrets: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> str:
        raise RuntimeError("Ada Example")

    site = site_around(Starlette())
    with TestClient(site, base_url="http://localhost:3000", raise_server_exceptions=False) as client:
        with monkeypatch.context() as patched:
            patched.setattr(forms_route, "take_enrollment", broken)
            status, said = post(client, TYPEFORM, typeform_body())
        assert (status, "Ada" in said) == (500, False)
        assert "sent again" in sources(house)[0].refusal
        assert post(client, TYPEFORM, typeform_body()) == (204, "")
    assert len(kept(house)) == 1


@pytest.mark.parametrize("path", [TYPEFORM, GOOGLE])
def test_a_delivery_acts_at_one_pharmacy_only(
    client: TestClient, shop: Shop, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scopes: list[Scope] = []
    monkeypatch.setattr(forms_route, "take_enrollment", lambda tx, *_: scopes.append(tx.scope))
    assert post(client, path, SENDERS[path][0]) == (204, "")
    assert [(one.pharmacy_ids, one.is_system) for one in scopes] == [({shop.pharmacy_id}, True)]


def test_too_much_is_refused_before_it_is_read(client: TestClient, house: Database) -> None:
    body = typeform_body(first_name="x" * MAX_BODY_BYTES)
    assert post(client, TYPEFORM, body)[0] == 413
    assert kept(house) == []


def test_an_event_ends_the_messages_to_a_number(client: TestClient, house: Database) -> None:
    assert post(client, EVENTS, event_body("patient.opted_out")) == (204, "")
    assert kept(house) == []
    with house.reading(SYSTEM) as tx:
        assert tx.session.scalars(select(InboundEvent)).one().outcome == "opted out"


def raw(port: int, request: bytes) -> int:
    """The status that the server answers to these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        return int(connection.recv(64).split(b" ")[1])


def over_the_wire(body: bytes, headers: dict[str, str], *, length: int | None = None) -> bytes:
    lines = [f"{name}: {value}" for name, value in headers.items()]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    head = f"POST /api/v1{TYPEFORM} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + "\r\n".join(lines)
    return head.encode() + b"\r\n\r\n" + body


@pytest.mark.slow
def test_fifty_connections_at_once_are_one_request(
    house: Database, shop: Shop, secrets: None, socket_port: int
) -> None:
    body = typeform_body()
    whole = over_the_wire(body, typeform_headers(body))
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: raw(socket_port, whole), range(50)))
    assert answers == [204] * 50
    assert len(kept(house)) == 1


@pytest.mark.slow
def test_bytes_that_no_sender_sends_do_no_harm(
    house: Database, shop: Shop, secrets: None, socket_port: int
) -> None:
    body = typeform_body()
    signed = typeform_headers(body)
    with socket.create_connection(("127.0.0.1", socket_port), timeout=10) as connection:
        connection.sendall(over_the_wire(body[:100], signed, length=len(body)))
    assert raw(socket_port, over_the_wire(body, signed, length=100)) == 401
    assert raw(socket_port, over_the_wire(body, signed, length=MAX_BODY_BYTES + 1)) == 413
    nul = b"\x00\xff" * 10
    assert raw(socket_port, over_the_wire(nul, typeform_headers(nul))) == 400
    assert raw(socket_port, over_the_wire(body, {SIGNATURE: "sha256=\xe9"})) in (400, 401)
    assert kept(house) == []
    assert raw(socket_port, over_the_wire(body, signed)) == 204
    assert len(kept(house)) == 1
