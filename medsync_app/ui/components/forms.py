"""Form controls: every one with a name, a label, a hint and its error beside it.

Inputs keep their own text and tell the state on change or blur (`on_change=State.handler.debounce(300)`), so
that no keystroke waits for the server. Pass `default_value=` for what they start with and `key=` to start
them anew.
"""

from collections.abc import Iterable
from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import icon, link
from medsync_app.ui.components.text import number


def field(
    label: Any,
    control: rx.Component,
    *,
    name: str,
    hint: Any = None,
    error: Any = None,
    optional: bool = False,
) -> rx.Component:
    """Label, control, hint and error (a Var of text, "" when there is none). `name` is the control's `name`
    and id.
    """
    tail = rx.fragment() if error is None else error_line(name, error)
    return rx.el.div(
        rx.el.label(
            label, rx.el.span(" (optional)", class_name="sub") if optional else rx.fragment(), html_for=name
        ),
        rx.el.p(hint, class_name="sub", id=f"{name}-hint") if hint is not None else rx.fragment(),
        control,
        tail,
        class_name="field",
    )


def error_line(name: Any, error: Any) -> rx.Component:
    """The error below a field, which names it by `aria-describedby`: its name, "-error"."""
    said = rx.cond(
        error != "", rx.el.span(icon("circle_alert", 14), rx.el.span(error), class_name="field-error")
    )
    return rx.el.div(said, id=f"{name}-error", role="alert")


def named_in_error(name: Any, error: Any) -> dict[str, Any]:
    """The attributes of a bare control whose error stands in an `error_line` of that name."""
    return {"aria-invalid": rx.cond(error != "", "true", "false"), "aria-describedby": f"{name}-error"}


def _attrs(name: str, test_id: str, error: Any, hint: bool, more: dict[str, Any]) -> dict[str, Any]:
    described = [f"{name}-hint"] if hint else []
    attrs: dict[str, Any] = {"data-testid": test_id or name} | more
    if error is not None:
        described.append(f"{name}-error")
        attrs["aria-invalid"] = rx.cond(error != "", "true", "false")
    if described:
        attrs["aria-describedby"] = " ".join(described)
    return attrs


def text_field(
    label: Any, *, name: str, hint: Any = None, error: Any = None, optional: bool = False, test_id: str = "",
    kind: str = "text", **props: Any,
) -> rx.Component:  # fmt: skip
    """A one-line input with its label; `kind` is the HTML type (text, email, tel, date, number, time,
    password).
    """
    attrs = _attrs(name, test_id, error, hint is not None, props.pop("custom_attrs", {}))
    control = rx.el.input(name=name, id=name, type=kind, class_name="input", custom_attrs=attrs, **props)
    return field(label, control, name=name, hint=hint, error=error, optional=optional)


def text_area(
    label: Any, *, name: str, rows: int = 3, hint: Any = None, error: Any = None, optional: bool = False,
    test_id: str = "", **props: Any,
) -> rx.Component:  # fmt: skip
    """A multi-line input with its label."""
    attrs = _attrs(name, test_id, error, hint is not None, props.pop("custom_attrs", {})) | {
        "rows": str(rows)
    }
    control = rx.el.textarea(name=name, id=name, class_name="input", custom_attrs=attrs, **props)
    return field(label, control, name=name, hint=hint, error=error, optional=optional)


def select_field(
    label: Any, options: Iterable[tuple[str, str]] | rx.Var[Any], *, name: str, hint: Any = None,
    error: Any = None,
    optional: bool = False, test_id: str = "", **props: Any,
) -> rx.Component:  # fmt: skip
    """A native select; `options` are (value, label) pairs, or a Var of a list of such pairs
    (list[list[str]]).
    """
    attrs = _attrs(name, test_id, error, hint is not None, props.pop("custom_attrs", {}))
    control = bare_select(options, name=name, custom_attrs=attrs, **props)
    return field(label, control, name=name, hint=hint, error=error, optional=optional)


def bare_select(options: Iterable[tuple[str, str]] | rx.Var[Any], *, name: str, **props: Any) -> rx.Component:
    """The select alone, for a toolbar: give `custom_attrs={"aria-label": ...}`."""
    if isinstance(options, rx.Var):
        drawn = [rx.foreach(options, lambda pair: rx.el.option(pair[1], value=pair[0]))]
    else:
        drawn = [rx.el.option(label, value=value) for value, label in options]
    return rx.el.select(*drawn, name=name, id=props.pop("id", name), class_name="input select", **props)


def check_field(label: Any, *, name: str, hint: Any = None, test_id: str = "", **props: Any) -> rx.Component:
    """A checkbox with its label right of it."""
    attrs = {"data-testid": test_id or name} | props.pop("custom_attrs", {})
    return rx.el.label(
        rx.el.input(type="checkbox", name=name, custom_attrs=attrs, **props),
        rx.el.span(label, rx.el.span(hint, class_name="sub block") if hint is not None else rx.fragment()),
        class_name="check",
    )


def radio_field(
    label: Any, *, name: str, value: Any, hint: Any = None, test_id: str = "", **props: Any
) -> rx.Component:
    """One choice of a radio group (wrap the group in `choice_group`)."""
    attrs = {"data-testid": test_id or f"{name}-{value}"} | props.pop("custom_attrs", {})
    return rx.el.label(
        rx.el.input(type="radio", name=name, value=value, custom_attrs=attrs, **props),
        rx.el.span(label, rx.el.span(hint, class_name="sub block") if hint is not None else rx.fragment()),
        class_name="check",
    )


def choice_group(
    legend: Any, *choices: rx.Component, hide_legend: bool = False, name: str = "", error: Any = None
) -> rx.Component:
    """A fieldset of checkboxes or radio buttons; with `name` and `error` (as in `field`) of radio buttons only."""
    head = rx.el.legend(legend, class_name="sr-only" if hide_legend else "")
    if error is None:
        return rx.el.fieldset(head, *choices, class_name="choices")
    attrs = {"role": "radiogroup"} | named_in_error(name, error)
    return rx.el.fieldset(head, *choices, error_line(name, error), class_name="choices", custom_attrs=attrs)


def search_field(
    label: str, *, name: str, placeholder: str, on_change: Any, test_id: str = "", **props: Any
) -> rx.Component:
    """A search input with an icon; the label is for screen readers."""
    attrs = {"data-testid": test_id or name, "aria-label": label, "autoComplete": "off"} | props.pop(
        "custom_attrs", {}
    )
    return rx.el.div(
        icon("search"),
        rx.el.input(
            name=name, id=props.pop("id", name), type="search", placeholder=placeholder, on_change=on_change,
            class_name="input", custom_attrs=attrs, **props,
        ),
        class_name="search",
    )  # fmt: skip


def filter_bar(*children: Any, label: str = "Filters") -> rx.Component:
    """The line of filters above a list."""
    return rx.el.div(*children, class_name="filter-bar", role="group", custom_attrs={"aria-label": label})


def filter_link(
    label: Any, *, href: Any, selected: Any, count: Any = None, test_id: str = ""
) -> rx.Component:
    """One choice of a filter as a link: the filter lives in the address, replaced without a reload."""
    attrs: dict[str, Any] = {"aria-current": rx.cond(selected, "true", "false")}
    if test_id:
        attrs["data-testid"] = test_id
    return link(
        rx.el.span(label),
        rx.el.span(number(count), class_name="count") if count is not None else rx.fragment(),
        href=href, replace=True, class_name="filter-link", custom_attrs=attrs,
    )  # fmt: skip
