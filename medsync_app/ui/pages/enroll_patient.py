"""Step 1 of the wizard: find the patient, go on with a draft, or add a patient by hand."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button, icon, link, link_button
from medsync_app.ui.components.chips import chip
from medsync_app.ui.components.forms import search_field, select_field
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.problems import error_of
from medsync_app.ui.pages.enroll_parts import field
from medsync_app.ui.states.enroll import EnrollState

_JOIN = EnrollState.join


def patient_step() -> rx.Component:
    """The step."""
    return rx.cond(EnrollState.adding, _by_hand(), rx.el.div(_find(), _drafts(), class_name="stack"))


def _find() -> rx.Component:
    return card(
        rx.el.div(
            search_field(
                "Search for a patient by name, Rx number or phone",
                name="find_patient",
                placeholder="Name, Rx number or phone",
                on_change=EnrollState.search.debounce(200),
                auto_focus=True,
            ),
            rx.el.div(
                rx.foreach(EnrollState.hits, lambda one: _hit(one, "hit")),
                rx.cond(
                    EnrollState.searched & (EnrollState.hits.length() == 0),
                    rx.el.p(
                        "Nobody fits. Check the spelling, or add the patient by hand.", class_name="muted"
                    ),
                ),
                class_name="pick-list",
                role="status",
                custom_attrs={"data-roving": ""},
            ),
            rx.el.p(
                "Not in the imported data? ",
                link("Add a patient by hand", href="/enroll?new=1", test_id="new-patient"),
                class_name="muted",
            ),
            class_name="stack",
        ),
        title="Who is it?",
    )


def _hit(one: Any, test_id: str) -> rx.Component:
    """A patient to choose; one who takes part already leads to the patient's page."""
    words = (rx.el.span(one["name"], class_name="strong"), rx.el.span(one["detail"], class_name="sub num"))
    return rx.cond(
        one["enrolled"],
        link(
            *words,
            chip("Enrolled", "good"),
            href=f"/patient/{one['id']}",
            class_name="pick",
            custom_attrs={"data-roving-item": ""},
        ),
        rx.el.button(
            *words,
            icon("chevron_right", 16),
            type="button",
            on_click=EnrollState.pick(one["id"].to(str)),
            class_name="pick",
            custom_attrs={"data-testid": test_id, "data-roving-item": ""},
        ),
    )


def _drafts() -> rx.Component:
    def draft(one: Any) -> rx.Component:
        return link(
            rx.el.span(one["name"], class_name="strong"),
            rx.el.span(one["step"], class_name="sub"),
            rx.el.span(one["detail"], class_name="sub grow"),
            icon("chevron_right", 16),
            href=one["href"],
            class_name="pick",
            test_id="draft",
        )

    return rx.cond(
        EnrollState.drafts.length() > 0,
        card(
            rx.el.div(rx.foreach(EnrollState.drafts, draft), class_name="pick-list"),
            title="Begun and not finished",
        ),
    )


def _by_hand() -> rx.Component:
    return rx.el.form(
        rx.cond(_JOIN["id"] != "", _asked()),
        rx.cond(_JOIN["known"] != "", _known(), _new_patient()),
        on_submit=EnrollState.add,
        class_name="stack",
        key=f"by-hand-{_JOIN['id']}",
    )


def _known() -> rx.Component:
    """The pharmacy system means somebody who was imported: nothing is typed again."""
    return card(
        rx.el.p(_JOIN["known_name"], class_name="strong"),
        rx.el.div(
            button(
                "Enroll this patient", on_click=EnrollState.pick(_JOIN["known"].to(str)), variant="primary",
                icon_name="arrow_right", test_id="enroll-known",
            ),
            class_name="toolbar",
        ),
        title="The patient",
        class_name="gap",
    )  # fmt: skip


