"""The tab of imports: upload, preview with the mapping, progress, problems, history."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button, download_link, icon, link
from medsync_app.ui.components.chips import chip
from medsync_app.ui.components.feedback import empty_state
from medsync_app.ui.components.forms import check_field, select_field, text_field
from medsync_app.ui.components.layout import card, scroll_box
from medsync_app.ui.components.live import every
from medsync_app.ui.components.post_form import post_form
from medsync_app.ui.components.problems import error_of
from medsync_app.ui.components.tables import Column, data_table
from medsync_app.ui.components.text import facts
from medsync_app.ui.states.settings_import import ImportTabState


def import_tab() -> rx.Component:
    """The open run, or the upload; then the history."""
    run = ImportTabState.run
    return rx.el.div(
        rx.match(
            run["state"],
            ("uploaded", _preview()),
            ("waiting", _progress()),
            ("running", _progress()),
            rx.fragment(rx.cond(run["id"] != "", _result()), _upload()),
        ),
        _history(),
        class_name="stack",
    )


def _upload() -> rx.Component:
    """Works without any script; assets/upload.js adds dropping, progress and errors in place."""
    return card(
        post_form(
            rx.el.label(
                icon("upload", 24),
                rx.el.span("Drop a dispensing export here, or choose it", class_name="strong"),
                rx.el.span("CSV, tab-separated text or Excel, up to 64 MB", class_name="sub"),
                rx.el.input(
                    type="file", name="file", accept=".csv,.txt,.tsv,.xlsx,.xls", class_name="drop-input",
                    custom_attrs={"data-testid": "file", "required": True},
                ),
                class_name="drop",
                custom_attrs={"data-drop": ""},
            ),
            rx.el.input(type="hidden", name="next", value=ImportTabState.come_back, read_only=True),
            rx.el.div(custom_attrs={"data-upload-status": ""}, role="status", class_name="muted num"),
            rx.el.div(custom_attrs={"data-upload-problem": ""}, role="alert", class_name="field-error"),
            rx.el.div(
                button("Upload and look", type="submit", variant="primary", icon_name="upload", test_id="upload"),
                rx.el.span("Nothing is stored before you have seen how it reads.", class_name="sub"),
                class_name="toolbar",
            ),
            action=ImportTabState.upload_to,
            custom_attrs={"encType": "multipart/form-data", "data-upload": ""},
            class_name="stack",
        ),
        title="Import a dispensing export",
        test_id="upload-card",
    )  # fmt: skip


def _preview() -> rx.Component:
    return rx.fragment(
        card(
            rx.el.p(
                ImportTabState.checked, " looked at; columns: ", ImportTabState.mapping_name, ".",
                rx.cond(
                    ImportTabState.ignored != "",
                    rx.el.span(" Not used: ", ImportTabState.ignored, "."),
                ),
            ),
            rx.cond(
                ImportTabState.missing != "",
                rx.el.p(
                    icon("circle_alert", 14), "Choose a column for: ", ImportTabState.missing, class_name="field-error"
                ),
            ),
            _lines(),
            _problems(),
            rx.el.form(
                text_field(
                    "Keep these columns as", name="save_as", optional=True, error=error_of("save_as"),
                    hint="A name for this kind of file: next time it is read like this by itself.",
                ),
                rx.el.div(
                    button(
                        "Start import", type="submit", variant="primary", icon_name="check", test_id="start-import",
                        disabled=ImportTabState.missing != "",
                    ),
                    button("Delete file", on_click=ImportTabState.cancel, icon_name="trash_2", test_id="cancel-import"),
                    class_name="toolbar",
                ),
                on_submit=ImportTabState.start,
                class_name="stack narrow",
            ),
            title=f"Preview of {ImportTabState.run['file']}",
            class_name="gap",
            test_id="preview",
        ),
        _mapping(),
    )  # fmt: skip


def _lines() -> rx.Component:
    """The first rows as they are written: the columns are the file's own."""
    return rx.el.div(
        rx.el.table(
            rx.el.caption("First rows of the file", class_name="sr-only"),
            rx.el.thead(
                rx.el.tr(
                    rx.el.th("Row", scope="col"),
                    rx.foreach(ImportTabState.headers, lambda head: rx.el.th(head, scope="col")),
                )
            ),
            rx.el.tbody(
                rx.foreach(
                    ImportTabState.lines,
                    lambda line: rx.el.tr(
                        rx.foreach(
                            line["cells"].to(list[str]), lambda cell: rx.el.td(cell, class_name="nowrap")
                        ),
                        key=line["id"],
                    ),
                )
            ),
            class_name="table plain",
        ),
        class_name="table-frame",
        role="region",
        custom_attrs={"tabIndex": "0", "aria-label": "First rows of the file", "data-testid": "first-rows"},
    )


