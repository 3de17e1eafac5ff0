"""The API answers errors as JSON that repeats nothing a patient's record could hold."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.testclient import TestClient

from medsync_app import errors
from medsync_app.domain.workflow_fields import workflow_schema
from medsync_app.store.session import Database, get_database
from medsync_app.web.api import build_api

RAISED = {
    "invalid": errors.Invalid("Give a date like 2026-11-23.", field="sync_date"),
    "not_found": errors.NotFound("There is no such cycle."),
    "forbidden": errors.Forbidden("Ask a pharmacist."),
    "unauthenticated": errors.Unauthenticated("Sign in first."),
    "conflict": errors.Conflict("Pat moved it first."),
    "unavailable": errors.Unavailable("The provider is down."),
}
STATUS = {
    "invalid": 422,
    "not_found": 404,
    "forbidden": 403,
    "unauthenticated": 401,
    "conflict": 409,
    "unavailable": 503,
}


class _Body(BaseModel):
    birth_date: int


@pytest.fixture
def client(database: Database) -> Iterator[TestClient]:
    api: FastAPI = build_api()
    api.dependency_overrides[get_database] = lambda: database

    @api.get("/raise/{code}")
    def _raise(code: str) -> None:
        raise RAISED.get(code, RuntimeError("Ada Lovelace, lisinopril"))

    @api.post("/body")
    def _body(body: _Body) -> None: ...

    with TestClient(api, raise_server_exceptions=False) as opened:
        yield opened


@pytest.mark.parametrize("code", sorted(RAISED))
def test_each_expected_error_has_its_status_and_its_message(client: TestClient, code: str) -> None:
    answer = client.get(f"/raise/{code}")
    assert answer.status_code == STATUS[code]
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["message"] == RAISED[code].message


def test_an_invalid_field_is_named(client: TestClient) -> None:
    assert client.get("/raise/invalid").json()["error"]["field"] == "sync_date"


def test_an_unexpected_error_gives_an_id_and_nothing_of_its_text(client: TestClient) -> None:
    answer = client.get("/raise/other")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "unexpected"
    assert "Ada" not in answer.text
    assert "lisinopril" not in answer.text


def test_a_refused_body_names_the_field_and_not_the_value(client: TestClient) -> None:
    answer = client.post("/body", json={"birth_date": "Ada Lovelace"})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "birth_date"
    assert "Ada" not in answer.text


def test_health_fails_when_the_database_cannot_be_opened(tmp_path: object) -> None:
    api = build_api()
    nowhere = Database("postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=1")
    api.dependency_overrides[get_database] = lambda: nowhere
    with TestClient(api) as client:
        answer = client.get("/health")
    nowhere.dispose()
    assert (answer.status_code, answer.json()["database"]) == (503, "unreachable")


def test_the_schema_of_workflow_documents_is_there(client: TestClient) -> None:
    assert client.get("/workflow-schema.json").json() == workflow_schema()


def test_the_openapi_document_is_there_and_no_documentation_page(client: TestClient) -> None:
    assert "/health" in client.get("/openapi.json").json()["paths"]
    assert client.get("/docs").status_code == 404
