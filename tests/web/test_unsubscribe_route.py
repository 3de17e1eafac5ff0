"""The link in an e-mail that ends them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from medsync_app.auth.unsubscribe import attempt_of_token, unsubscribe_token
from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, Channel, ContactBasis, ExceptionKind
from medsync_app.services.contact_settings import record_basis
from medsync_app.store.session import Database
from medsync_app.store.tables import ContactPoint, Patient
from tests.support.loop import FakeConnection, action, attempts, exceptions, queue_message, run_tick
from tests.support.signed_requests import api_client
from tests.support.store import SYSTEM, Shop, make_patient

pytestmark = pytest.mark.slow

MAIL = "ada@example.org"


@pytest.fixture
def client(database: Database) -> Iterator[TestClient]:
    with api_client(database) as opened:
        yield opened


@pytest.fixture
def patient(database: Database, shop: Shop, clock: VirtualClock) -> str:
    """Wants e-mail, and has agreed to texts as well."""
    made = make_patient(database, shop, phone="+14045550123")
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, made, Channel.EMAIL, MAIL, ContactBasis.EXPRESS, "form")
        tx.get(Patient, made).preferred_channel = Channel.EMAIL
    return made


@pytest.fixture
def token(database: Database, shop: Shop, clock: VirtualClock, patient: str) -> str:
    """Of an e-mail that has gone out."""
    made = queue_message(database, shop, clock, patient)
    run_tick(database, clock, {Channel.EMAIL: FakeConnection()})
    (attempt,) = attempts(database, made)
    return unsubscribe_token(attempt.id)


def bases(database: Database) -> dict[Channel, ContactBasis]:
    with database.reading(SYSTEM) as tx:
        return {point.channel: point.basis for point in tx.session.scalars(select(ContactPoint))}


def test_looking_at_the_link_asks_and_ends_nothing(
    client: TestClient, database: Database, token: str
) -> None:
    page = client.get(f"/unsubscribe/{token}")
    assert page.status_code == 200
    assert "main pharmacy" in page.text
    assert '<form method="post">' in page.text
    assert bases(database)[Channel.EMAIL] is ContactBasis.EXPRESS


def test_one_click_ends_the_emails_and_what_waits_for_that_address(
    client: TestClient, database: Database, shop: Shop, clock: VirtualClock, patient: str, token: str
) -> None:
    waiting = queue_message(database, shop, clock, patient, "later")
    for _ in range(2):
        answer = client.post(f"/unsubscribe/{token}", data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert "no more e-mails" in answer.text
    assert bases(database) == {Channel.EMAIL: ContactBasis.REVOKED, Channel.SMS: ContactBasis.EXPRESS}
    run_tick(database, clock, {Channel.EMAIL: FakeConnection(), Channel.SMS: FakeConnection()})
    assert action(database, waiting).state is ActionState.SUPPRESSED
    assert len(exceptions(database, ExceptionKind.CONTACT)) == 1


def test_the_page_speaks_the_patients_language(
    client: TestClient, database: Database, clock: VirtualClock, patient: str, token: str
) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Patient, patient).language = "es"
    assert "No recibir" in client.get(f"/unsubscribe/{token}").text
    assert MAIL not in client.get(f"/unsubscribe/{token}").text


def test_a_link_of_somebody_elses_making_ends_nothing(
    client: TestClient, database: Database, token: str
) -> None:
    attempt, _, signature = token.partition(".")
    for forged in (
        attempt, f"{attempt}.", f"{attempt}.{signature[::-1]}", f"x{token}", ".", "\u00e9.x", "a." * 100,
        unsubscribe_token("nobody"),
    ):  # fmt: skip
        for answer in (client.get(f"/unsubscribe/{forged}"), client.post(f"/unsubscribe/{forged}")):
            assert answer.status_code == 404
    assert bases(database)[Channel.EMAIL] is ContactBasis.EXPRESS
    assert attempt_of_token(token) == attempt


def test_a_text_message_has_no_such_link(
    client: TestClient, database: Database, shop: Shop, clock: VirtualClock
) -> None:
    other = make_patient(database, shop, first="Bob", phone="+14045550124")
    made = queue_message(database, shop, clock, other)
    run_tick(database, clock, {Channel.SMS: FakeConnection()})
    link = f"/unsubscribe/{unsubscribe_token(attempts(database, made)[0].id)}"
    assert client.post(link).status_code == 404
    assert bases(database) == {Channel.SMS: ContactBasis.EXPRESS}
