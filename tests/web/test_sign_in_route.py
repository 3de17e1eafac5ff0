"""Signing in and out over HTTP: cookies, where the browser goes then, and requests of other sites."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.testclient import TestClient

from medsync_app.auth.http import require_own_page, require_staff, safe_next, source_of
from medsync_app.auth.passwords import hash_password
from medsync_app.auth.permissions import Permission
from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.errors import Forbidden
from medsync_app.settings import Settings, get_settings
from medsync_app.store.session import Database
from medsync_app.store.tables import StaffSession
from medsync_app.web.api import build_api
from tests.support.staff import make_staff
from tests.support.store import SYSTEM, Shop, make_shop

pytestmark = pytest.mark.slow

EMAIL, PASSWORD = "sam@example.com", "a long enough password"
HASH = hash_password(PASSWORD)
OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def shop(house: Database) -> Shop:
    return make_shop(house)


@pytest.fixture
def client(house: Database, clock: VirtualClock, shop: Shop) -> Iterator[TestClient]:
    make_staff(
        house, clock, {shop.pharmacy_id: Role.TECHNICIAN}, organization_id=shop.organization_id, email=EMAIL,
        password_hash=HASH,
    )  # fmt: skip
    router = APIRouter()

    @router.post("/private")
    async def private(request: Request) -> dict[str, Any]:
        caller = await require_staff(request, Permission.PREPARE)
        return {"name": caller.name, "pharmacies": sorted(caller.scope.pharmacy_ids or ())}

    @router.get("/audit")
    async def audit_page(request: Request) -> str:
        return (await require_staff(request, Permission.VIEW_AUDIT)).name

    @router.get("/page")
    async def page(request: Request) -> str:
        return (await require_staff(request, Permission.VIEW)).name

    api = build_api()
    api.include_router(router)
    with TestClient(api, base_url="http://localhost:3000", follow_redirects=False) as client:
        yield client


def _sign_in(client: TestClient, headers: dict[str, str] = OURS, **fields: str) -> Any:
    form = {"email": EMAIL, "password": PASSWORD} | fields
    return client.post("/session", data=form, headers=headers)


def test_a_good_sign_in_sets_a_cookie_scripts_cannot_read_and_goes_on(client: TestClient) -> None:
    answer = _sign_in(client, next="/patients?at=main")
    assert (answer.status_code, answer.headers["location"]) == (303, "/patients?at=main")
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("medsync=")
    assert {"httponly", "samesite=lax", "path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "max-age" not in cookie
    assert "domain" not in cookie
    assert client.post("/private", headers=OURS).json()["name"] == "Sam Example"


def test_behind_https_the_cookie_is_bound_to_host_and_encryption(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    secure = Settings(medsync_public_url="https://medsync.example.com")
    monkeypatch.setattr("medsync_app.auth.http.get_settings", lambda: secure)
    cookie = _sign_in(client).headers["set-cookie"].lower()
    assert cookie.startswith("__host-medsync=")
    assert "secure" in cookie


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "a wrong password"}, {"email": "nobody@example.com"}, {"email": ""}, {"password": ""},
        {"password": "x" * 300}, {"email": "x" * 5_000}, {"email": "\x00"},
    ],
)  # fmt: skip
def test_unknown_account_and_wrong_password_answer_alike(client: TestClient, fields: dict[str, str]) -> None:
    answer = _sign_in(client, next="/calendar", **fields)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?problem=credentials&next=%2Fcalendar"
    assert "set-cookie" not in answer.headers


def test_too_many_failures_are_told_to_wait(client: TestClient) -> None:
    for _ in range(5):
        _sign_in(client, password="a wrong password")
    assert _sign_in(client).headers["location"] == "/sign-in?problem=throttled"


def test_signing_out_ends_the_session_and_removes_the_cookie(client: TestClient, house: Database) -> None:
    _sign_in(client)
    secret = client.cookies["medsync"]
    answer = client.post("/session/end", headers=OURS)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?problem=signed_out")
    assert "medsync" not in client.cookies
    with house.reading(SYSTEM) as tx:
        assert tx.session.scalars(select(StaffSession)).one().end_reason == "signed out"
    client.cookies.set("medsync", secret)
    assert client.post("/private", headers=OURS).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"},
        {"Origin": "http://evil.example"}, {"Origin": "null"},
        {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost:3001"},
    ],
)  # fmt: skip
def test_a_post_of_another_site_is_refused_everywhere(client: TestClient, headers: dict[str, str]) -> None:
    assert _sign_in(client, headers=headers).status_code == 403
    _sign_in(client)
    assert client.post("/session/end", headers=headers).status_code == 403
    assert client.post("/private", headers=headers).status_code == 403
    assert client.post("/private", headers=OURS).status_code == 200


def test_an_older_browser_proves_itself_by_its_origin(client: TestClient) -> None:
    assert _sign_in(client, headers={"Origin": "http://localhost:3000"}).status_code == 303


def test_a_route_needs_a_session_and_the_permission(client: TestClient, shop: Shop) -> None:
    assert client.post("/private", headers=OURS).status_code == 401
    _sign_in(client)
    assert client.post("/private", headers=OURS).json()["pharmacies"] == [shop.pharmacy_id]
    assert client.get("/audit").status_code == 403
    assert client.get("/page").status_code == 200
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
        assert client.get("/page", headers={"Sec-Fetch-Site": site}).status_code == status


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"email=" + b"x" * 100_000, b"&" * 10_000])
def test_a_body_that_is_no_form_of_ours_signs_nobody_in(client: TestClient, body: bytes) -> None:
    headers = OURS | {"Content-Type": "application/x-www-form-urlencoded"}
    answer = client.post("/session", content=body, headers=headers)
    assert answer.status_code in (303, 400, 422)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("target", ["/", "/patients?at=main", "/patient/01abc?tab=drugs"])
def test_a_page_of_ours_is_where_sign_in_leads(target: str) -> None:
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "target",
    [
        "", "https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)",
        "/a\r\nSet-Cookie: x",
        "/sign-in", "/sign-in/?next=/", "/api/v1/session/end", "/é", "/" + "x" * 600, "\\\\evil", " /x",
    ],
)  # fmt: skip
def test_anything_else_leads_to_the_first_page(target: str) -> None:
    assert safe_next(target) == "/"


def test_a_change_that_names_neither_host_nor_origin_is_refused() -> None:
    headers = [(b"host", b""), (b"origin", b"")]
    with pytest.raises(Forbidden):
        require_own_page(Request({"type": "http", "method": "POST", "headers": headers}))


def _request(forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", forwarded.encode())]
    return Request({"type": "http", "headers": headers, "client": ("10.0.0.9", 5000)})


def test_a_proxys_word_counts_only_when_a_proxy_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not get_settings().medsync_proxy
    assert source_of(_request("1.2.3.4, 5.6.7.8")) == "10.0.0.9"
    monkeypatch.setattr("medsync_app.auth.http.get_settings", lambda: Settings(medsync_proxy=True))
    assert source_of(_request("1.2.3.4, 5.6.7.8")) == "5.6.7.8"
