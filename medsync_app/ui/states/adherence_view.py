"""Turns the figures of a report into charts without colours, table rows and sentences."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, TypedDict

from medsync_app.domain.adherence_indicators import BeforeAndAfter, Rate
from medsync_app.reads.adherence import AtRisk, Bin, ClassShare, PlaceFigures, Window
from medsync_app.reads.programme import TrendPoint
from medsync_app.ui import format as say

Figure = dict[str, Any]
WINDOW_LABELS: Final[Mapping[str, str]] = {
    "this_year": "This year", "last_year": "Last year", "last_12_months": "Last 12 months",
}  # fmt: skip
WHO_LABELS: Final[Mapping[str, str]] = {"": "All patients", "enrolled": "Enrolled", "others": "Not enrolled"}
_GOAL: Final = 80
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PERCENT_AXIS: Final = {"range": [0, 108], "dtick": 20, "ticksuffix": "%"}


class LineView(TypedDict):
    """A line of a small table: up to four cells of text."""

    id: str
    first: str
    second: str
    third: str
    fourth: str


class RiskView(TypedDict):
    """A patient about to be lost."""

    id: str
    patient_id: str
    name: str
    place: str
    label: str
    left: str
    in_hand: str
    refill_by: say.DueText
    pdc: str
    enrolled: bool
    next: say.DueText
    advice: str


class PlaceView(TypedDict):
    """A location."""

    id: str
    name: str
    enrolled: str
    share: str
    counted: str
    on_date: str
    at_risk: str


def rate(value: Rate) -> str:
    """Said as "82%"; "-" when nobody counts."""
    return say.percent(value.value) or "-"


def of(value: Rate, noun: str = "patient") -> str:
    """Said as "69 of 85 patients"; why there is none when nobody counts."""
    if not value.denominator:
        return f"no {noun} counted yet"
    return f"{value.numerator:,} of {say.plural(value.denominator, noun)}"


def window_sentence(window: Window) -> str:
    """The days that are counted, in words."""
    return f"{WINDOW_LABELS[window.key]}: {_day(window.start)} to {_day(window.end)}."


def _day(value: date) -> str:
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def _line(key: str, first: str, second: str = "", third: str = "", fourth: str = "") -> LineView:
    return LineView(id=key, first=first, second=second, third=third, fourth=fourth)


def trend_figure(points: Sequence[TrendPoint]) -> Figure:
    """Enrolled patients at each month's end."""
    names = [f"{_MONTHS[point.day.month - 1]} {point.day.year}" for point in points]
    line = {
        "type": "scatter", "mode": "lines+markers", "x": names, "y": [point.enrolled for point in points],
        "line": {"width": 2.5}, "marker": {"size": 6},
        "customdata": [[point.joined, point.left] for point in points],
        "hovertemplate": "%{x}: %{y} enrolled<br>%{customdata[0]} joined, %{customdata[1]} left<extra></extra>",
    }  # fmt: skip
    axis = _count_axis([point.enrolled for point in points])
    return {"data": [line], "layout": {"xaxis": {"tickangle": 0, "nticks": 6}, "yaxis": axis}}


def _count_axis(counts: Sequence[int]) -> Figure:
    """An axis of whole numbers: by itself it would put marks at halves when there are few."""
    few: Figure = {"range": [0, 5.2], "dtick": 1} if max(counts, default=0) < 5 else {}
    return {"rangemode": "tozero", "tickformat": ",d"} | few


def trend_words(points: Sequence[TrendPoint]) -> str:
    """The first and the last month in a sentence."""
    if not points:
        return "Nobody is enrolled."
    return (
        f"Enrolled patients by month: {points[0].enrolled:,} at the end of {_month(points[0])}, "
        f"{points[-1].enrolled:,} now."
    )


def trend_lines(points: Sequence[TrendPoint]) -> list[LineView]:
    """Newest first."""
    return [
        _line(
            point.day.isoformat(),
            _month(point),
            f"{point.enrolled:,}",
            f"{point.joined:,}",
            f"{point.left:,}",
        )
        for point in reversed(points)
    ]


