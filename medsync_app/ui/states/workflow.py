"""Workflow: the flow with where patients stand, the changes that are not published, and the versions."""

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.domain.condition_words import CHANNEL_NAMES, condition_words
from medsync_app.domain.workflow_diff import Change, differences
from medsync_app.errors import Invalid
from medsync_app.reads.workflow import STEPS, Version, WorkflowPage, workflow_page
from medsync_app.services.workflow_draft import discard_draft, go_back_to, publish_draft, take_back
from medsync_app.services.workflow_versions import MovedCycles
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.form_fields import text_of
from medsync_app.ui.states.settings_place import one_place, zone_of
from medsync_app.ui.states.workflow_words import (
    STEP_NAMES,
    change_words,
    when,
)

PARTS = ("steps", "segments")


class LineView(TypedDict):
    """One rule of a step; `href` opens its panel."""

    id: str
    name: str
    when: str
    waiting: str
    changed: bool
    href: str


class NodeView(TypedDict):
    """One of the eight steps; `then` names where the flow goes on, for who cannot see the lines."""

    number: str
    name: str
    count: str
    words: str
    then: str
    lines: list[LineView]


class SegmentView(TypedDict):
    """Who is reached how."""

    id: str
    name: str
    who: str
    how: str
    changed: bool
    href: str


class ChangeView(TypedDict):
    """What changed in one step or segment."""

    id: str
    part: str
    name: str
    words: list[str]


class VersionView(TypedDict):
    """One published version."""

    id: str
    number: int
    since: str
    by: str
    note: str
    running: str
    current: bool
    href: str


class PlaceLink(TypedDict):
    """A location to choose."""

    name: str
    href: str


#: Where the flow goes on after a step.
_THEN: Mapping[int, str] = {
    1: "then Sync date", 2: "then Refill requests", 3: "then First reminder", 4: "then Confirm",
    5: "then Prepare and ready", 7: "then Pickup", 8: "then the Sync date of the next pickup",
    6: "from every step",
}  # fmt: skip
#: What a step does that is no rule of the document.
_BY_ITSELF: Mapping[int, str] = {
    2: "The plan finds the date. One with a short fill waits until a pharmacist approves it.",
}


