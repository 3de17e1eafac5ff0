"""The state of a cycle follows from its items and its progress."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsync_app.domain.cycle import ENDED, Progress, derive_state, progress_of
from medsync_app.domain.states import CycleState, ItemState

P, W, F, R, U, B, S = (
    ItemState.PLANNED, ItemState.WAITING, ItemState.FILLING, ItemState.READY, ItemState.PICKED_UP,
    ItemState.RETURNED, ItemState.SKIPPED,
)  # fmt: skip


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], CycleState.PLANNED),
        ([P, P], CycleState.PLANNED),
        ([P, S], CycleState.PLANNED),
        ([F, P], CycleState.PREPARING),
        ([R, R, S], CycleState.READY),
        ([R, W], CycleState.PARTLY_READY),
        ([R, F], CycleState.PARTLY_READY),
        ([U, R], CycleState.PARTLY_PICKED_UP),
        ([U, P], CycleState.PARTLY_PICKED_UP),
        ([U, U, S], CycleState.PICKED_UP),
        ([U, B], CycleState.PICKED_UP),
        ([B, B], CycleState.RETURNED),
        ([B, R], CycleState.READY),
        ([S, S], CycleState.PLANNED),
    ],
)
def test_the_items_decide_the_state(items: list[ItemState], expected: CycleState) -> None:
    assert derive_state(Progress(), items) is expected


def test_an_unapproved_plan_stays_proposed_until_something_left_the_pharmacy() -> None:
    unapproved = Progress(unapproved=True)
    assert derive_state(unapproved, [P, P]) is CycleState.PROPOSED
    assert derive_state(unapproved, [R, P]) is CycleState.PROPOSED
    assert derive_state(unapproved, [U, P]) is CycleState.PARTLY_PICKED_UP


def test_the_stage_holds_while_no_item_says_more() -> None:
    assert derive_state(Progress(CycleState.REQUESTING), [P, W]) is CycleState.REQUESTING
    assert derive_state(Progress(CycleState.PREPARING), [P, W]) is CycleState.PREPARING
    assert derive_state(Progress(CycleState.REQUESTING), [R]) is CycleState.READY


@given(st.sampled_from(sorted(ENDED)), st.lists(st.sampled_from(ItemState)))
def test_an_end_stands_whatever_the_items_say(ended: CycleState, items: list[ItemState]) -> None:
    assert derive_state(Progress(ended=ended), items) is ended


@given(st.sampled_from(CycleState), st.booleans(), st.lists(st.sampled_from(ItemState)))
def test_deriving_again_changes_nothing(state: CycleState, unapproved: bool, items: list[ItemState]) -> None:
    once = derive_state(progress_of(state, unapproved=unapproved), items)
    # Picked up and returned are said by the items alone; every other state explains itself.
    assert derive_state(progress_of(once, unapproved=unapproved), items) is once
