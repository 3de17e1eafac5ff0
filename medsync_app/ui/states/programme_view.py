"""How far patients have come in the programme, and what it costs the staff: charts without colours, and rows."""

from typing import Any, TypedDict

from medsync_app.domain.funnel import Funnel
from medsync_app.domain.programme_words import COUNTED_OF, STEP_NAMES, WORK_NAMES, hours
from medsync_app.domain.staff_time import StaffTime
from medsync_app.ui import format as say

Figure = dict[str, Any]


class StepView(TypedDict):
    """One step of the funnel as a row."""

    id: str
    name: str
    count: str
    share: str
    of: str


class WorkView(TypedDict):
    """One kind of work as a row: hours a month, "" for none."""

    id: str
    name: str
    ours: str
    hand: str


def funnel_figure(found: Funnel) -> Figure:
    """A bar a step, the widest on top."""
    names = list(STEP_NAMES.values())
    counts = [found.reached[step] for step in STEP_NAMES]
    bars = {
        "type": "bar", "orientation": "h", "y": names, "x": counts, "text": [f"{count:,}" for count in counts],
        "textposition": "outside", "cliponaxis": False, "hovertemplate": "%{y}: %{x:,}<extra></extra>",
    }  # fmt: skip
    most = max(*counts, 5) * 1.12
    return {
        "data": [bars],
        "layout": {
            "yaxis": {"autorange": "reversed", "rangemode": "normal"},
            "xaxis": {"range": [0, most], "tickformat": ",d", "nticks": 5},
        },
    }


def funnel_lines(found: Funnel) -> list[StepView]:
    """Every step, with the share of those who could take it."""
    return [
        StepView(
            id=step.value,
            name=name,
            count=f"{found.reached[step]:,}",
            share="" if step not in found.rates else say.percent(found.rates[step].value) or "-",
            of="" if step not in found.rates else f"of {found.rates[step].denominator:,} {COUNTED_OF[step]}",
        )
        for step, name in STEP_NAMES.items()
    ]


def staff_figure(time: StaffTime) -> Figure:
    """Hours a month: what is done because patients are synchronized, and what comes with any prescription."""
    ours, hand = time.of_programme
    groups = ["Because of sync", "With any prescription"]

    def series(name: str, because: float, rest: float) -> Figure:
        hours = [round(because / 60, 2), round(rest / 60, 2)]
        return {
            "type": "bar", "name": name, "x": groups, "y": hours,
            "hovertemplate": "%{x}, " + name.lower().replace("medsync", "MedSync") + ": %{y:.1f} hours<extra></extra>",
        }  # fmt: skip

    return {
        "data": [
            series("With MedSync", ours, time.minutes - ours),
            series("By hand", hand, time.minutes_by_hand - hand),
        ],
        "layout": {
            "barmode": "group", "showlegend": True, "margin": {"t": 32},
            "yaxis": {"rangemode": "tozero", "ticksuffix": " h"},
        },
    }  # fmt: skip


def staff_lines(time: StaffTime) -> list[WorkView]:
    """Each kind of work that took time on either side; what is done because of sync first, then the dearest."""
    return [
        WorkView(
            id=kind,
            name=WORK_NAMES[kind],
            ours=_cell(time.by_kind.get(kind, 0.0)),
            hand=_cell(time.by_hand.get(kind, 0.0)),
        )
        for kind in time.kinds
    ]


def _cell(minutes: float) -> str:
    return hours(minutes) if minutes else "-"
