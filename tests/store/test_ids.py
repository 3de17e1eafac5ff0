"""Ids that URLs may name, and how they are told from other texts."""

import pytest

from medsync_app.store.ids import counted_ids, looks_like_id, new_id


def test_ids_are_different_and_look_like_ids() -> None:
    made = {new_id() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(looks_like_id(one) for one in made)


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
