"""Patients: everybody the pharmacy knows, enrolled or not."""

from typing import Any

import reflex as rx

from medsync_app.auth.permissions import Permission
from medsync_app.ui.components.buttons import link_button
from medsync_app.ui.components.chips import state_chip
from medsync_app.ui.components.feedback import empty_state
from medsync_app.ui.components.list_page import list_filters, listed
from medsync_app.ui.components.shell import may, shell
from medsync_app.ui.components.tables import Column
from medsync_app.ui.components.text import due_date, patient_link
from medsync_app.ui.states.patients import PatientsState

GROUPS = {"": "All", "enrolled": "Enrolled", "paused": "Paused", "ended": "Ended", "none": "Not enrolled"}

COLUMNS = (
    Column("Patient", "name", wide=True),
    Column("Born", "birth"),
    Column("Phone", minor=True),
    Column("Programme"),
    Column("Next pickup", "next"),
    Column("Medicines", "drugs", number=True),
)


def patients_page() -> rx.Component:
    """The page."""
    return shell(
        list_filters(PatientsState, GROUPS, placeholder="Name, Rx number or phone"),
        listed(
            PatientsState,
            COLUMNS,
            _cells,
            name="Patients",
            all_link=("Show everybody", "/patients"),
            nothing=_nothing(),
        ),
        title="Patients",
        active="/patients",
        loaded=PatientsState.loaded,
        retry=PatientsState.load,
        poll=PatientsState.poll,
    )


def _cells(row: Any) -> list[Any]:
    name = rx.el.div(
        patient_link(row["id"], row["name"]),
        rx.cond(row["place"] != "", rx.el.div(row["place"], class_name="sub nowrap")),
    )
    born = rx.el.div(
        rx.el.span(row["born"], class_name="nowrap num"), rx.el.div(row["age"], class_name="sub nowrap")
    )
    upcoming = rx.cond(
        row["cycle_state"] != "",
        rx.el.div(due_date(row["next"]), state_chip(row["cycle_state"]), class_name="next-pickup"),
        rx.el.span("-", class_name="sub"),
    )
    return [
        name,
        born,
        rx.el.span(row["phone"], class_name="nowrap num"),
        state_chip(row["state"], "enrollment"),
        upcoming,
        row["drugs"],
    ]


def _nothing() -> rx.Component:
    return empty_state(
        "No patients yet. They come with the first import of a dispensing export.",
        rx.cond(
            may(Permission.IMPORT_DATA),
            link_button("Import a file", href="/settings?tab=import", variant="primary", icon_name="upload"),
        ),
        icon_name="users",
    )
