"""Events of the pharmacy system over HTTP: believed at their own pharmacy only, kept once, answered without waiting."""

import socket
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from medsync_app.clock import VirtualClock
from medsync_app.connections.pioneerrx import signature_of
from medsync_app.engine.inbox import work_pharmacy_events
from medsync_app.settings import get_settings
from medsync_app.store.session import Database
from medsync_app.store.tables import Fill
from medsync_app.web.site import site_around
from tests.support.forms import SECRETS, google_body, signed_headers, typeform_body, typeform_headers
from tests.support.pharmacy_events import JOSE, LISINOPRIL, body_of, kept, pioneerrx_xml
from tests.support.store import NOW, SYSTEM, Shop, make_shop

COMMON, OWN = SECRETS["PHARMACY_EVENTS_SECRET"], "the-second-locations-secret"
BODY = body_of("rx.filled", "evt-1", rx=LISINOPRIL, patient=JOSE)


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One secret for all locations, but for one that has its own."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PHARMACY_EVENTS_SECRETS", f'{{"own": "{OWN}"}}')
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture
def client(house: Database, shop: Shop, secrets: None) -> Iterator[TestClient]:
    with TestClient(site_around(Starlette()), base_url="http://localhost:3000") as opened:
        yield opened


def post(
    client: TestClient, path: str = "events/main", body: bytes = BODY, headers: dict[str, str] | None = None
) -> tuple[int, str]:
    given = signed_headers(body, COMMON, NOW) if headers is None else headers
    answer = client.post(f"/api/v1/{path}", content=body, headers=given)
    return answer.status_code, answer.json()["error"]["message"] if answer.content else ""


def test_a_signed_event_is_kept_once_and_worked_later(client: TestClient, house: Database) -> None:
    assert [post(client) for _ in range(3)] == [(204, "")] * 3
    row = kept(house)[0]
    assert (len(kept(house)), row.kind, row.processed_at) == (1, "rx.filled", None)
    assert work_pharmacy_events(house, VirtualClock(NOW)) == 1
    assert kept(house)[0].outcome == "Stored."


