"""The published schema of workflow documents says what the parser does."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsync_app.domain.workflow import FACTS, TRIGGERS, default_document, parse
from medsync_app.domain.workflow_fields import ACTIONS, workflow_schema
from medsync_app.errors import Invalid
from tests.support.json_schema import fits

SCHEMA = workflow_schema()
PUBLISHED = Path(__file__).parents[2] / "docs" / "workflow-schema.json"


def full_document() -> dict[str, Any]:
    """The default with one step that uses every optional field."""
    document = default_document()
    document["steps"].append({
        "id": "letter_t14", "step": 4, "name": "Letter", "cycles": ["sync", "trip"], "needs_fresh_data": True,
        "trigger": {"on": "days_before", "days": 14, "at": "09:00", "open_day": True},
        "conditions": [
            {"fact": "days_supply", "op": "at_least", "value": 90},
            {"fact": "drug_class", "op": "in", "value": ["statins"]},
            {"fact": "language", "op": "is", "value": "en"},
            {"fact": "confirmed", "op": "is", "value": False},
        ],
        "actions": [
            {
                "do": "message", "template": "letter", "channels": ["email", "sms"], "language": "es", "asks": True,
                "wordings": {"es": {"sms": "x", "voice": "x", "email": "x", "email_subject": "x"}},
            },
            {
                "do": "task", "kind": "call", "role": "technician", "summary": "Write a letter.", "due_hours": 24,
                "severity": "low",
            },
        ],
        "useful": {"days_after_sync": -3, "at": "12:00"},
    })  # fmt: skip
    return document


def accepted(document: object) -> bool:
    try:
        parse(document)
    except Invalid:
        return False
    return True


@pytest.mark.parametrize("text", ["Letter\0", "\ud800 letter"])
@pytest.mark.parametrize("place", [("name",), ("actions", 0, "wordings", "es", "sms")])
def test_a_character_that_no_database_keeps_is_refused_by_both(place: tuple[Any, ...], text: str) -> None:
    document = copy.deepcopy(FULL)
    target: Any = document["steps"][-1]
    for part in place[:-1]:
        target = target[part]
    target[place[-1]] = text
    with pytest.raises(Invalid, match="cannot be kept"):
        parse(document)
    assert not fits(SCHEMA, document)


def test_the_published_schema_is_the_parsers() -> None:
    written = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    assert written == SCHEMA, "Run: python -m medsync_app workflow schema > docs/workflow-schema.json"


def test_schema_and_parser_know_the_same_words() -> None:
    step = SCHEMA["properties"]["steps"]["items"]["properties"]
    assert {one["properties"]["on"]["const"] for one in step["trigger"]["oneOf"]} == set(TRIGGERS)
    assert {one["properties"]["do"]["const"] for one in step["actions"]["items"]["oneOf"]} == set(ACTIONS)
    assert {one["properties"]["fact"]["const"] for one in step["conditions"]["items"]["oneOf"]} == set(FACTS)


@pytest.mark.parametrize("document", [default_document(), full_document()])
def test_both_accept_a_good_document(document: dict[str, Any]) -> None:
    assert accepted(document)
    assert fits(SCHEMA, document)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document that may be changed."""
    inner: list[tuple[Any, ...]] = [path] if path else []
    if isinstance(value, dict):
        return inner + [p for key in value for p in _places(value[key], (*path, key))]
    if isinstance(value, list):
        return inner + [p for index, item in enumerate(value) for p in _places(item, (*path, index))]
    return inner


FULL = full_document()
PLACES = _places(FULL)
REMOVED = object()
WRONG = st.sampled_from([
    REMOVED, None, True, 0, -1, 9, 10**6, 1.5, "", " ", "x", "09:00", "25:00", "9:00", "sms", "is", "in", "x" * 600,
    "a\n", "é", [], ["x"], ["sms", "sms"], {}, {"hours": 3}, {"do": "check", "what": "stock"}, {"on": "ready"},
    {"fact": "age", "op": "at_least", "value": 65}, {"fact": "age", "op": "is", "value": 65},
])  # fmt: skip


@given(st.sampled_from(PLACES), WRONG)
def test_any_change_is_accepted_by_both_or_by_neither(place: tuple[Any, ...], value: Any) -> None:
    document = copy.deepcopy(FULL)
    target: Any = document
    for part in place[:-1]:
        target = target[part]
    if value is REMOVED:
        del target[place[-1]]
    else:
        target[place[-1]] = copy.deepcopy(value)
    assert accepted(document) == fits(SCHEMA, document)


@given(st.sampled_from([p for p in PLACES if p]), st.text(max_size=5))
def test_a_field_that_is_not_known_is_refused_by_both(place: tuple[Any, ...], name: str) -> None:
    document = copy.deepcopy(FULL)
    target: Any = document
    for part in place:
        target = target[part]
    if not isinstance(target, dict) or name in target:
        return
    target[name] = 1
    assert not accepted(document)
    assert not fits(SCHEMA, document)


def test_an_error_names_the_step_by_its_id_too() -> None:
    document = default_document()
    document["steps"][6]["conditons"] = []
    with pytest.raises(Invalid, match=r"^confirm_t3: There is no such field\.") as caught:
        parse(document)
    assert caught.value.field == "steps[6].conditons"
