"""Adherence: how well patients take what they were given, what the programme changes, and who is about to be lost."""

from collections.abc import Mapping
from typing import Any

import reflex as rx

from medsync_app.auth.permissions import Permission
from medsync_app.domain.drug_classes import CLASS_LABELS
from medsync_app.ui.components.buttons import button, download_link, here, link_button, plain_link
from medsync_app.ui.components.charts import behind, chart
from medsync_app.ui.components.chips import chip
from medsync_app.ui.components.feedback import empty_state
from medsync_app.ui.components.forms import filter_bar, filter_link, select_field, text_field
from medsync_app.ui.components.layout import card, columns, stack
from medsync_app.ui.components.shell import may, shell
from medsync_app.ui.components.tables import Column, data_table, pager
from medsync_app.ui.components.text import due_date, patient_link
from medsync_app.ui.components.tiles import stat_row, stat_tile
from medsync_app.ui.pages.adherence_programme import (
    before_and_after,
    cells_of,
    funnel,
    staff_time,
    trend,
)
from medsync_app.ui.states.adherence import AdherenceState
from medsync_app.ui.states.adherence_view import WHO_LABELS, WINDOW_LABELS

_NOBODY_COUNTS = (
    "Nobody counts in this window yet: a patient needs two fills of a class on different days, the first of "
    "them 91 days before the end. Choose a longer window, or import older data."
)


def adherence_page() -> rx.Component:
    """The page."""
    return shell(
        rx.el.div(
            _choices(WINDOW_LABELS, AdherenceState.windows, AdherenceState.window, "window", "Window"),
            _choices(WHO_LABELS, AdherenceState.who_hrefs, AdherenceState.who, "who", "Whose adherence"),
            class_name="filter-rows",
        ),
        rx.cond(AdherenceState.nothing, _nothing(), _figures()),
        title="Adherence",
        subtitle=AdherenceState.subtitle,
        active="/adherence",
        actions=(
            rx.cond(
                AdherenceState.loaded & may(Permission.EXPORT),
                rx.el.div(
                    download_link(
                        "Export figures",
                        href=here(AdherenceState.export_figures),
                        id="export-figures",
                    ),
                    download_link(
                        "Report",
                        href=here(AdherenceState.report_pdf),
                        icon_name="file_text",
                        id="report-pdf",
                    ),
                    class_name="toolbar",
                ),
            ),
        ),
        loaded=AdherenceState.loaded,
        retry=AdherenceState.load,
        poll=AdherenceState.poll,
    )


def _choices(labels: Mapping[str, str], hrefs: Any, chosen: Any, name: str, label: str) -> rx.Component:
    links = [
        filter_link(words, href=hrefs[key], selected=chosen == key, test_id=f"{name}-{key}")
        for key, words in labels.items()
    ]
    return filter_bar(*links, label=label)


def _nothing() -> rx.Component:
    return card(
        empty_state(
            "No adherence figures yet. They are counted from the dispensing exports you import.",
            rx.cond(
                may(Permission.IMPORT_DATA),
                link_button(
                    "Import a file", href="/settings?tab=import", variant="primary", icon_name="upload"
                ),
            ),
            icon_name="chart_line",
        )
    )


def _figures() -> rx.Component:
    return rx.fragment(
        _tiles(),
        stack(
            columns(_shares(), _distribution()),
            columns(trend(), before_and_after()),
            columns(funnel(), staff_time()),
            _about_to_be_lost(),
            rx.cond(AdherenceState.by_place.length() > 0, _places()),
        ),
    )


def _tiles() -> rx.Component:
    return stat_row(
        stat_tile("Enrolled now", AdherenceState.enrolled, test_id="tile-enrolled"),
        stat_tile(
            "At 80 % or more", AdherenceState.share, hint=AdherenceState.share_of, test_id="tile-share"
        ),
        stat_tile("Picked up on the sync date", AdherenceState.on_date, hint=AdherenceState.on_date_of),
        stat_tile("Visits a month", AdherenceState.visits, hint="per enrolled patient"),
        stat_tile("All drugs in sync", AdherenceState.complete, hint=AdherenceState.complete_of),
        stat_tile("Accepted within 30 days", AdherenceState.accepted, hint=AdherenceState.accepted_of),
        stat_tile(
            "Accepted and first synced", AdherenceState.first_synced, hint=AdherenceState.first_synced_of
        ),
        stat_tile(
            "Contacted before each date, 90 days", AdherenceState.contacted, hint=AdherenceState.contacted_of
        ),
        stat_tile("Still in after 6 months", AdherenceState.continued, hint=AdherenceState.continued_of),
        stat_tile(
            "Still in after 12 months", AdherenceState.continued_year, hint=AdherenceState.continued_year_of
        ),
        label="The programme in numbers",
    )


def _shares() -> rx.Component:
    return card(
        rx.cond(
            AdherenceState.counted,
            rx.fragment(
                chart(AdherenceState.shares, words=AdherenceState.shares_words, test_id="chart-shares"),
                rx.el.ul(
                    rx.foreach(
                        AdherenceState.benchmarks,
                        lambda words: rx.el.li("Line: ", words, class_name="sub", key=words),
                    )
                ),
                behind(
                    [
                        Column("Class", wide=True),
                        Column("Share", number=True),
                        Column("Counted"),
                        Column("Benchmark", wide=True),
                    ],
                    AdherenceState.shares_lines,
                    cells_of(4),
                    caption="Patients at or above 80 % by class",
                    test_id="table-shares",
                ),
                _line_form(),
            ),
            empty_state(_NOBODY_COUNTS, icon_name="hourglass", test_id="nobody-counts"),
        ),
        title="Patients at or above 80 % of days covered",
        actions=plain_link(
            "Who is about to be lost",
            href="#about-to-be-lost",
            class_name="link sub",
            custom_attrs={"data-testid": "to-the-lost"},
        ),
    )