class WorkflowState(AppState):
    """The page of one location."""

    loaded: bool = False
    choose: list[PlaceLink] = []
    place_name: str = ""
    version: str = ""
    nodes: list[NodeView] = []
    segments: list[SegmentView] = []
    changes: list[ChangeView] = []
    changed: str = ""
    #: Set when a version was published after the changes were begun.
    overtaken: str = ""
    versions: list[VersionView] = []
    #: Pickups under way that the newest version does not apply to.
    others: int = 0
    running: int = 0
    compared: list[ChangeView] = []
    compared_with: str = ""
    publishing: bool = False
    back_to: int = 0
    back_changes: list[ChangeView] = []

    _number: int = 0

    @handler(Permission.EDIT_WORKFLOW)
    async def load(self, caller: Caller) -> None:
        """Show the workflow of the location in the address (`?compare=2` also what version 2 has different)."""
        self.publishing, self.back_to = False, 0
        await self._show(caller)

    @handler(Permission.EDIT_WORKFLOW, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Look again when something changed."""
        if await self._changed(caller):
            await self._show(caller)

    @handler(Permission.EDIT_WORKFLOW)
    async def take_back(self, caller: Caller, part: str, item_id: str) -> None:
        """Undo the changes of one step."""
        if part not in PARTS:
            raise Invalid("There is nothing of that kind. Reload the page.")
        await self._act(caller, "As it was before.", take_back, one_place(caller), part, item_id)

    @handler(Permission.EDIT_WORKFLOW)
    async def discard(self, caller: Caller) -> None:
        """Drop all changes."""
        await self._act(caller, "The changes are dropped.", discard_draft, one_place(caller))

    @handler(Permission.EDIT_WORKFLOW)
    async def ask_publish(self, caller: Caller) -> None:
        """Show what publishing would change."""
        await self._show(caller)
        self.publishing = bool(self.changes)

    @handler(Permission.EDIT_WORKFLOW)
    async def publish(self, caller: Caller, form: dict[str, Any]) -> None:
        """Put the changes in force; with the tick, running pickups go on under them."""
        done, moved = await self._command(
            caller,
            publish_draft,
            one_place(caller),
            note=text_of(form, "note"),
            move=bool(form.get("move")),
        )
        self.publishing = False
        self._say(f"Version {done.number} is in force. {_moved_words(moved)}".strip())
        await self._show(caller)

    @handler(Permission.EDIT_WORKFLOW)
    async def ask_back(self, caller: Caller, number: int) -> None:
        """Show what going back to a version would change."""
        found = await self._page(caller)
        old = next((one for one in found.versions if one.number == number), None)
        if old is None:
            raise Invalid("There is no such version. Reload the page.")
        self.back_changes = _change_views(
            differences(found.in_force, old.document), old.document, found.in_force
        )
        self.back_to = number

    @handler(Permission.EDIT_WORKFLOW)
    async def go_back(self, caller: Caller, form: dict[str, Any]) -> None:
        """Put that version in force again."""
        done, moved = await self._command(
            caller, go_back_to, one_place(caller), self.back_to, expected_number=self._number,
            move=bool(form.get("move")),
        )  # fmt: skip
        self._say(
            f"Version {self.back_to} applies again, as version {done.number}. {_moved_words(moved)}".strip()
        )
        self.back_to = 0
        await self._show(caller)

    @handler(Permission.EDIT_WORKFLOW)
    async def close_dialog(self, caller: Caller) -> None:
        """Leave everything as it is."""
        self.publishing, self.back_to = False, 0

    async def _page(self, caller: Caller) -> WorkflowPage:
        return await self._read(caller, workflow_page, one_place(caller))

    async def _show(self, caller: Caller) -> None:
        here = [place for place in caller.shown if caller.scope_here.sees(place.id)]
        self.choose = (
            [{"name": one.name, "href": f"/workflow?at={one.slug}"} for one in here] if len(here) > 1 else []
        )
        if self.choose:
            self.loaded = True
            return
        if not self.nodes:
            # The choice of a location was there: a page that cannot be read says so, not that nothing is published.
            self.loaded = False
        found = await self._page(caller)
        self._fill(found, zone_of(caller, one_place(caller)))
        self.place_name = here[0].name
        self.loaded = True

    def _fill(self, found: WorkflowPage, zone: str) -> None:
        now = runtime.clock().now()
        changes = differences(found.in_force, found.document)
        touched = {(one.part, one.step) for one in changes}
        self._number = found.number
        self.nodes = [_node(number, found, touched) for number in STEPS]
        self.segments = [_segment(one, touched) for one in found.document.get("segments", ())]
        self.changes = _change_views(changes, found.document, found.in_force)
        draft = found.draft
        self.changed = f"by {draft.changed_by}, {say.moment(draft.changed_at, now, zone)}" if draft else ""
        self.overtaken = (
            f"Version {found.number} was published after these changes were begun from version "
            f"{draft.base_number}: drop them and make them anew."
            if draft and draft.base_number != found.number
            else ""
        )
        self.versions = [
            _version(one, found, say.moment(one.created_at, now, zone)) for one in found.versions
        ]
        newest = found.versions[0] if found.versions else None
        since = f" since {say.moment(newest.created_at, now, zone)}" if newest else ""
        self.version = f"Version {found.number} in force{since}" if newest else "The usual workflow"
        self.running = sum(one.running for one in found.versions)
        self.others = self.running - (newest.running if newest else 0)
        self._compare(found)

    def _compare(self, found: WorkflowPage) -> None:
        asked = str(self.router.url.query_parameters.get("compare", ""))
        old = next((one for one in found.versions if str(one.number) == asked), None)
        self.compared_with = f"Version {old.number}" if old else ""
        self.compared = (
            _change_views(differences(old.document, found.in_force), found.in_force, old.document)
            if old
            else []
        )


def _node(number: int, found: WorkflowPage, touched: set[tuple[str, str]]) -> NodeView:
    lines = [one for one in found.document["steps"] if one["step"] == number]
    return {
        "number": str(number),
        "name": STEP_NAMES[number],
        "count": f"{found.here[number]:,}",
        "words": _BY_ITSELF.get(number, ""),
        "then": _THEN[number],
        "lines": [
            {
                "id": one["id"], "name": one["name"], "when": when(one["trigger"]),
                "waiting": f"{found.waiting.get(one['id'], 0):,}",
                "changed": ("steps", one["id"]) in touched, "href": f"/workflow?step={one['id']}",
            }
            for one in lines
        ],
    }  # fmt: skip


def _segment(one: Mapping[str, Any], touched: set[tuple[str, str]]) -> SegmentView:
    return {
        "id": one["id"],
        "name": one["name"],
        "who": say.listed(
            [condition_words(c["fact"], c["op"], c["value"]) for c in one["conditions"]], most=9
        ),
        "how": ", else ".join(CHANNEL_NAMES[name] for name in one["channels"]),
        "changed": ("segments", one["id"]) in touched,
        "href": f"/workflow?segment={one['id']}",
    }


def _change_views(
    changes: Iterable[Change], after: Mapping[str, Any], before: Mapping[str, Any]
) -> list[ChangeView]:
    """The changes by step, with the step's name as people know it."""
    names = {
        (part, item["id"]): str(item["name"])
        for document in (before, after)
        for part in PARTS
        for item in document.get(part, ())
    }
    found: dict[tuple[str, str], ChangeView] = {}
    for one in changes:
        key = (one.part, one.step)
        view = found.setdefault(
            key, {"id": one.step, "part": one.part, "name": names.get(key, one.step), "words": []}
        )
        view["words"].append(change_words(one))
    return list(found.values())


def _version(one: Version, found: WorkflowPage, since: str) -> VersionView:
    return {
        "id": str(one.number),
        "number": one.number,
        "since": since,
        "by": one.created_by,
        "note": one.note,
        "running": f"{one.running:,}",
        "current": one.number == found.number,
        "href": f"/workflow?compare={one.number}",
    }


def _moved_words(moved: MovedCycles) -> str:
    if not moved.cycles:
        return ""
    return (
        f"{say.plural(moved.cycles, 'pickup')} moved: {moved.withdrawn:,} messages and tasks withdrawn, "
        f"{moved.queued:,} queued."
    )
