"""The settings' handlers: each tab for its roles, of one location, with the error at the field."""

import re
from datetime import date, timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import select

from medsync_app.auth.passwords import matches
from medsync_app.clock import VirtualClock
from medsync_app.connections.sandbox import SandboxConnection
from medsync_app.domain.states import ActionState, Channel, ExceptionState, Role
from medsync_app.engine.loop import tick
from medsync_app.engine.outside import work_outside
from medsync_app.services.record_outcome import stop_channel
from medsync_app.settings import get_settings
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    BackupRun,
    ClosedDay,
    ExceptionCase,
    Membership,
    Pharmacy,
    Prescriber,
    ScheduledAction,
    Staff,
)
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.settings import TABS, SettingsState
from medsync_app.ui.states.settings_agreements import AgreementsState
from medsync_app.ui.states.settings_audit import AuditTabState, detail_words
from medsync_app.ui.states.settings_channels import BackupTabState, ChannelsTabState
from medsync_app.ui.states.settings_closures import ClosuresTabState
from medsync_app.ui.states.settings_pharmacy import PharmacyTabState
from medsync_app.ui.states.settings_programs import ProgramsState
from medsync_app.ui.states.settings_rules import RulesTabState
from medsync_app.ui.states.settings_staff import StaffTabState
from tests.services.test_update_pharmacy import form
from tests.support.staff import make_session, make_staff, page_state, signed_in
from tests.support.store import NOW, SYSTEM, Shop, make_shop

pytestmark = pytest.mark.slow

S = TypeVar("S", bound=AppState)


async def tab(
    house: Database, clock: VirtualClock, shop: Shop, kind: type[S], name: str, role: Role = Role.OWNER
) -> S:
    """A tab's state, filled."""
    state: Any = page_state(kind, signed_in(house, clock, shop, role), f"/settings?tab={name}")
    await state.open_tab()
    assert state.problem == ""
    assert state.ready
    return state


@pytest.mark.parametrize(
    ("role", "labels"),
    [
        (Role.OWNER, [label for label, _, _ in TABS.values()]),
        (Role.PHARMACIST, ["Import"]),
        (Role.TECHNICIAN, ["Import"]),
    ],
)
async def test_each_role_sees_its_own_tabs(
    house: Database, clock: VirtualClock, role: Role, labels: list[str]
) -> None:
    shop = make_shop(house)
    state = page_state(SettingsState, signed_in(house, clock, shop, role), "/settings")
    await state.load()
    assert [one["label"] for one in state.tabs] == labels
    assert [one["selected"] for one in state.tabs].count(True) == 1


