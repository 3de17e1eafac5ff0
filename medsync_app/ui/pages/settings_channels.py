"""The tabs of connections and backups."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button, link
from medsync_app.ui.components.chips import chip
from medsync_app.ui.components.feedback import empty_state
from medsync_app.ui.components.forms import select_field, text_field
from medsync_app.ui.components.layout import card, columns
from medsync_app.ui.components.problems import error_of
from medsync_app.ui.components.tables import Column, data_table
from medsync_app.ui.components.text import facts
from medsync_app.ui.pages.settings_agreements import agreements_card
from medsync_app.ui.pages.settings_events import events_card
from medsync_app.ui.pages.settings_programs import programs_card
from medsync_app.ui.states.settings_channels import BackupTabState, ChannelsTabState

_TEST_WAYS = (("sms", "Text"), ("voice", "Call"))


def channels_tab() -> rx.Component:
    """Each channel, and a test message."""
    return rx.el.div(
        columns(rx.foreach(ChannelsTabState.rows, _channel)),
        card(
            rx.cond(
                ChannelsTabState.live,
                rx.el.p(
                    "Messages are really sent. A number typed here would have given no consent: enroll yourself "
                    "as a patient to try it."
                ),
                rx.el.form(
                    rx.el.p(
                        "It goes through everything a patient's text goes through, and ends recorded under ",
                        link("Messages", href="/messages?tab=sent"),
                        ". Nothing leaves this computer.",
                    ),
                    select_field("How", _TEST_WAYS, name="channel"),
                    text_field("Number", name="number", kind="tel", error=error_of("number")),
                    rx.el.div(
                        button("Send test message", type="submit", icon_name="send", test_id="send-test"),
                        class_name="toolbar",
                    ),
                    on_submit=ChannelsTabState.send_test,
                    class_name="stack narrow",
                    key=f"test-{ChannelsTabState.form_key}",
                    no_validate=True,
                ),
            ),
            title="Test message",
        ),
        agreements_card(),
        programs_card(),
        events_card(),
        class_name="stack",
    )


def _channel(row: Any) -> rx.Component:
    return card(
        rx.el.p(row["detail"]),
        facts(("Provider", row["provider"]), ("Last message", row["last"])),
        rx.cond(
            row["stopped"],
            rx.el.div(
                button(
                    "Start again", on_click=ChannelsTabState.start_again(row["channel"]), icon_name="play",
                    test_id="start-channel",
                ),
                class_name="toolbar",
            ),
        ),
        title=row["name"],
        actions=chip(row["state"], row["tone"]),
        class_name="gap",
        test_id="channel",
    )  # fmt: skip


def backup_tab() -> rx.Component:
    """The last backups, and one now."""
    heads = [
        Column("When"), Column("File", wide=True), Column("Size", number=True), Column("Took", number=True),
        Column("Result"),
    ]  # fmt: skip
    return rx.el.div(
        card(
            rx.el.p(
                "An encrypted backup is written every night into the data folder, and the newest 14 are kept. Copy "
                "them, and the key file once, to another place: without the key nobody can open them."
            ),
            rx.el.div(
                button(
                    rx.cond(BackupTabState.working, "Backing up ...", "Back up now"), on_click=BackupTabState.back_up,
                    disabled=BackupTabState.working, icon_name="database_backup", test_id="back-up",
                ),
                class_name="toolbar",
            ),
            title="Backup",
            class_name="gap",
        ),
        rx.cond(
            BackupTabState.rows.length() > 0,
            data_table(heads, BackupTabState.rows, _backup, caption="Backups", test_id="backups"),
            card(empty_state("No backup yet. The first one is written tonight, or now.", icon_name="database_backup")),
        ),
        class_name="stack",
    )  # fmt: skip


def _backup(row: Any) -> list[Any]:
    return [
        rx.el.span(row["when"], class_name="nowrap"),
        rx.el.span(row["name"], class_name="num"),
        row["size"],
        row["took"],
        rx.cond(row["error"] != "", rx.el.div(chip("Failed", "bad"), rx.el.div(row["error"], class_name="sub")),
                chip("Done", "good")),
    ]  # fmt: skip