def test_the_answer_waits_for_nobody_who_changes_the_pharmacy(
    client: TestClient, house: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[str] = []
    monkeypatch.setattr("medsync_app.store.session.Tx.take_turn", lambda _, place, **__: turns.append(place))
    assert post(client) == (204, "")
    assert turns == []


def test_what_is_not_signed_for_this_pharmacy_is_refused(client: TestClient, house: Database) -> None:
    make_shop(house, "own")
    for path, headers in (
        ("events/main", {}),
        ("events/main", signed_headers(BODY, "guessed", NOW)),
        ("events/main", signed_headers(BODY, "", NOW)),
        ("events/main", signed_headers(BODY, OWN, NOW)),
        ("events/own", signed_headers(BODY, COMMON, NOW)),
        ("events/main", signed_headers(BODY, COMMON, NOW - timedelta(minutes=6))),
        ("events/main", signed_headers(BODY + b" ", COMMON, NOW)),
    ):
        assert post(client, path, headers=headers)[0] == 401, (path, headers)
    assert kept(house) == []
    assert post(client, "events/own", headers=signed_headers(BODY, OWN, NOW)) == (204, "")


@pytest.mark.parametrize(
    ("sender", "body", "headers"),
    [
        ("events", BODY, signed_headers(BODY, COMMON, NOW)),
        ("forms/typeform", typeform_body(), typeform_headers(typeform_body())),
        ("forms/google", google_body(), signed_headers(google_body(), SECRETS["GOOGLE_FORM_SECRET"], NOW)),
    ],
)
def test_a_copy_at_a_second_location_is_refused(
    client: TestClient, house: Database, sender: str, body: bytes, headers: dict[str, str]
) -> None:
    make_shop(house, "second")
    assert post(client, f"{sender}/main", body, headers) == (204, "")
    status, said = post(client, f"{sender}/second", body, headers)
    assert (status, "another location" in said) == (409, True)
    assert len({row.pharmacy_id for row in kept(house)}) == 1
    assert post(client, f"{sender}/main", body, headers) == (204, ""), "the same one again is known"


@pytest.mark.parametrize("sender", ["forms/typeform", "forms/google"])
def test_a_form_that_is_signed_anew_for_a_second_location_is_refused_there(
    client: TestClient, house: Database, sender: str
) -> None:
    """Two webhooks of one Typeform, say: the person has asked once."""

    def send(place: str, how_often: int, **form: str) -> tuple[int, str]:
        at = NOW + timedelta(seconds=how_often)
        if sender == "forms/google":
            body = google_body(**form)
            return post(
                client, f"{sender}/{place}", body, signed_headers(body, SECRETS["GOOGLE_FORM_SECRET"], at)
            )
        body = typeform_body(event_id=f"event-{how_often}", **form)
        return post(client, f"{sender}/{place}", body, typeform_headers(body))

    make_shop(house, "second")
    assert send("main", 1) == (204, "")
    status, said = send("second", 2)
    assert (status, "another location" in said) == (409, True)
    assert send("main", 3) == (204, ""), "here it is known"
    other = {"token": "tok-2"} if sender == "forms/typeform" else {"response_id": "2_other"}
    assert send("second", 4, **other) == (204, "")


def test_the_same_id_at_two_locations_is_two_events(client: TestClient, house: Database) -> None:
    make_shop(house, "second")
    assert post(client) == (204, "")
    later = signed_headers(BODY, COMMON, NOW + timedelta(seconds=1))
    assert post(client, "events/second", headers=later) == (204, "")
    assert len(kept(house)) == 2


def test_a_name_that_is_not_known_is_kept_and_a_body_without_id_is_not(
    client: TestClient, house: Database
) -> None:
    body = body_of("rx.exploded", "evt-9")
    assert post(client, body=body, headers=signed_headers(body, COMMON, NOW)) == (204, "")
    for wrong in (body_of("rx.sold", ""), body_of("", "evt-1"), b"[]", b"<xml/>"):
        assert post(client, body=wrong, headers=signed_headers(wrong, COMMON, NOW))[0] == 400
    assert [row.kind for row in kept(house)] == ["rx.exploded"]


def over_the_wire(port: int, headers: dict[str, str], body: bytes, length: int = 0) -> int:
    """The status that a server answers to these bytes."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = "POST /api/v1/events/main HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + "\r\n".join(
        lines
    )
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(f"{head}\r\nContent-Length: {length or len(body)}\r\n\r\n".encode() + body)
        return int(connection.recv(64).split(b" ")[1])


@pytest.mark.slow
def test_over_a_socket_twenty_at_once_are_one_and_what_is_forged_or_huge_is_none(
    house: Database, shop: Shop, secrets: None, socket_port: int
) -> None:
    right = signed_headers(BODY, COMMON, NOW)
    huge = b"x" * (1 << 20)
    assert over_the_wire(socket_port, {}, BODY) == 401
    assert over_the_wire(socket_port, signed_headers(BODY, OWN, NOW), BODY) == 401
    assert over_the_wire(socket_port, signed_headers(BODY, COMMON, NOW - timedelta(minutes=6)), BODY) == 401
    assert over_the_wire(socket_port, right, huge, length=10 << 20) == 413
    assert kept(house) == []
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: over_the_wire(socket_port, right, BODY), range(20)))
    assert answers == [204] * 20
    assert len(kept(house)) == 1
    clock = VirtualClock(NOW)
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: work_pharmacy_events(house, clock), range(4))) == 1
    with house.reading(SYSTEM) as tx:
        assert len(tx.session.scalars(select(Fill)).all()) == 1


def test_pioneerrx_is_answered_as_it_wants_and_believed_by_the_locations_own_secret(
    client: TestClient, house: Database
) -> None:
    make_shop(house, "own")
    stamp = NOW.isoformat()
    signed = {"prx-timestamp": stamp, "prx-signature": signature_of(stamp, OWN)}
    old = (NOW - timedelta(minutes=6)).isoformat()
    body, path = pioneerrx_xml("Ready For Pickup"), "/api/v1/events/own/pioneerrx"
    for headers in (
        {}, {**signed, "prx-timestamp": NOW.isoformat() + "Z"},
        {"prx-timestamp": stamp, "prx-signature": signature_of(stamp, COMMON)},
        {"prx-timestamp": old, "prx-signature": signature_of(old, OWN)}, signed_headers(body, OWN, NOW),
    ):  # fmt: skip
        assert client.post(path, content=body, headers=headers).status_code == 401
    common = {"prx-timestamp": stamp, "prx-signature": signature_of(stamp, COMMON)}
    assert client.post("/api/v1/events/main/pioneerrx", content=body, headers=common).status_code == 401
    assert kept(house) == []
    for headers in (signed, {"authorization": f"Basic {b64encode(f'prx:{OWN}'.encode()).decode()}"}):
        answer = client.post(path, content=body, headers=headers)
        assert (answer.status_code, answer.json()["Message_Header"]["Message_Type"]) == (200, "ACK")
    row = kept(house)[0]
    assert (len(kept(house)), row.source, row.kind) == (1, "pioneerrx", "Ready For Pickup")
    assert client.post(path, content=b"<a/>", headers=signed).status_code == 400
