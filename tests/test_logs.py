"""Logs never carry patient data, whoever writes them."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from medsync_app import logs


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    text = io.StringIO()
    monkeypatch.setattr("sys.stderr", text)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure("info")
    yield text
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_key_that_is_not_allowed_is_dropped_and_named(stream: io.StringIO) -> None:
    logs.get_logger().info("imported", run_id="r1", first_name="Ada")
    line = json.loads(stream.getvalue())
    assert line["run_id"] == "r1"
    assert "Ada" not in stream.getvalue()
    assert line["dropped_keys"] == ["first_name"]


def test_numbers_and_addresses_in_the_text_are_replaced(stream: io.StringIO) -> None:
    logs.get_logger().info("no answer from (404) 555-0123 or ada@example.com")
    assert "555" not in stream.getvalue()
    assert "ada@" not in stream.getvalue()


def test_a_librarys_payload_and_traceback_stay_out(stream: io.StringIO) -> None:
    log = logging.getLogger("some.library")
    log.error("event failed: %s", {"name": "Ada Example"})
    try:
        raise ValueError("Ada Example, born 1980")
    except ValueError:
        log.exception("handler failed for Ada Example")
    assert "Ada" not in stream.getvalue()
    assert "ValueError" in stream.getvalue()


def test_a_librarys_finished_text_is_replaced_by_its_place(stream: io.StringIO) -> None:
    log = logging.getLogger("some.library")
    name = "Ada Example"
    log.error(f"Error processing Event(payload={name}, headers={{'cookie': 'secret'}})")
    assert "Ada" not in stream.getvalue()
    assert "cookie" not in stream.getvalue()
    assert "some.library: test_logs:" in stream.getvalue()


def test_a_library_that_brought_its_own_handler_loses_it(stream: io.StringIO) -> None:
    own = io.StringIO()
    log = logging.getLogger("engineio.server")
    log.addHandler(logging.StreamHandler(own))
    logs.configure("info")
    log.error("message from Ada Example")
    assert own.getvalue() == ""
    assert "Ada" not in stream.getvalue()
