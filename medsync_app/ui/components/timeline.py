"""The picture of supply: one bar of supply per drug over the days, fills as marks, the sync date as a line.

`timeline(...)` (pure Python, called by a state) makes the display values, `supply_timeline(var)` draws them.
Positions are percents of the shown days, so that the picture fits any width; the same facts stand in a list
for screen readers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from typing import Any, TypedDict

import reflex as rx

from medsync_app.ui import format as say


@dataclass(frozen=True, slots=True)
class Supply:
    """One stretch of supply: days from `start` to `end`, both counted; `planned` when it is not dispensed
    yet.
    """

    start: date
    end: date
    planned: bool = False
    short: bool = False


@dataclass(frozen=True, slots=True)
class DrugSupply:
    """The supply of one drug over time, and a note under its name ("short fill of 8 days on Tue 20 Oct")."""

    name: str
    stretches: Sequence[Supply]
    note: str = ""


class Bar(TypedDict):
    left: str
    width: str
    kind: str
    title: str


class Mark(TypedDict):
    left: str
    label: str
    title: str


class DrugRow(TypedDict):
    name: str
    note: str
    summary: str
    bars: list[Bar]
    marks: list[Mark]


class Timeline(TypedDict):
    rows: list[DrugRow]
    ticks: list[Mark]
    today: str
    sync: str
    sync_label: str


#: Share of the picture's width up to which a tick has room for its label, and labels that fit beside each other.
_LABELS_UNTIL, _MOST_LABELS = 0.85, 5

EMPTY: Timeline = {"rows": [], "ticks": [], "today": "", "sync": "", "sync_label": ""}


def timeline(
    drugs: Sequence[DrugSupply], *, start: date, end: date, today: date, sync_date: date | None = None
) -> Timeline:
    """The display values of the days `start` to `end` (both shown, at least two)."""
    days = max((end - start).days + 1, 2)

    def at(value: date) -> str:
        return f"{min(max((value - start).days / days, 0.0), 1.0) * 100:.2f}%"

    ticks = _ticks(start, end)
    labelled = ticks[:: ceil(len(ticks) / _MOST_LABELS) or 1]

    def label(day: date) -> str:
        # Near the end it would stand out of the picture, and make a phone's page scroll sideways.
        fits = day in labelled and (day - start).days / days <= _LABELS_UNTIL
        return _tick(day) if fits else ""

    return {
        "rows": [_row(drug, start, end, today, at, days) for drug in drugs],
        "ticks": [{"left": at(day), "label": label(day), "title": say.full_day(day)} for day in ticks],
        "today": at(today) if start <= today <= end else "",
        "sync": at(sync_date) if sync_date is not None and start <= sync_date <= end else "",
        "sync_label": f"Sync date {say.day(sync_date, today)}" if sync_date is not None else "",
    }


def _ticks(start: date, end: date) -> list[date]:
    days = (end - start).days
    if days > 70:
        firsts = [start + timedelta(n) for n in range(days + 1) if (start + timedelta(n)).day == 1]
        return firsts
    return [start + timedelta(n) for n in range(days + 1) if (start + timedelta(n)).weekday() == 0]


def _tick(value: date) -> str:
    return say.day(value).split(" ", 1)[1]


def _row(drug: DrugSupply, start: date, end: date, today: date, at: Any, days: int) -> DrugRow:
    shown = [s for s in drug.stretches if s.start <= end and s.end >= start]
    bars: list[Bar] = []
    for stretch in shown:
        first, last = max(stretch.start, start), min(stretch.end, end)
        kind = "short" if stretch.short else "planned" if stretch.planned else "held"
        words = f"{say.day(stretch.start, today)} to {say.day(stretch.end, today)}"
        title = f"{'Planned supply' if stretch.planned else 'Supply'} {words}"
        width = f"{((last - first).days + 1) / days * 100:.2f}%"
        bars.append({"left": at(first), "width": width, "kind": kind, "title": title})
    marks: list[Mark] = [
        {"left": at(s.start), "label": "", "title": f"{_fill_words(s)} {say.day(s.start, today)}"}
        for s in shown
        if s.start >= start
    ]
    return {
        "name": drug.name,
        "note": drug.note,
        "summary": _summary(drug, today),
        "bars": bars,
        "marks": marks,
    }


def _fill_words(stretch: Supply) -> str:
    kind = "Short fill" if stretch.short else "Fill"
    return f"{kind} planned" if stretch.planned else kind


def _summary(drug: DrugSupply, today: date) -> str:
    held = [s for s in drug.stretches if not s.planned]
    planned = [s for s in drug.stretches if s.planned]
    said = [f"supply until {say.day(held[-1].end, today)}" if held else "no supply on record"]
    said += [f"{_fill_words(s).lower()} on {say.day(s.start, today)}" for s in planned]
    return f"{drug.name}: {', '.join(said)}."


def supply_timeline(data: Any, *, label: str = "Supply per drug") -> rx.Component:
    """Draws a Var of `Timeline`."""
    return rx.el.figure(
        rx.el.figcaption(label, class_name="sr-only"),
        rx.el.ul(
            rx.foreach(data["rows"].to(list[DrugRow]), lambda row: rx.el.li(row["summary"])),
            class_name="sr-only",
        ),
        rx.el.div(
            rx.el.div(
                rx.el.div(
                    rx.foreach(data["ticks"].to(list[Mark]), _tick_mark), class_name="tl-track tl-ticks"
                ),
                class_name="tl-row tl-axis",
            ),
            rx.foreach(data["rows"].to(list[DrugRow]), lambda row: _drug_row(row, data)),
            class_name="tl-body",
            custom_attrs={"aria-hidden": "true"},
        ),
        rx.el.div(
            _legend("held", "In hand"),
            _legend("planned", "Planned"),
            _legend("short", "Short fill"),
            _legend("fill", "Fill"),
            rx.cond(data["sync"] != "", _legend("sync", data["sync_label"])),
            _legend("today", "Today"),
            class_name="tl-legend",
            custom_attrs={"aria-hidden": "true"},
        ),
        class_name="timeline",
        custom_attrs={"data-testid": "timeline"},
    )


def _tick_mark(tick: Any) -> rx.Component:
    return rx.el.span(tick["label"], style={"left": tick["left"]}, title=tick["title"], class_name="tl-tick")


def _legend(kind: str, label: Any) -> rx.Component:
    return rx.el.span(rx.el.span(class_name=f"tl-key tl-key-{kind}"), label, class_name="tl-legend-item")


def _drug_row(row: Any, data: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.div(row["name"], class_name="tl-name", title=row["name"]),
            rx.cond(row["note"] != "", rx.el.div(row["note"], class_name="sub")),
            class_name="tl-label",
        ),
        rx.el.div(
            rx.foreach(
                row["bars"].to(list[Bar]),
                lambda bar: rx.el.span(
                    class_name=f"tl-bar tl-{bar['kind']}",
                    style={"left": bar["left"], "width": bar["width"]},
                    title=bar["title"],
                ),
            ),
            rx.foreach(
                row["marks"].to(list[Mark]),
                lambda mark: rx.el.span(
                    class_name="tl-mark", style={"left": mark["left"]}, title=mark["title"]
                ),
            ),
            rx.cond(data["today"] != "", rx.el.span(class_name="tl-today", style={"left": data["today"]})),
            rx.cond(data["sync"] != "", rx.el.span(class_name="tl-sync", style={"left": data["sync"]})),
            class_name="tl-track",
        ),
        class_name="tl-row",
    )
