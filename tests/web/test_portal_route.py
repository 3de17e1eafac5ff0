"""A prescriber portal's answers: only signed and fresh ones count, each once."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from starlette.testclient import TestClient

from medsync_app.clock import SystemClock
from medsync_app.connections.webhook import SIGNATURE, STAMP, signature_of
from medsync_app.domain.states import RenewalState
from medsync_app.settings import Settings, get_settings
from medsync_app.store.session import Database, get_database
from medsync_app.store.tables import RenewalRequest, Therapy
from medsync_app.web.api import build_api
from tests.support.cycles import make_cycle
from tests.support.store import NOW, SYSTEM, make_patient, make_shop

SECRET = "the-portals-secret"
Post = Callable[..., int]


@pytest.fixture
def request_id(database: Database) -> str:
    shop = make_shop(database)
    patient = make_patient(database, shop)
    cycle = make_cycle(database, shop, patient, drugs=1)
    with database.transaction(SYSTEM) as tx:
        row = tx.add(
            RenewalRequest(
                pharmacy_id=shop.pharmacy_id, therapy_id=tx.session.scalars(select(Therapy.id)).one(),
                patient_id=patient, cycle_id=cycle.cycle_id, state=RenewalState.SENT, path="portal",
                reason="no_refills", needed_by=NOW.date(), created_at=NOW,
            )
        )  # fmt: skip
        return row.id


@pytest.fixture
def post(database: Database) -> Iterator[Post]:
    """Post an answer as the portal signs it; gives the status."""
    settings = Settings(_env_file=None, portal_webhook_secret=SecretStr(SECRET))  # type: ignore[call-arg]
    api = build_api()
    api.dependency_overrides[get_database] = lambda: database
    api.dependency_overrides[get_settings] = lambda: settings
    with TestClient(api, raise_server_exceptions=False) as client:

        def send(
            told: Any, *, secret: str = SECRET, age: timedelta = timedelta(0), tampered: bytes = b""
        ) -> int:
            body, stamp = json.dumps(told).encode(), (SystemClock().now() - age).isoformat()
            headers = {STAMP: stamp, SIGNATURE: signature_of(secret, stamp, body)}
            return client.post("/renewals/answers", content=tampered or body, headers=headers).status_code

        yield send


def answered(database: Database) -> tuple[RenewalState, str]:
    with database.reading(SYSTEM) as tx:
        row = tx.session.scalars(select(RenewalRequest)).one()
        return row.state, row.answer


@pytest.mark.both_databases
def test_an_answer_of_the_portal_is_recorded_once(database: Database, request_id: str, post: Post) -> None:
    told = {"id": request_id, "answer": "approved_with_changes", "note": "90 days"}
    assert (post(told), post(told)) == (204, 204)
    assert answered(database) == (RenewalState.CHANGED, "90 days")
    assert post({"id": request_id, "answer": "denied"}) == 409


@pytest.mark.both_databases
def test_what_no_database_keeps_is_left_out_of_a_remark(
    database: Database, request_id: str, post: Post
) -> None:
    assert post({"id": request_id, "answer": "approved", "note": "5\0 refills \ud83d"}) == 204
    assert answered(database) == (RenewalState.APPROVED, "5 refills ?")


def test_what_the_portal_did_not_sign_or_signed_long_ago_changes_nothing(
    database: Database, request_id: str, post: Post
) -> None:
    told = {"id": request_id, "answer": "denied"}
    assert post(told, secret="another") == 403
    assert post(told, secret="") == 403
    assert post(told, age=timedelta(minutes=6)) == 403
    assert post(told, tampered=json.dumps({**told, "answer": "approved"}).encode()) == 403
    assert answered(database) == (RenewalState.SENT, "")


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"answer": "approved"}, 422), ({"id": "", "answer": "maybe"}, 422), ([], 422),
        ({"id": "0" * 26, "answer": "approved"}, 404), ({"id": "x" * 65, "answer": "approved"}, 422),
    ],
)  # fmt: skip
def test_an_answer_that_makes_no_sense_is_refused(post: Post, told: Any, status: int) -> None:
    assert post(told) == status


def test_without_a_secret_nothing_is_accepted(database: Database) -> None:
    api = build_api()
    api.dependency_overrides[get_database] = lambda: database
    api.dependency_overrides[get_settings] = lambda: Settings(_env_file=None)  # type: ignore[call-arg]
    with TestClient(api) as client:
        stamp = SystemClock().now().isoformat()
        headers = {STAMP: stamp, SIGNATURE: signature_of("", stamp, b"{}")}
        assert client.post("/renewals/answers", content=b"{}", headers=headers).status_code == 403
