"""Health goes red when the loop falls silent or something due lies about; metrics stay on this machine."""

from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from medsync_app.domain.states import ActionState
from medsync_app.settings import Settings
from medsync_app.store.session import Database, get_database
from medsync_app.store.tables import LoopHeartbeat, ScheduledAction
from medsync_app.web import health
from tests.support.store import SYSTEM, make_shop


@pytest.fixture
def client(database: Database) -> TestClient:
    api = FastAPI()
    api.include_router(health.router)
    api.dependency_overrides[get_database] = lambda: database
    return TestClient(api)


def _beat(database: Database, ago: timedelta) -> None:
    now = datetime.now(UTC)
    with database.transaction(SYSTEM) as tx:
        tx.add(LoopHeartbeat(owner="loop-1", started_at=now - ago, beat_at=now - ago))


def _due(database: Database, ago: timedelta) -> None:
    shop, now = make_shop(database), datetime.now(UTC)
    with database.transaction(SYSTEM) as tx:
        tx.add(
            ScheduledAction(
                pharmacy_id=shop.pharmacy_id, step="t7", kind="message", idempotency_key="k",
                due_at=now - ago, state=ActionState.QUEUED, created_at=now, updated_at=now,
            )
        )  # fmt: skip


def test_a_loop_that_never_ran_is_said(client: TestClient) -> None:
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["loop"]) == (503, "never ran")


def test_a_beating_loop_with_nothing_late_is_well(client: TestClient, database: Database) -> None:
    _beat(database, timedelta(seconds=5))
    _due(database, timedelta(seconds=20))
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert 19 < answer.json()["oldest_due_age"] < 60


def test_a_silent_loop_turns_health_red(client: TestClient, database: Database) -> None:
    _beat(database, timedelta(minutes=3))
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["loop"]) == (503, "silent")


def test_a_due_action_left_lying_turns_health_red(client: TestClient, database: Database) -> None:
    _beat(database, timedelta(seconds=5))
    _due(database, timedelta(minutes=11))
    assert client.get("/health").status_code == 503


def test_metrics_count_actions_and_answer_this_machine_only(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "get_database", lambda: database)
    _due(database, timedelta(seconds=1))
    site = Starlette(routes=[Route("/metrics", health.metrics)])
    here = TestClient(site, client=("127.0.0.1", 1)).get("/metrics")
    assert 'medsync_actions{state="queued"} 1.0' in here.text
    assert TestClient(site, client=("192.0.2.1", 1)).get("/metrics").status_code == 404


def test_metrics_stay_here_also_behind_a_proxy_on_this_machine(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "get_database", lambda: database)
    monkeypatch.setattr("medsync_app.auth.http.get_settings", lambda: Settings(medsync_proxy=True))
    client = TestClient(Starlette(routes=[Route("/metrics", health.metrics)]), client=("127.0.0.1", 1))
    assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 404
    assert client.get("/metrics").status_code == 200
