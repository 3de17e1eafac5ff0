"""The tab of imports: a file's preview with its mapping, the progress of a run, and what was imported before."""

from typing import Any, TypedDict
from urllib.parse import quote

import reflex as rx

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler, selected_slug
from medsync_app.auth.permissions import Permission
from medsync_app.connections.csv.preview import Preview
from medsync_app.reads.imports import ImportView, import_view, recent_imports
from medsync_app.services.start_import import cancel_import, confirm_import, preview_import
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.form_fields import text_of
from medsync_app.ui.states.settings_place import one_place, zone_of

PREVIEW_ROWS = 8
STATES = {
    "uploaded": ("Not started", "warn"), "waiting": ("Waiting", "info"), "running": ("Running", "info"),
    "done": ("Done", "good"), "failed": ("Failed", "bad"), "cancelled": ("Cancelled", "neutral"),
}  # fmt: skip


class RunView(TypedDict):
    """One run in the history, or the one that is open."""

    id: str
    href: str
    file: str
    when: str
    state: str
    label: str
    tone: str
    rows: str
    percent: int
    known: bool
    patients: str
    prescriptions: str
    fills: str
    problems: str
    problems_href: str
    notes: list[str]
    error: str


class FieldView(TypedDict):
    """One of our fields with the column chosen for it."""

    key: str
    label: str
    column: str


class ProblemView(TypedDict):
    """A row that cannot be used."""

    row: str
    column: str
    reason: str


class LineView(TypedDict):
    """A row of the preview."""

    id: str
    cells: list[str]


NO_RUN: RunView = {
    "id": "", "href": "", "file": "", "when": "", "state": "", "label": "", "tone": "neutral", "rows": "", "percent": 0,
    "known": False, "patients": "", "prescriptions": "", "fills": "", "problems": "", "problems_href": "", "notes": [],
    "error": "",
}  # fmt: skip


