"""Messages: what comes, went, waits or failed, why, and what can be done about it."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button, link, link_button
from medsync_app.ui.components.chips import chip, state_chip
from medsync_app.ui.components.feedback import empty_state, problem_line
from medsync_app.ui.components.forms import filter_bar, filter_link, text_area
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.overlays import side_panel
from medsync_app.ui.components.shell import shell
from medsync_app.ui.components.tables import Column, data_table, pager
from medsync_app.ui.components.text import due_date, facts, patient_link
from medsync_app.ui.states.messages import MessagesState
from medsync_app.ui.states.messages_view import TryView

TABS = {
    "coming": "Coming", "sent": "Sent", "held": "Held", "failed": "Failed", "doubt": "In doubt",
    "unsent": "Not sent", "replies": "Replies",
}  # fmt: skip
EMPTY = {
    "coming": "No message is coming. Enroll a patient, and the reminders of each pickup stand here.",
    "sent": "No message went out in the last 90 days.",
    "held": "Nothing is held back.",
    "failed": "No message failed in the last 90 days.",
    "doubt": "Nothing is in doubt: of every message it is known whether it went out.",
    "unsent": "No message was left out in the last 90 days.",
    "replies": "No patient has written in the last 90 days.",
}
#: Question: what happens, and the button that does it.
QUESTIONS = {
    "cancel": (
        "This message does not go out. Later messages of the same pickup are not touched.",
        "Cancel it",
    ),
    "again": (
        "A new message about the same is queued for now. The contact rules hold for it too: it may wait for the "
        "contact window, or for tomorrow when the patient got one today.",
        "Queue a new message",
    ),
    "arrived": ("It is noted as sent and not sent again.", "It arrived"),
    "lost": ("It is noted as not sent and goes out once more, at once.", "It did not arrive"),
}


def messages_page() -> rx.Component:
    """The page."""
    return shell(
        filter_bar(
            *[
                filter_link(
                    label,
                    href="/messages" if tab == "coming" else f"/messages?tab={tab}",
                    selected=MessagesState.tab == tab,
                    count=MessagesState.counts[tab],
                    test_id=f"tab-{tab}",
                )
                for tab, label in TABS.items()
            ],
            label="Kinds of messages",
        ),
        rx.cond(
            MessagesState.total > 0, rx.cond(MessagesState.tab == "replies", _replies(), _list()), _nothing()
        ),
        _panel(),
        title="Messages",
        active="/messages",
        loaded=MessagesState.loaded,
        retry=MessagesState.load,
        poll=MessagesState.poll,
    )


def _list() -> rx.Component:
    columns = [
        Column("Message", wide=True), Column("Patient"), Column("By", minor=True), Column("When"),
        Column("State", wide=True),
    ]  # fmt: skip
    return rx.fragment(
        data_table(columns, MessagesState.rows, _cells, caption="Messages", roving=True, test_id="messages"),
        _pager(),
    )


def _cells(row: Any) -> list[Any]:
    return [
        link(
            row["step"], href=row["href"], replace=True, class_name="link strong",
            custom_attrs={"data-primary": "", "data-testid": "open"},
        ),
        rx.el.div(
            rx.cond(row["patient_id"] != "", patient_link(row["patient_id"], row["name"]), rx.el.span("-")),
            rx.cond(row["place"] != "", rx.el.div(row["place"], class_name="sub nowrap")),
        ),
        rx.cond(row["channel"] != "", row["channel"], rx.el.span("-", class_name="sub")),
        due_date(row["when"]),
        rx.el.div(
            state_chip(row["state"], "action"),
            rx.cond(row["reason"] != "", rx.el.div(row["reason"], class_name="sub")),
        ),
    ]  # fmt: skip


def _replies() -> rx.Component:
    columns = [
        Column("Patient", wide=True),
        Column("What they wrote", wide=True), Column("Meaning"), Column("When"), Column(""),
    ]  # fmt: skip
    return rx.fragment(
        data_table(columns, MessagesState.replies, _reply_cells, caption="Replies", test_id="replies"),
        _pager(),
    )


def _reply_cells(row: Any) -> list[Any]:
    return [
        rx.el.div(
            rx.cond(
                row["patient_id"] != "",
                patient_link(row["patient_id"], row["name"]),
                rx.el.span("Not clear who", class_name="muted"),
            ),
            rx.el.div(row["phone"], class_name="sub num"),
            rx.cond(row["place"] != "", rx.el.div(row["place"], class_name="sub nowrap")),
        ),
        rx.el.div(row["body"], class_name="pre"),
        rx.el.div(chip(row["meaning"], row["tone"]), rx.el.div(row["outcome"], class_name="sub")),
        due_date(row["when"]),
        rx.cond(
            row["task_id"] != "",
            link_button("Open task", href=f"/exceptions?open={row['task_id']}", small=True),
            rx.el.span(),
        ),
    ]


def _pager() -> rx.Component:
    return pager(
        MessagesState.pages, previous_href=MessagesState.previous_href, next_href=MessagesState.next_href
    )


def _nothing() -> rx.Component:
    sentence = rx.match(MessagesState.tab, *EMPTY.items(), "")
    return card(
        rx.cond(
            MessagesState.tab == "coming",
            empty_state(
                sentence,
                link_button("Enroll patient", href="/enroll", variant="primary", icon_name="plus"),
                icon_name="message_square",
            ),
            empty_state(
                sentence, link_button("Show what is coming", href="/messages"), icon_name="message_square"
            ),
        )
    )


def _panel() -> rx.Component:
    detail = MessagesState.detail
    return side_panel(
        rx.el.div(
            state_chip(detail["state"], "action"),
            rx.cond(detail["reason"] != "", rx.el.p(detail["reason"], class_name="reason")),
        ),
        problem_line(MessagesState.problem, test_id="panel-problem"),
        facts(
            (
                "Patient",
                rx.cond(detail["patient_id"] != "", patient_link(detail["patient_id"], detail["name"]), "-"),
            ),
            ("When", detail["when"]),
            ("By", detail["channel"]),
            ("To", rx.el.span(detail["address"], class_name="num")),
            ("Pickup", rx.cond(detail["pickup"] != "", detail["pickup"], "-")),
            ("Of use until", rx.cond(detail["until"] != "", detail["until"], "-")),
        ),
        rx.cond(MessagesState.editing, _editor(), _text()),
        rx.el.div(
            rx.el.h3("Tries"),
            rx.el.ul(rx.foreach(detail["tries"].to(list[TryView]), _try), class_name="lines"),
            class_name="hide-empty",
        ),
        open=MessagesState.panel_open,
        on_close=MessagesState.close,
        title=detail["step"],
        footer=rx.cond(MessagesState.question != "", _question(), _actions()),
        test_id="message",
    )


def _try(one: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(one["head"]), rx.cond(one["detail"] != "", rx.el.div(one["detail"], class_name="sub"))
    )


def _text() -> rx.Component:
    detail = MessagesState.detail
    heading = rx.cond(detail["preview"], "As it would read now", "What went out")
    return rx.el.div(
        rx.el.h3(heading),
        rx.cond(
            detail["no_preview"] != "",
            rx.el.p(detail["no_preview"], class_name="muted"),
            rx.el.div(rx.el.p(detail["body"], class_name="pre"), class_name="bubble talk-own"),
        ),
        rx.el.p(
            rx.cond(detail["own"], "Own wording for this message. ", ""), detail["size"], class_name="sub num"
        ),
        class_name="stack tight",
    )


def _editor() -> rx.Component:
    error = rx.cond(MessagesState.problem_field == "wording", MessagesState.problem, "")
    return rx.el.form(
        text_area(
            "Wording of this message",
            name="wording",
            rows=6,
            default_value=MessagesState.draft,
            error=error,
            hint="It goes out as you write it, and is dropped when the pickup moves to another date.",
        ),
        rx.el.div(
            button(
                "Save wording", type="submit", variant="primary", icon_name="check", test_id="save-wording"
            ),
            button("Keep as it is", on_click=MessagesState.stop_editing),
            class_name="toolbar",
        ),
        on_submit=MessagesState.save_wording,
        class_name="stack",
        key=MessagesState.detail["id"],
    )


def _actions() -> rx.Component:
    detail = MessagesState.detail

    def act(shown: Any, label: str, handler: Any, test_id: str, **more: Any) -> rx.Component:
        return rx.cond(shown, button(label, on_click=handler, test_id=test_id, **more))

    def ask(what: str) -> Any:
        return MessagesState.ask(what)

    return rx.fragment(
        act(
            detail["can_settle"],
            "It arrived",
            ask("arrived"),
            "arrived",
            icon_name="check",
            variant="primary",
        ),
        act(detail["can_settle"], "It did not arrive", ask("lost"), "lost", icon_name="rotate_ccw"),
        act(
            detail["can_edit"] & ~MessagesState.editing,
            "Edit wording",
            MessagesState.edit,
            "edit",
            icon_name="pencil",
        ),
        act(
            detail["can_edit"] & detail["own"] & ~MessagesState.editing,
            "Usual wording",
            MessagesState.usual_wording,
            "usual",
        ),
        act(detail["can_again"], "Send again", ask("again"), "again", icon_name="send"),
        act(
            detail["can_cancel"], "Cancel message", ask("cancel"), "cancel", icon_name="ban", variant="danger"
        ),
    )


def _question() -> rx.Component:
    what = rx.match(MessagesState.question, *((name, words) for name, (words, _) in QUESTIONS.items()), "")
    label = rx.match(MessagesState.question, *((name, does) for name, (_, does) in QUESTIONS.items()), "")
    return rx.el.div(
        rx.el.p(what),
        rx.el.div(
            button(label, on_click=MessagesState.confirm, variant="primary", test_id="confirm"),
            button("Keep as it is", on_click=MessagesState.ask(""), test_id="keep"),
            class_name="toolbar",
        ),
        class_name="stack tight",
        role="group",
        custom_attrs={"aria-label": "Confirm"},
    )
