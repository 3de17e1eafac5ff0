"""Step 2 of the wizard: which medicines take part, with the reason for those that do not."""

from typing import Any

import reflex as rx

from medsync_app.auth.permissions import Permission
from medsync_app.ui.components.buttons import icon
from medsync_app.ui.components.feedback import banner, empty_state
from medsync_app.ui.components.forms import bare_select
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.problems import error_of
from medsync_app.ui.components.shell import may
from medsync_app.ui.components.tables import Column, data_table
from medsync_app.ui.components.text import due_date
from medsync_app.ui.pages.enroll_parts import footer
from medsync_app.ui.states.enroll import EnrollState


def medicines_step() -> rx.Component:
    """The step."""
    columns = [
        Column("Medicine", wide=True), Column("Last fill", minor=True), Column("Runs out"),
        Column("Days supply"), Column("Refills left"), Column("PA ends"),
    ]  # fmt: skip
    problem = error_of("medicines")
    return rx.el.form(
        household(),
        rx.cond(
            EnrollState.medicines.length() > 0,
            rx.fragment(
                data_table(
                    columns,
                    EnrollState.medicines,
                    _cells,
                    caption="Medicines of the patient",
                    test_id="medicines",
                ),
                rx.el.div(
                    rx.cond(
                        problem != "", rx.el.p(icon("circle_alert", 14), problem, class_name="field-error")
                    ),
                    role="alert",
                ),
                footer("Choose the date", back=1),
            ),
            card(
                empty_state(
                    "No medicine of this patient is known. Import a dispensing export, then go on here.",
                    icon_name="pill",
                )
            ),
        ),
        on_submit=EnrollState.save_medicines,
        class_name="stack",
        key=EnrollState.draft_id,
    )


def household() -> rx.Component:
    """Others with the same phone or address."""

    def mate(one: Any) -> rx.Component:
        return rx.el.span(f"{one['name']} ({one['why']}) {one['said']}. ")

    return rx.cond(
        EnrollState.mates.length() > 0,
        banner(
            rx.el.span("Same household: ", rx.foreach(EnrollState.mates, mate)),
            tone="info",
            icon_name="house",
            test_id="household",
        ),
    )


def _cells(row: Any) -> list[Any]:
    key = row["id"].to(str)
    take = rx.el.label(
        rx.el.input(
            type="checkbox",
            name=f"take-{key}",
            default_checked=row["ticked"].to(bool),
            key=f"take-{row['ticked']}",
            disabled=row["locked"].to(bool),
            custom_attrs={"data-testid": "take"},
        ),
        rx.el.span(
            rx.el.span(row["name"], class_name="strong"),
            rx.cond(row["rx"] != "", rx.el.span(f" Rx {row['rx']}", class_name="sub nowrap")),
            rx.cond(row["reason"] != "", rx.el.span(row["reason"], class_name="sub block reason")),
        ),
        class_name="check",
    )
    return [
        rx.el.div(take, _same_drug(row)),
        rx.el.span(row["last"], class_name="nowrap"),
        due_date(row["due"]),
        _number(row, f"days-{key}", row["days"], "Days supply", 1, 999),
        rx.cond(
            row["has_rx"],
            _number(row, f"refills-{key}", row["refills"], "Refills left", 0, 99),
            rx.el.span("no Rx", class_name="sub"),
        ),
        _input(row, f"pa-{key}", row["pa"], "Prior authorization ends", type="date", class_name="input date"),
    ]  # fmt: skip


def _same_drug(row: Any) -> rx.Component:
    """Whether a newer drug of the same ingredient replaces this one; a pharmacist answers."""
    question = bare_select(
        (
            ("", "Replaced, or taken together?"),
            ("replaced", "The newer one replaces it"),
            ("together", "Both are taken"),
        ),
        name=f"same-{row['id'].to(str)}",
        default_value=row["answer"],
        key=f"same-{row['answer']}",
        disabled=~may(Permission.OVERRIDE),
        custom_attrs={"aria-label": f"{row['asks']}: {row['name']}", "data-testid": "same-drug"},
    )
    return rx.cond(row["asks"] != "", rx.el.div(rx.el.p(row["asks"], class_name="sub"), question))


def _number(row: Any, name: Any, value: Any, what: str, least: int, most: int) -> rx.Component:
    return _input(row, name, value, what, type="number", min=least, max=most, class_name="input short num")


def _input(row: Any, name: Any, value: Any, what: str, **props: Any) -> rx.Component:
    """An input in the table, with its error below it."""
    error = error_of(name)
    return rx.el.div(
        rx.el.input(
            name=name, default_value=value, key=f"{name}-{value}",
            custom_attrs={
                "aria-label": f"{what} of {row['name']}", "aria-invalid": rx.cond(error != "", "true", "false"),
                "data-testid": what.lower().replace(" ", "-"),
            },
            **props,
        ),
        rx.cond(error != "", rx.el.span(error, class_name="field-error", role="alert")),
    )  # fmt: skip
