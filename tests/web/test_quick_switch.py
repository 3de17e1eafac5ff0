"""Switching at a shared workstation by PIN, after a full sign-in there."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from medsync_app.auth.passwords import hash_password
from medsync_app.auth.sessions import cookie_name, hash_secret
from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.reads.account import account
from medsync_app.services.sign_out import sign_out
from medsync_app.settings import get_settings
from medsync_app.store.repositories import people
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, StaffSession
from medsync_app.web.api import build_api
from tests.support.staff import make_staff
from tests.support.store import SYSTEM, make_shop

pytestmark = pytest.mark.slow

PASSWORD, PIN = "a long enough password", "4826"
HASH = hash_password(PASSWORD)
OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def crew(house: Database, clock: VirtualClock) -> dict[str, str]:
    """Two people of one pharmacy: address -> staff id."""
    shop = make_shop(house)
    return {
        email: make_staff(
            house, clock, {shop.pharmacy_id: role}, organization_id=shop.organization_id, email=email,
            password_hash=HASH,
        )
        for email, role in (("sam@example.com", Role.TECHNICIAN), ("rae@example.com", Role.PHARMACIST))
    }  # fmt: skip


@pytest.fixture
def browser(crew: dict[str, str]) -> Iterator[TestClient]:
    """One workstation."""
    with TestClient(build_api(), base_url="http://localhost:3000", follow_redirects=False) as client:
        yield client


def post(browser: TestClient, path: str, **fields: str) -> str:
    """Where the answer leads."""
    answer = browser.post(path, data=fields, headers=OURS)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def sign_in(browser: TestClient, email: str) -> None:
    assert post(browser, "/session", email=email, password=PASSWORD) == "/"


def switch(browser: TestClient, staff_id: str, pin: str = PIN) -> str:
    return post(browser, "/session/switch", staff=staff_id, pin=pin)


def who(house: Database, browser: TestClient) -> str:
    """Whose session the browser's cookie opens."""
    with house.reading(SYSTEM) as tx:
        facts = people.session_facts(tx, hash_secret(browser.cookies[cookie_name(get_settings())]))
    assert facts is not None
    assert facts.ended_at is None
    return facts.staff_id


@pytest.fixture
def shared(browser: TestClient, crew: dict[str, str]) -> TestClient:
    """Sam signed in here with the password and set a PIN; then Rae signed in."""
    sign_in(browser, "sam@example.com")
    assert post(browser, "/session/pin", password=PASSWORD, pin=PIN) == "/account?said=saved"
    sign_in(browser, "rae@example.com")
    return browser


def test_a_pin_opens_a_session_of_its_own_person(
    house: Database, shared: TestClient, crew: dict[str, str]
) -> None:
    sam = crew["sam@example.com"]
    assert switch(shared, sam) == "/"
    assert who(house, shared) == sam
    with house.reading(SYSTEM) as tx:
        acts = list(tx.session.scalars(select(AuditEvent.act)))
        reasons = set(tx.session.scalars(select(StaffSession.end_reason)))
    assert "sign_in_by_pin" in acts
    assert "switched" in reasons


def test_three_wrong_pins_end_it_and_the_right_one_comes_too_late(
    house: Database, shared: TestClient, crew: dict[str, str]
) -> None:
    sam = crew["sam@example.com"]
    for _ in range(3):
        assert switch(shared, sam, "9999") == f"/account?said=pin&who={sam}"
    assert switch(shared, sam) == f"/account?said=pin&who={sam}"
    assert who(house, shared) == crew["rae@example.com"]


def test_it_counts_at_this_workstation_only_and_until_the_full_sign_in_is_over(
    house: Database, clock: VirtualClock, shared: TestClient, crew: dict[str, str]
) -> None:
    sam = crew["sam@example.com"]
    with TestClient(build_api(), base_url="http://localhost:3000", follow_redirects=False) as other:
        sign_in(other, "rae@example.com")
        assert switch(other, sam) == f"/account?said=pin&who={sam}"
    clock.advance(timedelta(hours=12, minutes=1))
    sign_in(shared, "rae@example.com")
    assert switch(shared, sam) == f"/account?said=pin&who={sam}"


def test_who_signs_out_needs_the_password_again(
    house: Database, clock: VirtualClock, shared: TestClient, crew: dict[str, str]
) -> None:
    sam, rae = crew["sam@example.com"], crew["rae@example.com"]
    assert switch(shared, sam) == "/"
    with house.transaction(SYSTEM, clock) as tx:
        assert sign_out(tx, shared.cookies[cookie_name(get_settings())])
    sign_in(shared, "rae@example.com")
    assert switch(shared, sam) == f"/account?said=pin&who={sam}"
    assert who(house, shared) == rae


def test_a_new_password_or_no_session_ends_it(
    house: Database, clock: VirtualClock, shared: TestClient, crew: dict[str, str]
) -> None:
    sam = crew["sam@example.com"]
    with house.transaction(SYSTEM, clock) as tx:
        people.end_sessions_of(tx, sam, "password changed")
    assert switch(shared, sam) == f"/account?said=pin&who={sam}"
    shared.cookies.delete(cookie_name(get_settings()))
    assert shared.post("/session/switch", data={"staff": sam, "pin": PIN}, headers=OURS).status_code == 401


@pytest.mark.parametrize(
    ("password", "pin", "said"),
    [
        (PASSWORD, "1234", "weak"),
        (PASSWORD, "7777", "weak"),
        (PASSWORD, "48a6", "weak"),
        ("wrong", PIN, "password"),
    ],
)
def test_a_pin_is_set_with_the_password_and_not_a_simple_one(
    browser: TestClient, crew: dict[str, str], password: str, pin: str, said: str
) -> None:
    sign_in(browser, "sam@example.com")
    assert post(browser, "/session/pin", password=password, pin=pin) == f"/account?said={said}"


def test_the_page_names_who_may_switch_here(
    house: Database, clock: VirtualClock, shared: TestClient, crew: dict[str, str]
) -> None:
    with house.reading(SYSTEM, clock) as tx:
        station = tx.session.scalars(select(StaffSession.station_hash)).first() or ""
        rae, sam = (account(tx, crew[email], station) for email in ("rae@example.com", "sam@example.com"))
    assert ([one[0] for one in rae.colleagues], rae.has_pin) == ([crew["sam@example.com"]], False)
    assert (sam.colleagues, sam.has_pin) == ((), True)
    assert (
        shared.post("/session/pin", data={"password": PASSWORD, "pin": ""}, headers=OURS).status_code == 303
    )