def _line_form() -> rx.Component:
    """For owners: the benchmark of a class with its source and year."""

    def error(field: str) -> Any:
        return rx.cond(AdherenceState.problem_field == field, AdherenceState.problem, "")

    form = rx.el.form(
        select_field(
            "Class",
            [(drug_class.value, label) for drug_class, label in CLASS_LABELS.items()],
            name="class",
            error=error("class"),
        ),
        text_field(
            "Share of patients, in percent",
            name="share",
            hint="Empty takes the line away.",
            error=error("share"),
            custom_attrs={"inputMode": "decimal"},
        ),
        text_field("Published by", name="source", error=error("source")),
        text_field("Year", name="year", error=error("year"), custom_attrs={"inputMode": "numeric"}),
        rx.el.div(
            button("Set the line", type="submit", variant="primary", test_id="set-line"), class_name="toolbar"
        ),
        on_submit=AdherenceState.set_line,
        class_name="stack",
        custom_attrs={"noValidate": True},
    )
    return rx.cond(
        may(Permission.MANAGE_SETTINGS),
        rx.el.details(
            rx.el.summary("Set a line", custom_attrs={"data-testid": "line-open"}), form, class_name="behind"
        ),
    )


def _distribution() -> rx.Component:
    return card(
        rx.cond(
            AdherenceState.counted,
            rx.fragment(
                chart(AdherenceState.bins, words=AdherenceState.bins_words, test_id="chart-bins"),
                rx.el.p("One measurement is one patient in one class.", class_name="sub"),
                behind(
                    [
                        Column("Days covered"),
                        Column("Measurements", number=True),
                        Column("Share", number=True),
                    ],
                    AdherenceState.bins_lines,
                    cells_of(3),
                    caption="How the share of days covered is distributed",
                    test_id="table-bins",
                ),
            ),
            empty_state(_NOBODY_COUNTS, icon_name="hourglass", test_id="nobody-distributed"),
        ),
        title="How days covered are distributed",
    )


def _about_to_be_lost() -> rx.Component:
    heads = [
        Column("Patient", wide=True),
        Column("Class"),
        Column("Gap days left", number=True),
        Column("Supply in hand", number=True),
        Column("Refill by"),
        Column("So far", number=True, minor=True),
        Column("What to do", wide=True),
        Column(""),
    ]
    return card(
        rx.el.p(
            "Patients who can still reach 80 % this year but have 14 gap days or fewer left, "
            "those with the fewest first.",
            rx.cond(
                AdherenceState.lost != "",
                rx.el.span(" ", AdherenceState.lost, " more can no longer reach it this year."),
            ),
            class_name="sub",
        ),
        rx.cond(
            AdherenceState.risks.length() > 0,
            rx.fragment(
                data_table(
                    heads,
                    AdherenceState.risks,
                    _risk_cells,
                    caption="Patients about to be lost",
                    test_id="risks",
                ),
                pager(
                    AdherenceState.summary,
                    previous_href=AdherenceState.previous_href,
                    next_href=AdherenceState.next_href,
                ),
            ),
            empty_state(
                "Nobody is about to be lost: whoever can still reach 80 % has more than 14 gap days left or "
                "enough supply in hand.",
                icon_name="circle_check",
                test_id="nobody-at-risk",
            ),
        ),
        title="About to be lost",
        actions=rx.cond(
            (AdherenceState.risks.length() > 0) & may(Permission.EXPORT),
            download_link(
                "Export this list", href=here(AdherenceState.export_patients), id="export-patients"
            ),
        ),
        id="about-to-be-lost",
        class_name="gap",
        test_id="about-to-be-lost",
    )


def _risk_cells(row: Any) -> list[Any]:
    return [
        rx.el.div(
            patient_link(row["patient_id"], row["name"]),
            rx.cond(row["place"] != "", rx.el.div(row["place"], class_name="sub")),
        ),
        row["label"],
        rx.el.span(row["left"], class_name="strong nowrap"),
        rx.cond(
            row["in_hand"] == "none", chip("none", "bad"), rx.el.span(row["in_hand"], class_name="nowrap")
        ),
        due_date(row["refill_by"]),
        row["pdc"],
        rx.el.div(
            rx.el.div(row["advice"]),
            rx.cond(
                row["next"]["text"] != "",
                rx.el.div(
                    "Next pickup ", row["next"]["text"], class_name="sub nowrap", title=row["next"]["title"]
                ),
                rx.cond(row["enrolled"], rx.fragment(), rx.el.div("Not enrolled", class_name="sub")),
            ),
        ),
        rx.cond(
            ~row["enrolled"].to(bool) & may(Permission.ENROLL),
            link_button(
                "Enroll",
                href=f"/enroll?patient={row['patient_id']}",
                small=True,
                custom_attrs={"aria-label": f"Enroll {row['name']}"},
            ),
        ),
    ]


def _places() -> rx.Component:
    heads = [
        Column("Location", wide=True),
        Column("Enrolled", number=True),
        Column("At 80 % or more", number=True),
        Column("Measurements", number=True),
        Column("Picked up on the sync date", number=True),
        Column("About to be lost", number=True),
    ]
    keys = ("name", "enrolled", "share", "counted", "on_date", "at_risk")
    return card(
        data_table(
            heads,
            AdherenceState.by_place,
            lambda row: [row[key] for key in keys],
            caption="Figures by location",
            test_id="places",
        ),
        title="By location",
    )
