"""A flow drawn as nodes and edges: two rows on a wide screen, one column on a phone, a list for screen readers."""

from collections.abc import Callable
from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import icon, link
from medsync_app.ui.components.text import hidden_text


def flow(nodes: Any, *, label: str, line_href: Callable[[Any], Any]) -> rx.Component:
    """The nodes (a Var of dicts with number, name, count, words, then, lines) with the edges between them.

    Where a node stands and which edges leave it follows from its number (`.flow-N` in medsync.css); `then` says in
    words where the flow goes on. `line_href` gives the address that a rule of a node leads to.
    """

    def node(one: Any) -> rx.Component:
        return rx.el.li(
            rx.el.div(
                rx.el.h2(
                    rx.el.span(one["number"], class_name="flow-number"),
                    rx.el.span(one["name"], class_name="grow"),
                    rx.el.span(
                        icon("users", 13),
                        one["count"],
                        hidden_text(" patients here now"),
                        class_name="flow-count num",
                    ),
                    class_name="flow-head",
                ),
                rx.cond(one["words"] != "", rx.el.p(one["words"], class_name="sub")),
                rx.el.ul(rx.foreach(one["lines"].to(list[dict[str, Any]]), line), class_name="flow-lines"),
                class_name="flow-box",
            ),
            rx.el.span(class_name="flow-edge", custom_attrs={"aria-hidden": "true"}),
            hidden_text(one["then"]),
            class_name=f"flow-node flow-{one['number']}",
            key=one["number"],
            custom_attrs={"data-testid": f"node-{one['number']}"},
        )

    def line(one: Any) -> rx.Component:
        return rx.el.li(
            link(
                rx.el.span(
                    rx.el.span(one["name"], class_name="strong"),
                    rx.cond(one["changed"], rx.el.span("changed", class_name="chip tone-review"), rx.fragment()),
                    class_name="flow-name",
                ),
                rx.el.span(
                    rx.el.span(one["when"]),
                    rx.el.span(one["waiting"], hidden_text(" waiting"), class_name="num"),
                    class_name="sub flow-when",
                ),
                href=line_href(one), replace=True, class_name="flow-line",
                custom_attrs={"data-testid": "rule", "data-row": one["id"]},
            ),
            key=one["id"],
        )  # fmt: skip

    return rx.el.section(
        rx.el.ol(rx.foreach(nodes, node), class_name="flow"),
        custom_attrs={"aria-label": label, "data-testid": "flow"},
    )
