"""Ids that URLs may name, and how they are told from other texts."""

from itertools import pairwise

import pytest

from medsync_app.store import ids
from medsync_app.store.ids import counted_ids, looks_like_id, new_id

#: Crockford's digits as those of `int(..., 32)`.
_BASE_32 = str.maketrans("0123456789abcdefghjkmnpqrstvwxyz", "0123456789abcdefghijklmnopqrstuv")


def test_ids_are_different_and_look_like_ids() -> None:
    made = {new_id() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(looks_like_id(one) for one in made)


def test_ids_of_one_process_ascend_with_gaps_that_nobody_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_newest", 0)
    for instant in (1_900_000_000_000_000_000, 1_800_000_000_000_000_000):  # the clock goes back in between
        monkeypatch.setattr("time.time_ns", lambda instant=instant: instant)
        made = [int(new_id().translate(_BASE_32), 32) for _ in range(200)]
        assert all(later - earlier > 2**32 for earlier, later in pairwise(made))


def test_counted_ids_look_like_ids_and_are_the_same_every_time() -> None:
    runs: list[list[str]] = []
    for _ in range(2):
        with counted_ids():
            runs.append([new_id() for _ in range(3)])
    assert runs[0] == runs[1]
    assert all(looks_like_id(one) for one in runs[0])


@pytest.mark.parametrize("text", ["", "confirm", "2026-11-26", "01M8E4VQXRM7PHYG4KDG095MYC", "x" * 25])
def test_other_texts_do_not(text: str) -> None:
    assert not looks_like_id(text)
