"""A mistake in a form is said at its field, by name and to a screen reader, and what was typed stays."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, expect

from medsync_app.domain.states import Role
from medsync_app.store.session import Database
from tests.support.looks import expect_no_axe_findings
from tests.support.open_forms import Pharmacy, make_data
from tests.support.served_app import ServedApp
from tests.support.signed_in_page import sign_in, today
from tests.support.store import Shop


@dataclass(frozen=True, slots=True)
class Mistake:
    """A form over a page, what opens and sends it, what is typed, and the control that is wrong then."""

    click: tuple[str, ...]
    send: str
    wrong: str
    typed: Mapping[str, str] = field(default_factory=lambda: dict[str, str]())


def mistakes(data: Pharmacy) -> Mapping[str, tuple[Mistake, ...]]:
    """By page."""

    def test_id(name: str) -> str:
        return f"[data-testid={name}]"

    return {
        f"/patient/{data.patient_id}": (
            Mistake((test_id("ask-pause"),), test_id("pause-yes"), f"{test_id('pause')} [name=reason]"),
            Mistake(
                (test_id("ask-withdraw"),), test_id("withdraw-yes"), f"{test_id('withdraw')} [role=radiogroup]",
                {f"{test_id('withdraw')} [name=reason]": "She said so."},
            ),
            Mistake(
                (test_id("record-care"),), test_id("care-form-yes"), "#kind", {"#start": today().isoformat()},
            ),
            Mistake((test_id("change-contact"),), test_id("save-contact"), "#sms_address", {"#sms_address": "12"}),
        ),
        "/": (
            Mistake(
                ("[data-testid=act][aria-label^='Call']",), test_id("save-call"),
                f"{test_id('call-sheet')} [role=radiogroup]",
                {f"{test_id('call-sheet')} textarea[name=note]": "She calls back."},
            ),
        ),
    }  # fmt: skip


@pytest.mark.slow
def test_a_mistake_in_a_dialog_is_said_at_its_field(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    data = make_data(database, shop)
    sign_in(page, served_app, database, shop, Role.OWNER)
    for path, ones in mistakes(data).items():
        page.goto(served_app.url + path)
        for one in ones:
            for selector in one.click:
                page.locator(selector).first.click()
            for selector, text in one.typed.items():
                page.locator(selector).fill(text)
            page.locator(one.send).click()
            wrong = page.locator(one.wrong)
            expect(wrong, one.wrong).to_have_attribute("aria-invalid", "true")
            errors = [f"[id='{name}']" for name in (wrong.get_attribute("aria-describedby") or "").split()]
            expect(page.locator(errors[-1]), one.wrong).not_to_be_empty()
            expect(page.locator("[role=dialog] .field-error, [role=dialog] .banner")).to_have_count(1)
            for selector, text in one.typed.items():
                expect(page.locator(selector)).to_have_value(text)
            expect_no_axe_findings(page)
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)
