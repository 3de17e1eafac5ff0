"""The panel of the Patient page that merges a duplicate: who it may be, and what would happen before it is saved."""

from typing import Any

import reflex as rx

from medsync_app.auth.permissions import Permission
from medsync_app.ui.components.buttons import button
from medsync_app.ui.components.feedback import problem_line
from medsync_app.ui.components.forms import choice_group, radio_field, search_field, text_field
from medsync_app.ui.components.overlays import side_panel
from medsync_app.ui.components.problems import error_of, other_problem
from medsync_app.ui.components.shell import may
from medsync_app.ui.states.patient import PatientState
from medsync_app.ui.states.patient_merge import OTHER, THIS, PatientMergeState
from medsync_app.ui.states.patient_merge_views import CandidateView, DateChoice

_FORM = "merge-form"
_STAYS_HERE = "Its name, numbers and wishes count; its page stays where it is."


def merge_button() -> rx.Component:
    """Opens the panel; a pharmacist's."""
    return rx.cond(
        may(Permission.OVERRIDE),
        button(
            "Merge a duplicate", on_click=PatientMergeState.ask_merge(PatientState.patient_id),
            icon_name="merge", variant="quiet", test_id="ask-merge",
        ),
    )  # fmt: skip


def merge_panel() -> rx.Component:
    """The panel."""
    looking = PatientMergeState.looking
    return side_panel(
        problem_line(other_problem("reason"), test_id="panel-problem"),
        rx.cond(looking, _consequences(), _choice()),
        open=PatientMergeState.merge_open,
        over=rx.cond(looking, f"merge.{PatientMergeState.other_id}", "merge"),
        on_close=PatientMergeState.keep_apart,
        title=rx.el.span("Merge a duplicate of ", PatientState.head["name"]),
        footer=rx.cond(
            looking,
            rx.fragment(
                button(
                    "Merge the two records", type="submit", variant="danger", test_id="merge-yes",
                    disabled=PatientMergeState.what["kept"] == "", custom_attrs={"form": _FORM},
                ),
                button("Another record", on_click=PatientMergeState.another, test_id="merge-another"),
            ),
            button("Keep them apart", on_click=PatientMergeState.keep_apart),
        ),
        test_id="merge",
    )  # fmt: skip


def _choice() -> rx.Component:
    def one(row: Any) -> rx.Component:
        return rx.el.li(
            rx.el.div(
                rx.el.div(row["name"], class_name="strong"), rx.el.div(row["facts"], class_name="sub")
            ),
            button(
                "Look", on_click=PatientMergeState.look(row["id"].to(str)), small=True,
                custom_attrs={"aria-label": f"Look at merging {row['name']}", "data-testid": "merge-look"},
            ),
            class_name="line",
            key=row["id"],
        )  # fmt: skip

    found = PatientMergeState.found.to(list[CandidateView])
    return rx.el.div(
        rx.el.p("Two records of one person become one. Nothing is saved before you have seen what happens."),
        search_field(
            "Find the other record", name="merge-search", placeholder="Name, Rx number or phone",
            on_change=PatientMergeState.search_duplicate.debounce(200),
        ),
        rx.el.h3(rx.cond(PatientMergeState.searched, "Found", "Likely the same person")),
        rx.cond(
            PatientMergeState.found.length() > 0,
            rx.el.ul(rx.foreach(found, one), class_name="lines", custom_attrs={"data-testid": "merge-found"}),
            rx.el.p(
                rx.cond(
                    PatientMergeState.searched, "Nobody else fits.",
                    "No other record has the same name and birth date, or the same phone. Search for one.",
                ),
                class_name="muted",
            ),
        ),
        class_name="stack",
    )  # fmt: skip


def _consequences() -> rx.Component:
    what = PatientMergeState.what
    return rx.el.form(
        choice_group(
            "Which record stays?",
            _record(THIS, f"This one: {PatientMergeState.this_one}", _STAYS_HERE),
            _record(OTHER, f"The other one: {PatientMergeState.other_one}", "This page then leads to it."),
        ),
        rx.cond(
            what["choices"].length() > 0,
            rx.el.fieldset(
                rx.el.legend("Which pickup date stays?"),
                rx.foreach(what["choices"].to(list[DateChoice]), _date),
                class_name="choices",
            ),
        ),
        rx.cond(what["kept"] != "", _what_happens()),
        text_field(
            "Why are they the same person?", name="reason", placeholder="Same phone and address, asked the patient",
            max_length=500, error=error_of("reason"),
        ),
        on_submit=PatientMergeState.merge,
        id=_FORM,
        class_name="stack",
        key=f"merge-{PatientMergeState.merge_key}",
    )  # fmt: skip


def _record(value: str, label: Any, hint: str) -> rx.Component:
    return radio_field(
        label, name="stays", value=value, hint=hint, checked=PatientMergeState.stays == value,
        on_change=PatientMergeState.choose_record(value),
    )  # fmt: skip


def _date(one: Any) -> rx.Component:
    return radio_field(
        one["label"], name="enrollment", value=one["id"], test_id="merge-date", checked=one["chosen"],
        on_change=PatientMergeState.choose_date(one["id"].to(str)), key=one["id"],
    )  # fmt: skip


def _what_happens() -> rx.Component:
    what = PatientMergeState.what
    return rx.el.div(
        rx.el.h3("What happens"),
        rx.el.ul(
            rx.el.li(what["date"]),
            rx.el.li(f"Moves to {what['kept']}: {what['moves']}."),
            rx.cond(what["same"] != "", rx.el.li(f"Become one medicine: {what['same']}.")),
            rx.el.li("Files and texts that name the record that goes lead to the one that stays."),
            rx.el.li("This cannot be undone; the history keeps what moved."),
            class_name="sentences",
        ),
        _part("To look at", what["warnings"], "merge-warnings"),
        _part("Messages withdrawn", what["withdrawn"], "merge-withdrawn"),
        _part("Messages queued", what["queued"], "merge-queued"),
        rx.cond(what["unchanged"] != "", rx.el.p(what["unchanged"], class_name="sub")),
        class_name="stack tight",
        custom_attrs={"data-testid": "merge-what", "aria-live": "polite"},
    )


def _part(title: str, lines: Any, test_id: str) -> rx.Component:
    return rx.cond(
        lines.length() > 0,
        rx.el.div(
            rx.el.h4(title, class_name="strong"),
            rx.el.ul(
                rx.foreach(lines.to(list[str]), lambda line: rx.el.li(line, key=line)),
                class_name="sentences",
                custom_attrs={"data-testid": test_id},
            ),
        ),
    )
