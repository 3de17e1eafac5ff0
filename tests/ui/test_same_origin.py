"""The built front end talks to the address it came from."""

from pathlib import Path

import pytest
import reflex_base

from medsync_app.ui.same_origin import STATE_MODULE, use_page_origin

TEMPLATE = Path(reflex_base.__file__).parent / ".templates" / "web" / STATE_MODULE


def test_the_installed_reflex_has_the_lines_this_changes() -> None:
    changed = use_page_origin(TEMPLATE.read_text("utf-8"))
    assert "endpoint.port = window.location.port;" in changed
    assert 'endpoint.port = "";' not in changed


def test_a_second_build_changes_nothing_more() -> None:
    once = use_page_origin(TEMPLATE.read_text("utf-8"))
    assert use_page_origin(once) == once


def test_another_reflex_stops_the_build() -> None:
    with pytest.raises(RuntimeError, match="Reflex version"):
        use_page_origin("export const getBackendURL = () => location;")