def _month(point: TrendPoint) -> str:
    return f"{_MONTHS[point.day.month - 1]} {point.day.year}"


def share_figure(shares: Sequence[ClassShare]) -> Figure:
    """A bar a class, with the benchmark as a line across it."""
    counted = [one for one in shares if one.rate.value is not None]
    bars = {
        "type": "bar", "x": [one.label for one in counted], "y": [_shown(one.rate) for one in counted],
        "customdata": [[one.rate.numerator, one.rate.denominator] for one in counted], "name": "At 80 % or more",
        "hovertemplate": "%{x}: %{customdata[0]} of %{customdata[1]} patients<extra></extra>",
    }  # fmt: skip
    marked = [one for one in counted if one.benchmark is not None]
    marks = {
        "type": "scatter", "mode": "markers", "name": "Benchmark", "x": [one.label for one in marked],
        "y": [one.benchmark.share * 100 for one in marked if one.benchmark],
        "marker": {"symbol": "line-ew-open", "size": 64, "line": {"width": 2.5}},
        "text": [benchmark_words(one) for one in marked], "hovertemplate": "%{text}<extra></extra>",
    }  # fmt: skip
    # An empty series in between: the mark takes the third colour, that of text.
    nothing: Figure = {"type": "bar", "x": [], "y": [], "showlegend": False}
    # The shares stand below their bars, where no mark can lie over them.
    below = {
        "tickvals": [one.label for one in counted],
        "ticktext": [f"{one.label}<br><b>{rate(one.rate)}</b>" for one in counted],
    }
    return {"data": [bars, nothing, marks], "layout": {"xaxis": below, "yaxis": dict(_PERCENT_AXIS)}}


def _shown(value: Rate) -> float:
    return round((value.value or 0) * 100, 1)


def share_words(shares: Sequence[ClassShare]) -> str:
    """Every class in a sentence."""
    said = [f"{one.label} {rate(one.rate)} ({of(one.rate)})" for one in shares]
    return f"Patients at or above 80 % of days covered: {'; '.join(said)}."


def share_lines(shares: Sequence[ClassShare]) -> list[LineView]:
    """Class, share, patients, benchmark."""
    return [
        _line(
            one.drug_class.value, one.label, rate(one.rate), of(one.rate), benchmark_words(one) or "none set"
        )
        for one in shares
    ]


def benchmark_words(one: ClassShare) -> str:
    """Said as "Diabetes 89 %: Medicare Star Ratings ... (2026)"; "" without a benchmark."""
    if one.benchmark is None:
        return ""
    share = f"{one.benchmark.share * 100:g} %"
    return f"{one.label} {share}: {one.benchmark.source} ({one.benchmark.year})"


def bins_figure(bins: Sequence[Bin]) -> Figure:
    """Patients by tens of percent; those below the goal in the second colour."""
    # Numbers, so that the axis says 80 % where the goal begins.
    middles = [(one.low + one.high) / 2 for one in bins]

    def series(reached: bool, name: str) -> Figure:
        return {
            "type": "bar", "x": middles, "width": [one.high - one.low - 1 for one in bins], "name": name,
            "y": [one.count if (one.low >= _GOAL) == reached else None for one in bins],
            "customdata": [bin_name(one) for one in bins],
            "hovertemplate": "%{customdata} of days covered: %{y}<extra></extra>",
        }  # fmt: skip

    layout: Figure = {
        "barmode": "stack", "showlegend": True, "margin": {"t": 32}, "yaxis": _count_axis([one.count for one in bins]),
        "xaxis": {"range": [0, 100.5], "dtick": 20, "ticksuffix": "%"},
    }  # fmt: skip
    return {"data": [series(True, "80 % or more"), series(False, "Below 80 %")], "layout": layout}


def bin_name(one: Bin) -> str:
    """Said as "70-79%", the last as "90-100%"."""
    return f"{one.low}-{one.high if one.high == 100 else one.high - 1}%"


