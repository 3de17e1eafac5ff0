"""The cards of the Patient page."""

from typing import Any

import reflex as rx

from medsync_app.auth.permissions import Permission
from medsync_app.ui.components.buttons import button, file_link, icon, icon_button, link_button
from medsync_app.ui.components.chips import chip, state_chip
from medsync_app.ui.components.feedback import empty_state
from medsync_app.ui.components.forms import text_area
from medsync_app.ui.components.layout import card, scroll_box
from medsync_app.ui.components.problems import error_of
from medsync_app.ui.components.shell import may
from medsync_app.ui.components.tables import Column, data_table
from medsync_app.ui.components.text import due_date, facts
from medsync_app.ui.components.timeline import supply_timeline
from medsync_app.ui.pages.patient_contact import contact_card
from medsync_app.ui.states.patient import PatientState
from medsync_app.ui.states.patient_drugs import PatientDrugsState
from medsync_app.ui.states.patient_views import ItemView


def who() -> rx.Component:
    """Who the patient is and how to reach them."""
    head, taking = PatientState.head, PatientState.taking

    return rx.el.div(
        card(
            facts(
                ("Programme", state_chip(taking["state"], "enrollment")),
                ("Next pickup", rx.cond(taking["next"]["text"] != "", due_date(taking["next"]), "-")),
                ("Rhythm", rx.cond(taking["cadence"] != "", taking["cadence"], "-")),
                ("Enrolled", rx.cond(taking["since"] != "", taking["since"], "-")),
                ("Language", head["language"]),
                ("Gets it by", head["fulfilment"]),
                ("Location", head["place"]),
            ),
            rx.cond(taking["reason"] != "", rx.el.p(taking["reason"], class_name="muted reason")),
            title="Programme",
        ),
        contact_card(),
        class_name="columns",
    )


def supply() -> rx.Component:
    """The picture of supply and the drugs below it."""
    columns = [
        Column("Medicine", wide=True),
        Column("Supply until"),
        Column("Rx", minor=True),
        Column("Refills", number=True),
        Column("Rx expires", minor=True),
        Column(""),
    ]
    return card(
        rx.cond(
            PatientState.drugs.length() > 0,
            rx.fragment(
                rx.cond(
                    PatientState.picture["rows"].length() > 0,
                    rx.el.div(supply_timeline(PatientState.picture), class_name="pad"),
                ),
                data_table(columns, PatientState.drugs, _drug_cells, caption="Medicines", test_id="drugs"),
            ),
            empty_state(
                "No medicines are known. They come with the next import, or are added here.", icon_name="pill"
            ),
        ),
        title="Medicines",
        actions=rx.cond(
            may(Permission.CHANGE_DRUGS),
            button(
                "Add",
                on_click=PatientDrugsState.ask_add(PatientState.patient_id),
                small=True,
                icon_name="plus",
                test_id="ask-add-drug",
            ),
        ),
        class_name="flush",
    )


def _drug_cells(row: Any) -> list[Any]:
    name = rx.el.div(
        rx.el.div(row["name"], class_name=rx.cond(row["active"], "strong", "muted")),
        rx.cond(row["note"] != "", rx.el.div(row["note"], class_name="sub")),
    )
    number = rx.el.div(
        rx.el.div(row["rx"], class_name="num nowrap"), rx.el.div(row["prescriber"], class_name="sub")
    )
    stop = rx.cond(
        row["active"] & may(Permission.CHANGE_DRUGS),
        rx.fragment(
            icon_button(
                f"Change {row['name']}: dose, days supply, payer's rule",
                "pencil",
                on_click=PatientDrugsState.ask_dose(row["id"].to(str), row["name"].to(str)),
                test_id="ask-dose",
            ),
            icon_button(
                f"Stop {row['name']}", "circle_stop", on_click=PatientState.ask_discontinue(row["id"].to(str))
            ),
        ),
    )
    return [
        name,
        due_date(row["until"]),
        number,
        row["refills"],
        due_date(row["expires"], relative=False),
        rx.el.div(stop, class_name="row-action"),
    ]


