"""Workflow documents: read with clear errors, scheduled by local time, conditions judged on facts."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsync_app.domain.days import OpenDays
from medsync_app.domain.states import Channel, ContactBasis
from medsync_app.domain.workflow import (
    Condition,
    CycleFacts,
    channels_for,
    condition_holds,
    default_document,
    parse,
    steps_for,
)
from medsync_app.errors import Invalid

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
EAST = "America/New_York"
FACTS = CycleFacts(sync_date=date(2026, 12, 10), today=date(2026, 11, 23))
DEFAULT = parse(default_document())


def times(event: str, facts: CycleFacts = FACTS, now: datetime = NOW) -> dict[str, datetime]:
    return {s.key: s.due_at for s in steps_for(DEFAULT, event, facts, now, EAST) if s.skip_reason is None}


def test_the_default_covers_the_programme() -> None:
    assert {step.number for step in DEFAULT.steps} == {1, 3, 4, 5, 6, 7, 8}
    assert [s.id for s in DEFAULT.steps if s.number == 3] == [
        "renewals_t10", "renewals_t7", "renewals_t5", "renewals_t3",
    ]  # fmt: skip


def test_every_dated_step_of_the_default_has_its_day_and_hour() -> None:
    dated = {
        step.id: (step.trigger.days, f"{step.trigger.at:%H:%M}")
        for step in DEFAULT.steps
        if step.trigger.on in ("days_before", "before_return", "daily") and step.trigger.at
    }
    assert dated == {
        "renewals_t10": (10, "09:00"), "renewals_t7": (7, "09:00"), "renewals_t5": (5, "09:00"),
        "renewals_t3": (3, "09:00"), "reminder_t7": (7, "10:00"), "confirm_t3": (3, "10:00"),
        "address_t3": (3, "10:00"), "call_t2": (2, "10:00"), "confirm_t1": (1, "10:00"), "trip_t1": (1, "10:00"),
        "exceptions": (0, "07:00"), "stock_t5": (5, "09:00"), "prepare_t2": (2, "09:00"),
        "return_warning": (2, "09:00"), "return_due": (0, "09:00"),
    }  # fmt: skip
    assert [step.trigger.hours for step in DEFAULT.steps if step.trigger.on == "hours_after_ready"] == [
        24,
        72,
        168,
    ]


def test_a_trip_is_a_small_batch_with_steps_of_its_own() -> None:
    trip = {step.id for step in DEFAULT.steps if "trip" in step.cycles}
    assert trip == {
        "renewals_t10", "renewals_t7", "renewals_t5", "renewals_t3", "address_t3", "trip_t1", "exceptions",
        "stock_t5", "prepare_t2", "ready", "partly_ready", "not_picked_up_24h", "not_picked_up_d3",
        "not_picked_up_d7", "return_warning", "return_due",
    }  # fmt: skip
    assert next(step for step in DEFAULT.steps if step.id == "trip_t1").cycles == {"trip"}


@pytest.mark.parametrize(("step", "hours"), [("reminder_t7", 48), ("confirm_t3", 24)])
def test_how_long_a_late_message_is_of_use(step: str, hours: int) -> None:
    known = next(s for s in DEFAULT.steps if s.id == step)
    assert known.useful.hours == hours


def test_a_closed_day_moves_preparation_to_the_open_day_before() -> None:
    closed = replace(FACTS, open_days=OpenDays.of(range(5), {date(2026, 12, 8)}))
    assert times("scheduled", closed)["prepare_t2"] == datetime(2026, 12, 7, 14, tzinfo=UTC)
    assert times("scheduled", closed)["confirm_t3"] == datetime(2026, 12, 7, 15, tzinfo=UTC)


def test_times_keep_their_wall_clock_over_a_change_of_clocks() -> None:
    facts = replace(FACTS, sync_date=date(2027, 3, 16))
    due = times("scheduled", facts)
    assert due["confirm_t3"] == datetime(2027, 3, 13, 15, tzinfo=UTC)
    assert due["confirm_t1"] == datetime(2027, 3, 15, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("late_by", "fires"), [(timedelta(hours=23, minutes=59), True), (timedelta(hours=24), False)]
)
def test_a_late_step_fires_while_it_is_of_use_and_is_skipped_after(late_by: timedelta, fires: bool) -> None:
    now = datetime(2026, 12, 7, 15, tzinfo=UTC) + late_by
    step = next(s for s in steps_for(DEFAULT, "scheduled", FACTS, now, EAST) if s.key == "confirm_t3")
    assert (step.skip_reason is None) is fires
    if fires:
        assert step.due_at == now


def test_the_last_reminder_is_of_use_until_noon_of_the_sync_date() -> None:
    step = next(s for s in steps_for(DEFAULT, "scheduled", FACTS, NOW, EAST) if s.key == "confirm_t1")
    assert step.stale_at == datetime(2026, 12, 10, 17, tzinfo=UTC)


def test_before_approval_only_renewals_are_due() -> None:
    waiting = replace(FACTS, needs_approval=True)
    assert {s.action.do for s in steps_for(DEFAULT, "scheduled", waiting, NOW, EAST)} == {"renewal"}
    assert steps_for(DEFAULT, "enrolled", waiting, NOW, EAST) == []


def test_follow_ups_count_from_the_ready_notice_when_it_comes_after_the_sync_date() -> None:
    ready = datetime(2026, 12, 12, 20, 40, tzinfo=UTC)
    facts = replace(FACTS, ready_at=ready, claimed_on=date(2026, 12, 8))
    due = times("ready", facts, ready)
    assert due["not_picked_up_24h"] == ready + timedelta(hours=24)
    assert due["return_warning"] == datetime(2026, 12, 16, 14, tzinfo=UTC)


def test_nobody_is_asked_to_fetch_what_has_gone_back_to_stock() -> None:
    ready = datetime(2026, 12, 9, 20, tzinfo=UTC)
    facts = replace(FACTS, ready_at=ready, claimed_on=date(2026, 12, 2))  # kept until the 12th
    steps = {s.key: s for s in steps_for(DEFAULT, "ready", facts, ready, EAST)}
    assert steps["not_picked_up_24h"].skip_reason is None
    assert steps["not_picked_up_24h"].stale_at == datetime(2026, 12, 13, 3, tzinfo=UTC) - timedelta(hours=0)
    assert steps["not_picked_up_d3"].skip_reason == "The batch goes back to stock before."
    assert steps["return_due"].skip_reason is None


def _remove(path: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        del document["steps"][1][path]

    return change


def _put(path: list[str | int], value: object) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        target: Any = document["steps"][1]
        for part in path[:-1]:
            target = target[part]
        target[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (_remove("id"), "steps[1].id"),
        (_remove("trigger"), "steps[1].trigger"),
        (_remove("actions"), "steps[1].actions"),
        (_put(["trigger", "on"], "never"), "steps[1].trigger.on"),
        (_put(["trigger", "at"], "25:00"), "steps[1].trigger.at"),
        (_put(["trigger", "days"], -1), "steps[1].trigger.days"),
        (_put(["trigger", "days"], True), "steps[1].trigger.days"),
        (_put(["actions"], []), "steps[1].actions"),
        (_put(["actions", 0, "stage"], "beg"), "steps[1].actions[0].stage"),
        (_put(["conditions"], [{"fact": "mood", "op": "is", "value": 1}]), "steps[1].conditions[0].fact"),
        (_put(["conditions"], [{"fact": "age", "op": "is", "value": 1}]), "steps[1].conditions[0].op"),
        (
            _put(["conditions"], [{"fact": "age", "op": "at_least", "value": "x"}]),
            "steps[1].conditions[0].value",
        ),
        (_put(["id"], "welcome"), "steps[1].id"),
        (_put(["cycles"], ["moon"]), "steps[1].cycles[0]"),
        (_put(["useful"], {"hours": 0}), "steps[1].useful.hours"),
        (_put(["step"], 9), "steps[1].step"),
    ],
)
def test_an_error_names_the_step_and_the_field(change: Callable[[dict[str, Any]], None], field: str) -> None:
    document = default_document()
    change(document)
    with pytest.raises(Invalid) as caught:
        parse(document)
    assert caught.value.field == field


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["id", "trigger", "actions", "conditions", "useful", "cycles", "name", "step"]))
def test_any_document_is_read_or_refused_and_breaks_nothing(value: object, field: str) -> None:
    document = default_document()
    document["steps"][0][field] = value
    for tried in (document, value, {"steps": value}):
        with suppress(Invalid):
            parse(tried)


@pytest.mark.parametrize(
    ("fact", "op", "value", "holds"),
    [
        ("age", "at_least", 65, True), ("age", "at_most", 64, False), ("language", "is", "es", True),
        ("language", "in", ("en",), False), ("channel", "is", "sms", True), ("consent", "is", "express", True),
        ("consent", "in", ("declined",), False), ("days_to_sync", "at_most", 17, True),
        ("days_to_sync", "at_least", 18, False), ("pa_ends_within", "at_most", 30, True),
        ("pa_ends_within", "at_most", 7, False), ("refills_left", "is", 0, True), ("out_of_stock", "is", False, True),
        ("confirmed", "is", True, False), ("picked_up", "is", False, True), ("ready", "is", False, True),
        ("fulfilment", "in", ("delivery", "mail"), True), ("days_supply", "at_least", 90, True),
        ("days_supply", "at_most", 89, False),
        ("cycle_number", "is", 1, True), ("drug_class", "is", "statins", True), ("drug_class", "in", ("x",), False),
    ],
)  # fmt: skip
def test_a_condition_is_judged_on_the_facts(fact: str, op: str, value: object, holds: bool) -> None:
    facts = replace(
        FACTS, age=70, language="es", channel=Channel.SMS, bases=frozenset({ContactBasis.EXPRESS}),
        pa_ends_on=date(2026, 12, 13), refills_left=0, drug_classes=frozenset({"statins"}),
        fulfilment="mail", days_supply=90,
    )  # fmt: skip
    assert condition_holds(Condition(fact, op, value), facts) is holds


def order(
    segments: object, age: int | None, language: str = "en", basis: str = "express"
) -> tuple[Channel, ...]:
    document = default_document() | ({} if segments is None else {"segments": segments})
    return channels_for(
        parse(document).segments, today=date(2026, 11, 23), age=age, language=language,
        bases=frozenset({ContactBasis(basis)}), fulfilment="pickup",
    )  # fmt: skip


def test_older_people_are_called_first_until_the_pharmacy_says_otherwise() -> None:
    assert order(None, 65)[0] is Channel.VOICE
    assert order(None, 64) == order(None, None) == order([], 90) == ()
    segment = {
        "id": "spanish", "name": "Spanish: by mail",
        "conditions": [
            {"fact": "language", "op": "is", "value": "es"}, {"fact": "consent", "op": "is", "value": "express"},
        ],
        "channels": ["email"],
    }  # fmt: skip
    assert order([segment, *default_document()["segments"]], 70, "es") == (Channel.EMAIL,)
    assert order([segment, *default_document()["segments"]], 70, "es", "number_given")[0] is Channel.VOICE


def test_a_document_from_before_segments_has_the_usual_ones() -> None:
    assert parse({"steps": default_document()["steps"]}) == DEFAULT


def test_what_is_not_known_meets_no_condition() -> None:
    for op in ("at_least", "at_most"):
        assert not condition_holds(Condition("age", op, 65), FACTS)
    assert not condition_holds(Condition("pa_ends_within", "at_most", 30), FACTS)


def test_an_edit_of_the_default_does_not_change_it_for_others() -> None:
    default_document()["steps"][0]["name"] = "Changed"
    assert default_document()["steps"][0]["name"] == "Welcome"
    assert time(10) == DEFAULT.steps[5].trigger.at
