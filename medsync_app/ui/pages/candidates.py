"""Candidates: patients outside the programme who would gain by it, enrolled one after another."""

from typing import Any

import reflex as rx

from medsync_app.auth.permissions import Permission
from medsync_app.ui.components.buttons import button, download_link, here, icon, link_button
from medsync_app.ui.components.feedback import empty_state
from medsync_app.ui.components.layout import toolbar
from medsync_app.ui.components.list_page import list_filters, listed
from medsync_app.ui.components.shell import may, shell
from medsync_app.ui.components.tables import Column
from medsync_app.ui.components.text import due_date, hidden_text, patient_link
from medsync_app.ui.states.candidates import CandidatesState

GROUPS = {
    "": "All",
    "visits": "2 or more visits a month",
    "low": "Below 80 % of days covered",
    "drugs": "5 or more drugs",
}

COLUMNS = (
    Column("Patient", "name", wide=True),
    Column("Drugs", "drugs", number=True),
    Column("What they take", wide=True, minor=True),
    Column("Visits a month", "visits", number=True),
    Column("Days covered", "pdc", number=True),
    Column("Next common date"),
    Column(""),
)


def candidates_page() -> rx.Component:
    """The page."""
    return shell(
        list_filters(CandidatesState, GROUPS, placeholder="Name"),
        listed(
            CandidatesState,
            COLUMNS,
            _cells,
            name="Candidates",
            all_link=("Show all candidates", "/candidates"),
            nothing=_nothing(),
        ),
        title="Candidates",
        subtitle="Patients with two or more long-term drugs who are not enrolled.",
        active="/candidates",
        actions=(
            rx.cond(
                may(Permission.ENROLL),
                link_button(
                    "Plan together",
                    href="/candidates/together",
                    icon_name="chart_no_axes_column",
                    test_id="together",
                ),
            ),
            rx.cond(
                (CandidatesState.rows.length() > 0) & may(Permission.EXPORT),
                download_link("Export", href=here(CandidatesState.export), id="export-candidates"),
            ),
        ),
        loaded=CandidatesState.loaded,
        retry=CandidatesState.load,
        poll=CandidatesState.poll,
    )


def _cells(row: Any) -> list[Any]:
    name = rx.el.div(
        patient_link(row["id"], row["name"]),
        rx.cond(row["place"] != "", rx.el.div(row["place"], class_name="sub nowrap")),
        rx.cond(row["offer"] != "", rx.el.div(row["offer"], class_name="sub")),
    )
    covered = rx.cond(
        row["low"],
        rx.el.span(
            icon("circle_alert", 13), row["pdc"], hidden_text(" (below 80 %)"), class_name="due tone-warn"
        ),
        rx.el.span(row["pdc"]),
    )
    window = rx.cond(
        row["planned"],
        rx.cond(
            row["next"]["text"] != "", due_date(row["next"]), rx.el.span("no date fits yet", class_name="sub")
        ),
        rx.el.span("...", hidden_text("being planned"), class_name="sub"),
    )
    return [
        name,
        row["count"],
        rx.el.span(row["drugs"], class_name="sub", title=row["all_drugs"]),
        row["visits"],
        covered,
        window,
        rx.cond(
            may(Permission.ENROLL),
            toolbar(
                rx.cond(
                    row["may_decline"] & (row["offer"] != ""),
                    _note(row, "Said no", CandidatesState.decline(row["id"])),
                    _note(row, "Asked", CandidatesState.ask(row["id"])),
                ),
                _enroll(row),
            ),
        ),
    ]


def _note(row: Any, label: str, on_click: Any) -> rx.Component:
    return button(
        label,
        on_click=on_click,
        small=True,
        variant="quiet",
        custom_attrs={"aria-label": f"{label}: {row['name']}", "data-testid": "offer"},
    )


def _enroll(row: Any) -> rx.Component:
    return link_button(
        "Enroll",
        href=f"/enroll?patient={row['id']}",
        small=True,
        custom_attrs={"aria-label": f"Enroll {row['name']}", "data-testid": "enroll-one"},
    )


def _nothing() -> rx.Component:
    return empty_state(
        "No candidates. They are found in the dispensing exports you import: patients with two or more "
        "long-term drugs who are not enrolled.",
        rx.cond(
            may(Permission.IMPORT_DATA),
            link_button("Import a file", href="/settings?tab=import", icon_name="upload"),
        ),
        icon_name="user_search",
    )
