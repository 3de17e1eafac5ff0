"""The one table: dense rows, sortable heads, 50 rows a page from the database; cards below 640 px."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import icon, link


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `key` is the sort key ("" for none), numbers are right-aligned, `wide` columns may wrap."""

    label: str
    key: str = ""
    number: bool = False
    wide: bool = False
    #: Left out below 1024 px.
    minor: bool = False


def data_table(
    columns: Sequence[Column],
    rows: Any,
    cells: Callable[[Any], Sequence[Any]],
    *,
    caption: str,
    sort: Any = "",
    sort_href: Callable[[str], Any] | None = None,
    row_id: str = "id",
    test_id: str = "table",
    roving: bool = False,
) -> rx.Component:
    """A table of the Var `rows` (dicts with `row_id`); `cells(row)` gives one component per column.

    `sort` is a Var: the key sorted by, "-key" when descending. `sort_href(key)` gives the address a head
    leads to (the page's state makes it, the other way round when it is sorted by that key already). `caption`
    is for screen readers. `roving` lets the arrow keys walk the rows and Enter press the row's element marked
    `data-primary`.
    """
    heads = [_head(column, sort, sort_href) for column in columns]

    def line(row: Any) -> rx.Component:
        drawn = [_cell(column, content) for column, content in zip(columns, cells(row), strict=True)]
        attrs: dict[str, Any] = {"data-testid": "row", "data-row": row[row_id]}
        if roving:
            attrs |= {"data-roving-item": "", "tabIndex": "-1"}
        return rx.el.tr(*drawn, key=row[row_id], role="row", custom_attrs=attrs)

    frame_attrs = {"tabIndex": "0", "aria-label": caption, "data-testid": test_id}
    if roving:
        frame_attrs |= {"data-roving": ""}
    return rx.el.div(
        rx.el.table(
            rx.el.caption(caption, class_name="sr-only"),
            rx.el.thead(rx.el.tr(*heads, role="row"), role="rowgroup"),
            rx.el.tbody(rx.foreach(rows, line), role="rowgroup"),
            class_name="table",
            role="table",
        ),
        class_name="table-frame",
        role="region",
        custom_attrs=frame_attrs,
    )


def _classes(column: Column) -> str:
    names = [("num", column.number), ("wide", column.wide), ("minor", column.minor)]
    return " ".join(name for name, on in names if on)


def _cell(column: Column, content: Any) -> rx.Component:
    return rx.el.td(
        rx.el.div(content, class_name="cell"),
        class_name=_classes(column),
        role="cell",
        custom_attrs={"data-label": column.label},
    )


def _head(column: Column, sort: Any, sort_href: Callable[[str], Any] | None) -> rx.Component:
    if not column.key or sort_href is None:
        label = column.label or rx.el.span("Action", class_name="sr-only")
        return rx.el.th(label, scope="col", class_name=_classes(column), role="columnheader")
    up, down = sort == column.key, sort == f"-{column.key}"
    mark = rx.cond(
        up, icon("arrow_up", 13), rx.cond(down, icon("arrow_down", 13), icon("chevrons_up_down", 13))
    )
    return rx.el.th(
        link(rx.el.span(column.label), mark, href=sort_href(column.key), replace=True, class_name="sort"),
        scope="col",
        class_name=_classes(column),
        role="columnheader",
        custom_attrs={"aria-sort": rx.cond(up, "ascending", rx.cond(down, "descending", "none"))},
    )


def pager(summary: Any, *, previous_href: Any, next_href: Any) -> rx.Component:
    """Below a table: "51-100 of 1,204" and links; an href that is "" is not there, and with one page neither is."""

    def step(label: str, href: Any, glyph: str, name: str) -> rx.Component:
        content = (icon(glyph), rx.el.span(label))
        return rx.cond(
            href != "",
            link(*content, href=href, class_name="btn btn-default btn-small", test_id=name),
            rx.el.span(
                *content, class_name="btn btn-default btn-small off", custom_attrs={"aria-disabled": "true"}
            ),
        )

    return rx.el.nav(
        rx.el.span(summary, class_name="muted num", custom_attrs={"data-testid": "pager"}),
        rx.cond(
            (previous_href != "") | (next_href != ""),
            rx.el.div(
                step("Previous", previous_href, "chevron_left", "previous"),
                step("Next", next_href, "chevron_right", "next"),
                class_name="toolbar",
            ),
        ),
        class_name="pager",
        custom_attrs={"aria-label": "Turn the page"},
    )