async def test_a_tab_of_another_role_is_refused(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    secret = signed_in(house, clock, shop, Role.TECHNICIAN)
    state = page_state(SettingsState, secret, "/settings?tab=staff")
    await state.load()
    assert (state.loaded, state.tabs) == (False, [])
    assert "does not include this tab" in state.problem
    for kind in (
        PharmacyTabState,
        ClosuresTabState,
        StaffTabState,
        ChannelsTabState,
        AuditTabState,
        BackupTabState,
    ):
        other: Any = page_state(kind, secret, "/settings")
        await other.open_tab()
        assert "Your role does not include this" in other.problem, kind
        assert not other.ready


async def test_who_works_at_several_locations_chooses_one(house: Database, clock: VirtualClock) -> None:
    one, two = make_shop(house, "one"), make_shop(house, "two")
    roles = {one.pharmacy_id: Role.OWNER, two.pharmacy_id: Role.OWNER}
    staff = make_staff(house, clock, roles, organization_id=one.organization_id)
    secret = make_session(house, clock, staff)
    state = page_state(SettingsState, secret, "/settings?tab=hours")
    assert await state.load() is None
    assert [choice["href"] for choice in state.choices] == [
        "/settings?tab=pharmacy&at=one",
        "/settings?tab=pharmacy&at=two",
    ]
    tab_state = page_state(PharmacyTabState, secret, "/settings?tab=pharmacy")
    await tab_state.save(form(name="Both at once"))
    assert "Choose one location" in tab_state.problem
    chosen = page_state(PharmacyTabState, secret, "/settings?tab=pharmacy&at=two")
    await chosen.save(form(name="Only two"))
    with house.reading(SYSTEM) as tx:
        names = sorted(tx.session.scalars(select(Pharmacy.name)))  # pyright: ignore
    assert names == ["Only two", "one pharmacy"]


async def test_settings_are_saved_or_the_field_is_named(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    state = await tab(house, clock, shop, PharmacyTabState, "pharmacy")
    assert state.values["phone"] == "(404) 555-0100"
    before = state.form_key
    await state.save(form(closes_3="08:00"))
    assert (state.problem_field, state.form_key) == ("closes_3", before)
    await state.save(form(buffer_days="4"))
    assert (state.problem, state.notice, state.values["buffer_days"]) == ("", "Settings saved.", "4")
    assert state.form_key != before


async def test_settings_that_somebody_else_changed_are_not_overwritten(
    house: Database, clock: VirtualClock
) -> None:
    shop = make_shop(house)
    secret = signed_in(house, clock, shop, Role.OWNER)
    first, second = (page_state(PharmacyTabState, secret, "/settings?tab=pharmacy") for _ in range(2))
    for state in (first, second):
        await state.open_tab()
    await first.save(form(daily_capacity="12"))
    await second.save(form(buffer_days="4"))
    assert "Somebody else changed these settings" in second.problem
    await second.open_tab()
    assert (second.values["daily_capacity"], second.values["buffer_days"]) == ("12", "3")
    await second.save(form(daily_capacity="12", buffer_days="4"))
    assert second.problem == ""


async def test_what_somebody_else_changes_is_named_and_what_is_typed_is_then_saved_over_it(
    house: Database, clock: VirtualClock
) -> None:
    shop = make_shop(house)
    secret = signed_in(house, clock, shop, Role.OWNER)
    first, second = (page_state(PharmacyTabState, secret, "/settings?tab=pharmacy") for _ in range(2))
    for state in (first, second):
        await state.open_tab()
        await state.poll()
    await first.save(form(daily_capacity="12", closes_3="20:00"))
    before = second.form_key
    await second.poll()
    assert (second.changed, second.form_key) == ("Batches a day, Thursday", before)
    assert (second.values["daily_capacity"], second.days[3]["closes"]) == ("12", "20:00")
    await second.save(form(daily_capacity="14", closes_3="20:00"))
    assert (second.problem, second.changed, second.values["daily_capacity"]) == ("", "", "14")
    await first.poll()
    assert first.changed == "Batches a day"


async def test_holidays_are_ticked_and_a_day_is_opened_again(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    state = await tab(house, clock, shop, ClosuresTabState, "closures")
    assert [one["label"] for one in state.holidays] == ["Thanksgiving Day", "Christmas Day"]
    await state.add_holidays({})
    assert state.problem_field == "holidays"
    await state.add_holidays({"day_2026-12-25": "on", "day_2026-02-30": "on"})
    assert [(row["name"], row["day"]["text"]) for row in state.rows] == [("Christmas Day", "Fri 25 Dec")]
    assert state.rows[0]["href"] == "/calendar?d=2026-12-25"
    assert [one["label"] for one in state.holidays] == ["Thanksgiving Day"]
    await state.add_day({"day": "soon", "name": "Inventory"})
    assert state.problem_field == "day"
    await state.add_day({"day": "2026-12-02", "name": "Inventory"})
    assert len(state.rows) == 2
    await state.open_again(state.rows[0]["id"])
    with house.reading(SYSTEM) as tx:
        assert [row.day for row in tx.session.scalars(select(ClosedDay))] == [date(2026, 12, 25)]


async def test_an_account_gets_a_password_that_is_shown_once(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    state = await tab(house, clock, shop, StaffTabState, "staff")
    await state.add({"name": "Nina New", "email": "nina", "role": "technician"})
    assert (state.problem_field, state.password) == ("email", "")
    await state.add({"name": "Nina New", "email": "nina@example.com", "role": "technician"})
    assert state.problem == ""
    assert re.fullmatch(r"[a-z2-9]{5}(-[a-z2-9]{5}){3}", state.password)
    with house.reading(SYSTEM) as tx:
        nina = tx.session.scalars(select(Staff).where(Staff.name == "Nina New")).one()
    assert matches(nina.password_hash, state.password)
    await state.hide_password()
    assert (state.password, state.password_for) == ("", "")


async def test_a_role_is_changed_and_an_account_closed(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    sam = make_staff(house, clock, {shop.pharmacy_id: Role.TECHNICIAN}, organization_id=shop.organization_id)
    state = await tab(house, clock, shop, StaffTabState, "staff")
    await state.change_role(sam, "pharmacist")
    await state.ask("close", sam, "Sam Example")
    await state.confirm()
    with house.reading(SYSTEM) as tx:
        role = tx.session.scalars(select(Membership.role).where(Membership.staff_id == sam)).one()  # pyright: ignore
        assert (role, tx.get(Staff, sam).active) == (Role.PHARMACIST, False)
    assert {row["name"]: row["active"] for row in state.rows}["Sam Example"] is False
    await state.change_role(sam, "emperor")
    assert state.problem_field == "role"


async def test_the_only_owner_stays_one(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    state = await tab(house, clock, shop, StaffTabState, "staff")
    me = next(row for row in state.rows if row["me"])
    await state.change_role(me["id"], "technician")
    assert "only owner" in state.problem
    assert next(row for row in state.rows if row["me"])["role"] == "owner"


async def test_a_test_message_goes_through_the_sandbox(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    state = await tab(house, clock, shop, ChannelsTabState, "connections")
    assert [(row["name"], row["state"]) for row in state.rows] == [
        ("Text messages", "Sandbox"),
        ("Phone calls", "Sandbox"),
        ("E-mail", "Sandbox"),
    ]
    await state.send_test({"number": "123"})
    assert state.problem_field == "number"
    await state.send_test({"number": "404 555 0155"})
    assert state.problem == ""
    await state.send_test({"channel": "voice", "number": "404 555 0156"})
    await state.send_test({"channel": "email", "number": "404 555 0156"})
    assert state.problem_field == "number"
    tick(house, clock, dict.fromkeys(Channel, SandboxConnection()), "test")
    with house.reading(SYSTEM) as tx:
        sent = tx.session.scalars(
            select(ScheduledAction).where(ScheduledAction.kind == "reply").order_by(ScheduledAction.id)
        ).all()
    assert {one.step for one in sent} == {"test_message"}
    assert [(one.state, one.address) for one in sent] == [
        (ActionState.SENT, "+14045550155"), (ActionState.SENT, "+14045550156"),
    ]  # fmt: skip
    assert all("main pharmacy" in (one.body or "") for one in sent)


async def test_a_program_without_settings_cannot_be_tested_and_one_with_them_is(
    house: Database, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(house)
    secret = signed_in(house, clock, shop, Role.OWNER)
    state = page_state(ProgramsState, secret, "/settings?tab=connections")
    await state.load_programs()
    assert {row["state"] for row in state.programs} == {"Not set up"}
    await state.test_program({"kind": "slack"})
    assert "no settings" in state.problem
    for name, value in {
        "SLACK_WEBHOOK_URL": "https://hooks.slack.test/x",
        "SMTP_URL": "smtp://h",
        "SMTP_FROM": "a@b.co",
    }.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    await state.test_program({"kind": "email", "to-email": ""})
    assert (state.problem_field, state.tested_kind) == ("to", "email")
    await state.test_program({"kind": "slack"})
    work_outside(house, clock)
    await state.poll()
    slack = state.programs[0]
    assert (slack["name"], slack["state"], slack["tested_tone"]) == ("Slack", "Sandbox", "good")
    assert "nothing left this computer" in slack["tested"]
    get_settings.cache_clear()


async def test_no_test_message_is_sent_live(
    house: Database, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(house)
    state = await tab(house, clock, shop, ChannelsTabState, "connections")
    live = get_settings().model_copy(update={"medsync_send": "live"})
    monkeypatch.setattr("medsync_app.ui.states.settings_channels.get_settings", lambda: live)
    await state.send_test({"number": "404 555 0155"})
    assert "for the sandbox" in state.problem
    with house.reading(SYSTEM) as tx:
        assert tx.session.scalars(select(ScheduledAction)).all() == []


async def test_a_stopped_channel_is_started_again(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    with house.transaction(SYSTEM, clock) as tx:
        stop_channel(tx, shop.pharmacy_id, Channel.SMS, "Wrong password.")
    state = await tab(house, clock, shop, ChannelsTabState, "connections")
    assert (state.rows[0]["stopped"], state.rows[0]["detail"]) == (True, "Wrong password.")
    await state.start_again("sms")
    assert (state.problem, state.rows[0]["stopped"]) == ("", False)
    with house.reading(SYSTEM) as tx:
        assert tx.session.scalars(select(ExceptionCase)).one().state is ExceptionState.CLOSED
    await state.start_again("pigeon")
    assert "no such channel" in state.problem


async def test_the_log_is_checked_and_filtered(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    pharmacy = await tab(house, clock, shop, PharmacyTabState, "pharmacy")
    await pharmacy.save(form(buffer_days="4"))
    staff = make_staff(
        house,
        clock,
        {shop.pharmacy_id: Role.OWNER},
        organization_id=shop.organization_id,
        email="o@example.com",
    )
    secret = make_session(house, clock, staff)
    state = page_state(AuditTabState, secret, "/settings?tab=audit")
    await state.open_tab()
    assert [(row["act"], row["detail"]) for row in state.rows] == [("Update pharmacy", "fields: buffer days")]
    steps = [step async for step in state.verify()]
    assert len(steps) >= 1
    assert (state.verdict_tone, state.checking) == ("good", False)
    assert state.total == 2
    filtered = page_state(AuditTabState, secret, "/settings?tab=audit&act=verify_audit")
    await filtered.open_tab()
    assert [row["act"] for row in filtered.rows] == ["Verify audit"]
    event = await filtered.choose_act("")
    assert "/settings?tab=audit" in str(event.args)


async def test_a_backup_is_made_by_hand(
    house: Database, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(house)

    def made(db: Database, at: VirtualClock, *, force: bool) -> bool:
        with db.transaction(SYSTEM, at) as tx:
            tx.add(
                BackupRun(
                    started_at=NOW, finished_at=NOW + timedelta(seconds=2), file_name="x", size_bytes=2**20
                )
            )
        return force

    monkeypatch.setattr("medsync_app.ui.states.settings_channels.nightly_backup", made)
    state = await tab(house, clock, shop, BackupTabState, "backup")
    assert state.rows == []
    async for _ in state.back_up():
        assert state.working
    assert (state.notice, state.working) == ("Backed up.", False)
    assert [(row["name"], row["size"], row["took"]) for row in state.rows] == [("x", "1.0 MB", "2 s")]


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        (
            {"items": ["01m8e4vqxrm7phyg4kdg095myc", "01m8e4vqxrfehhq1vt7vahvayx"], "on": "2026-11-26"},
            "items: 2; on: Thu 26 Nov 2026",
        ),
        ({"problems": {}, "items": []}, ""),
        ({"problems": {"01m8e4vqxrm7phyg4kdg095myc": "no_refills"}}, "problems: 1"),
        (
            {"cycle": "01m8e4vqxrm7phyg4kdg095myc", "was_sent": True, "breaks": ["full", "gap"]},
            "was sent: yes; breaks: full, gap",
        ),
        ({"rows": 3, "hospitalised": False}, "rows: 3; hospitalised: no"),
    ],
)
def test_the_log_says_what_people_understand_and_counts_ids(detail: dict[str, object], said: str) -> None:
    assert detail_words(detail) == said


async def test_rules_of_payers_rx_and_renewals_are_set_and_a_mistake_is_told_at_its_field(
    house: Database, clock: VirtualClock
) -> None:
    shop = make_shop(house)
    with house.transaction(SYSTEM, clock) as tx:
        doctor = tx.add(Prescriber(pharmacy_id=shop.pharmacy_id, external_key="d", name="Dr Example"))
        tx.session.flush()
        doctor_id = doctor.id
    state = await tab(house, clock, shop, RulesTabState, "rules")
    assert [(row["name"], row["share"]) for row in state.shares][:2] == [
        ("Commercial plans", "75 %"), ("Medicare Part D", "75 %"),
    ]  # fmt: skip
    await state.save_share({"plan": "Acme Gold", "share": "120"})
    assert state.problem_field == "share"
    await state.save_share({"plan": "Acme Gold", "share": "87.5"})
    assert [row["share"] for row in state.shares if row["name"] == "acme gold"] == ["87.5 %"]
    await state.save_months({"months_none": "x", "months_5": ""})
    assert state.problem_field == "months_none"
    await state.save_months({"months_none": "15", "months_5": ""})
    assert state.months == {"none": "15", "5": ""}
    await state.save_path({"path": "fax"})
    assert (state.usual_path, "no settings" in state.by_hand) == ("fax", True)
    assert state.on_request == {"commercial": False, "part_d": False, "medicaid": True, "cash": False}
    await state.save_on_request({"request_cash": True})
    assert [payer for payer, asked in state.on_request.items() if asked] == ["cash"]
    await state.save_on_request({})
    assert not any(state.on_request.values())
    await state.ask_doctor(doctor_id)
    await state.save_doctor({"way": "email", "fax": "", "email": ""})
    assert (state.problem_field, state.doctor_open) == ("email", True)
    await state.save_doctor({"way": "email", "fax": "", "email": "office@example.com"})
    assert (state.problem, state.doctor_open, state.doctors[0]["way"]) == ("", False, "E-mail")
    await state.find_doctor("nobody")
    assert state.doctors == []
    with house.reading(SYSTEM) as tx:
        rules = tx.get(Pharmacy, shop.pharmacy_id).rules
    assert (rules["renewal_path"], rules["expiry_months"]) == ("fax", {"none": 15})


async def test_the_day_of_an_agreement_is_kept_with_its_error_at_the_field(
    house: Database, clock: VirtualClock
) -> None:
    shop = make_shop(house)
    secret = signed_in(house, clock, shop, Role.OWNER)
    state = page_state(AgreementsState, secret, "/settings?tab=connections")
    await state.load_agreements()
    assert [one["day"] for one in state.carriers] == ["", "", "", ""]
    await state.save_agreement({"carrier": "twilio", "signed_twilio": "2030-01-01"})
    assert (state.problem_field, "today or earlier" in state.problem) == ("signed_twilio", True)
    await state.save_agreement({"carrier": "twilio", "signed_twilio": "2026-11-02"})
    assert (state.problem, state.notice) == ("", "The agreement is on record.")
    assert state.carriers[0]["day"] == "2026-11-02"
    await state.save_agreement({"carrier": "twilio", "signed_twilio": ""})
    assert state.carriers[0]["day"] == ""
    await state.save_agreement({"carrier": "nobody", "signed_nobody": "2026-11-02"})
    assert "no such connection" in state.problem
