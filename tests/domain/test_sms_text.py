"""Encoding, length and segments of a text message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsync_app.domain.sms_text import in_gsm, measure


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", "GSM-7", 0, 1), ("a" * 160, "GSM-7", 160, 1), ("a" * 161, "GSM-7", 161, 2), ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3), ("\u20ac" * 80, "GSM-7", 160, 1), ("\u20ac" * 81, "GSM-7", 162, 2),
        ("\u00f1\u00e9\u00fc", "GSM-7", 3, 1), ("\u00e1", "UCS-2", 1, 1), ("\u2019", "UCS-2", 1, 1),
        ("\u00e1" * 70, "UCS-2", 70, 1), ("\u00e1" * 71, "UCS-2", 71, 2), ("\u00e1" * 134, "UCS-2", 134, 2),
        ("\u00e1" * 135, "UCS-2", 135, 3), ("\U0001f600" * 35, "UCS-2", 70, 1), ("\U0001f600" * 36, "UCS-2", 72, 2),
    ],
)  # fmt: skip
def test_a_text_has_its_size(text: str, encoding: str, units: int, segments: int) -> None:
    size = measure(text)
    assert (size.encoding, size.units, size.segments) == (encoding, units, segments)


def test_a_character_of_two_units_is_not_split_between_segments() -> None:
    # 152 letters leave one place in the first part of 153: the sign of two places moves to the second.
    assert measure("a" * 152 + "\u20ac" + "a" * 152).segments == 3
    assert measure("a" * 151 + "\u20ac" + "a" * 153).segments == 2


def test_it_names_the_characters_that_cost_the_room() -> None:
    assert measure("d\u00eda \u2013 d\u00eda").outside == "\u00ed\u2013"


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Farmacia N\u00fa\u00f1ez", "Farmacia Nu\u00f1ez"), ("O\u2019Brien\u2019s \u201cRx\u201d", "O'Brien's \"Rx\""),
        ("\u017b\u0142oty", "Zloty"), ("\u00c1\u00e1\u00cd\u00ed\u00d3\u00f3\u00da\u00fa", "AaIiOoUu"),
        ("\u202660\u00a0mg", "...60 mg"),
        ("\uc57d\uad6d", "\uc57d\uad6d"), ("caf\u00e9 & co [1]", "caf\u00e9 & co [1]"),
    ],
)  # fmt: skip
def test_accents_give_way_where_they_would_cost_the_room(name: str, plain: str) -> None:
    assert in_gsm(name) == plain


@given(st.text(max_size=500))
def test_segments_always_have_room_for_the_text(text: str) -> None:
    size = measure(text)
    room = {"GSM-7": (160, 153), "UCS-2": (70, 67)}[size.encoding]
    assert size.units <= (room[0] if size.segments == 1 else room[1] * size.segments)
