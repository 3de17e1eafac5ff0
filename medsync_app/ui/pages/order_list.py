"""The order list: what to have on the shelf for the coming pickups, made to be printed."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button, link_button
from medsync_app.ui.components.feedback import empty_state
from medsync_app.ui.components.forms import filter_bar, filter_link
from medsync_app.ui.components.shell import shell
from medsync_app.ui.components.tables import Column, data_table
from medsync_app.ui.components.text import due_date
from medsync_app.ui.states.order_list import PERIODS, DayUnits, OrderListState


def order_list_page() -> rx.Component:
    """The page."""
    columns = [
        Column("Medicine", wide=True),
        Column("Units", number=True),
        Column("Fills", number=True),
        Column("First needed"),
        Column("By day", wide=True),
    ]
    return shell(
        filter_bar(
            *(
                filter_link(
                    f"{days} days", href=f"/calendar/order?days={days}", selected=OrderListState.days == days,
                    test_id=f"days-{days}",
                )
                for days in PERIODS
            ),
            label="How far ahead",
        ),
        rx.cond(
            OrderListState.rows.length() > 0,
            data_table(
                columns, OrderListState.rows, _cells, caption="Units needed of each medicine", test_id="order"
            ),
            empty_state(
                "Nothing has to be filled in these days.",
                link_button("Back to the calendar", href="/calendar", icon_name="calendar_days"),
            ),
        ),
        title="Order list",
        subtitle=OrderListState.summary,
        active="/calendar",
        actions=(
            link_button("Calendar", href="/calendar", icon_name="calendar_days", variant="quiet"),
            button("Print", variant="primary", icon_name="printer", test_id="print",
                   custom_attrs={"data-print": ""}),
        ),
        loaded=OrderListState.loaded,
        retry=OrderListState.load,
        poll=OrderListState.poll,
    )  # fmt: skip


def _cells(row: Any) -> list[Any]:
    def one_day(need: Any) -> rx.Component:
        return rx.el.li(rx.el.span(need["day"]), rx.el.span(need["units"], class_name="strong"))

    return [
        rx.el.div(
            rx.el.div(row["drug"], class_name="strong"),
            rx.cond(row["ndc"] != "", rx.el.div(f"NDC {row['ndc']}", class_name="sub num")),
        ),
        rx.el.span(row["units"], class_name="strong"),
        row["fills"],
        due_date(row["first"]),
        rx.el.ul(rx.foreach(row["days"].to(list[DayUnits]), one_day), class_name="day-units num"),
    ]
