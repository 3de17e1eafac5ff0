"""Every event handler goes through the guard: session, role, pharmacy, arguments."""

import re
from collections.abc import AsyncGenerator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler, rule_of
from medsync_app.auth.permissions import Permission
from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.errors import Conflict, Invalid, NotFound
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import Patient, Pharmacy, Staff, StaffSession
from medsync_app.ui.states.base import AppState
from tests.support.staff import make_session, make_staff, page_state, signed_in, visit
from tests.support.store import SYSTEM, Shop, make_patient, make_shop


def _city(tx: Tx, patient_id: str) -> str:
    return tx.get(Patient, patient_id).city


def _move_to(tx: Tx, patient_id: str, city: str) -> None:
    tx.get(Patient, patient_id).city = city


def _pharmacies(tx: Tx) -> int:
    return len(tx.session.scalars(select(Pharmacy)).all())


class GuardedState(AppState):
    """A page state for these tests."""

    seen: str = ""
    flag: bool = False
    numbers: list[int] = []

    @handler(Permission.VIEW_PATIENTS)
    async def look(self, caller: Caller, patient_id: str) -> None:
        self.seen = await self._read(caller, _city, patient_id) or "nowhere"

    @handler(Permission.APPROVE_PLAN)
    async def approve(self, caller: Caller, patient_id: str, city: str = "Approved") -> None:
        await self._command(caller, _move_to, patient_id, city)
        self._say("Approved.")

    @handler(Permission.VIEW, activity=False)
    async def tick(self, caller: Caller) -> None:
        self.seen = "ticked"

    @handler(Permission.VIEW)
    async def take(
        self, caller: Caller, text: str, count: int, on: date, role: Role, ids: list[str],
        more: dict[str, Any], flag: bool = False, maybe: str | None = None, share: float = 0.0,
    ) -> None:  # fmt: skip
        self.seen = f"{text} {count} {on.isoformat()} {role.value} {ids} {more} {flag} {maybe} {share}"

    @handler(Permission.VIEW)
    async def count_up(self, caller: Caller, to: int) -> AsyncGenerator[None, None]:
        for number in range(to):
            self.numbers.append(number)
            yield
        raise Conflict("Pat changed this first. Reload it.")

    @handler(Permission.APPROVE_PLAN)
    async def approve_here(self, caller: Caller) -> None:
        self.seen = str(await self._read_here(caller, _pharmacies))

    @handler(Permission.VIEW, activity=False)
    async def poll_for_changes(self, caller: Caller) -> None:
        self.flag = await self._changed(caller)

    @handler(Permission.VIEW, activity=False)
    async def poll(self, caller: Caller) -> None:
        if await self._changed(caller):
            self.seen = {True: "read"}[self.flag]

    @handler(Permission.VIEW)
    async def load(self, caller: Caller) -> None:
        self.seen = {True: "read"}[self.flag]

    @handler(Permission.VIEW)
    async def fail(self, caller: Caller) -> None:
        self.seen = str({"phone": "+14045550123"}["Ada Example"])

    @handler(Permission.VIEW)
    async def refuse(self, caller: Caller) -> None:
        raise Invalid("Give a date in the future.", "sync_date")


@pytest.fixture
def shop(house: Database) -> Shop:
    return make_shop(house)


