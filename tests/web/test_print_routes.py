"""Sheets as PDF over HTTP: what stands on them, in both languages, for those who may, with a line in the audit log."""

import re
from collections.abc import Iterator

import pytest
from httpx import Response
from sqlalchemy import select
from starlette.testclient import TestClient

from medsync_app.auth.sessions import cookie_name
from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Channel, ContactBasis, CycleState, Role
from medsync_app.settings import get_settings
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, ConsentEvent, Cycle, Patient
from medsync_app.web.paper.patient import openings
from medsync_app.web.paper.sheet import Sheet, printable
from medsync_app.web.site import site_around
from tests.support.cycles import SYNC, MadeCycle, make_cycle
from tests.support.staff import signed_in
from tests.support.store import NOW, SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.slow

BASE = "/api/v1/print"


@pytest.fixture
def shop(database: Database) -> Shop:
    return make_shop(database)


@pytest.fixture
def made(database: Database, shop: Shop) -> MadeCycle:
    """Ada's batch of two drugs on 10 December."""
    return make_cycle(database, shop, make_patient(database, shop, phone="+14045550123"))


@pytest.fixture
def client(house: Database) -> Iterator[TestClient]:
    async def pages(_scope: object, _receive: object, _send: object) -> None:
        raise AssertionError("no page is asked for")

    with TestClient(site_around(pages), base_url="http://localhost:3000") as client:
        yield client


def sign_in(client: TestClient, house: Database, clock: VirtualClock, shop: Shop, role: Role) -> None:
    client.cookies.set(cookie_name(get_settings()), signed_in(house, clock, shop, role))


