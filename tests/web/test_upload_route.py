"""Uploads over HTTP: signed-in people of one pharmacy only, at most 64 MB, problems back as a file."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from medsync_app.auth.sessions import cookie_name
from medsync_app.clock import VirtualClock
from medsync_app.services.start_import import MAX_UPLOAD_BYTES
from medsync_app.services.work_imports import work_waiting_imports
from medsync_app.settings import get_settings
from medsync_app.store.session import Database
from medsync_app.store.tables import ImportRun
from medsync_app.web.site import site_around
from tests.support.exports import export_text, row
from tests.support.staff import signed_in
from tests.support.store import SYSTEM, Shop, make_shop

pytestmark = pytest.mark.slow

PAGE = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def client(house: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("MEDSYNC_DATA_DIR", str(tmp_path / "data"))
    get_settings.cache_clear()

    async def pages(_scope: object, _receive: object, _send: object) -> None:
        raise AssertionError("no page is asked for")

    with TestClient(site_around(pages), base_url="http://localhost:3000") as client:
        yield client
    get_settings.cache_clear()


def _sign_in(client: TestClient, database: Database, clock: VirtualClock, shop: Shop) -> None:
    client.cookies.set(cookie_name(get_settings()), signed_in(database, clock, shop))


def test_a_file_is_uploaded_imported_and_its_problems_come_back(
    client: TestClient, database: Database, clock: VirtualClock, shop: Shop
) -> None:
    _sign_in(client, database, clock, shop)
    text = export_text([row(), row(Rx_Number="2", Quantity="ten")])
    answer = client.post(
        "/api/v1/imports?start=1", headers=PAGE, files={"file": ("nov.csv", text.encode(), "text/csv")}
    )
    assert answer.status_code == 201, answer.text
    run_id = answer.json()["id"]
    assert work_waiting_imports(database, clock) == 1
    found = client.get(f"/api/v1/imports/{run_id}/problems.csv", headers=PAGE)
    assert found.status_code == 200
    rows = list(csv.reader(io.StringIO(found.content.decode("utf-8-sig"))))
    assert rows == [["row", "column", "reason"], ["3", "Quantity", "This is not a number."]]


def test_a_form_leads_back_to_its_page(
    client: TestClient, database: Database, clock: VirtualClock, shop: Shop
) -> None:
    _sign_in(client, database, clock, shop)
    files = {"file": ("nov.csv", export_text([row()]).encode(), "text/csv")}
    for target, expected in (
        ("/settings?tab=import", "/settings?tab=import&import="),
        ("//evil.example", "/?import="),
    ):
        answer = client.post(
            "/api/v1/imports", headers=PAGE, files=files, data={"next": target}, follow_redirects=False
        )
        assert answer.status_code == 303
        assert answer.headers["location"].startswith(expected)


def test_bytes_without_a_form_are_taken_too(
    client: TestClient, database: Database, clock: VirtualClock, shop: Shop
) -> None:
    _sign_in(client, database, clock, shop)
    answer = client.post("/api/v1/imports?name=a.csv", headers=PAGE, content=export_text([row()]).encode())
    assert answer.status_code == 201
    with database.reading(SYSTEM) as tx:
        assert tx.get(ImportRun, answer.json()["id"]).state == "uploaded"


def test_who_is_not_signed_in_uploads_nothing(client: TestClient, shop: Shop, tmp_path: Path) -> None:
    answer = client.post("/api/v1/imports?name=a.csv", headers=PAGE, content=b"a,b\n1,2\n")
    assert answer.status_code == 401
    assert client.get("/api/v1/imports/x/problems.csv", headers=PAGE).status_code == 401
    assert not (tmp_path / "data" / "uploads").exists()


def test_another_site_cannot_make_a_browser_upload(
    client: TestClient, database: Database, clock: VirtualClock, shop: Shop
) -> None:
    _sign_in(client, database, clock, shop)
    answer = client.post(
        "/api/v1/imports", headers={"sec-fetch-site": "cross-site"}, content=export_text([row()]).encode()
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7 x", b"no table at all"])
def test_what_is_no_table_is_refused_and_not_kept(
    client: TestClient, database: Database, clock: VirtualClock, shop: Shop, tmp_path: Path, content: bytes
) -> None:
    _sign_in(client, database, clock, shop)
    answer = client.post("/api/v1/imports", headers=PAGE, content=content)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid"
    assert list((tmp_path / "data" / "uploads").iterdir()) == []


def test_more_than_64_megabytes_are_refused(
    client: TestClient, database: Database, clock: VirtualClock, shop: Shop, tmp_path: Path
) -> None:
    _sign_in(client, database, clock, shop)
    block = b"x" * 1024 * 1024

    def stream() -> Iterator[bytes]:
        for _ in range(MAX_UPLOAD_BYTES // len(block) + 1):
            yield block

    answer = client.post("/api/v1/imports", headers=PAGE, content=stream())
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"
    assert list((tmp_path / "data" / "uploads").iterdir()) == []


def test_another_pharmacys_problems_are_not_there(
    client: TestClient, database: Database, clock: VirtualClock, shop: Shop
) -> None:
    _sign_in(client, database, clock, shop)
    run_id = client.post("/api/v1/imports", headers=PAGE, content=export_text([row()]).encode()).json()["id"]
    client.cookies.clear()
    _sign_in(client, database, clock, make_shop(database, "other"))
    assert client.get(f"/api/v1/imports/{run_id}/problems.csv", headers=PAGE).status_code == 404
