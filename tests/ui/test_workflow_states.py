"""The handlers of the workflow page: edited in a panel, tried on a patient, published with what that means."""

from typing import Any

import pytest

from medsync_app.auth.permissions import Permission
from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.domain.workflow_diff import Change
from medsync_app.services.schedule_cycle import schedule_cycle
from medsync_app.store.session import Database
from medsync_app.store.tables import Cycle
from medsync_app.ui.components.shell import RAIL
from medsync_app.ui.states import base
from medsync_app.ui.states.workflow import WorkflowState
from medsync_app.ui.states.workflow_step import WorkflowStepState
from medsync_app.ui.states.workflow_trial import WorkflowTrialState
from medsync_app.ui.states.workflow_words import change_words, only_when, when
from tests.support.cycles import MadeCycle, make_cycle
from tests.support.staff import make_session, make_staff, page_state, signed_in, visit
from tests.support.store import Shop, make_patient, make_shop

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(house: Database) -> Shop:
    return make_shop(house)


@pytest.fixture
def made(house: Database, shop: Shop, clock: VirtualClock) -> MadeCycle:
    """A pickup 17 days ahead."""
    patient_id = make_patient(house, shop, phone="+14045550123")
    found = make_cycle(house, shop, patient_id)
    with house.transaction(shop.scope, clock) as tx:
        schedule_cycle(tx, found.cycle_id)
    return found


async def page(house: Database, clock: VirtualClock, shop: Shop, path: str = "/workflow") -> WorkflowState:
    state = page_state(WorkflowState, signed_in(house, clock, shop), path)
    await state.load()
    return state


async def panel(state: WorkflowState, secret_path: str) -> WorkflowStepState:
    """The panel of the same browser tab, at that address."""
    step: Any = state._get_root_state().get_substate(WorkflowStepState.get_full_name().split("."))
    cookie = state._get_root_state().router_data["headers"]["cookie"]
    visit(step, cookie.partition("medsync=")[2], secret_path)
    await step.load()
    return step


async def test_the_flow_shows_every_rule_and_where_patients_stand(
    house: Database, clock: VirtualClock, shop: Shop, made: MadeCycle
) -> None:
    state = await page(house, clock, shop)
    assert [node["name"] for node in state.nodes][:3] == ["Enroll", "Sync date", "Refill requests"]
    assert sum(len(node["lines"]) for node in state.nodes) == 21
    assert state.nodes[0]["count"] == "1", "the welcome comes next"
    assert state.version.startswith("Version 1 in force")
    assert (state.changes, state.running) == ([], 1)


async def test_a_step_is_edited_and_published(
    house: Database, clock: VirtualClock, shop: Shop, made: MadeCycle
) -> None:
    state = await page(house, clock, shop)
    step = await panel(state, "/workflow?step=confirm_t3")
    assert (step.open, step.step["days"], step.step["at"]) == (True, "3", "10:00")
    await step.save({"name": "Ask", "days": "4", "at": "09:30", "channel_0_0": "voice", "open_day": False})
    assert step.problem == ""
    assert step.notice.startswith("Kept among the changes")
    await state.load()
    assert [(one["name"], one["words"]) for one in state.changes] == [
        (
            "Ask",
            [
                "name: Ask, was “Ask to confirm”", "days: 4, was 3", "time: 09:30, was 10:00",
                "channels: phone call, was none",
            ],
        )
    ]  # fmt: skip
    await state.ask_publish()
    assert state.publishing
    await state.publish({"note": "Earlier.", "move": "on"})
    assert state.problem == ""
    assert state.notice == "Version 2 is in force. 1 pickup moved: 1 messages and tasks withdrawn, 1 queued."
    assert [(one["number"], one["running"], one["current"]) for one in state.versions] == [
        (2, "1", True),
        (1, "0", False),
    ]
    with house.reading(shop.scope, clock) as tx:
        assert tx.get(Cycle, made.cycle_id).workflow_version_id is not None
    await state.ask_back(1)
    assert [one["words"][1] for one in state.back_changes] == ["days: 3, was 4"]
    await state.go_back({})
    assert state.notice == "Version 1 applies again, as version 3."