def bins_words(bins: Sequence[Bin]) -> str:
    """How many are below and at the goal."""
    below = sum(one.count for one in bins if one.low < _GOAL)
    reached = sum(one.count for one in bins if one.low >= _GOAL)
    return f"{say.plural(reached, 'measurement')} at 80 % or more of days covered, {below:,} below."


def bins_lines(bins: Sequence[Bin]) -> list[LineView]:
    """Highest first."""
    total = sum(one.count for one in bins)
    return [
        _line(str(one.low), bin_name(one), f"{one.count:,}", rate(Rate(one.count, total)))
        for one in reversed(bins)
    ]


def before_after_figure(both: BeforeAndAfter) -> Figure:
    """Two bars: the 180 days before enrollment and those after."""
    values = [both.before or 0, both.after or 0]
    names = ["180 days before", "180 days after"]
    return {
        "data": [
            {
                "type": "bar", "x": names, "y": [None, round(values[1] * 100, 1)],
                "text": ["", say.percent(both.after)], "textposition": "outside", "cliponaxis": False,
                "hovertemplate": "%{x}: %{y}%<extra></extra>",
            },
            {
                "type": "bar", "x": names, "y": [round(values[0] * 100, 1), None],
                "text": [say.percent(both.before), ""], "textposition": "outside", "cliponaxis": False,
                "hovertemplate": "%{x}: %{y}%<extra></extra>",
            },
        ],
        "layout": {"barmode": "stack", "bargap": 0.5, "yaxis": dict(_PERCENT_AXIS)},
    }  # fmt: skip


def before_after_words(both: BeforeAndAfter) -> str:
    """Both means with the number behind them; why there is none."""
    if not both.patients:
        return "Nobody has been enrolled for 180 days with fills before that, so there is nothing to compare yet."
    return (
        f"Mean share of days covered {say.percent(both.before)} before and {say.percent(both.after)} after "
        f"enrollment: the same {say.plural(both.patients, 'patient')} with {say.plural(both.drugs, 'drug')}, "
        "those who left included."
    )


def before_after_lines(both: BeforeAndAfter) -> list[LineView]:
    """Window, mean, patients, drugs."""
    if not both.patients:
        return []
    number, drugs = f"{both.patients:,}", f"{both.drugs:,}"
    return [
        _line("before", "180 days before", say.percent(both.before, 1), number, drugs),
        _line("after", "180 days after", say.percent(both.after, 1), number, drugs),
    ]


def risk_view(one: AtRisk, today: date, place: str) -> RiskView:
    """One patient; the id names the class too, since a patient may be at risk in two."""
    return {
        "id": f"{one.patient_id}-{one.label}",
        "patient_id": one.patient_id,
        "name": say.patient_name(one.last_name, one.first_name),
        "place": place,
        "label": one.label,
        "left": say.plural(one.gap_days_left, "day"),
        "in_hand": say.plural(one.in_hand, "day") if one.in_hand else "none",
        "refill_by": say.due(one.refill_by, today, soon_days=3),
        "pdc": say.percent(one.pdc),
        "enrolled": one.enrolled,
        "next": say.plain_date(one.next_sync, today),
        "advice": advice(one),
    }


def advice(one: AtRisk) -> str:
    """What keeps 80 % within reach."""
    if one.in_hand == 0:
        return "Out of supply: call today"
    if one.next_sync is not None and one.next_sync >= one.refill_by:
        return "The pickup is too late: move it forward"
    if one.next_sync is not None:
        return "Make sure the pickup is kept"
    if not one.enrolled:
        return "Call before the supply ends, offer enrollment"
    return "Call before the supply ends"


def place_view(one: PlaceFigures) -> PlaceView:
    """One location."""
    return {
        "id": one.pharmacy_id,
        "name": one.name,
        "enrolled": f"{one.enrolled:,}",
        "share": rate(one.rate),
        "counted": f"{one.rate.denominator:,}",
        "on_date": rate(one.picked_up_on_date),
        "at_risk": f"{one.at_risk:,}",
    }
