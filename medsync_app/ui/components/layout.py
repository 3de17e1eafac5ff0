"""The parts of a page: its head, cards with a heading, toolbars and columns."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import icon


def page_header(title: Any, *actions: rx.Component, subtitle: Any = None) -> rx.Component:
    """The page's one h1, a line below it, and its actions on the right."""
    return rx.el.div(
        rx.el.div(
            rx.el.h1(title, custom_attrs={"data-testid": "title"}),
            rx.el.p(subtitle, class_name="muted") if subtitle is not None else rx.fragment(),
        ),
        rx.el.div(*actions, class_name="toolbar") if actions else rx.fragment(),
        class_name="page-header",
    )


def card(
    *children: Any,
    title: Any = None,
    actions: Any = None,
    id: str = "",
    class_name: str = "",
    test_id: str = "",
) -> rx.Component:
    """A framed part of a page with its own h2; `actions` stand right of the heading."""
    head = rx.fragment()
    if title is not None:
        head = rx.el.div(
            rx.el.h2(title), actions if actions is not None else rx.fragment(), class_name="card-head"
        )
    props: dict[str, Any] = {"id": id} if id else {}
    if test_id:
        props["custom_attrs"] = {"data-testid": test_id}
    return rx.el.section(head, *children, class_name=f"card {class_name}".strip(), **props)


def lone_card(icon_name: str, title: str, *children: Any, width: str = "400px") -> rx.Component:
    """A page without the frame: one card in the middle with a picture, the h1 and what follows."""
    head = rx.el.div(
        icon(icon_name, 24),
        rx.el.h1(title, custom_attrs={"data-testid": "title"}),
        display="flex",
        align_items="center",
        gap="10px",
    )
    return rx.el.main(
        rx.el.div(head, *children, class_name="card stack", width="100%", max_width=width),
        id="page",
        display="grid",
        place_items="center",
        min_height="100vh",
        padding="16px",
    )


def scroll_box(*children: Any, label: str) -> rx.Component:
    """A part that scrolls in itself, also by keyboard; `label` names it to screen readers."""
    attrs = {"tabIndex": "0", "aria-label": label}
    return rx.el.div(*children, class_name="scroll", role="region", custom_attrs=attrs)


def toolbar(*children: Any) -> rx.Component:
    """Controls in one line that wraps."""
    return rx.el.div(*children, class_name="toolbar")


def columns(*children: Any, wide_first: bool = False) -> rx.Component:
    """Two columns from 1024 px on, one below; `wide_first` gives the first two thirds."""
    return rx.el.div(*children, class_name="columns wide-first" if wide_first else "columns")


def stack(*children: Any, class_name: str = "") -> rx.Component:
    """Children below each other with the usual space."""
    return rx.el.div(*children, class_name=f"stack {class_name}".strip())
