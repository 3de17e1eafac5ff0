"""The tab of the audit log."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button, link
from medsync_app.ui.components.chips import chip
from medsync_app.ui.components.feedback import empty_state
from medsync_app.ui.components.forms import bare_select, filter_bar
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.tables import Column, data_table, pager
from medsync_app.ui.states.settings_audit import AuditTabState


def audit_tab() -> rx.Component:
    """Filters, the check, and the rows."""
    return rx.fragment(
        filter_bar(
            bare_select(
                AuditTabState.act_options, name="act", value=AuditTabState.act, on_change=AuditTabState.choose_act,
                custom_attrs={"aria-label": "Act", "data-testid": "act"},
            ),
            bare_select(
                AuditTabState.people_options, name="by", value=AuditTabState.person,
                on_change=AuditTabState.choose_person, custom_attrs={"aria-label": "Person", "data-testid": "by"},
            ),
            button(
                rx.cond(AuditTabState.checking, "Checking ...", "Check the log"), on_click=AuditTabState.verify,
                disabled=AuditTabState.checking, icon_name="shield_check", test_id="verify",
            ),
            rx.el.div(
                rx.cond(AuditTabState.verdict != "", chip(AuditTabState.verdict, AuditTabState.verdict_tone)),
                role="status",
                custom_attrs={"data-testid": "verdict"},
            ),
        ),
        rx.cond(AuditTabState.total > 0, _list(), _nothing()),
    )  # fmt: skip


def _list() -> rx.Component:
    heads = [
        Column("When"),
        Column("Who"),
        Column("What", wide=True),
        Column("About"),
        Column("Detail", wide=True),
    ]
    return rx.fragment(
        data_table(heads, AuditTabState.rows, _cells, caption="Audit log", test_id="audit"),
        pager(
            AuditTabState.pages, previous_href=AuditTabState.previous_href, next_href=AuditTabState.next_href
        ),
    )


def _cells(row: Any) -> list[Any]:
    return [
        rx.el.span(row["when"], class_name="nowrap num"),
        rx.el.span(row["who"], class_name="nowrap"),
        row["act"],
        rx.cond(row["patient_href"] != "", link(row["subject"], href=row["patient_href"]), row["subject"]),
        rx.el.span(row["detail"], class_name="sub wrap-anywhere"),
    ]


def _nothing() -> rx.Component:
    return card(
        empty_state(
            "Nothing fits. What people see, change and export is written here.", icon_name="scroll_text"
        )
    )
