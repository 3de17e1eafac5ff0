"""From a QR code to an enrolled patient: the public form, the queue of Today, the wizard; and who misuses the form."""

import socket
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from medsync_app.clock import SystemClock
from medsync_app.domain.states import Role
from medsync_app.services.join import rotate_link
from medsync_app.store.session import Database
from tests.support.looks import expect_well_drawn
from tests.support.served_app import ServedApp
from tests.support.signed_in_page import sign_in
from tests.support.store import Shop


@pytest.fixture
def path(database: Database, shop: Shop) -> str:
    scope = Shop(shop.pharmacy_id, shop.organization_id, Role.OWNER).scope
    with database.transaction(scope, SystemClock()) as tx:
        return f"/join/{rotate_link(tx, shop.pharmacy_id)}"


def test_a_patient_asks_and_a_technician_begins_the_enrollment(
    page: Page, browser: Browser, served_app: ServedApp, database: Database, shop: Shop, path: str
) -> None:
    phone = browser.new_page(viewport={"width": 390, "height": 800})
    phone.goto(served_app.url + path)
    phone.get_by_label("First name").fill("Ada")
    phone.get_by_label("Medicine 1").fill("lisinopril 10 mg")
    phone.get_by_role("button", name="Español").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Recoja sus medicamentos en un solo día")
    expect_well_drawn(phone)
    expect(phone.get_by_label("Nombre", exact=True)).to_have_value("Ada")
    phone.get_by_label("Apellidos").fill("Example")
    phone.get_by_label("Fecha de nacimiento").fill("05/01/1950")
    phone.get_by_label("Número de teléfono").fill("911")
    # Enter sends the form, it does not change the language.
    phone.keyboard.press("Enter")
    expect(phone.get_by_text("Escriba un número de teléfono")).to_be_visible()
    phone.get_by_label("Acepto que").check()
    expect(phone.get_by_label("Medicamento 1")).to_have_value("lisinopril 10 mg")
    phone.get_by_role("button", name="Enviar a la farmacia").click()
    expect(phone.get_by_text("Escriba un número de teléfono")).to_be_visible()
    expect(phone.get_by_label("Nombre", exact=True)).to_have_value("Ada")
    expect_well_drawn(phone)
    phone.get_by_label("Número de teléfono").fill("404 555 0123")
    phone.get_by_role("button", name="Enviar a la farmacia").click()
    expect(phone.get_by_role("heading", name="Gracias")).to_be_visible()
    assert "Ada" not in phone.url
    expect_well_drawn(phone)
    phone.close()
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/")
    page.get_by_role("link", name="Enroll Example, Ada").click()
    expect(page.get_by_test_id("asked")).to_contain_text("Agreed to text messages")
    expect(page.get_by_label("First name")).to_have_value("Ada")
    expect(page.get_by_test_id("drug-0-name")).to_have_value("lisinopril 10 mg")
    expect_well_drawn(page)
    page.get_by_test_id("drug-0-last").fill("2026-11-10")
    page.get_by_test_id("drug-0-days").fill("30")
    page.get_by_test_id("add-patient").click()
    page.wait_for_url("**/enroll?draft=**")
    page.goto(served_app.url + "/")
    expect(page.get_by_role("link", name="Enroll Example, Ada")).to_have_count(0)


def test_the_owner_opens_the_form(page: Page, served_app: ServedApp, database: Database, shop: Shop) -> None:
    sign_in(page, served_app, database, shop, Role.OWNER)
    page.goto(served_app.url + "/settings?tab=join")
    page.get_by_test_id("open-form").click()
    expect(page.get_by_test_id("qr")).to_be_visible()
    expect_well_drawn(page)
    first = page.get_by_test_id("join-address").inner_text()
    page.get_by_test_id("ask-rotate").click()
    page.get_by_test_id("rotate-yes").click()
    expect(page.get_by_test_id("join-address")).not_to_have_text(first)


def raw(app: ServedApp, request: bytes) -> int:
    """The status that the server answers to these bytes."""
    with socket.create_connection(("127.0.0.1", urlsplit(app.url).port or 0), timeout=10) as connection:
        connection.sendall(request)
        return int(connection.recv(64).split(b" ")[1])


def test_bytes_that_no_browser_sends_do_no_harm(
    served_app: ServedApp, database: Database, shop: Shop, path: str
) -> None:
    form = b"application/x-www-form-urlencoded"

    def post(body: bytes, *, length: int | None = None, kind: bytes = form, more: bytes = b"") -> int:
        size = b"" if length == -1 else b"Content-Length: %d\r\n" % (len(body) if length is None else length)
        head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: %s\r\n%s%s\r\n"
        return raw(served_app, head % (path.encode(), kind, size, more) + body)

    assert post(b"a=" + b"x" * 20_000, length=20_002) == 413
    chunk = b"4e20\r\n" + b"x" * 20_000 + b"\r\n"
    assert post(chunk, length=-1, more=b"Transfer-Encoding: chunked\r\n") == 413
    assert post(b"first_name=%ff%fe%00&phone=%00") == 422
    assert post(b"\xff\xfe\x00") == 422
    assert post(b"--x\r\nnonsense", kind=b"multipart/form-data; boundary=y") in (400, 422)
    assert post(b"{}", kind=b"application/json") == 422
    assert post(b"") == 422
    assert (
        raw(served_app, b"GET /join/%00%ff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") == 404
    )
    assert raw(served_app, b"GET /join/../metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") in (
        200,
        404,
    )
    log = served_app.log.read_text("utf-8", errors="replace")
    assert path.rpartition("/")[2] not in log