def _problems() -> rx.Component:
    def line(one: Any) -> rx.Component:
        return rx.el.li(
            rx.el.span(f"Row {one['row']}, {one['column']}: ", class_name="strong num"), one["reason"]
        )

    return rx.cond(
        ImportTabState.problems.length() > 0,
        rx.el.div(
            rx.el.h3("Rows that cannot be used"),
            scroll_box(
                rx.el.ul(rx.foreach(ImportTabState.problems, line), class_name="lines"),
                label="Rows that cannot be used",
            ),
        ),
    )


def _mapping() -> rx.Component:
    def one(field: Any) -> rx.Component:
        return select_field(
            field["label"], ImportTabState.column_options, name=f"map-{field['key']}", value=field["column"],
            on_change=ImportTabState.map_field(field["key"]), test_id="map",
        )  # fmt: skip

    return card(
        rx.el.div(
            check_field(
                "Days come first in dates (20/11/2026)", name="day_first", checked=ImportTabState.day_first,
                on_change=lambda on: ImportTabState.read_dates(on, ImportTabState.two_digit_years),
            ),
            check_field(
                "Years have two digits (11/20/26)", name="two_digit_years", checked=ImportTabState.two_digit_years,
                on_change=lambda on: ImportTabState.read_dates(ImportTabState.day_first, on),
            ),
        ),
        rx.el.div(rx.foreach(ImportTabState.fields, one), class_name="mapping"),
        title="Which column is what",
        class_name="gap",
        test_id="mapping",
    )  # fmt: skip


def _progress() -> rx.Component:
    run = ImportTabState.run
    return card(
        rx.el.p(run["rows"], class_name="num", custom_attrs={"data-testid": "rows"}),
        rx.el.div(
            rx.el.div(class_name="meter-fill", style={"width": f"{run['percent']}%"}),
            class_name="meter tone-info",
            role="progressbar",
            custom_attrs={
                "aria-label": "Rows imported", "aria-valuemin": "0", "aria-valuemax": "100",
                "aria-valuenow": run["percent"].to_string(),
            },
        ),
        rx.el.p("You can leave this page: the import goes on.", class_name="sub"),
        rx.el.div(button("Stop import", on_click=ImportTabState.cancel, icon_name="ban"), class_name="toolbar"),
        every(2, ImportTabState.poll.temporal),
        title=f"Importing {run['file']}",
        actions=chip(run["label"], run["tone"]),
        class_name="gap",
        test_id="progress",
    )  # fmt: skip


def _result() -> rx.Component:
    run = ImportTabState.run
    return card(
        rx.cond(run["error"] != "", rx.el.p(icon("circle_alert", 14), run["error"], class_name="field-error")),
        facts(
            ("Rows", run["rows"]), ("Patients", run["patients"]), ("Prescriptions", run["prescriptions"]),
            ("Fills", run["fills"]),
        ),
        rx.cond(
            run["notes"].to(list[str]).length() > 0,
            rx.el.ul(
                rx.foreach(run["notes"].to(list[str]), lambda note: rx.el.li(note)), class_name="lines sub"
            ),
        ),
        rx.cond(
            run["problems"] != "",
            rx.el.div(
                rx.el.span(run["problems"], " could not be used."),
                download_link("Rows to correct", href=run["problems_href"]),
                class_name="toolbar",
            ),
        ),
        title=run["file"],
        actions=chip(run["label"], run["tone"]),
        class_name="gap",
        test_id="result",
    )  # fmt: skip


def _history() -> rx.Component:
    heads = [
        Column("File", wide=True), Column("When"), Column("State"), Column("Rows", number=True),
        Column("Fills", minor=True), Column("Problems"),
    ]  # fmt: skip
    return rx.cond(
        ImportTabState.runs.length() > 0,
        rx.el.section(
            rx.el.h2("Imports", class_name="section-head"),
            data_table(heads, ImportTabState.runs, _cells, caption="Imports", test_id="imports"),
        ),
        card(
            empty_state(
                "Nothing was imported yet. Patients, prescriptions and fills come with the first file."
            )
        ),
    )


def _cells(row: Any) -> list[Any]:
    return [
        link(row["file"], href=row["href"], class_name="link strong"),
        rx.el.span(row["when"], class_name="nowrap"),
        chip(row["label"], row["tone"]),
        row["rows"],
        row["fills"],
        rx.cond(row["problems"] != "", row["problems"], rx.el.span("-", class_name="sub")),
    ]
