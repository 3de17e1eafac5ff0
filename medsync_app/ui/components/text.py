"""Small pieces of text that appear everywhere: a patient's link, a due date, a number, a list of facts."""

from typing import Any, Final

import reflex as rx
from reflex.vars import FunctionStringVar

from medsync_app.ui.components.buttons import icon, link

_WITH_COMMAS: Final[Any] = FunctionStringVar.create("((value) => value?.toLocaleString('en-US'))")


def patient_link(patient_id: Any, name: Any, **props: Any) -> rx.Component:
    """The patient's name leading to the patient's page (the id in the address is random)."""
    return link(name, href=f"/patient/{patient_id}", class_name="link strong", **props)


def sentences(text: Any) -> rx.Component:
    """A text of parts joined by "; " as a list, a part a line."""
    parts: Any = text.to(str).split("; ")
    return rx.el.ul(rx.foreach(parts, lambda part: rx.el.li(part)), class_name="sentences muted")


def due_date(due: Any, *, relative: bool = True) -> rx.Component:
    """A date as people say it; `due` is a Var of format.DueText. Lateness is colour, icon and words."""
    late = rx.match(
        due["tone"],
        ("bad", icon("circle_alert", 13)),
        ("warn", icon("clock", 13)),
        rx.fragment(),
    )
    return rx.el.span(
        late,
        rx.el.span(due["text"], class_name="nowrap"),
        rx.cond(due["relative"] != "", rx.el.span(due["relative"], class_name="sub nowrap"), rx.fragment())
        if relative
        else rx.fragment(),
        class_name=f"due tone-{due['tone']}",
        title=due["title"],
    )


def muted(*children: Any, **props: Any) -> rx.Component:
    """Text of second rank."""
    return rx.el.span(*children, class_name="muted", **props)


def two_lines(first: Any, second: Any) -> rx.Component:
    """A main line with a smaller one below it, as table cells use."""
    return rx.el.div(rx.el.div(first), rx.el.div(second, class_name="sub"), class_name="two-lines")


def facts(*pairs: tuple[str, Any]) -> rx.Component:
    """A list of label and value pairs."""
    rows = [rx.el.div(rx.el.dt(label), rx.el.dd(value)) for label, value in pairs]
    return rx.el.dl(*rows, class_name="facts")


def number(value: Any) -> rx.Var[Any]:
    """A number as people read it ("1,204"); text stays as it is."""
    return _WITH_COMMAS.call(value)


def hidden_text(*children: Any) -> rx.Component:
    """Text for screen readers only."""
    return rx.el.span(*children, class_name="sr-only")