def text_of(answer: Response) -> str:
    """The words on the sheet, in their order."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["cache-control"] == "no-store"
    return words_of(answer.content)


def words_of(pdf: bytes) -> str:
    assert pdf.startswith(b"%PDF-")
    parts = re.findall(rb"\((?:\\.|[^\\()])*\) Tj", pdf)
    plain = b" ".join(part[1:-4] for part in parts)
    escaped = re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), plain)
    return re.sub(rb"\\(.)", rb"\1", escaped).decode("cp1252")


def acts(database: Database) -> list[str]:
    with database.reading(SYSTEM) as tx:
        return [event.act for event in tx.session.scalars(select(AuditEvent))]


def test_the_batch_sheet_names_fills_and_what_is_missing(
    client: TestClient, house: Database, clock: VirtualClock, shop: Shop, made: MadeCycle
) -> None:
    sign_in(client, house, clock, shop, Role.TECHNICIAN)
    words = text_of(client.get(f"{BASE}/batch/{made.cycle_id}.pdf"))
    for part in ("Example, Ada", "Thursday, December 10, 2026", "Drug0 10 mg", "full fill", "Checked by"):
        assert part in words, part
    assert acts(house) == ["print_batch"]


def test_the_day_sheet_lists_the_day(
    client: TestClient, house: Database, clock: VirtualClock, shop: Shop, made: MadeCycle
) -> None:
    sign_in(client, house, clock, shop, Role.TECHNICIAN)
    words = text_of(client.get(f"{BASE}/day.pdf?d={SYNC}"))
    assert "Pickups: 1." in words
    assert "Example, Ada" in words
    assert "404-555-0123" in words
    assert "No pickup is planned" in text_of(client.get(f"{BASE}/day.pdf?d=2026-12-11"))
    assert acts(house) == ["view_day_sheet"]


@pytest.mark.parametrize(
    "address", ["/day.pdf", "/day.pdf?d=tomorrow", "/day.pdf?d=1999-01-01", "/day.pdf?d=9999-12-31"]
)
def test_a_day_that_is_none_is_refused(
    client: TestClient, house: Database, clock: VirtualClock, shop: Shop, address: str
) -> None:
    sign_in(client, house, clock, shop, Role.TECHNICIAN)
    assert client.get(BASE + address).status_code == 422


def test_the_calendar_speaks_the_patients_language(
    client: TestClient, house: Database, clock: VirtualClock, shop: Shop, made: MadeCycle
) -> None:
    with house.transaction(SYSTEM, clock) as tx:
        tx.get(Patient, made.patient_id).language = "es"
    sign_in(client, house, clock, shop, Role.TECHNICIAN)
    address = f"{BASE}/patient/{made.patient_id}/calendar.pdf"
    spanish, english = text_of(client.get(address)), text_of(client.get(address + "?lang=en"))
    assert "jueves 10 de diciembre de 2026" in spanish
    assert "diciembre 2026" in spanish
    assert "Your next pickup: Thursday, December 10, 2026" in english
    assert "Saturday, January 9, 2027" in english, "about when it goes on"
    assert "2 medicines together" in english
    assert "Drug0" not in english, "the patient has not asked for names"
    with house.transaction(SYSTEM, clock) as tx:
        tx.get(Patient, made.patient_id).drug_names_wanted = True
    assert "Drug0 10 mg" in text_of(client.get(address + "?lang=en"))
    assert acts(house).count("print_calendar") == 3


def test_a_date_that_is_not_approved_is_not_told(
    client: TestClient, house: Database, clock: VirtualClock, shop: Shop, made: MadeCycle
) -> None:
    with house.transaction(SYSTEM, clock) as tx:
        cycle = tx.get(Cycle, made.cycle_id)
        cycle.state, cycle.needs_review = CycleState.PROPOSED, True
    sign_in(client, house, clock, shop, Role.TECHNICIAN)
    words = text_of(client.get(f"{BASE}/patient/{made.patient_id}/calendar.pdf"))
    assert "No pickup is planned. Please call us." in words
    assert "December" not in words


def test_the_agreement_says_what_was_agreed_to(
    client: TestClient, house: Database, clock: VirtualClock, shop: Shop, made: MadeCycle
) -> None:
    with house.transaction(SYSTEM, clock) as tx:
        tx.add(
            ConsentEvent(
                pharmacy_id=shop.pharmacy_id, patient_id=made.patient_id, channel=Channel.SMS,
                address="+14045550123", basis=ContactBasis.EXPRESS, how="form", by="Pat",
                wording="I agree & sign <b>here", at=NOW,
            )
        )  # fmt: skip
    sign_in(client, house, clock, shop, Role.TECHNICIAN)
    words = text_of(client.get(f"{BASE}/patient/{made.patient_id}/agreement.pdf"))
    for part in (
        "Patient: Ada Example, born 05/01/1980",
        "Drug1 10 mg",
        "I agree & sign < b > here",
        "Signature",
    ):
        assert part in words, part
    assert "Firma" in text_of(client.get(f"{BASE}/patient/{made.patient_id}/agreement.pdf?lang=es"))


def test_the_report_of_adherence_is_for_those_who_export(
    client: TestClient, house: Database, clock: VirtualClock, shop: Shop, made: MadeCycle
) -> None:
    sign_in(client, house, clock, shop, Role.TECHNICIAN)
    assert client.get(f"{BASE}/adherence.pdf").status_code == 403
    client.cookies.clear()
    sign_in(client, house, clock, shop, Role.OWNER)
    words = text_of(client.get(f"{BASE}/adherence.pdf?window=last_year"))
    assert "Thursday, January 1, 2026" not in words
    assert "Wednesday, January 1, 2025" in words
    assert "Enrolled now 1" in words
    assert "Asked 1 100 % of 1 eligible" in words
    assert "Open the board, load the file" in words
    assert "Example" not in words, "no patient is named"
    assert client.get(f"{BASE}/adherence.pdf?window=ever").status_code == 422
    assert acts(house) == ["export_report"]


def test_nobody_prints_what_they_may_not_see(
    client: TestClient, house: Database, clock: VirtualClock, shop: Shop, made: MadeCycle
) -> None:
    addresses = [
        f"/batch/{made.cycle_id}.pdf", f"/patient/{made.patient_id}/calendar.pdf",
        f"/patient/{made.patient_id}/agreement.pdf",
    ]  # fmt: skip
    for address in (*addresses, f"/day.pdf?d={SYNC}", "/adherence.pdf"):
        assert client.get(BASE + address).status_code == 401, address
    sign_in(client, house, clock, make_shop(house, "other"), Role.OWNER)
    for address in addresses:
        assert client.get(BASE + address).status_code == 404, address
    assert "Example" not in text_of(client.get(f"{BASE}/day.pdf?d={SYNC}"))
    elsewhere = {"sec-fetch-site": "cross-site"}
    assert client.get(BASE + addresses[0], headers=elsewhere).status_code == 403
    assert client.get(f"{BASE}/patient/{made.patient_id}/secrets.pdf").status_code == 422
    assert client.get(f"{BASE}/patient/{made.patient_id}/calendar.pdf?lang=fr").status_code == 422


def test_a_long_day_goes_on_over_pages_with_its_head(
    client: TestClient, house: Database, clock: VirtualClock, shop: Shop
) -> None:
    for number in range(30):
        make_cycle(house, shop, make_patient(house, shop, first=f"P{number}"))
    sign_in(client, house, clock, shop, Role.TECHNICIAN)
    words = text_of(client.get(f"{BASE}/day.pdf?d={SYNC}"))
    assert words.count("Medicines") > 1
    assert all(f"Example, P{number}" in words for number in range(30))


def test_names_are_printed_with_all_their_letters() -> None:
    assert printable("José Muñoz, Łucja Nguyễn Ж 王") == "José Muñoz, Łucja Nguyễn Ж ?"
    sheet = Sheet("Title", foot="Foot")
    sheet.text("Łucja Nguyễn")
    made = sheet.pdf()
    assert b"Roboto-Regular" in made
    # The file says which letter each drawn sign is: that is what is copied and read aloud.
    for letter in set("Łucja Nguyễn"):
        assert f"<{ord(letter):04X}>".encode() in made, letter
    sheet = Sheet("Title", foot="Foot")
    sheet.text("José <b>&")
    # Each piece that needed escaping is drawn by itself.
    assert "José < b > &" in words_of(sheet.pdf())
    assert b"Roboto" not in sheet.pdf()
    assert Sheet("Nothing", foot="").pdf().startswith(b"%PDF-")


def test_a_sheet_of_a_patient_with_nothing_is_drawn(
    client: TestClient, house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient_id = make_patient(house, shop)
    sign_in(client, house, clock, shop, Role.TECHNICIAN)
    assert "No pickup is planned" in text_of(client.get(f"{BASE}/patient/{patient_id}/calendar.pdf"))
    words = text_of(client.get(f"{BASE}/patient/{patient_id}/agreement.pdf"))
    assert "No automated message was agreed to" in words


def test_days_with_the_same_hours_stand_in_one_line() -> None:
    week = dict.fromkeys(range(5), ("09:00", "19:00")) | {5: ("09:00", "17:00")}
    assert openings(week, "en") == ["Monday to Friday: 9am - 7pm", "Saturday: 9am - 5pm"]
    assert openings({0: ("09:00", "19:00"), 2: ("09:00", "19:00")}, "es") == [
        "lunes: 9:00 - 19:00",
        "miércoles: 9:00 - 19:00",
    ]
