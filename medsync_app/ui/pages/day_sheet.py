"""The day sheet: a plain list of one day's pickups, made to be printed."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button, download_link, here, link_button
from medsync_app.ui.components.chips import state_chip
from medsync_app.ui.components.feedback import changed_by_others, empty_state
from medsync_app.ui.components.shell import shell
from medsync_app.ui.components.tables import Column, data_table
from medsync_app.ui.components.text import patient_link
from medsync_app.ui.states.day_sheet import DaySheetState, SheetLine


def day_sheet_page() -> rx.Component:
    """The page."""
    columns = [Column("Patient"), Column("Medicines", wide=True), Column("State"), Column("Done")]
    return shell(
        changed_by_others(DaySheetState.changed),
        rx.cond(
            DaySheetState.rows.length() > 0,
            rx.el.div(
                data_table(columns, DaySheetState.rows, _cells, caption="Pickups of the day", test_id="sheet"),
                class_name="sheet",
            ),
            empty_state(
                "No pickup is planned on this day.",
                link_button("Back to the calendar", href=DaySheetState.back_href, icon_name="calendar_days"),
            ),
        ),
        title=rx.cond(DaySheetState.heading != "", DaySheetState.heading, "Day sheet"),
        subtitle=DaySheetState.summary,
        active="/calendar",
        actions=(
            link_button("Calendar", href=DaySheetState.back_href, icon_name="calendar_days", variant="quiet"),
            link_button("Day before", href=DaySheetState.previous_href, icon_name="chevron_left"),
            link_button("Day after", href=DaySheetState.next_href, icon_name="chevron_right"),
            rx.cond(
                DaySheetState.loaded, download_link("PDF", href=here(DaySheetState.pdf_href), id="day-pdf")
            ),
            button("Print", variant="primary", icon_name="printer", test_id="print",
                   custom_attrs={"data-print": ""}),
        ),
        loaded=DaySheetState.loaded,
        retry=DaySheetState.load,
        poll=DaySheetState.poll,
    )  # fmt: skip


def _cells(row: Any) -> list[Any]:
    def drug(one: Any) -> rx.Component:
        return rx.el.li(
            rx.el.span(class_name="box", custom_attrs={"aria-hidden": "true"}),
            rx.el.span(one["name"], class_name="strong"),
            rx.el.span(one["fill"], class_name="sub num"),
            rx.el.span(one["state"], class_name="sub"),
        )

    return [
        rx.el.div(
            patient_link(row["patient_id"], row["name"]),
            rx.cond(row["born"] != "", rx.el.div(row["born"], class_name="sub num nowrap")),
            rx.cond(row["phone"] != "", rx.el.div(row["phone"], class_name="sub num nowrap")),
            rx.cond(row["place"] != "", rx.el.div(row["place"], class_name="sub")),
        ),
        rx.el.ul(rx.foreach(row["drugs"].to(list[SheetLine]), drug), class_name="sheet-drugs"),
        rx.el.div(
            state_chip(row["state"], "cycle"),
            rx.cond(row["note"] != "", rx.el.div(row["note"], class_name="sub")),
        ),
        rx.el.span(class_name="box big", custom_attrs={"aria-hidden": "true"}),
    ]
