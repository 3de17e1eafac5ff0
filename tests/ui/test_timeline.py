"""The picture of supply in numbers: where bars and marks stand, and the same facts in words."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from medsync_app.ui.components.timeline import DrugSupply, Supply, timeline

START, END, TODAY = date(2026, 11, 1), date(2026, 11, 30), date(2026, 11, 16)


def test_bars_stand_where_their_days_are() -> None:
    held = Supply(date(2026, 11, 1), date(2026, 11, 15))
    ahead = Supply(date(2026, 11, 16), date(2026, 11, 30), planned=True)
    drawn = timeline([DrugSupply("lisinopril", [held, ahead])], start=START, end=END, today=TODAY)
    bars = drawn["rows"][0]["bars"]
    assert [(bar["left"], bar["width"], bar["kind"]) for bar in bars] == [
        ("0.00%", "50.00%", "held"),
        ("50.00%", "50.00%", "planned"),
    ]
    assert drawn["today"] == "50.00%"


def test_the_same_facts_stand_in_words() -> None:
    drug = DrugSupply(
        "lisinopril",
        [
            Supply(date(2026, 10, 1), date(2026, 11, 10)),
            Supply(date(2026, 11, 20), date(2026, 11, 27), planned=True, short=True),
        ],
    )
    drawn = timeline([drug], start=START, end=END, today=TODAY, sync_date=date(2026, 11, 20))
    assert drawn["rows"][0]["summary"] == (
        "lisinopril: supply until Tue 10 Nov, short fill planned on Fri 20 Nov."
    )
    assert drawn["sync_label"] == "Sync date Fri 20 Nov"


def test_a_fill_before_the_picture_has_no_mark() -> None:
    early = Supply(START - timedelta(days=5), START + timedelta(days=5))
    drawn = timeline([DrugSupply("x", [early])], start=START, end=END, today=TODAY)
    assert drawn["rows"][0]["marks"] == []
    assert drawn["rows"][0]["bars"][0]["width"] == "20.00%"


@given(st.integers(-100, 100), st.integers(0, 200), st.integers(1, 120))
def test_nothing_is_drawn_outside_the_picture(offset: int, length: int, span: int) -> None:
    first = START + timedelta(days=offset)
    stretch = Supply(first, first + timedelta(days=length))
    end = START + timedelta(days=span)
    for bar in timeline([DrugSupply("x", [stretch])], start=START, end=end, today=TODAY)["rows"][0]["bars"]:
        left, width = float(bar["left"][:-1]), float(bar["width"][:-1])
        assert 0 <= left <= 100
        assert 0 < width <= 100.01
        assert left + width <= 100.02


@given(st.integers(0, 400), st.integers(1, 200))
def test_no_label_of_a_tick_stands_out_of_the_picture(offset: int, span: int) -> None:
    start = START + timedelta(days=offset)
    ticks = timeline([], start=start, end=start + timedelta(days=span), today=TODAY)["ticks"]
    assert all(float(tick["left"][:-1]) <= 85 for tick in ticks if tick["label"])
    assert all(tick["title"] for tick in ticks)


@given(st.integers(1, 400))
def test_no_more_ticks_are_labelled_than_fit_beside_each_other(span: int) -> None:
    drawn = timeline([], start=START, end=START + timedelta(days=span), today=TODAY)
    assert sum(bool(tick["label"]) for tick in drawn["ticks"]) <= 5
