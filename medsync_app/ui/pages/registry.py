"""The list of pages: a page exists when it stands here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import reflex as rx

from medsync_app.ui import theme
from medsync_app.ui.pages.account import account_page
from medsync_app.ui.pages.adherence import adherence_page
from medsync_app.ui.pages.calendar import calendar_page
from medsync_app.ui.pages.candidates import candidates_page
from medsync_app.ui.pages.day_sheet import day_sheet_page
from medsync_app.ui.pages.enroll import enroll_page
from medsync_app.ui.pages.exceptions import exceptions_page
from medsync_app.ui.pages.level import level_page
from medsync_app.ui.pages.messages import messages_page
from medsync_app.ui.pages.not_found import not_found_page
from medsync_app.ui.pages.order_list import order_list_page
from medsync_app.ui.pages.patient import patient_page
from medsync_app.ui.pages.patients import patients_page
from medsync_app.ui.pages.settings import settings_page
from medsync_app.ui.pages.sign_in import sign_in_page
from medsync_app.ui.pages.today import today_page
from medsync_app.ui.pages.together import together_page
from medsync_app.ui.pages.workflow import workflow_page
from medsync_app.ui.states.account import AccountState
from medsync_app.ui.states.adherence import AdherenceState
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.calendar import CalendarState
from medsync_app.ui.states.candidates import CandidatesState
from medsync_app.ui.states.day_sheet import DaySheetState
from medsync_app.ui.states.enroll import EnrollState
from medsync_app.ui.states.exceptions import ExceptionsState
from medsync_app.ui.states.level import LevelState
from medsync_app.ui.states.messages import MessagesState
from medsync_app.ui.states.order_list import OrderListState
from medsync_app.ui.states.patient import PatientState
from medsync_app.ui.states.patient_care import PatientCareState
from medsync_app.ui.states.patient_contact import PatientContactState
from medsync_app.ui.states.patient_drugs import PatientDrugsState
from medsync_app.ui.states.patient_merge import PatientMergeState
from medsync_app.ui.states.patients import PatientsState
from medsync_app.ui.states.settings import SettingsState
from medsync_app.ui.states.settings_agreements import AgreementsState
from medsync_app.ui.states.settings_events import EventsState
from medsync_app.ui.states.settings_form_sources import FormSourcesState
from medsync_app.ui.states.settings_programs import ProgramsState
from medsync_app.ui.states.shell import ShellState
from medsync_app.ui.states.today import TodayState
from medsync_app.ui.states.together import TogetherState
from medsync_app.ui.states.workflow import WorkflowState
from medsync_app.ui.states.workflow_step import WorkflowStepState
from medsync_app.ui.states.workflow_trial import WorkflowTrialState


@dataclass(frozen=True)
class Page:
    """One page: its address, what draws it, the browser title, and the guarded handlers that fill it.

    A title never names a patient: it is prerendered, and stands in the browser's history.
    """

    route: str
    draw: Callable[[], rx.Component]
    title: str
    on_load: tuple[Any, ...] = ()
    #: Pages in the frame first fill the frame; the sign-in page and public forms stand alone.
    framed: bool = True


PAGES: tuple[Page, ...] = (
    Page("/sign-in", sign_in_page, "Sign in", framed=False),
    Page("/", today_page, "Today", (TodayState.load,)),
    Page("/calendar", calendar_page, "Calendar", (CalendarState.load,)),
    Page("/calendar/day", day_sheet_page, "Day sheet", (DaySheetState.load,)),
    Page("/calendar/order", order_list_page, "Order list", (OrderListState.load,)),
    Page("/calendar/level", level_page, "Level", (LevelState.look,)),
    Page("/enroll", enroll_page, "Enroll", (EnrollState.load,)),
    Page("/candidates", candidates_page, "Candidates", (CandidatesState.load,)),
    Page("/candidates/together", together_page, "Plan together", (TogetherState.look,)),
    Page("/adherence", adherence_page, "Adherence", (AdherenceState.load,)),
    Page("/patients", patients_page, "Patients", (PatientsState.load,)),
    Page(
        "/patient/[patient_key]",
        patient_page,
        "Patient",
        (
            PatientContactState.load_form,
            PatientDrugsState.load_form,
            PatientMergeState.load_merge,
            PatientState.load,
            PatientCareState.load_care,
        ),
    ),
    Page("/exceptions", exceptions_page, "Exceptions", (ExceptionsState.load,)),
    Page("/messages", messages_page, "Messages", (MessagesState.load,)),
    Page(
        "/workflow",
        workflow_page,
        "Workflow",
        (WorkflowState.load, WorkflowStepState.load, WorkflowTrialState.load),
    ),
    Page("/account", account_page, "Your account", (AccountState.load,)),
    Page(
        "/settings",
        settings_page,
        "Settings",
        (
            SettingsState.load,
            ProgramsState.load_programs,
            FormSourcesState.load_sources,
            EventsState.load_events,
            AgreementsState.load_agreements,
        ),
    ),
)


def add_pages(app: rx.App) -> None:
    """Add every page and the look to the app."""
    app.stylesheets.extend(theme.STYLESHEETS)
    app.head_components.extend(theme.head())
    for page in PAGES:
        frame = (AppState.open_page, ShellState.open_frame) if page.framed else ()
        app.add_page(
            page.draw, route=page.route, title=f"{page.title} - MedSync", on_load=[*frame, *page.on_load]
        )
    app.add_page(not_found_page, route="404", title="No such page - MedSync")
