"""The frame of the app in a real browser: it loads, its events work, its policy holds, it comes back."""

import json
import time
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import pytest
from playwright.sync_api import Page, expect

from tests.support.served_app import ServedApp

_direct = build_opener(ProxyHandler({}))
# In a timer, because what the test tool itself evaluates is exempt from the policy.
EVAL_LATER = """() => new Promise((done) => setTimeout(() => {
  try { done(String(new Function("return 7")())) } catch (error) { done(error.name) }
}, 0))"""


def expect_sign_in(page: Page) -> None:
    """The guard has answered over the socket: a visitor without a session stands at the sign-in page."""
    expect(page.get_by_role("heading", name="Sign in to MedSync")).to_be_visible()


def test_a_visitor_is_led_to_the_sign_in_page(app_page: Page) -> None:
    expect_sign_in(app_page)
    assert "/sign-in" in app_page.url


def test_the_same_build_works_under_another_spelling_of_its_address(
    page: Page, served_app: ServedApp
) -> None:
    page.goto(served_app.url.replace("localhost", "127.0.0.1") + "/")
    expect_sign_in(page)


@pytest.mark.allow_console("Content Security Policy|unsafe-eval")
def test_the_policy_stops_eval_and_foreign_scripts(app_page: Page) -> None:
    expect_sign_in(app_page)
    evaluated = app_page.evaluate(EVAL_LATER)
    app_page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.injected = 1';"
        " document.head.append(s) }"
    )
    assert evaluated == "EvalError"
    assert app_page.evaluate("() => window.injected") is None


@pytest.mark.allow_console("404")
def test_an_unknown_address_says_so(page: Page, served_app: ServedApp) -> None:
    answer = page.goto(served_app.url + "/no-such-page")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_text("404")).to_be_visible()


@pytest.mark.allow_console("ERR_CONNECTION_REFUSED|WebSocket|websocket")
def test_a_restarted_server_is_found_again(page: Page, served_app: ServedApp) -> None:
    page.goto(served_app.url + "/")
    expect_sign_in(page)
    assert served_app.stop() == 0
    assert not served_app.answers()
    served_app.start()
    page.goto(served_app.url + "/")
    expect_sign_in(page)


def test_health_says_that_the_database_answers_and_the_loop_ticks(served_app: ServedApp) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with _direct.open(f"{served_app.url}/api/v1/health", timeout=5) as answer:
                found = json.load(answer)
            break
        except HTTPError:  # 503 until the loop's first beat
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert (found["status"], found["database"], found["loop"]) == ("ok", "ok", "ok")
