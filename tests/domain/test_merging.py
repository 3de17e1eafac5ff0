"""Whose word wins between two records of one person, and which fills are one dispensing."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsync_app.domain.merging import Dispensed, renamed, stricter, told_twice
from medsync_app.domain.states import ContactBasis

DAY = date(2026, 11, 1)


def fill(number: int, after: int, days: int | None = 30, *, by_hand: bool = False) -> Dispensed:
    return Dispensed(number, DAY + timedelta(days=after), days, by_hand)


@given(st.sampled_from(ContactBasis), st.sampled_from(ContactBasis))
def test_a_no_outlasts_every_yes_whichever_record_it_is_on(one: ContactBasis, other: ContactBasis) -> None:
    assert stricter(one, other) is stricter(other, one)
    assert stricter(one, other) in (one, other)
    refused = {ContactBasis.REVOKED, ContactBasis.DECLINED}
    assert (stricter(one, other) in refused) == bool({one, other} & refused)


@pytest.mark.parametrize(
    ("kept", "dropped", "twice"),
    [
        ([fill(1, 0)], [fill(2, 0)], {}),
        ([fill(1, 0)], [fill(2, 3, by_hand=True)], {2: 1}),
        ([fill(1, 0, by_hand=True)], [fill(2, 3)], {1: 2}),
        ([fill(1, 0)], [fill(2, 8, by_hand=True)], {}),
        ([fill(1, 0)], [fill(2, 4, 7, by_hand=True)], {}),
        ([fill(1, 0)], [fill(2, 0, None, by_hand=True)], {2: 1}),
        ([fill(1, 0, by_hand=True)], [fill(2, 1, by_hand=True)], {2: 1}),
        ([fill(1, 0), fill(3, 30)], [fill(2, 1, by_hand=True), fill(4, 29, by_hand=True)], {2: 1, 4: 3}),
        ([fill(1, 0)], [fill(2, 0, by_hand=True), fill(4, 2, by_hand=True)], {2: 1}),
    ],
)
def test_a_fill_told_at_the_counter_is_the_nearest_claim_of_the_other_record(
    kept: list[Dispensed], dropped: list[Dispensed], twice: dict[int, int]
) -> None:
    assert told_twice(kept, dropped) == twice


def test_ids_are_replaced_wherever_a_document_names_them() -> None:
    document = {"a": ["b", {"c": "a", "d": 1}], "e": None}
    assert renamed(document, {"a": "z"}) == {"z": ["b", {"c": "z", "d": 1}], "e": None}
