"""Which of a provider's messages is the call whose answer was lost: by time and words, never guessed."""

from datetime import UTC, datetime, timedelta

import pytest

from medsync_app.domain.lost_answers import Found, Lost, Unfound, find

START = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)


def lost(*calls: str) -> list[Lost]:
    """Calls named like their words ("a", "b2"): the digit tells apart those with the same."""
    return [
        Lost(name, START + timedelta(seconds=index), name.rstrip("0123456789"))
        for index, name in enumerate(calls)
    ]


def found(*words: str | None, after: float = 10.0) -> list[Found]:
    """Messages of the provider's list, `after` seconds after the first call and one second apart."""
    made = [START + timedelta(seconds=after + index) for index in range(len(words))]
    return [Found(f"SM{n}", at, body) for n, (body, at) in enumerate(zip(words, made, strict=True))]


def outcome(calls: list[Lost], messages: list[Found]) -> dict[str, str]:
    """For each call the message that it is, or why there is none; each looked up before any is settled."""
    ends = {call.attempt_id: find(call.attempt_id, calls, list(reversed(messages))) for call in calls}
    return {name: end.provider_id if isinstance(end, Found) else end.value for name, end in ends.items()}


ABSENT, UNSURE = Unfound.ABSENT.value, Unfound.UNSURE.value


@pytest.mark.parametrize(
    ("calls", "messages", "expected"),
    [
        (["a"], ["a"], {"a": "SM0"}),
        (["a"], [], {"a": ABSENT}),
        (["a", "b"], ["b", "a"], {"a": "SM1", "b": "SM0"}),
        (["a", "b"], ["b"], {"a": ABSENT, "b": "SM0"}),
        (["a1", "a2"], ["a", "a"], {"a1": "SM0", "a2": "SM1"}),
        (["a1", "a2"], ["a"], {"a1": UNSURE, "a2": UNSURE}),
        (["a1", "a2", "b"], ["a", "b"], {"a1": UNSURE, "a2": UNSURE, "b": "SM1"}),
        (["a"], ["a", "a"], {"a": UNSURE}),
        (["a", "b"], ["a", "a"], {"a": UNSURE, "b": ABSENT}),
    ],
)
def test_words_tell_calls_to_one_number_apart_and_equal_ones_only_when_all_are_there(
    calls: list[str], messages: list[str | None], expected: dict[str, str]
) -> None:
    assert outcome(lost(*calls), found(*messages)) == expected


@pytest.mark.parametrize(
    ("calls", "messages", "expected"),
    [
        (["a"], ["changed on the way"], {"a": "SM0"}),
        (["a", "b"], ["a", "changed"], {"a": "SM0", "b": "SM1"}),
        (["a", "b"], ["changed"], {"a": UNSURE, "b": UNSURE}),
        (["a"], ["a", "changed"], {"a": "SM0"}),
        (["a"], [None], {"a": "SM0"}),
        (["a", "b"], [None, None], {"a": "SM0", "b": "SM1"}),
        (["a", "b"], [None], {"a": UNSURE, "b": UNSURE}),
    ],
)
def test_words_that_no_call_had_are_taken_only_when_the_numbers_agree(
    calls: list[str], messages: list[str | None], expected: dict[str, str]
) -> None:
    assert outcome(lost(*calls), found(*messages)) == expected


def test_other_words_long_after_the_call_are_a_persons_matter_and_the_same_are_the_message() -> None:
    assert outcome(lost("a"), found("other", after=80)) == {"a": UNSURE}
    assert outcome(lost("a"), found("a", after=80)) == {"a": "SM0"}


def test_what_was_there_before_the_call_is_not_it() -> None:
    assert outcome(lost("a"), found("a", after=-6)) == {"a": ABSENT}
    early, late = Lost("a1", START, "a"), Lost("a2", START + timedelta(seconds=60), "a")
    assert outcome([early, late], found("a", after=1)) == {"a1": "SM0", "a2": ABSENT}


def test_a_call_that_is_settled_by_now_is_not_looked_for() -> None:
    assert find("gone", lost("a"), found("a")) is Unfound.ABSENT