def _new_patient() -> rx.Component:
    return rx.fragment(
        card(
            rx.el.div(
                field("First name", "first_name", auto_focus=True, default_value=_JOIN["first_name"]),
                field("Last name", "last_name", default_value=_JOIN["last_name"]),
                field("Date of birth", "birth_date", kind="date", default_value=_JOIN["birth_date"]),
                field("Mobile phone", "phone", kind="tel", optional=True, default_value=_JOIN["phone"]),
                rx.cond(
                    EnrollState.shops.length() > 0,
                    select_field(
                        "Location", EnrollState.shops, name="pharmacy", error=error_of("pharmacy")
                    ),
                ),
                class_name="form-grid",
            ),
            title="The patient",
        ),
        card(
            rx.el.p(
                "From the label of the last fill. Empty lines are left out.", class_name="muted"
            ),
            rx.el.div(rx.foreach(EnrollState.lines, _drug_line), class_name="drug-lines"),
            button("Another medicine", on_click=EnrollState.add_line, icon_name="plus", small=True,
                   test_id="add-line", custom_attrs={"data-often": ""}),
            title="Medicines taken all the time",
        ),
        _alike(),
        rx.el.div(
            link_button("Back to the search", href="/enroll", variant="quiet", icon_name="arrow_left"),
            button(
                rx.cond(EnrollState.alike.length() > 0, "It is somebody else: add", "Add and go on"),
                type="submit", variant="primary", icon_name="arrow_right", test_id="add-patient",
            ),
            class_name="wizard-foot",
        ),
    )  # fmt: skip


def _asked() -> rx.Component:
    """What the person wrote besides the fields."""
    return card(
        rx.cond(_JOIN["lacks"] != "", rx.el.p(chip(_JOIN["lacks"], "warn", icon_name="triangle_alert"))),
        rx.el.ul(
            rx.foreach(_JOIN["told"].to(list[str]), lambda words: rx.el.li(words)), class_name="sentences"
        ),
        rx.el.p(
            "Look at the label of the last fill: what is written here is what the person remembers.",
            class_name="muted",
        ),
        rx.el.div(
            button(
                "Put aside: nobody to enroll",
                on_click=EnrollState.put_aside,
                small=True,
                variant="quiet",
                icon_name="archive",
                test_id="put-aside",
            ),
            class_name="toolbar",
        ),
        title=_JOIN["title"],
        class_name="gap",
        test_id="asked",
    )


def _drug_line(line: Any) -> rx.Component:
    def cell(label: str, part: str, kind: str = "text", **props: Any) -> rx.Component:
        name = f"drug-{line}-{part}"
        error = error_of(name)
        return rx.el.div(
            rx.el.label(label, html_for=name),
            rx.el.input(
                name=name, id=name, type=kind, class_name="input",
                custom_attrs={
                    "data-testid": name, "aria-invalid": rx.cond(error != "", "true", "false"),
                    "aria-describedby": f"{name}-error",
                },
                **props,
            ),
            rx.el.div(
                rx.cond(error != "", rx.el.span(icon("circle_alert", 14), error, class_name="field-error")),
                id=f"{name}-error", role="alert",
            ),
            class_name="field",
        )  # fmt: skip

    return rx.el.fieldset(
        rx.el.legend(f"Medicine {line.to(int) + 1}", class_name="sr-only"),
        cell(
            "Name and strength",
            "name",
            placeholder="lisinopril 10 mg tablet",
            default_value=_JOIN["medicines"].to(list[str])[line.to(int)],
        ),
        cell("Last filled", "last", "date"),
        cell("Days", "days", "number", min=1, max=999),
        cell("Quantity", "quantity", "number", min=0, step="any", placeholder="as days"),
        cell("Refills left", "refills", "number", min=0, max=99),
        class_name="drug-line",
    )


def _alike() -> rx.Component:
    return rx.el.div(
        rx.cond(
            EnrollState.alike.length() > 0,
            card(
                rx.el.p("Look first whether one of these is the same person."),
                rx.el.div(
                    rx.foreach(EnrollState.alike, lambda one: _hit(one, "alike")), class_name="pick-list"
                ),
                title="There are patients like this already",
            ),
        ),
        role="status",
    )
