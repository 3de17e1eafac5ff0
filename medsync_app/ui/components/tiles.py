"""Stat tiles: one number with what it counts."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import icon, link
from medsync_app.ui.components.text import number


def stat_tile(
    label: Any,
    value: Any,
    *,
    hint: Any = None,
    tone: Any = "neutral",
    icon_name: str = "",
    href: Any = None,
    selected: Any = False,
    test_id: str = "",
) -> rx.Component:
    """A number, its label and an icon in the tone's colour; with `href` a filter, marked when `selected`."""
    body = (
        rx.el.span(
            number(value), icon(icon_name, 18) if icon_name else rx.fragment(), class_name="tile-value"
        ),
        rx.el.span(label, class_name="tile-label"),
        rx.el.span(hint, class_name="sub") if hint is not None else rx.fragment(),
    )
    attrs: dict[str, Any] = {"data-testid": test_id} if test_id else {}
    if href is None:
        return rx.el.div(*body, class_name=f"tile tone-{tone}", custom_attrs=attrs)
    current = rx.cond(selected, "true", "false")
    return link(
        *body, href=href, replace=True, class_name=f"tile tile-link tone-{tone}",
        custom_attrs=attrs | {"aria-current": current},
    )  # fmt: skip


def stat_row(*tiles: rx.Component, label: str) -> rx.Component:
    """Tiles side by side, wrapping; `label` names the group."""
    return rx.el.div(*tiles, class_name="tiles", role="group", custom_attrs={"aria-label": label})