async def test_a_person_with_a_session_and_the_permission_gets_in(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(house, shop)
    state = page_state(GuardedState, signed_in(house, clock, shop, Role.TECHNICIAN))
    await state.look(patient)
    assert (state.seen, state.problem) == ("nowhere", "")


@pytest.mark.parametrize("secret", [None, "", "wrong", "x" * 20_000, '"; drop', "a b", "é"])
async def test_without_a_session_nothing_runs_and_the_sign_in_page_follows(
    house: Database, shop: Shop, secret: str | None
) -> None:
    patient = make_patient(house, shop)
    state = page_state(GuardedState, secret, "/patients/p1?tab=drugs")
    answer: Any = await state.look(patient)
    assert state.seen == ""
    path = next(str(value) for name, value in answer.args if str(name) == "path")
    assert "/sign-in?problem=idle&next=%2Fpatients%2Fp1%3Ftab%3Ddrugs" in path


async def test_a_technician_cannot_approve(house: Database, clock: VirtualClock, shop: Shop) -> None:
    patient = make_patient(house, shop)
    state = page_state(GuardedState, signed_in(house, clock, shop, Role.TECHNICIAN))
    await state.approve(patient)
    assert "role does not include this" in state.problem
    with house.reading(SYSTEM) as tx:
        assert _city(tx, patient) == ""


async def test_a_pharmacist_can_approve(house: Database, clock: VirtualClock, shop: Shop) -> None:
    patient = make_patient(house, shop)
    state = page_state(GuardedState, signed_in(house, clock, shop, Role.PHARMACIST))
    await state.approve(patient)
    with house.reading(SYSTEM) as tx:
        assert _city(tx, patient) == "Approved"
    assert (state.notice, state.notice_number) == ("Approved.", 1)


async def test_another_pharmacys_patient_is_not_there(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    other = make_patient(house, make_shop(house, "other"))
    state = page_state(GuardedState, signed_in(house, clock, shop))
    await state.look(other)
    assert state.seen == ""
    assert "not there any more" in state.problem


def session_of_two_roles(house: Database, clock: VirtualClock, shop: Shop, other: Shop) -> str:
    """The session of a pharmacist of `shop` who is a technician at `other`."""
    roles = {shop.pharmacy_id: Role.PHARMACIST, other.pharmacy_id: Role.TECHNICIAN}
    return make_session(house, clock, make_staff(house, clock, roles, organization_id=shop.organization_id))


async def test_a_permission_counts_only_where_the_role_is_held(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    other = make_shop(house, "other")
    here, there = make_patient(house, shop), make_patient(house, other)
    state = page_state(GuardedState, session_of_two_roles(house, clock, shop, other))
    await state.approve(here)
    assert state.problem == ""
    await state.approve(there)
    assert "not there any more" in state.problem
    await state.look(there)
    assert state.problem == ""


async def test_the_location_in_the_address_narrows_what_is_shown(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    secret = session_of_two_roles(house, clock, shop, make_shop(house, "other"))
    state = page_state(GuardedState, secret, "/?at=other")
    await state.open_page()
    assert (state.at, state.at_name, state.role) == ("other", "other pharmacy", "Technician")
    assert "approve_plan" not in state.permissions
    visit(state, secret, "/?at=nobodys")
    await state.open_page()
    assert (state.at, state.at_name) == ("", "All locations")
    assert "approve_plan" in state.permissions
    assert [place["slug"] for place in state.places] == ["main", "other"]


async def test_an_ended_session_is_refused_at_the_next_event_and_the_state_is_emptied(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(house, shop)
    state = page_state(GuardedState, signed_in(house, clock, shop))
    await state.look(patient)
    with house.transaction(SYSTEM, clock) as tx:
        tx.session.scalars(select(StaffSession)).one().ended_at = tx.now
    assert await state.look(patient) is not None
    assert state.seen == ""


async def test_a_deactivated_person_is_refused_at_the_next_event(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(house, shop)
    state = page_state(GuardedState, signed_in(house, clock, shop))
    with house.transaction(SYSTEM, clock) as tx:
        tx.session.scalars(select(Staff)).one().active = False
    assert await state.look(patient) is not None
    assert state.seen == ""


async def test_idling_ends_a_session_and_polling_is_no_activity(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    state = page_state(GuardedState, signed_in(house, clock, shop))
    for _ in range(2):
        clock.advance(timedelta(minutes=7))
        assert await state.tick() is None
    clock.advance(timedelta(minutes=2))
    assert await state.tick() is not None


async def test_activity_keeps_a_session_open_until_the_absolute_limit(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(house, shop)
    state = page_state(GuardedState, signed_in(house, clock, shop))
    for _ in range(71):
        clock.advance(timedelta(minutes=10))
        assert await state.look(patient) is None
    clock.advance(timedelta(minutes=10))
    assert await state.look(patient) is not None


async def test_activity_is_written_once_a_minute_at_most(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(house, shop)
    state = page_state(GuardedState, signed_in(house, clock, shop))
    start = clock.now()
    clock.advance(timedelta(seconds=59))
    await state.look(patient)
    with house.reading(SYSTEM) as tx:
        assert tx.session.scalars(select(StaffSession)).one().last_activity_at == start
    clock.advance(timedelta(seconds=1))
    await state.look(patient)
    with house.reading(SYSTEM) as tx:
        assert tx.session.scalars(select(StaffSession)).one().last_activity_at == clock.now()


async def test_what_one_session_left_is_gone_for_the_next(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(house, shop)
    state = page_state(GuardedState, signed_in(house, clock, shop))
    await state.look(patient)
    assert state.seen
    visit(state, signed_in(house, clock, shop, Role.TECHNICIAN))
    await state.open_page()
    assert state.seen == ""
    assert state.opened


GOOD = {
    "text": "a", "count": 2, "on": "2026-12-01", "role": "owner", "ids": ["x"], "more": {"k": 1},
}  # fmt: skip


async def test_arguments_are_converted(house: Database, clock: VirtualClock, shop: Shop) -> None:
    state = page_state(GuardedState, signed_in(house, clock, shop))
    await state.take(**GOOD, flag=True, share=1)
    assert state.seen == "a 2 2026-12-01 owner ['x'] {'k': 1} True None 1.0"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", 5), ("text", None), ("text", ["a"]), ("text", {"a": 1}), ("text", "x" * 20_001),
        ("text", "a\x00b"), ("text", "\ud800"), ("count", "x"), ("count", True), ("count", 2.5),
        ("count", 2**80), ("count", None), ("on", "yesterday"), ("on", 5), ("role", "admin"), ("role", 1),
        ("ids", "x"), ("ids", [1]), ("ids", {}), ("ids", ["x"] * 5_001), ("more", []), ("more", "x"),
        ("more", {"a": [[[[[[[[[[1]]]]]]]]]]}), ("flag", "true"), ("flag", 1), ("maybe", 7), ("share", "1"),
        ("share", float("nan")), ("surplus", 1),
        ("caller", {"staff_id": "x"}),
    ],
)  # fmt: skip
async def test_a_wrong_argument_is_refused_and_nothing_runs(
    house: Database, clock: VirtualClock, shop: Shop, name: str, value: Any
) -> None:
    state = page_state(GuardedState, signed_in(house, clock, shop))
    await state.take(**(GOOD | {name: value}))
    assert state.seen == ""
    assert state.problem
    assert state.problem_field.startswith(name)


async def test_a_missing_argument_is_refused(house: Database, clock: VirtualClock, shop: Shop) -> None:
    state = page_state(GuardedState, signed_in(house, clock, shop))
    await state.take(text="a")
    assert (state.seen, state.problem_field) == ("", "count")


async def test_an_expected_error_is_shown_with_its_field_and_cleared_by_the_next_action(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    state = page_state(GuardedState, signed_in(house, clock, shop))
    await state.refuse()
    assert (state.problem, state.problem_field) == ("Give a date in the future.", "sync_date")
    await state.tick()
    assert state.problem, "polling must not take the message away"
    await state.dismiss_problem()
    assert (state.problem, state.problem_field) == ("", "")


async def test_a_confirmation_goes_along_to_the_next_page_and_no_further(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(house, shop)
    state = page_state(GuardedState, signed_in(house, clock, shop))
    await state.approve(patient)
    clock.advance(timedelta(seconds=5))
    await state.open_page()
    assert state.notice == "Approved."
    clock.advance(timedelta(seconds=8))
    await state.open_page()
    assert state.notice == ""


async def test_an_unexpected_error_shows_an_id_and_logs_no_content(
    house: Database, clock: VirtualClock, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    state = page_state(GuardedState, signed_in(house, clock, shop))
    await state.fail()
    incident = state.problem.rsplit(" ", 1)[1].rstrip(".")
    logged = "".join(capsys.readouterr())
    assert incident in logged
    assert "KeyError" in logged
    assert "Ada" not in logged + state.problem


async def test_a_generator_yields_progress_and_its_error_is_shown(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    state = page_state(GuardedState, signed_in(house, clock, shop))
    steps = [step async for step in state.count_up(3)]
    assert len(steps) == 4
    assert state.numbers == [0, 1, 2]
    assert state.problem.startswith("Pat changed")


async def test_a_generator_is_guarded_too(house: Database, shop: Shop) -> None:
    state = page_state(GuardedState, None)
    (answer,) = [step async for step in state.count_up(3)]
    assert answer is not None
    assert state.numbers == []


def test_the_page_sees_the_arguments_without_the_caller() -> None:
    shown = GuardedState.event_handlers["approve"]
    assert list(shown._parameters) == ["self", "patient_id", "city"]
    rule = rule_of(shown.fn)
    assert rule is not None
    assert rule.permission is Permission.APPROVE_PLAN


def test_a_handler_that_cannot_be_checked_is_refused_at_import() -> None:
    async def unannotated(self: Any, caller: Caller, thing) -> None: ...  # type: ignore[no-untyped-def]

    async def everything(self: Any, caller: Caller, **more: Any) -> None: ...

    async def odd(self: Any, caller: Caller, thing: set[str]) -> None: ...

    def plain(self: Any, caller: Caller) -> None: ...

    for function in (unannotated, everything, odd, plain):
        with pytest.raises(TypeError):
            handler(Permission.VIEW)(function)


async def test_not_found_is_told_in_plain_words(house: Database, clock: VirtualClock, shop: Shop) -> None:
    state = page_state(GuardedState, signed_in(house, clock, shop))
    await state.look("no-such-id")
    with pytest.raises(NotFound), house.reading(shop.scope) as tx:
        tx.get(Patient, "no-such-id")
    assert "look it up again" in state.problem


async def test_a_choice_of_location_where_the_permission_does_not_hold_is_refused(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    secret = session_of_two_roles(house, clock, shop, make_shop(house, "other"))
    state = page_state(GuardedState, secret, "/?at=other")
    await state.approve_here()
    assert "Your role at other pharmacy" in state.problem
    visit(state, secret, "/?at=main")
    await state.approve_here()
    assert (state.problem, state.seen) == ("", "1")
    visit(state, secret, "/")
    await state.approve_here()
    assert state.seen == "1", "the permission holds at one of the two only"


async def test_polling_looks_again_only_after_a_change(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    state = page_state(GuardedState, signed_in(house, clock, shop))
    seen: list[bool] = []
    for change in (False, False, True, False):
        if change:
            make_patient(house, shop)
        await state.poll_for_changes()
        seen.append(state.flag)
    assert seen == [True, False, True, False]


async def test_old_dispensing_data_is_warned_of(house: Database, clock: VirtualClock, shop: Shop) -> None:
    state = page_state(GuardedState, signed_in(house, clock, shop))
    await state.open_page()
    assert state.data_stale == ""
    with house.transaction(SYSTEM, clock) as tx:
        tx.get(Pharmacy, shop.pharmacy_id).data_as_of = clock.now() - timedelta(days=4)
    await state.open_page()
    assert "4 days old" in state.data_stale


async def test_a_poll_that_failed_says_so_and_the_next_one_reads_without_a_change(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    state = page_state(GuardedState, signed_in(house, clock, shop))
    await state.poll()
    assert re.search(r"tried again by itself.*: [0-9a-f]{8}\.", state.problem)
    first = state.problem
    await state.poll()
    assert state.problem == first
    state.flag = True
    await state.poll()
    assert (state.seen, state.problem) == ("read", "")


async def test_a_page_that_could_not_be_opened_is_read_by_its_poll(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    state = page_state(GuardedState, signed_in(house, clock, shop))
    await state.load()
    assert "Try again" in state.problem
    state.flag = True
    await state.poll()
    assert (state.seen, state.problem) == ("read", "")


async def test_what_an_action_could_not_do_stays_said_when_polls_go_well(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    state = page_state(GuardedState, signed_in(house, clock, shop))
    state.flag = True
    await state.poll()
    await state.fail()
    await state.poll()
    assert "nothing was saved" in state.problem


async def test_a_poll_overwrites_no_mistake_that_is_told_and_takes_none_back(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    state = page_state(GuardedState, signed_in(house, clock, shop))
    await state.refuse()
    await state.poll()
    state.flag = True
    await state.poll()
    assert state.seen == "read"
    assert (state.problem, state.problem_field) == ("Give a date in the future.", "sync_date")
