"""Workflow: the eight steps as a drawn flow, the changes in hand, the versions, and what a dry run finds."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button, icon, link
from medsync_app.ui.components.chips import chip
from medsync_app.ui.components.feedback import banner
from medsync_app.ui.components.flow import flow
from medsync_app.ui.components.forms import check_field, text_field
from medsync_app.ui.components.layout import card, columns, stack
from medsync_app.ui.components.locations import choose_location
from medsync_app.ui.components.overlays import form_dialog
from medsync_app.ui.components.problems import error_of, other_problem
from medsync_app.ui.components.shell import shell
from medsync_app.ui.components.tables import Column, data_table
from medsync_app.ui.components.text import hidden_text
from medsync_app.ui.pages.workflow_panel import step_panel
from medsync_app.ui.pages.workflow_trial import trial_card
from medsync_app.ui.states.workflow import WorkflowState

_KEPT = "Pickups under way keep the version they began with."


def workflow_page() -> rx.Component:
    """The page."""
    return shell(
        rx.cond(
            WorkflowState.choose.length() > 0,
            choose_location(WorkflowState.choose, "A workflow belongs to one pharmacy. Which one?"),
            _page(),
        ),
        title="Workflow",
        subtitle=rx.cond(
            WorkflowState.choose.length() > 0, "", f"{WorkflowState.place_name}. {WorkflowState.version}."
        ),
        active="/workflow",
        loaded=WorkflowState.loaded,
        retry=WorkflowState.load,
        poll=WorkflowState.poll,
    )


def _page() -> rx.Component:
    return stack(
        _in_hand(),
        rx.el.p(
            "Each enrolled patient is counted at the step that comes next; who has an open exception is counted "
            "there too. The number at a rule: patients for whom it is still to come. Choose a rule to change it.",
            class_name="muted",
        ),
        flow(WorkflowState.nodes, label="The eight steps", line_href=lambda line: line["href"]),
        columns(_segments(), trial_card()),
        _versions(),
        step_panel(),
        _publish_dialog(),
        _back_dialog(),
    )


def _in_hand() -> rx.Component:
    """The changes that are not published, with what can be done with them."""
    return rx.cond(
        WorkflowState.changes.length() > 0,
        card(
            rx.cond(
                WorkflowState.overtaken != "",
                banner(WorkflowState.overtaken, tone="warn", icon_name="triangle_alert", test_id="overtaken"),
            ),
            _changes(WorkflowState.changes, undo=True),
            rx.el.div(
                button("Drop the changes", on_click=WorkflowState.discard, icon_name="trash_2", test_id="discard"),
                button(
                    "Publish ...", on_click=WorkflowState.ask_publish, variant="primary", icon_name="upload",
                    test_id="publish",
                ),
                class_name="toolbar",
            ),
            title="Changes that are not published",
            actions=rx.el.span(WorkflowState.changed, class_name="sub"),
            class_name="gap",
            test_id="in-hand",
        ),
    )  # fmt: skip


def _changes(changes: Any, *, undo: bool = False) -> rx.Component:
    def one(change: Any) -> rx.Component:
        taken_back = button(
            "Take back",
            on_click=WorkflowState.take_back(change["part"], change["id"]),
            small=True,
            variant="quiet",
            icon_name="undo_2",
            custom_attrs={"aria-label": f"Take back the changes of {change['name']}"},
        )
        return rx.el.li(
            rx.el.div(
                rx.el.div(change["name"], class_name="strong"),
                rx.el.ul(
                    rx.foreach(change["words"].to(list[str]), lambda words: rx.el.li(words)),
                    class_name="sentences muted wrap-anywhere",
                ),
            ),
            taken_back if undo else rx.fragment(),
            class_name="line",
            key=change["id"],
            custom_attrs={"data-testid": "change"},
        )

    return rx.el.ul(rx.foreach(changes, one), class_name="lines")


def _segments() -> rx.Component:
    def one(segment: Any) -> rx.Component:
        return rx.el.li(
            rx.el.div(
                link(
                    segment["name"], href=segment["href"], replace=True, class_name="link strong",
                    custom_attrs={"data-testid": "segment"},
                ),
                rx.el.div(segment["how"], class_name="sub"),
            ),
            rx.cond(segment["changed"], chip("changed", "review")),
            class_name="line",
            key=segment["id"],
        )  # fmt: skip

    return card(
        rx.el.p(
            "A patient's own wish comes first. Where there is none, the first group the patient belongs to decides; "
            "all others get a text message, else an e-mail, else a call.",
            class_name="muted",
        ),
        rx.el.ul(rx.foreach(WorkflowState.segments, one), class_name="lines"),
        title="Who is reached how",
        class_name="gap",
    )


def _versions() -> rx.Component:
    heads = [
        Column("Version", number=True), Column("In force since"), Column("By"), Column("Note", wide=True),
        Column("Pickups under way", number=True), Column(""),
    ]  # fmt: skip

    def cells(row: Any) -> list[Any]:
        return [
            row["id"],
            row["since"],
            row["by"],
            row["note"],
            row["running"],
            rx.cond(
                row["current"],
                chip("in force", "good"),
                rx.el.div(
                    link(
                        "Compare", hidden_text(f" version {row['id']} with the one in force"), href=row["href"],
                        replace=True, test_id="compare",
                    ),
                    button(
                        "Go back ...", on_click=WorkflowState.ask_back(row["number"]), small=True,
                        variant="quiet", icon_name="history", test_id="go-back",
                        custom_attrs={"aria-label": f"Go back to version {row['id']}"},
                    ),
                    class_name="toolbar",
                ),
            ),
        ]  # fmt: skip

    return card(
        rx.el.p(_KEPT, class_name="muted"),
        rx.cond(
            WorkflowState.compared_with != "",
            rx.el.div(
                rx.el.h3("Since ", WorkflowState.compared_with),
                rx.cond(
                    WorkflowState.compared.length() > 0,
                    _changes(WorkflowState.compared),
                    rx.el.p("Nothing differs."),
                ),
                custom_attrs={"data-testid": "compared"},
            ),
        ),
        rx.cond(
            WorkflowState.versions.length() > 0,
            data_table(heads, WorkflowState.versions, cells, caption="Versions", test_id="versions"),
            rx.el.p("Nothing was published yet: the usual workflow applies."),
        ),
        title="Versions",
        class_name="gap",
    )


def _move_tick(others: Any) -> rx.Component:
    """The choice to let pickups under way go on under the new version."""
    return rx.cond(
        others > 0,
        check_field(
            f"Move the {others} pickups under way to it as well",
            name="move",
            hint="What differs is withdrawn and queued anew. Nothing that was said is said again. Without the tick "
            "they keep the version they began with.",
        ),
        rx.el.p("No pickup is under way: it applies to all that come.", class_name="muted"),
    )


def _publish_dialog() -> rx.Component:
    return form_dialog(
        _changes(WorkflowState.changes),
        _move_tick(WorkflowState.running),
        text_field(
            "Note",
            name="note",
            optional=True,
            hint="Why, for whoever looks at it later.",
            error=error_of("note"),
        ),
        open=WorkflowState.publishing,
        title="Publish these changes",
        submit_label="Publish",
        on_submit=WorkflowState.publish,
        on_cancel=WorkflowState.close_dialog,
        problem=other_problem("note"),
        test_id="publish-dialog",
    )


def _back_dialog() -> rx.Component:
    return form_dialog(
        rx.cond(
            WorkflowState.back_changes.length() > 0,
            _changes(WorkflowState.back_changes),
            rx.el.p("It says what is in force already."),
        ),
        rx.cond(
            WorkflowState.changes.length() > 0,
            rx.el.p(
                icon("triangle_alert", 14),
                "The changes that are not published are dropped.",
                class_name="with-icon",
            ),
        ),
        _move_tick(WorkflowState.running),
        open=WorkflowState.back_to > 0,
        title=f"Go back to version {WorkflowState.back_to}",
        submit_label="Go back to it",
        on_submit=WorkflowState.go_back,
        on_cancel=WorkflowState.close_dialog,
        problem=WorkflowState.problem,
        test_id="back-dialog",
    )
