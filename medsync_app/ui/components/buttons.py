"""Buttons and links that look like buttons: verbs, at least 32 px high, one primary button per view."""

from typing import Any

import reflex as rx
from reflex_components_core.el.elements.inline import A
from reflex_components_core.react_router.dom import ReactRouterLink

from medsync_app.ui.states.base import AppState


def icon(name: str, size: int = 16, **props: Any) -> rx.Component:
    """A decorative icon (hidden from screen readers); give the meaning in words beside it or in an aria-
    label.
    """
    return rx.icon(name, size=size, custom_attrs={"aria-hidden": "true"}, flex_shrink="0", **props)


def _class(variant: str, small: bool, extra: str) -> str:
    return " ".join(part for part in ("btn", f"btn-{variant}", "btn-small" if small else "", extra) if part)


def button(
    label: str | rx.Var[str],
    *,
    on_click: Any = None,
    variant: str = "default",
    icon_name: str = "",
    small: bool = False,
    test_id: str = "",
    class_name: str = "",
    **props: Any,
) -> rx.Component:
    """A button; `variant` is primary, default, quiet (no frame) or danger; `props` go to the element."""
    attrs = {"data-testid": test_id} if test_id else {}
    attrs |= props.pop("custom_attrs", {})
    if on_click is not None:
        props["on_click"] = on_click
    return rx.el.button(
        icon(icon_name) if icon_name else rx.fragment(),
        rx.el.span(label),
        type=props.pop("type", "button"),
        class_name=_class(variant, small, class_name),
        custom_attrs=attrs,
        **props,
    )


def icon_button(
    label: str | rx.Var[str], icon_name: str, *, on_click: Any = None, test_id: str = "", **props: Any
) -> rx.Component:
    """A square button with an icon only; `label` is what screen readers say and what hovering shows."""
    attrs = (
        {"aria-label": label} | ({"data-testid": test_id} if test_id else {}) | props.pop("custom_attrs", {})
    )
    if on_click is not None:
        props["on_click"] = on_click
    return rx.el.button(
        icon(icon_name, 18), type="button", class_name="icon-btn", title=label, custom_attrs=attrs, **props
    )


def plain_link(*children: Any, href: Any, **props: Any) -> rx.Component:
    """A link the browser follows itself: to a file, a printable page, a place on this page (rx.el.a would not)."""
    return A.create(*children, href=href, **props)


def here(href: Any) -> Any:
    """The address `href` (with or without a query) at the location the person has chosen."""
    whole = rx.Var.create(href).to(str)
    joined = rx.cond(whole.contains("?"), f"{whole}&at={AppState.at}", f"{whole}?at={AppState.at}")
    return rx.cond(AppState.at == "", whole, joined)


def link(*children: Any, href: Any, keep_location: bool = True, **props: Any) -> rx.Component:
    """A link inside the app, without a page load; `replace=True` leaves no step in the history.

    It keeps the chosen location (`?at=`) unless `keep_location` is False: `href` need not name it.
    """
    attrs = props.pop("custom_attrs", {})
    if keep_location:
        href = here(href)
    test_id = props.pop("test_id", "")
    if test_id:
        attrs = attrs | {"data-testid": test_id}
    return ReactRouterLink.create(
        *children, to=href, class_name=props.pop("class_name", "link"), custom_attrs=attrs, **props
    )


def link_button(
    label: str | rx.Var[str],
    *,
    href: str | rx.Var[str],
    variant: str = "default",
    icon_name: str = "",
    small: bool = False,
    test_id: str = "",
    **props: Any,
) -> rx.Component:
    """A link inside the app that looks like a button."""
    return link(
        icon(icon_name) if icon_name else rx.fragment(),
        rx.el.span(label),
        href=href,
        class_name=_class(variant, small, props.pop("class_name", "")),
        test_id=test_id,
        **props,
    )


def file_link(label: Any, *, href: Any, **props: Any) -> rx.Component:
    """A plain link in a text to a guarded GET route that answers with a file."""
    attrs = {"download": ""} | props.pop("custom_attrs", {})
    return plain_link(
        label, href=href, class_name=props.pop("class_name", "link"), custom_attrs=attrs, **props
    )


def download_link(
    label: str, *, href: str | rx.Var[str], icon_name: str = "download", **props: Any
) -> rx.Component:
    """A plain link to a guarded GET route that answers with a file."""
    return plain_link(
        icon(icon_name), rx.el.span(label), href=href, class_name="btn btn-default",
        custom_attrs={"download": ""}, **props,
    )  # fmt: skip
