"""Names in the letters that are there."""

import pytest

from medsync_app.domain.letters import in_encoding, within


@pytest.mark.parametrize(
    ("text", "shown"),
    [("José Muñoz", "José Muñoz"), ("Nguyễn", "Nguyen"), ("Łucja", "?ucja"), ("王 Wei", "? Wei"), ("", "")],
)
def test_accents_that_are_missing_are_left_out(text: str, shown: str) -> None:
    assert within(text, in_encoding("latin-1")) == shown
