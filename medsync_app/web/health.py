"""`GET /health` of the API and `GET /metrics` of the site: whether this process and its loop do their work."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.responses import Response as PlainResponse

from medsync_app.auth.http import source_of
from medsync_app.reads import health
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database, Tx, get_database

#: A loop beats every few seconds; one that has been silent this long has stopped.
SILENT_AFTER = timedelta(minutes=2)
#: Due actions are taken within seconds; one that waited this long is stuck.
LATE_AFTER = timedelta(minutes=10)
_SCOPE = Scope.system("health")

router = APIRouter()


class Health(BaseModel):
    """What a monitor reads; times in seconds, None where there is nothing yet."""

    status: Literal["ok", "failing"]
    database: Literal["ok", "unreachable"]
    loop: Literal["ok", "silent", "never ran"] = "never ran"
    loop_heartbeat_age: float | None = None
    oldest_due_age: float | None = None


@router.get("/health", responses={503: {"model": Health}})
def read_health(response: Response, database: Annotated[Database, Depends(get_database)]) -> Health:
    """Answer 200 when the database answers, a loop ticks and nothing due lies for ten minutes, else 503."""
    with database.reading(_SCOPE) as tx:
        if not health.database_answers(tx):
            response.status_code = 503
            return Health(status="failing", database="unreachable")
        state, now = health.workings(tx), tx.now
    beat, due = _age(state.last_beat, now), _age(state.oldest_due, now)
    silent = beat is not None and beat > SILENT_AFTER.total_seconds()
    failing = beat is None or silent or (due is not None and due > LATE_AFTER.total_seconds())
    if failing:
        response.status_code = 503
    return Health(
        status="failing" if failing else "ok", database="ok",
        loop="never ran" if beat is None else "silent" if silent else "ok",
        loop_heartbeat_age=beat, oldest_due_age=due,
    )  # fmt: skip


def metrics(request: Request) -> PlainResponse:
    """The same in Prometheus' text form, and counts; to callers on this machine only (a scraper or its agent)."""
    if source_of(request) not in {"127.0.0.1", "::1"}:
        return PlainTextResponse("Not found", 404)
    registry = CollectorRegistry()
    with get_database().reading(_SCOPE) as tx:
        registry.register(_Gauges(tx))
        return PlainResponse(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Gauges:
    """Reads the figures when they are asked for: no counter of a process that others do not know."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        state = health.workings(self._tx)
        for name, help_text, value in (
            (
                "medsync_loop_heartbeat_age_seconds",
                "Since a loop last ticked",
                _age(state.last_beat, self._tx.now),
            ),
            (
                "medsync_oldest_due_age_seconds",
                "Longest wait of a due action",
                _age(state.oldest_due, self._tx.now),
            ),
            (
                "medsync_open_exceptions",
                "Exceptions that wait for a person",
                health.open_exceptions(self._tx),
            ),
        ):
            if value is not None:
                yield GaugeMetricFamily(name, help_text, value=value)
        actions = GaugeMetricFamily("medsync_actions", "Actions of the outbox by state", labels=["state"])
        for action_state, count in health.action_counts(self._tx).items():
            actions.add_metric([action_state], count)
        yield actions


def _age(instant: datetime | None, now: datetime) -> float | None:
    return None if instant is None else (now - instant).total_seconds()
