"""Every page with a form or a list, each in a tab of its own, with something half typed: what may never be lost."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from playwright.sync_api import BrowserContext, Page, expect

from medsync_app.clock import SystemClock
from medsync_app.domain.states import ActionState, CycleState, ExceptionKind, Role
from medsync_app.services.exceptions import comment
from medsync_app.services.workflow_draft import part_of, put_in_draft, working_document
from medsync_app.services.write_note import write_note
from medsync_app.store.ids import new_id
from medsync_app.store.session import Database
from tests.support.cycles import make_cycle
from tests.support.screens import make_batch, make_message, make_task, make_therapy
from tests.support.signed_in_page import now, today
from tests.support.staff import make_staff
from tests.support.store import SYSTEM, Shop, make_patient

#: What a colleague does names her.
MARK = "Zora"
#: Notes when the mark is first seen on the page, and whether it was seen by then.
_WATCH = """(mark) => {
  window.markSeen = 0;
  const look = () => {
    if (!window.markSeen && document.body.textContent.includes(mark)) window.markSeen = Date.now();
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true });
  look();
  return window.markSeen;
}"""


@dataclass(frozen=True, slots=True)
class OpenForm:
    """Where somebody writes: the page, what is clicked to open the form, what is typed, and how it is sent.

    `sent` is seen when it went well. `live` is False where nothing comes from others.
    """

    name: str
    path: str
    typed: Mapping[str, str]
    send: str = ""
    click: tuple[str, ...] = ()
    sent: str = "[data-testid=notice]"
    live: bool = True
    #: What is seen once the colleague has acted.
    mark: str = MARK


@dataclass(frozen=True, slots=True)
class Pharmacy:
    """What the forms are about."""

    patient_id: str
    cycle_id: str
    task_id: str
    message_id: str


def make_data(database: Database, shop: Shop) -> Pharmacy:
    """A batch of today that is being prepared, a call to make, a held message."""
    patient = make_patient(database, shop, first="Ada", phone="+14045550123")
    fills = tuple(today() - timedelta(days=days) for days in (85, 55, 25))
    drug = make_therapy(database, shop, patient, "Lisinopril 10 mg", fills=fills, rx_number=new_id())
    batch = make_batch(database, shop, patient, (drug,), on=today(), state=CycleState.PREPARING)
    task = make_task(database, shop, ExceptionKind.CALL, patient_id=patient, due_at=now())
    return Pharmacy(patient, batch.cycle_id, task, make_held(database, shop))


def make_held(database: Database, shop: Shop, first: str = "Ben") -> str:
    """A reminder that waits for a person, of a pickup in ten days."""
    patient = make_patient(database, shop, first=first, phone="+14045550124")
    day = (now() + timedelta(days=10)).date()
    made = make_cycle(database, shop, patient, sync_date=day, now=now())
    payload = {
        "action": {"do": "message", "template": "confirm_t3"}, "sync_date": day.isoformat(), "conditions": [],
        "trigger": "days_before", "cycles": ["sync"], "needs_fresh_data": False, "number": 5,
    }  # fmt: skip
    return make_message(
        database, shop, patient, due_at=now() + timedelta(days=7), state=ActionState.HELD, step="confirm_t3",
        reason="A person must decide.", cycle_id=made.cycle_id, enrollment_id=made.enrollment_id, payload=payload,
    )  # fmt: skip


def forms(data: Pharmacy, pharmacy_name: str) -> tuple[OpenForm, ...]:
    """One form of every page that has any, and the list of Patients with its search."""
    return (
        OpenForm(
            "today", "/", {"[data-testid=call-sheet] textarea[name=note]": "She calls back."},
            "[data-testid=save-call]", ("[data-testid=act][aria-label^='Call']", "[name=outcome][value=voicemail]"),
        ),
        OpenForm(
            "calendar", f"/calendar?cycle={data.cycle_id}", {"[data-testid=part-note]": "Comes at noon"},
            "[data-testid=save-part]", ("[data-testid=part]",),
        ),
        OpenForm("patients", "/patients", {"[data-testid=list-search]": "exam"}),
        OpenForm(
            "patient", f"/patient/{data.patient_id}", {"[name=text]": "Large print."}, "[data-testid=keep-note]"
        ),
        OpenForm(
            "contact", f"/patient/{data.patient_id}", {"#sms_address": "404 555 0177"},
            "[data-testid=save-contact]", ("[data-testid=change-contact]", "[name=sms_basis][value=express]"),
        ),
        OpenForm(
            "exceptions", f"/exceptions?open={data.task_id}", {"[name=outcome]": "Talked to the daughter."},
            "[data-testid=resolve]",
        ),
        OpenForm(
            "messages", f"/messages?tab=held&open={data.message_id}&edit=1",
            {"[data-testid=wording]": f"{pharmacy_name}: bring your card. STOP to end."},
            "[data-testid=save-wording]",
        ),
        OpenForm(
            "settings", "/settings?tab=staff",
            {"[data-testid=name]": "Nina New", "[data-testid=email]": f"{new_id()}@example.com"},
            "[data-testid=add-user]",
        ),
        OpenForm(
            "enroll", "/enroll?new=1",
            {"#first_name": "Ida", "#last_name": "Imported", "#birth_date": "1950-04-01", "#drug-0-name": "zinc 5 mg",
             "#drug-0-last": str(today() - timedelta(days=9)), "#drug-0-days": "30"},
            "[data-testid=add-patient]", sent="[data-testid=take]", live=False,
        ),
        OpenForm(
            "workflow", "/workflow?step=confirm_t3", {"[data-testid=step-form] [name=name]": "Ask once more"},
            "[data-testid=keep-step]",
        ),
    )  # fmt: skip


def dialogs(data: Pharmacy) -> tuple[OpenForm, ...]:
    """Forms that lie over a page, each with something half typed."""
    patient = f"/patient/{data.patient_id}"
    return (
        OpenForm(
            "pause", patient, {"[data-testid=pause] [name=reason]": "In hosp"}, "[data-testid=pause-yes]",
            ("[data-testid=ask-pause]",),
        ),
        OpenForm(
            "care", patient, {"[data-testid=care-form] [name=start]": str(today())}, "[data-testid=care-form-yes]",
            ("[data-testid=record-care]",),
        ),
        OpenForm(
            "dose", patient, {"[data-testid=dose] [name=units_per_day]": "0.5"}, "[data-testid=dose-yes]",
            ("[data-testid=ask-dose]",),
        ),
        OpenForm(
            "add", patient, {"[data-testid=add-drug] [name=drug-0-name]": "zinc"}, "[data-testid=add-drug-yes]",
            ("[data-testid=ask-add-drug]",),
        ),
        OpenForm(
            "move", f"/calendar?cycle={data.cycle_id}",
            {"[data-testid=move] [name=move_day]": str(today() + timedelta(days=3))}, "[data-testid=move-yes]",
            ("[data-testid=ask-move]",),
        ),
    )  # fmt: skip


def open_one(context: BrowserContext, url: str, form: OpenForm) -> Page:
    """A tab that shows the form with its text half typed, the last field in focus."""
    page = context.new_page()
    page.goto(url + form.path)
    for selector in form.click:
        page.locator(selector).first.click()
    for selector, text in form.typed.items():
        page.locator(selector).first.fill(text)
    assert page.evaluate(_WATCH, form.mark) == 0, f"{form.name}: the mark was there before"
    return page


def expect_kept(page: Page, form: OpenForm) -> None:
    """What was typed stands where it was typed."""
    for selector, text in form.typed.items():
        expect(page.locator(selector).first, f"{form.name}: {selector}").to_have_value(text, timeout=15_000)


def colleague_acts(database: Database, shop: Shop, data: Pharmacy) -> None:
    """Somebody else does what each of the lists shows."""
    zora = make_patient(database, shop, first=MARK, phone="+14045550199")
    drug = make_therapy(database, shop, zora, "Metformin 500 mg", rx_number=new_id())
    batch = make_batch(database, shop, zora, (drug,), on=today(), state=CycleState.PREPARING)
    make_task(database, shop, ExceptionKind.CALL, patient_id=zora, cycle_id=batch.cycle_id, due_at=now())
    make_held(database, shop, MARK)
    make_staff(
        database, SystemClock(), {shop.pharmacy_id: Role.TECHNICIAN}, organization_id=shop.organization_id,
        email=f"{new_id()}@example.com", name=f"{MARK} Newhand",
    )  # fmt: skip
    with database.transaction(shop.scope, SystemClock()) as tx:
        document = working_document(tx, shop.pharmacy_id)
        step = part_of(document, "steps", "welcome")
        put_in_draft(tx, shop.pharmacy_id, "steps", {**step, "name": f"{MARK}'s reminder"})
        comment(tx, data.task_id, f"{MARK} was here.")
    with database.transaction(SYSTEM, SystemClock()) as tx:
        write_note(tx, data.patient_id, f"{MARK} wrote this.")
