"""Forms of the workflow page: what is typed becomes a part of the document, or the field in error is named."""

from typing import Any

import pytest

from medsync_app.domain.workflow import default_document, parse
from medsync_app.domain.workflow_edit import (
    copied_step,
    edited_segment,
    edited_step,
    with_condition,
    with_trigger,
    with_wording,
    without_condition,
)
from medsync_app.domain.workflow_fields import TRIGGERS
from medsync_app.errors import Invalid

DOCUMENT = default_document()


def step(step_id: str) -> dict[str, Any]:
    return next(one for one in DOCUMENT["steps"] if one["id"] == step_id)


def fits(changed: dict[str, Any], part: str = "steps") -> dict[str, Any]:
    """The changed part, when the document may hold it."""
    parse({**DOCUMENT, part: [changed]})
    return changed


def test_time_channels_and_task_are_taken_from_the_form() -> None:
    changed = fits(
        edited_step(step("confirm_t3"), {"days": "4", "at": "11:30", "name": "Ask", "open_day": "on"})
    )
    assert changed["trigger"] == {"on": "days_before", "days": 4, "at": "11:30", "open_day": True}
    assert changed["name"] == "Ask"
    form = {
        "channel_0_0": "voice",
        "channel_0_1": "",
        "channel_0_2": "sms",
        "summary_1": "Call.",
        "due_hours_1": "4",
    }
    changed = fits(edited_step(step("not_picked_up_24h"), form))
    assert changed["actions"][0]["channels"] == ["voice", "sms"]
    assert (changed["actions"][1]["summary"], changed["actions"][1]["due_hours"]) == ("Call.", 4)


def test_what_the_form_does_not_hold_stays_but_a_missing_tick_goes() -> None:
    assert edited_step(step("confirm_t3"), {}) == step("confirm_t3")
    assert "open_day" not in edited_step(step("prepare_t2"), {})["trigger"]
    assert step("prepare_t2")["trigger"]["open_day"] is True, "the document itself is not changed"


@pytest.mark.parametrize(
    ("step_id", "form", "field"),
    [
        ("confirm_t3", {"days": "x"}, "days"),
        ("confirm_t3", {"days": "121"}, "days"),
        ("confirm_t3", {"days": ""}, "days"),
        ("confirm_t3", {"at": "25:00"}, "at"),
        ("confirm_t3", {"name": "  "}, "name"),
        ("confirm_t3", {"channel_0_0": "pigeon"}, "channel_0_0"),
        ("confirm_t3", {"channel_0_0": "sms", "channel_0_1": "sms"}, "channel_0_1"),
        ("not_picked_up_24h", {"hours": "-1"}, "hours"),
        ("call_t2", {"role_0": "king"}, "role_0"),
        ("call_t2", {"due_hours_0": "0"}, "due_hours_0"),
    ],
)
def test_a_mistake_names_the_field(step_id: str, form: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        edited_step(step(step_id), form)
    assert refused.value.field == field


def test_who_is_reached_how_is_edited() -> None:
    segment = DOCUMENT["segments"][0]
    form = {"age": "70", "channel_0": "email", "channel_1": "voice", "channel_2": "", "name": "70 and over"}
    changed = fits(edited_segment(segment, form), "segments")
    assert (changed["channels"], changed["conditions"][0]["value"]) == (["email", "voice"], 70)
    with pytest.raises(Invalid) as refused:
        edited_segment(segment, {"channel_0": "", "channel_1": "", "channel_2": ""})
    assert refused.value.field == "channel_0"


@pytest.mark.parametrize(
    ("form", "condition"),
    [
        ({"fact": "confirmed", "value": "no"}, {"fact": "confirmed", "op": "is", "value": False}),
        ({"fact": "age", "op": "at_least", "value": "65"}, {"fact": "age", "op": "at_least", "value": 65}),
        ({"fact": "language", "value": "es"}, {"fact": "language", "op": "is", "value": "es"}),
        (
            {"fact": "drug_class", "value": "statins, diabetes"},
            {"fact": "drug_class", "op": "in", "value": ["statins", "diabetes"]},
        ),
    ],
)
def test_a_condition_is_added_and_taken_away(form: dict[str, str], condition: dict[str, Any]) -> None:
    welcome = step("welcome")
    changed = fits(with_condition(welcome, form))
    assert changed["conditions"] == [condition]
    assert without_condition(changed, 0) == welcome


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"fact": "weather", "value": "x"}, "fact"),
        ({"fact": "age", "op": "is", "value": "65"}, "op"),
        ({"fact": "age", "op": "at_least", "value": "old"}, "value"),
        ({"fact": "language", "value": "fr"}, "value"),
    ],
)
def test_a_condition_that_cannot_be_is_refused(form: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        with_condition(step("welcome"), form)
    assert refused.value.field == field


def test_a_condition_that_is_gone_is_said() -> None:
    with pytest.raises(Invalid, match="gone already"):
        without_condition(step("welcome"), 0)


def test_a_wording_is_the_steps_own_until_it_is_emptied() -> None:
    changed = fits(with_wording(step("welcome"), 0, "es", "sms", " Hola {{ pharmacy }} STOP "))
    assert changed["actions"][0]["wordings"] == {"es": {"sms": "Hola {{ pharmacy }} STOP"}}
    assert with_wording(changed, 0, "es", "sms", "  ") == step("welcome")


@pytest.mark.parametrize("on", sorted(TRIGGERS))
def test_another_kind_of_trigger_keeps_what_it_has_in_common(on: str) -> None:
    changed = fits(with_trigger(step("confirm_t3"), on))["trigger"]
    assert changed["on"] == on
    assert set(changed) == {"on", *TRIGGERS[on].required}
    for name in {"days", "at"} & set(changed):
        assert changed[name] == step("confirm_t3")["trigger"][name]


def test_a_kind_of_trigger_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        with_trigger(step("confirm_t3"), "full_moon")
    assert refused.value.field == "on"


def test_a_copy_has_an_id_and_a_name_of_its_own() -> None:
    original = step("confirm_t3")
    made = fits(copied_step(original, {"confirm_t3", "confirm_t3_2"}))
    assert (made["id"], made["name"]) == ("confirm_t3_3", f"{original['name']} (copy)")
    assert made["trigger"] == original["trigger"]
    assert made["actions"] is not original["actions"]
    long = {**original, "id": "x" * 40, "name": "y" * 200}
    assert len(fits(copied_step(long, ()))["id"]) <= 40
