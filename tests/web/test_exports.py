"""Exports over HTTP: owners and pharmacists only, of their own pharmacies, with a line in the audit log."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta

import pytest
from httpx import Response
from sqlalchemy import select
from starlette.testclient import TestClient

from medsync_app.auth.permissions import ROLES, Permission
from medsync_app.auth.sessions import cookie_name
from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.settings import get_settings
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent
from medsync_app.web.site import site_around
from tests.support.adherent import YEAR_START, monthly, takes
from tests.support.screens import TODAY, make_therapy
from tests.support.staff import make_session, make_staff, signed_in
from tests.support.store import SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.slow

PAGE = {"sec-fetch-site": "same-origin"}
BASE = "/api/v1/exports"
EVERY = ("/adherence/figures.csv", "/adherence/patients.csv", "/candidates.csv")
LATE = (YEAR_START, *monthly(YEAR_START + timedelta(days=95), 8))
RECENT = monthly(TODAY - timedelta(days=150), 6)


@pytest.fixture
def client(house: Database) -> Iterator[TestClient]:
    async def pages(_scope: object, _receive: object, _send: object) -> None:
        raise AssertionError("no page is asked for")

    with TestClient(site_around(pages), base_url="http://localhost:3000") as client:
        yield client


def sign_in(
    client: TestClient, database: Database, clock: VirtualClock, shop: Shop, role: Role = Role.OWNER
) -> None:
    client.cookies.set(cookie_name(get_settings()), signed_in(database, clock, shop, role))


def rows_of(answer: Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["cache-control"] == "no-store"
    assert "attachment" in answer.headers["content-disposition"]
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def acts(database: Database) -> list[tuple[str, str, object]]:
    with database.reading(SYSTEM) as tx:
        found = tx.session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()  # pyright: ignore
        return [(row.chain, row.act, row.detail) for row in found]


def test_the_figures_are_those_of_the_page(
    client: TestClient, database: Database, clock: VirtualClock, shop: Shop
) -> None:
    takes(database, shop, "Metformin 500 mg", monthly(YEAR_START, 11))
    takes(database, shop, "Metformin 500 mg", monthly(YEAR_START, 4, every=60), first="Ben")
    sign_in(client, database, clock, shop)
    rows = rows_of(client.get(BASE + "/adherence/figures.csv", headers=PAGE))
    diabetes = next(row for row in rows if row["group"] == "Diabetes")
    assert diabetes == {
        "figure": "at_or_above_80_percent", "group": "Diabetes", "from": "2026-01-01", "to": "2026-11-23",
        "value": "0.5", "counted": "1", "of": "2",
    }  # fmt: skip
    statins = next(row for row in rows if row["group"] == "Statins")
    assert (statins["value"], statins["of"]) == ("", "0")
    assert sum(int(row["value"]) for row in rows if row["figure"] == "measurements_by_pdc") == 2
    assert [row["value"] for row in rows if row["figure"] == "benchmark"] == ["0.89"]
    funnel = [(row["group"], row["counted"], row["of"]) for row in rows if row["figure"] == "funnel"]
    assert funnel[:2] == [("eligible", "0", ""), ("asked", "0", "0")]
    board = next(row for row in rows if row["group"] == "board")
    assert (board["figure"], board["from"], board["to"]) == (
        "staff_minutes_a_month_with_medsync", "2026-10-24", "2026-11-22",
    )  # fmt: skip
    assert float(board["value"]) > 0
    assert acts(database) == [(shop.pharmacy_id, "export_figures", {"rows": len(rows)})]


def test_the_window_is_chosen_in_the_address(
    client: TestClient, database: Database, clock: VirtualClock, shop: Shop
) -> None:
    sign_in(client, database, clock, shop)
    rows = rows_of(client.get(BASE + "/adherence/figures.csv?window=last_year", headers=PAGE))
    assert rows[0]["to"] == "2025-12-31"
    refused = client.get(BASE + "/adherence/figures.csv?window=forever", headers=PAGE)
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "window")


def test_the_figures_are_of_those_who_take_part_when_they_are_asked_for(
    client: TestClient, database: Database, clock: VirtualClock, shop: Shop
) -> None:
    takes(database, shop, "Metformin 500 mg", monthly(YEAR_START, 11))
    sign_in(client, database, clock, shop)
    rows = rows_of(client.get(BASE + "/adherence/figures.csv?who=enrolled", headers=PAGE))
    assert next(row for row in rows if row["group"] == "Diabetes")["of"] == "0"
    rows = rows_of(client.get(BASE + "/adherence/figures.csv?who=others", headers=PAGE))
    assert next(row for row in rows if row["group"] == "Diabetes")["of"] == "1"
    for path in ("/adherence/figures.csv", "/adherence/patients.csv"):
        refused = client.get(f"{BASE}{path}?who=me", headers=PAGE)
        assert (refused.status_code, refused.json()["error"]["field"]) == (422, "who")


def test_the_patients_about_to_be_lost_are_listed(
    client: TestClient, database: Database, clock: VirtualClock, shop: Shop
) -> None:
    takes(database, shop, "Lisinopril 10 mg", LATE)
    sign_in(client, database, clock, shop, Role.PHARMACIST)
    rows = rows_of(client.get(BASE + "/adherence/patients.csv", headers=PAGE))
    assert [(row["last_name"], row["first_name"], row["gap_days_left"], row["enrolled"]) for row in rows] == [
        ("Example", "Ada", "8", "no")
    ]
    assert acts(database) == [(shop.pharmacy_id, "export_patients", {"rows": 1})]


def test_a_name_that_looks_like_a_formula_stays_text(
    client: TestClient, database: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(database, shop, first="=1+1", last="@SUM(A1)")
    for drug in ("Lisinopril 10 mg", "Metformin 500 mg"):
        make_therapy(database, shop, patient, drug, fills=RECENT)
    sign_in(client, database, clock, shop)
    row = rows_of(client.get(BASE + "/candidates.csv", headers=PAGE))[0]
    assert (row["last_name"], row["first_name"]) == ("'@SUM(A1)", "'=1+1")
    assert (row["drugs"], row["drug_names"]) == ("2", "Lisinopril 10 mg; Metformin 500 mg")


@pytest.mark.parametrize("path", EVERY)
def test_technicians_visitors_and_other_sites_get_nothing(
    client: TestClient, database: Database, clock: VirtualClock, shop: Shop, path: str
) -> None:
    takes(database, shop, "Lisinopril 10 mg", LATE)
    assert client.get(BASE + path, headers=PAGE).status_code == 401
    sign_in(client, database, clock, shop, Role.TECHNICIAN)
    assert client.get(BASE + path, headers=PAGE).status_code == 403
    sign_in(client, database, clock, shop, Role.OWNER)
    assert client.get(BASE + path, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert "Example" not in client.get(BASE + path, headers={"sec-fetch-site": "cross-site"}).text
    assert acts(database) == []


@pytest.mark.parametrize("path", EVERY[1:])
def test_another_pharmacys_patients_are_not_in_the_file(
    client: TestClient, database: Database, clock: VirtualClock, shop: Shop, path: str
) -> None:
    patient = takes(database, shop, "Lisinopril 10 mg", LATE)
    make_therapy(database, shop, patient, "Metformin 500 mg", fills=RECENT)
    sign_in(client, database, clock, make_shop(database, "other"))
    assert rows_of(client.get(BASE + path, headers=PAGE)) == []


def test_one_location_is_exported_and_audited_alone(
    client: TestClient, database: Database, clock: VirtualClock, shop: Shop
) -> None:
    other = make_shop(database, "other")
    takes(database, shop, "Lisinopril 10 mg", LATE)
    takes(database, other, "Lisinopril 10 mg", LATE, first="Ben")
    roles = {shop.pharmacy_id: Role.OWNER, other.pharmacy_id: Role.OWNER}
    staff = make_staff(database, clock, roles, organization_id=shop.organization_id)
    client.cookies.set(cookie_name(get_settings()), make_session(database, clock, staff))
    rows = rows_of(client.get(BASE + "/adherence/patients.csv?at=other", headers=PAGE))
    assert [row["first_name"] for row in rows] == ["Ben"]
    assert [chain for chain, _, _ in acts(database)] == [other.pharmacy_id]
    both = rows_of(client.get(BASE + "/adherence/patients.csv", headers=PAGE))
    assert {row["location"] for row in both} == {"main pharmacy", "other pharmacy"}
    assert len(acts(database)) == 3


def test_the_file_names_no_patient_and_the_audit_neither(
    client: TestClient, database: Database, clock: VirtualClock, shop: Shop
) -> None:
    takes(database, shop, "Lisinopril 10 mg", LATE)
    sign_in(client, database, clock, shop)
    answer = client.get(BASE + "/adherence/patients.csv", headers=PAGE)
    assert answer.headers["content-disposition"] == 'attachment; filename="medsync-about-to-be-lost.csv"'
    assert "Example" not in str(acts(database))


def test_whoever_may_export_may_see_the_pages_it_comes_from() -> None:
    for seen in (Permission.VIEW_ADHERENCE, Permission.VIEW_PATIENTS):
        assert ROLES[Permission.EXPORT] <= ROLES[seen]