def cycles() -> rx.Component:
    """The batches, open ones first."""
    return card(
        rx.cond(
            PatientState.cycles.length() > 0,
            rx.el.ul(rx.foreach(PatientState.cycles, _cycle), class_name="lines"),
            empty_state(
                "No batch is planned. Enroll the patient to get one date for all medicines.",
                icon_name="calendar_plus",
            ),
        ),
        title="Batches",
        test_id="cycles",
    )


def _cycle(row: Any) -> rx.Component:
    this = (row["id"].to(str), row["version"].to(int))

    def act(label: str, handler: Any, glyph: str, variant: str = "default") -> rx.Component:
        return button(
            label, on_click=handler, small=True, icon_name=glyph, variant=variant, test_id="cycle-act"
        )

    acts = rx.match(
        row["act"],
        ("approve", act("Approve plan", PatientState.approve(*this), "clipboard_check")),
        ("ready", act("Mark ready", PatientState.mark_ready(*this), "package_check")),
        ("pickup", act("Picked up", PatientState.picked_up(*this), "shopping_bag")),
        rx.fragment(),
    )
    back = rx.match(
        row["back"],
        ("ready", act("Not ready after all", PatientState.not_ready(*this), "undo_2", "quiet")),
        ("pickup", act("Not picked up after all", PatientState.not_picked_up(*this), "undo_2", "quiet")),
        rx.fragment(),
    )
    return rx.el.li(
        rx.el.div(
            rx.el.div(
                rx.el.span(row["title"], class_name="strong", title=row["full"]),
                rx.el.span(row["relative"], class_name="sub"),
                state_chip(row["state"]),
                rx.el.span(row["kind"], class_name="sub"),
                class_name="cycle-head",
            ),
            rx.el.div(back, acts, class_name="toolbar"),
            class_name="line wrap",
        ),
        rx.cond(row["note"] != "", rx.el.p(row["note"], class_name="sub")),
        rx.el.details(
            rx.el.summary(row["count"], class_name="sub"),
            rx.el.ul(rx.foreach(row["items"].to(list[ItemView]), _item), class_name="items"),
            open=row["open"],
            class_name="more",
        ),
        key=row["id"],
        custom_attrs={"data-testid": "cycle"},
    )


def _item(one: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.span(one["name"]),
            rx.el.span(one["detail"], class_name="sub"),
            class_name="item-text",
        ),
        rx.el.div(
            rx.cond(
                one["problem"] != "",
                rx.el.span(icon("triangle_alert", 13), one["problem"], class_name="missing"),
            ),
            state_chip(one["state"], "item"),
            class_name="toolbar",
        ),
        class_name="line wrap",
    )


def talk() -> rx.Component:
    """What will be said, and the conversation in both directions."""
    return card(
        rx.cond(
            PatientState.coming.length() > 0,
            rx.el.div(
                rx.el.h3("Coming"),
                rx.el.ul(rx.foreach(PatientState.coming, _utterance), class_name="talk"),
                class_name="part",
            ),
        ),
        rx.cond(
            PatientState.past.length() > 0,
            rx.el.div(
                rx.el.h3("So far"), rx.el.ul(rx.foreach(PatientState.past, _utterance), class_name="talk")
            ),
            rx.el.p("Nothing was said yet.", class_name="muted"),
        ),
        title="Conversation",
        test_id="conversation",
    )


def _utterance(one: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.cond(
                one["inbound"],
                rx.el.span(icon("reply", 13), "Patient", class_name="chip tone-info"),
                state_chip(one["state"], "action"),
            ),
            rx.el.span(one["what"], class_name="strong"),
            rx.el.span(one["at"], class_name="sub"),
            class_name="chips",
        ),
        rx.cond(one["text"] != "", rx.el.p(one["text"], class_name="bubble")),
        rx.cond(one["reason"] != "", rx.el.p(one["reason"], class_name="sub")),
        class_name=rx.cond(one["inbound"], "said theirs", "said"),
        key=one["id"],
    )


