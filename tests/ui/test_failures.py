"""An error that no guarded handler answers for: an id in the page's error region and in the log, no data."""

import json
import re
from typing import Any

import pytest
from reflex.event import EventSpec
from structlog.testing import capture_logs

from medsync_app.auth.incidents import message_for
from medsync_app.clock import VirtualClock
from medsync_app.store.session import Database
from medsync_app.ui.failures import report_failure
from medsync_app.ui.gate import may_run
from medsync_app.ui.states.base import AppState
from tests.support.staff import page_state, signed_in
from tests.support.store import Shop


def failed(message: str = "Ada Example, born 05/01/1980") -> tuple[EventSpec, dict[str, Any]]:
    """What is answered to an error, and its line in the log."""
    with capture_logs() as lines:
        try:
            raise RuntimeError(message)
        except RuntimeError as error:
            answer = report_failure(error)
    assert len(lines) == 1
    return answer, dict(lines[0])


def test_the_log_names_type_and_place_without_the_message() -> None:
    _, line = failed()
    assert (line["event"], line["error_type"]) == ("unexpected_error", "RuntimeError")
    assert line["where"].startswith("tests.ui.test_failures:")
    assert "Ada" not in str(line)


def test_the_answer_is_an_event_of_ours_with_the_id_of_the_log_line() -> None:
    answer, line = failed()
    name = f"{AppState.get_full_name()}.show_incident"
    assert answer.handler.fn.__qualname__ == "AppState.show_incident"
    assert may_run(name)
    assert line["error_id"] in str(answer.args)
    assert "eval" not in str(answer)


async def test_the_error_region_shows_the_id(house: Database, clock: VirtualClock, shop: Shop) -> None:
    _, line = failed()
    state = page_state(AppState, signed_in(house, clock, shop))
    state.problem_field = "phone"
    await state.show_incident(line["error_id"])
    assert state.problem == message_for(line["error_id"])
    assert line["error_id"] in state.problem
    assert state.problem_field == ""


@pytest.mark.parametrize("text", ["", "x" * 17, "<b>", "call 555 0100"])
async def test_nothing_but_an_id_is_shown(
    house: Database, clock: VirtualClock, shop: Shop, text: str
) -> None:
    state = page_state(AppState, signed_in(house, clock, shop))
    await state.show_incident(text)
    assert state.problem == "This is no id of an error."


async def test_a_visitor_is_led_to_sign_in(house: Database, shop: Shop) -> None:
    state = page_state(AppState, None)
    assert await state.show_incident("abcd1234") is not None
    assert state.problem == ""


async def test_an_event_that_breaks_before_its_guard_shows_an_id_and_no_script(
    tab: Any, house: Database, clock: VirtualClock, shop: Shop
) -> None:
    client = await tab(signed_in(house, clock, shop))
    # An argument named like the state itself fails in the call, before the guard is reached.
    answer = json.dumps(await client.send(f"{AppState.get_full_name()}.dismiss_problem", {"self": 1}))
    assert re.search(r"tell your support: [0-9a-f]{8}\.", answer)
    assert "alert" not in answer
    assert "_call_" not in answer