async def test_a_mistake_stays_at_its_field(house: Database, clock: VirtualClock, shop: Shop) -> None:
    step = await panel(await page(house, clock, shop), "/workflow?step=confirm_t3")
    await step.save({"days": "many"})
    assert (step.problem_field, step.problem) == ("days", "Write a whole number from 0 to 120.")
    assert step.open
    await step.choose_fact("age")
    assert step.value_kind == "number"
    await step.add_condition({"fact": "age", "op": "at_least", "value": "1x"})
    assert step.problem_field == "value"


async def test_a_step_of_ones_own_is_a_copy_due_at_another_time(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    state = await page(house, clock, shop)
    step = await panel(state, "/workflow?step=confirm_t3")
    await step.copy_it()
    assert (step.problem, step.step["id"], step.step["name"]) == ("", "confirm_t3_2", "Ask to confirm (copy)")
    await step.choose_trigger("days_after")
    assert (step.step["on"], step.step["days_label"], step.step["days"]) == (
        "days_after", "Days after the sync date", "3",
    )  # fmt: skip
    await step.choose_trigger("full_moon")
    assert (step.problem_field, step.step["on"]) == ("on", "days_after")
    await state.load()
    assert [(one["name"], one["words"]) for one in state.changes] == [("Ask to confirm (copy)", ["new"])]
    step = await panel(state, "/workflow?step=reminder_t7")
    await step.choose_trigger("picked_up")
    await state.load()
    assert "due: When it is picked up, was Days before the sync date" in state.changes[0]["words"]


async def test_conditions_are_added_and_removed(house: Database, clock: VirtualClock, shop: Shop) -> None:
    step = await panel(await page(house, clock, shop), "/workflow?step=confirm_t3")
    assert [one["words"] for one in step.step["conditions"]] == ["only when not confirmed"]
    await step.add_condition({"fact": "age", "op": "at_least", "value": "65"})
    assert [one["words"] for one in step.step["conditions"]][1] == "only when age in years is at least 65"
    assert step.step["changed"]
    await step.remove_condition(1)
    assert not step.step["changed"]
    await step.remove_condition(7)
    assert "gone already" in step.problem


async def test_a_wording_is_measured_and_tried_on_a_patient(
    house: Database, clock: VirtualClock, shop: Shop, made: MadeCycle
) -> None:
    state = await page(house, clock, shop)
    step = await panel(state, "/workflow?step=confirm_t3&say=0-en-sms")
    assert "Reply 1 to confirm" in step.shown_text
    assert step.shown_size.startswith("1 text message, ")
    assert [one["name"] for one in step.people] == ["Example, Ada"]
    await step.show_for(made.patient_id)
    assert (step.shown_for, step.replaced) == ("Example, Ada", False), "it is the usual wording"
    await step.typed_wording("{{ pharmacy }}: ñandú {{ day }} → {{ phone }} STOP")
    assert "These need twice the room: ú→" in step.shown_size
    await step.show_for(made.patient_id)
    assert step.shown_for == "Example, Ada"
    assert "Dec 10" in step.shown_text
    assert step.shown_size.startswith("1 text message, ")
    await step.save_wording({"wording": "{{ pharmacy }}: {{ day }}. {{ phone }} STOP"})
    assert step.own_wording
    await state.load()
    assert state.changes[0]["words"][0].startswith("wording: ")
    await step.usual_wording()
    await state.load()
    assert (step.own_wording, state.changes) == (False, [])
    await step.save_wording({"wording": "Hello {{ nobody }}"})
    assert "There is no field nobody" in step.problem


async def test_a_patient_of_another_pharmacy_is_not_read(
    house: Database, clock: VirtualClock, shop: Shop, made: MadeCycle
) -> None:
    other = make_shop(house, "other")
    stranger = make_cycle(house, other, make_patient(house, other, first="Zed")).patient_id
    step = await panel(await page(house, clock, shop), "/workflow?step=confirm_t3")
    await step.show_for(stranger)
    assert step.shown_for == ""
    assert "Zed" not in step.shown_text
    assert step.problem != ""


async def test_who_is_reached_how_is_edited_in_the_same_panel(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    state = await page(house, clock, shop)
    step = await panel(state, "/workflow?segment=older")
    assert (step.step["age"], [one["value"] for one in step.step["channels"]]) == (
        "65",
        ["voice", "sms", "email"],
    )
    await step.save({"name": "Older", "age": "70", "channel_0": "sms", "channel_1": "", "channel_2": ""})
    await state.load()
    assert state.segments[0]["how"] == "text message"
    await state.take_back("segments", "older")
    assert state.changes == []
    await state.take_back("everything", "older")
    assert "nothing of that kind" in state.problem


async def run(trial: WorkflowTrialState, form: dict[str, str]) -> None:
    """Reflex lets nobody call a background handler directly."""
    await WorkflowTrialState.event_handlers["start"].fn(trial, form)


async def test_a_dry_run_is_begun_followed_and_kept(
    house: Database, clock: VirtualClock, shop: Shop, made: MadeCycle
) -> None:
    secret = signed_in(house, clock, shop)
    trial: Any = page_state(WorkflowTrialState, secret, "/workflow")
    await trial.load()
    assert (trial.running, trial.done) == (False, False)
    await run(trial, {"days": "31"})
    assert trial.problem_field == "days"
    await run(trial, {"days": "30"})
    assert trial.problem == ""
    assert trial.done
    assert trial.summary.startswith("In 30 days: ")
    assert {"welcome", "reminder_t7", "confirm_t3", "confirm_t1"} <= {row["id"] for row in trial.steps}
    assert trial.messages[0]["name"] == "Example, Ada"
    again: Any = page_state(WorkflowTrialState, secret, "/workflow")
    await again.load()
    assert again.summary == trial.summary, "who left the page finds it"
    await again.stop()
    assert not again.done


async def test_technicians_have_no_workflow_page(house: Database, clock: VirtualClock, shop: Shop) -> None:
    secret = signed_in(house, clock, shop, Role.TECHNICIAN)
    for kind in (WorkflowState, WorkflowStepState, WorkflowTrialState):
        state: Any = page_state(kind, secret, "/workflow?step=confirm_t3")
        await state.load()
        assert "Your role does not include this" in state.problem
    assert {place.route: place.permission for place in RAIL}["/workflow"] is Permission.EDIT_WORKFLOW


def _unreadable(*_: Any) -> Any:
    raise OSError


async def test_who_works_at_several_locations_chooses_one(
    house: Database, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = make_shop(house, "one"), make_shop(house, "two")
    roles = {one.pharmacy_id: Role.OWNER, two.pharmacy_id: Role.OWNER}
    secret = make_session(house, clock, make_staff(house, clock, roles, organization_id=one.organization_id))
    state = page_state(WorkflowState, secret, "/workflow")
    await state.load()
    assert [place["href"] for place in state.choose] == ["/workflow?at=one", "/workflow?at=two"]
    visit(state, secret, "/workflow?at=two")
    with monkeypatch.context() as patch:
        patch.setattr(base, "_reading", _unreadable)
        await state.load()
    assert not state.loaded, "a workflow that cannot be read is not shown as one without versions"
    await state.load()
    assert (state.choose, state.place_name) == ([], "two pharmacy")


def test_times_conditions_and_changes_are_said_in_words() -> None:
    assert when({"on": "days_before", "days": 3, "at": "10:00"}) == "3 days before the sync date, 10:00 am"
    assert when({"on": "days_before", "days": 2, "at": "09:00", "open_day": True}).endswith(
        "(moved back to an open day)"
    )
    assert when({"on": "hours_after_ready", "hours": 24}) == "24 hours after ready and the sync date"
    assert when({"on": "before_return", "days": 0, "at": "09:00"}) == "On the day of return to stock, 9:00 am"
    assert only_when({"fact": "fulfilment", "op": "in", "value": ["delivery", "mail"]}) == (
        "only when how the batch reaches the patient is delivery or mail"
    )
    assert change_words(Change("steps", "a", "", None, {"id": "a"})) == "new"
    assert change_words(Change("steps", "a", "trigger.at", "10:00", "09:00")) == "time: 09:00, was 10:00"
    words = change_words(Change("steps", "a", "actions[0].wordings.es.sms", None, "Hola a todos"))
    assert words == "wording in Spanish text message: “Hola a todos”, was none"
