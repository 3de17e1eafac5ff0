"""The public form over HTTP: two languages, shown again in error, and nothing of it in an address."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.services.join import PER_SOURCE, rotate_link
from medsync_app.store.session import Database
from medsync_app.store.tables import JoinRequest, Patient
from medsync_app.web.join_page import MAX_BODY_BYTES
from medsync_app.web.site import site_around
from tests.support.store import SYSTEM, Shop, make_shop

FORM = {
    "first_name": "Ada", "last_name": "O'Hara <b>", "birth_date": "05/01/1950", "phone": "404 555 0123",
    "language": "en", "agree": "on", "medicine_0": "lisinopril", "days_0": "10",
}  # fmt: skip


@pytest.fixture
def client(house: Database) -> Iterator[TestClient]:
    with TestClient(
        site_around(Starlette()), base_url="http://localhost:3000", follow_redirects=False
    ) as opened:
        yield opened


@pytest.fixture
def path(house: Database, clock: VirtualClock) -> str:
    shop = make_shop(house)
    scope = Shop(shop.pharmacy_id, shop.organization_id, Role.OWNER).scope
    with house.transaction(scope, clock) as tx:
        return f"/join/{rotate_link(tx, shop.pharmacy_id)}"


def kept(database: Database) -> list[JoinRequest]:
    with database.reading(SYSTEM) as tx:
        return list(tx.session.scalars(select(JoinRequest)))


def test_the_form_speaks_english_and_spanish(client: TestClient, path: str) -> None:
    english = client.get(path)
    assert english.status_code == 200
    assert '<html lang="en">' in english.text
    assert "I agree that main pharmacy" in english.text
    for spanish in (client.get(path + "?lang=es"), client.get(path, headers={"Accept-Language": "es-MX,es"})):
        assert '<html lang="es">' in spanish.text
        assert "Acepto que main pharmacy" in spanish.text
    assert english.headers["cache-control"] == "no-store"
    assert "script-src 'self'" in english.headers["content-security-policy"]
    assert "<script" not in english.text


def test_the_other_language_keeps_what_was_typed_and_asks_again_for_the_consent(
    client: TestClient, house: Database, path: str
) -> None:
    switched = client.post(path, data=FORM | {"to": "es", "last_name": "", "phone": "911"})
    assert switched.status_code == 200
    assert '<html lang="es">' in switched.text
    for kept_text in ('value="Ada"', 'value="05/01/1950"', 'value="911"', 'value="lisinopril"', 'value="10"'):
        assert kept_text in switched.text, kept_text
    assert " checked" not in switched.text, "the words in Spanish have not been read yet"
    assert 'role="alert"' not in switched.text, "nothing was sent, so nothing is wrong yet"
    assert kept(house) == []
    assert '<html lang="en">' in client.post(path, data=FORM | {"to": "xx", "phone": ""}).text


def test_sent_it_is_kept_once_and_the_answer_names_nobody(
    client: TestClient, house: Database, path: str
) -> None:
    for _ in range(2):
        answer = client.post(path, data=FORM)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?sent=1&lang=en")
    assert [(one.last_name, str(one.birth_date), one.phone) for one in kept(house)] == [
        ("O'Hara <b>", "1950-05-01", "+14045550123")
    ]
    thanks = client.get(answer.headers["location"])
    assert "Thank you" in thanks.text
    assert "404-555-0100" in thanks.text
    with house.reading(SYSTEM) as tx:
        assert tx.session.scalars(select(Patient)).all() == []


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("first_name", "", "Enter your first name."),
        ("birth_date", "yesterday", "Enter your date of birth"),
        ("birth_date", "05/01/1850", "Enter your date of birth"),
        ("phone", "911", "Enter a phone number"),
        ("days_0", "many", "the days left as a number"),
    ],
)
def test_a_mistake_is_shown_at_its_field_with_what_was_typed(
    client: TestClient, house: Database, path: str, field: str, value: str, said: str
) -> None:
    answer = client.post(path, data=FORM | {field: value})
    assert answer.status_code == 422
    assert said in answer.text
    assert "O&#x27;Hara &lt;b&gt;" in answer.text, "kept, and harmless"
    assert kept(house) == []


def test_a_form_that_is_closed_or_never_was_says_so(client: TestClient, house: Database, path: str) -> None:
    for address in ("/join/never", "/join/" + "x" * 300, "/join/a%00b", "/join/%C3%A9"):
        assert client.get(address).status_code == 404, address
        assert client.post(address, data=FORM).status_code == 404, address
    assert "not in use" in client.get("/join/never").text
    assert kept(house) == []


def test_too_much_is_refused_before_it_is_read(client: TestClient, house: Database, path: str) -> None:
    assert client.post(path, data=FORM | {"medicine_1": "x" * MAX_BODY_BYTES}).status_code == 413
    assert client.post(path, data={f"f{n}": "1" for n in range(100)}).status_code == 400
    assert client.post(path, files={"first_name": b"file"}).status_code in (400, 422)
    assert client.put(path, data=FORM).status_code == 404
    assert kept(house) == []


def test_who_sends_too_often_must_wait(client: TestClient, house: Database, path: str) -> None:
    answers = [
        client.post(path, data=FORM | {"first_name": f"Ada {chr(65 + n)}"}) for n in range(PER_SOURCE + 1)
    ]
    assert [answer.status_code for answer in answers] == [303] * PER_SOURCE + [429]
    assert "Try again in an hour" in answers[-1].text
    assert len(kept(house)) == PER_SOURCE
