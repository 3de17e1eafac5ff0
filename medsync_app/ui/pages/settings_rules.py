"""The tab of rules."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button
from medsync_app.ui.components.feedback import empty_state
from medsync_app.ui.components.forms import check_field, search_field, select_field, text_field
from medsync_app.ui.components.layout import card, columns
from medsync_app.ui.components.overlays import form_dialog
from medsync_app.ui.components.problems import error_of
from medsync_app.ui.components.tables import Column, data_table
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.settings_rules import PATH_NAMES, PAYERS, RulesTabState


def rules_tab() -> rx.Component:
    """What holds for all of the pharmacy, then each prescriber."""
    return rx.el.div(
        columns(rx.el.div(_usual_path(), _on_request(), _months(), class_name="stack"), _shares()),
        _doctors(),
        _doctor_form(),
        class_name="stack",
    )


def _usual_path() -> rx.Component:
    return card(
        rx.el.form(
            select_field(
                "Prescribers without a way of their own", RulesTabState.paths, name="path",
                default_value=RulesTabState.usual_path, key=RulesTabState.usual_path, error=error_of("path"),
            ),
            rx.cond(RulesTabState.by_hand != "", rx.el.p(RulesTabState.by_hand, class_name="sub")),
            rx.el.div(button("Save", type="submit", icon_name="check", test_id="save-path"), class_name="toolbar"),
            on_submit=RulesTabState.save_path,
            class_name="stack narrow",
        ),
        title="How renewal requests go out",
        class_name="gap",
    )  # fmt: skip


def _on_request() -> rx.Component:
    return card(
        rx.el.form(
            rx.el.p(
                "Some states forbid refills that nobody asked for. What these pay for is prepared once the patient has "
                "asked: by a reply, a call, or at the counter.",
                class_name="muted",
            ),
            *[
                check_field(
                    name, name=f"request_{payer}", default_checked=RulesTabState.on_request[payer],
                    key=f"{payer}-{RulesTabState.on_request[payer]}",
                )
                for payer, name in PAYERS.items()
            ],
            rx.el.div(
                button("Save", type="submit", icon_name="check", test_id="save-on-request"), class_name="toolbar"
            ),
            on_submit=RulesTabState.save_on_request,
            class_name="stack tight",
        ),
        title="Fill on request",
        class_name="gap",
    )  # fmt: skip


def _doctors() -> rx.Component:
    heads = [
        Column("Prescriber", wide=True),
        Column("Renewal requests"),
        Column("Known", number=True),
        Column(""),
    ]
    return card(
        search_field(
            "Find a prescriber by name", name="find_doctor", placeholder="Prescriber",
            on_change=RulesTabState.find_doctor.debounce(150),
        ),
        rx.cond(
            RulesTabState.doctors.length() > 0,
            data_table(heads, RulesTabState.doctors, _doctor_cells, caption="Prescribers", test_id="doctors"),
            empty_state("No prescriber fits. They come with the next import.", icon_name="user_search"),
        ),
        rx.cond(
            RulesTabState.more_doctors != "",
            rx.el.p(f"{RulesTabState.more_doctors} more: type a name.", class_name="sub"),
        ),
        title="Prescribers",
        class_name="gap",
    )  # fmt: skip


def _doctor_cells(row: Any) -> list[Any]:
    return [
        row["name"],
        rx.el.div(
            rx.el.div(row["way"]),
            rx.cond(row["fax"] != "", rx.el.div(row["fax"], class_name="sub num nowrap")),
            rx.cond(row["email"] != "", rx.el.div(row["email"], class_name="sub")),
        ),
        row["count"],
        rx.el.div(
            button(
                "Change", on_click=RulesTabState.ask_doctor(row["id"].to(str)), small=True,
                custom_attrs={"aria-label": f"Change {row['name']}", "data-testid": "ask-doctor"},
            ),
            class_name="row-action",
        ),
    ]  # fmt: skip


def _doctor_form() -> rx.Component:
    doctor = RulesTabState.doctor
    usual = (("", "As usual at this pharmacy"), *PATH_NAMES.items())
    on_a_field = (AppState.problem_field == "fax") | (AppState.problem_field == "email")
    return form_dialog(
        select_field("Renewal requests", usual, name="way", default_value=doctor["path"].to(str)),
        text_field(
            "Fax number", name="fax", kind="tel", default_value=doctor["fax"].to(str), error=error_of("fax"),
            optional=True,
        ),
        text_field(
            "E-mail address", name="email", kind="email", default_value=doctor["email"].to(str),
            error=error_of("email"), optional=True,
        ),
        open=RulesTabState.doctor_open,
        title=f"Renewal requests to {doctor['name']}",
        submit_label="Save",
        on_submit=RulesTabState.save_doctor,
        on_cancel=RulesTabState.leave_doctor,
        problem=rx.cond(on_a_field, "", AppState.problem),
        test_id="doctor-form", over=f"doctor.{doctor['id']}",
    )  # fmt: skip


def _shares() -> rx.Component:
    heads = [Column("Payer or plan", wide=True), Column("Pays again from", number=True), Column("")]
    return card(
        rx.el.p("The share of a supply that must be used before a payer pays for the next one.", class_name="muted"),
        data_table(
            heads, RulesTabState.shares,
            lambda row: [row["name"], row["share"], rx.el.span(row["usual"], class_name="sub nowrap")],
            caption="From which share payers pay again", test_id="shares",
        ),
        rx.el.form(
            text_field(
                "Payer or plan", name="plan", error=error_of("plan"), list="plan-names",
                hint="One of the list, or the name of a plan",
            ),
            rx.el.datalist(
                rx.foreach(RulesTabState.plan_names, lambda name: rx.el.option(value=name)), id="plan-names"
            ),
            text_field(
                "Pays again from, in percent", name="share", error=error_of("share"), optional=True,
                custom_attrs={"inputMode": "decimal"},
                hint="Left empty, the usual share holds again",
            ),
            rx.el.div(button("Save", type="submit", icon_name="check", test_id="save-share"), class_name="toolbar"),
            on_submit=RulesTabState.save_share,
            key=f"share-{RulesTabState.form_key}",
            class_name="stack narrow",
            no_validate=True,
        ),
        title="When payers pay again",
        class_name="gap",
    )  # fmt: skip


def _months() -> rx.Component:
    def one(label: str, kind: str) -> rx.Component:
        return text_field(
            label, name=f"months_{kind}", default_value=RulesTabState.months[kind], optional=True,
            custom_attrs={"inputMode": "numeric"}, error=error_of(f"months_{kind}"),
            key=f"{kind}-{RulesTabState.months[kind]}",
        )  # fmt: skip

    return card(
        rx.el.p(
            "Months after it was written, by the rule of your state. Left empty: 12 months, and 6 for schedule V. "
            "Schedules III and IV keep their 6 months everywhere.",
            class_name="muted",
        ),
        rx.el.form(
            one("Not controlled", "none"),
            one("Schedule V", "5"),
            rx.el.div(
                button("Save", type="submit", icon_name="check", test_id="save-months"), class_name="toolbar"
            ),
            on_submit=RulesTabState.save_months,
            class_name="stack narrow",
            no_validate=True,
        ),
        title="How long an Rx may be filled",
        class_name="gap",
    )