def adherence() -> rx.Component:
    """PDC of this year by class and drug, with what is left of the days a patient can afford."""

    def measure(one: Any) -> rx.Component:
        return rx.el.li(
            rx.el.div(
                rx.el.span(one["label"], class_name="strong"),
                rx.el.span(one["pdc"], class_name="strong num"),
                class_name="line",
            ),
            rx.el.div(
                rx.el.div(style={"width": one["width"]}, class_name="meter-fill"),
                rx.el.div(class_name="meter-goal"),
                class_name=f"meter tone-{one['tone']}",
                custom_attrs={"aria-hidden": "true"},
            ),
            rx.el.div(
                chip(one["verdict"], one["tone"]),
                rx.el.span(f"Gap days this year: {one['left']}", class_name="sub"),
                rx.cond(one["note"] != "", rx.el.span(one["note"], class_name="sub")),
                class_name="chips",
            ),
            rx.el.div(one["gaps"], class_name="sub"),
            key=one["label"],
        )

    return card(
        rx.cond(
            PatientState.measures.length() > 0,
            rx.el.ul(rx.foreach(PatientState.measures, measure), class_name="lines"),
            rx.el.p("No fills this year to measure.", class_name="muted"),
        ),
        title="Adherence this year (PDC)",
        test_id="adherence",
    )


def tasks() -> rx.Component:
    """Exceptions of the patient."""

    def task(one: Any) -> rx.Component:
        return rx.el.li(
            rx.el.div(one["kind"], class_name="strong"),
            state_chip(one["state"], "exception"),
            rx.el.div(
                rx.el.div(one["summary"], class_name="sub"),
                rx.cond(one["outcome"] != "", rx.el.div(one["outcome"], class_name="sub")),
                rx.cond(one["open"], due_date(one["due"])),
                class_name="below",
            ),
            class_name="line",
            key=one["id"],
        )

    return card(
        rx.cond(
            PatientState.tasks.length() > 0,
            rx.el.ul(rx.foreach(PatientState.tasks, task), class_name="lines"),
            rx.el.p("Nothing is open.", class_name="muted"),
        ),
        title="Exceptions",
        actions=link_button("Board", href="/exceptions", variant="quiet", small=True),
    )


def documents() -> rx.Component:
    """Sheets to take home, in both languages."""

    def sheet(name: str, what: str) -> rx.Component:
        base = f"/api/v1/print/patient/{PatientState.patient_id}/{what}.pdf"
        return rx.el.li(
            rx.el.span(name),
            rx.el.span(
                file_link(
                    "English", href=f"{base}?lang=en", custom_attrs={"aria-label": f"{name}, English (PDF)"}
                ),
                file_link(
                    "Spanish", href=f"{base}?lang=es", custom_attrs={"aria-label": f"{name}, Spanish (PDF)"}
                ),
                class_name="toolbar",
            ),
            class_name="line",
        )

    return card(
        rx.el.ul(
            sheet("Calendar in large print", "calendar"),
            sheet("Agreement to sign", "agreement"),
            class_name="lines",
        ),
        title="Documents",
        test_id="documents",
    )


def notes() -> rx.Component:
    """Notes of the staff, and what people did."""

    def note(one: Any) -> rx.Component:
        return rx.el.li(
            rx.el.div(one["head"], class_name="sub"), rx.el.div(one["text"], class_name="pre"), key=one["id"]
        )

    form = rx.el.form(
        text_area("New note", name="text", rows=2, error=error_of("text")),
        button("Keep note", type="submit", small=True, test_id="keep-note"),
        on_submit=PatientState.add_note,
        key=f"note-{PatientState.note_key}",
        class_name="stack tight",
    )
    return rx.fragment(
        card(form, rx.el.ul(rx.foreach(PatientState.notes, note), class_name="lines notes"), title="Notes"),
        card(
            rx.cond(
                PatientState.history.length() > 0,
                scroll_box(
                    rx.el.ul(rx.foreach(PatientState.history, note), class_name="lines"),
                    label="What was done, newest first",
                ),
                rx.el.p("Nobody has done anything here yet.", class_name="muted"),
            ),
            title="History",
            test_id="history",
        ),
    )
