"""The difference between two versions names each field that differs, and nothing else."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from medsync_app.domain.workflow import default_document
from medsync_app.domain.workflow_diff import Change, differences


def test_the_same_document_differs_in_nothing() -> None:
    assert differences(default_document(), default_document()) == ()


def test_each_changed_field_is_named_with_its_step() -> None:
    document = default_document()
    step = next(s for s in document["steps"] if s["id"] == "confirm_t3")
    step["trigger"]["days"] = 4
    step["actions"][0]["channels"] = ["email"]
    step["conditions"].append({"fact": "age", "op": "at_least", "value": 18})
    document["segments"][0]["channels"] = ["sms"]
    found = {
        (c.part, c.step, c.field): (c.before, c.after) for c in differences(default_document(), document)
    }
    assert found["steps", "confirm_t3", "trigger.days"] == (3, 4)
    assert found["steps", "confirm_t3", "actions[0].channels"] == (None, ["email"])
    assert found["segments", "older", "channels"] == (["voice", "sms", "email"], ["sms"])
    assert {key[2] for key in found} == {"trigger.days", "actions[0].channels", "conditions", "channels"}


def test_steps_that_come_go_and_change_places_are_named() -> None:
    document = default_document()
    first, second, *rest = document["steps"]
    document["steps"] = [second, first, *rest[:-1], {**rest[-1], "id": "own"}]
    found = differences(default_document(), document)
    assert Change("steps", second["id"], "place", 2, 1) in found
    assert Change("steps", "own", "", None, document["steps"][-1]) in found
    assert Change("steps", rest[-1]["id"], "", rest[-1], None) in found
    assert len(found) == 4


VALUE = st.sampled_from([1, True, "x", [], ["a"], {"b": 1}])


@given(st.dictionaries(st.sampled_from(["name", "trigger", "actions", "useful"]), VALUE, min_size=1))
def test_documents_without_a_difference_are_equal(changes: dict[str, Any]) -> None:
    before, after = default_document(), default_document()
    after["steps"][2] = {**after["steps"][2], **copy.deepcopy(changes)}
    assert (differences(before, after) == ()) == (before == after)