class ImportTabState(AppState):
    """The history, and the run that the address names (`?import=ID`)."""

    runs: list[RunView] = []
    run: RunView = NO_RUN
    busy: bool = False
    #: Where the form posts to, and where it comes back.
    upload_to: str = ""
    come_back: str = ""
    headers: list[str] = []
    column_options: list[list[str]] = []
    fields: list[FieldView] = []
    lines: list[LineView] = []
    problems: list[ProblemView] = []
    missing: str = ""
    ignored: str = ""
    checked: str = ""
    mapping_name: str = ""
    day_first: bool = False
    two_digit_years: bool = False
    ready: bool = False

    _columns: dict[str, str] = {}

    @handler(Permission.IMPORT_DATA)
    async def open_tab(self, caller: Caller) -> None:
        """Show the history, and the run in the address."""
        slug = selected_slug(self)
        at = f"&at={quote(slug)}" if slug else ""
        self.upload_to = f"/api/v1/imports?at={quote(slug)}" if slug else "/api/v1/imports"
        self.come_back = f"/settings?tab=import{at}"
        await self._fill(caller)
        if self.run["state"] == "uploaded":
            await self._preview(caller, None)

    @handler(Permission.IMPORT_DATA, activity=False)
    async def poll(self, caller: Caller) -> None:
        """How far the open run is, and what others have imported."""
        if await self._changed(caller) or self.busy:
            await self._fill(caller)

    @handler(Permission.IMPORT_DATA)
    async def map_field(self, caller: Caller, key: str, column: str) -> None:
        """Read one of our fields from another column."""
        self._columns = {**self._columns, key: column}
        await self._preview(caller, self._mapping())

    @handler(Permission.IMPORT_DATA)
    async def read_dates(self, caller: Caller, day_first: bool, two_digit_years: bool) -> None:
        """How dates are written in this file."""
        self.day_first, self.two_digit_years = day_first, two_digit_years
        await self._preview(caller, self._mapping())

    @handler(Permission.IMPORT_DATA)
    async def start(self, caller: Caller, form: dict[str, Any]) -> None:
        """Start the import with the mapping shown; a name keeps it for next time."""
        name = text_of(form, "save_as")
        await self._command(caller, confirm_import, self.run["id"], self._mapping(), save_as=name or None)
        self._say("The import has started. You can leave this page.")
        await self._fill(caller)

    @handler(Permission.IMPORT_DATA)
    async def cancel(self, caller: Caller) -> rx.event.EventSpec | None:
        """Give up the open run."""
        was_started = self.run["state"] != "uploaded"
        await self._command(caller, cancel_import, self.run["id"])
        self._say("Cancelled. What was imported before stays." if was_started else "The file is deleted.")
        await self._fill(caller)
        return None if was_started else rx.redirect(self.come_back, replace=True)

    def _mapping(self) -> dict[str, Any]:
        return {
            "columns": {key: column for key, column in self._columns.items() if column},
            "day_first": self.day_first, "two_digit_years": self.two_digit_years, "name": "",
        }  # fmt: skip

    async def _fill(self, caller: Caller) -> None:
        place = one_place(caller)
        found = await self._read(caller, recent_imports, place)
        now, zone = runtime.clock().now(), zone_of(caller, place)
        self.runs = [_run_view(one, say.moment(one.created_at, now, zone), self.come_back) for one in found]
        asked = self.router.url.query_parameters.get("import", "")
        self.run = NO_RUN
        if asked:
            one = await self._read(caller, import_view, asked)
            self.run = _run_view(one, say.moment(one.created_at, now, zone), self.come_back)
        else:
            active = [one for one in self.runs if one["state"] in ("waiting", "running")]
            self.run = active[0] if active else NO_RUN
        self.busy = self.run["state"] in ("waiting", "running")
        self.ready = True

    async def _preview(self, caller: Caller, mapping: dict[str, Any] | None) -> None:
        found = await self._read(caller, preview_import, self.run["id"], mapping, limit=PREVIEW_ROWS)
        self._columns = dict(found.mapping.columns)
        self.day_first, self.two_digit_years = found.mapping.day_first, found.mapping.two_digit_years
        self._fill_preview(found)

    def _fill_preview(self, found: Preview) -> None:
        self.headers = list(found.headers)
        self.column_options = [["", "(not in this file)"], *[[header, header] for header in found.headers]]
        self.fields = [
            {"key": key, "label": label, "column": self._columns.get(key, "")}
            for key, label in found.fields.items()
        ]
        self.lines = [{"id": str(line), "cells": [str(line), *cells]} for line, cells in found.rows]
        self.problems = [
            {"row": str(one.line), "column": one.column, "reason": one.reason} for one in found.problems
        ]
        self.missing = ", ".join(found.missing)
        self.ignored = say.listed(found.ignored, most=8)
        self.checked = say.plural(found.rows_checked, "row")
        known = {"standard_export": "the standard export", "guessed": "guessed from the column names"}
        self.mapping_name = known.get(found.mapping.name, found.mapping.name)


def _run_view(one: ImportView, when: str, page: str) -> RunView:
    label, tone = STATES.get(one.state, (say.code_words(one.state), "neutral"))
    total = f" of {one.rows_total:,}" if one.rows_total else ""
    return {
        "id": one.id, "href": f"/settings?tab=import&import={one.id}", "file": one.file_name, "when": when,
        "state": one.state,
        "label": label, "tone": tone, "rows": f"{one.rows_done:,}{total} rows", "percent": one.percent or 0,
        "known": one.percent is not None, "patients": _counted(one.patients),
        "prescriptions": _counted(one.prescriptions), "fills": _counted(one.fills),
        "problems": say.plural(one.problems, "row") if one.problems else "",
        "problems_href": f"/api/v1/imports/{one.id}/problems.csv{_at(page)}", "notes": list(one.notes),
        "error": one.error,
    }  # fmt: skip


def _at(page: str) -> str:
    _, _, slug = page.partition("&at=")
    return f"?at={slug}" if slug else ""


def _counted(counts: Any) -> str:
    if not counts:
        return "-"
    parts = (("added", "new"), ("changed", "changed"), ("unchanged", "as before"))
    return ", ".join(f"{counts.get(key, 0):,} {word}" for key, word in parts)
