"""Levelling: the moves that make the days of one location level, to take all, some or none."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, TypedDict

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.domain.plan_model import Cost
from medsync_app.errors import Invalid
from medsync_app.reads.level import LevelView, level_view
from medsync_app.reads.plan_mark import plan_mark
from medsync_app.services.plan_pharmacy import Applied, LevelMove, apply_moves
from medsync_app.store.repositories.people import Place
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState

#: Moves shown at once; the rest is offered when these are made.
MOST_MOVES: Final = 200
#: Why a batch is left where it is.
WHY_KEPT: Final[Mapping[str, str]] = {
    "level": "well where they are",
    "begun": "being requested, prepared or fetched already",
    "review": "waiting for a pharmacist's approval",
    "confirmed": "confirmed by the patient",
    "told": "announced to the patient",
    "held": "on a day that a person chose",
    "soon": "due within 10 days",
    "no_plan": "on a day that needs a look: no plan fits it",
}
_COSTS: Final = (
    ("gap_days", "day without supply", "days without supply"),
    ("too_soon", "fill too soon", "fills too soon"),
    ("trips", "extra trip", "extra trips"),
    ("short_fills", "short fill", "short fills"),
    ("left_out", "medicine left out", "medicines left out"),
    ("early_days", "early day of supply", "early days of supply"),
)


class MoveRow(TypedDict):
    """One move; `id` is the batch."""

    id: str
    patient_id: str
    name: str
    field: str
    label: str
    from_day: say.DueText
    to_day: say.DueText
    change: str
    note: str
    refused: str


class LoadRow(TypedDict):
    """One day whose load changes: pickups now and after, and the widths of their bars in percent."""

    id: str
    day: str
    before: str
    after: str
    before_width: str
    after_width: str


class PlaceLink(TypedDict):
    """A location to choose."""

    name: str
    href: str


class LevelState(AppState):
    """What levelling the location in the address would do."""

    loaded: bool = False
    choose: list[PlaceLink] = []
    rows: list[MoveRow] = []
    load: list[LoadRow] = []
    kept: list[str] = []
    more: str = ""
    peak_before: str = ""
    peak_after: str = ""
    over_before: int = 0
    over_after: int = 0
    capacity: str = ""
    #: The form starts anew when what it shows is new.
    shown_key: int = 0

    #: True when something has changed since the moves were worked out.
    outdated: bool = False

    _pharmacy: str = ""
    _mark: str = ""
    _moves: list[LevelMove] = []

    @handler(Permission.MOVE_CYCLE)
    async def look(self, caller: Caller) -> None:
        """Work the moves out."""
        await self._show_moves(caller, {})

    @handler(Permission.MOVE_CYCLE, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Say when the moves were worked out from what is old now; the ticks stay, and nothing moves under the hand."""
        if self._pharmacy and await self._changed(caller):
            self.outdated = await self._read_here(caller, plan_mark, self._pharmacy) != self._mark

    @handler(Permission.MOVE_CYCLE)
    async def move(self, caller: Caller, form: dict[str, Any]) -> None:
        """Make the ticked moves; those that are refused say why, the others are made."""
        ticked = {
            name.removeprefix("move-") for name, value in form.items() if name.startswith("move-") and value
        }
        chosen = [one for one in self._moves if one.cycle_id in ticked]
        if not chosen or len(chosen) != len(ticked):
            raise Invalid("Tick at least one of the moves.", "moves")
        done: Applied = await asyncio.to_thread(
            apply_moves, runtime.database(), caller.scope, runtime.clock(), self._pharmacy, chosen
        )
        await self._show_moves(caller, {one.cycle_id: one.reason for one in done.refused})
        refused = f" {say.plural(len(done.refused), 'move')} refused: see why below." if done.refused else ""
        self._say(f"{say.plural(len(done.moved), 'pickup')} moved.{refused}")

    async def _show_moves(self, caller: Caller, refused: Mapping[str, str]) -> None:
        here = caller.shown
        if len(here) != 1:
            self.choose = place_links(here, "/calendar/level")
            self._moves, self.rows, self.load, self.kept = [], [], [], []
            self._pharmacy, self.loaded = "", True
            return
        # Until the first moves are there, a page that cannot be read says so, not that none would help.
        self.loaded = self.loaded and self._pharmacy != ""
        # Before the moves: what changes while they are worked out is then told.
        self._mark = await self._read_here(caller, plan_mark, here[0].id)
        self.outdated = False
        found = await self._read_here(caller, level_view, here[0].id)
        preview = found.preview
        # Each finds room after those before it, so the first ones can be made without the rest.
        self.choose, self._pharmacy, self._moves = [], here[0].id, list(preview.moves[:MOST_MOVES])
        self.rows = [_row(move, found, refused.get(move.cycle_id, "")) for move in self._moves]
        more = len(preview.moves) - len(self._moves)
        self.more = f"{say.plural(more, 'more move')} will be offered after these." if more else ""
        self.load = load_rows(preview.load_before, preview.load_after, preview.today)
        self.kept = [f"{count:,} {WHY_KEPT[why]}" for why, count in preview.kept.items()]
        self.peak_before, self.peak_after = (
            f"{max(load.values(), default=0):,}" for load in (preview.load_before, preview.load_after)
        )
        self.over_before, self.over_after = preview.before.over_capacity, preview.after.over_capacity
        self.capacity = "" if preview.capacity is None else f"room for {preview.capacity:,} a day"
        self.shown_key += 1
        self.loaded = True


def _row(move: LevelMove, found: LevelView, refused: str) -> MoveRow:
    name = say.patient_name(*found.names.get(move.patient_id, ("", "")))
    notes = [
        f"{say.plural(move.withdrawn, 'message or task', 'messages and tasks')} queued anew",
        "a pharmacist must approve it" if move.needs_review else "",
    ]
    today = found.preview.today
    return {
        "id": move.cycle_id,
        "patient_id": move.patient_id,
        "name": name,
        "field": f"move-{move.cycle_id}",
        "label": f"Move {name} to {say.day(move.to_date)}",
        "from_day": say.plain_date(move.from_date, today),
        "to_day": say.plain_date(move.to_date, today),
        "change": _change(move.before, move.after),
        "note": "; ".join(note for note in notes if note),
        "refused": refused,
    }


def _change(before: Cost, after: Cost) -> str:
    """Said as "2 early days of supply more, 1 extra trip less"."""
    parts: list[str] = []
    for name, one, many in _COSTS:
        more = getattr(after, name) - getattr(before, name)
        if more:
            parts.append(f"{say.plural(abs(more), one, many)} {'more' if more > 0 else 'less'}")
    return ", ".join(parts) or "nothing else changes"


def cost_words(cost: Cost) -> str:
    """Said as "1 extra trip, 2 short fills"; "nothing extra" when everything is due that day."""
    parts = [say.plural(getattr(cost, name), one, many) for name, one, many in _COSTS if getattr(cost, name)]
    return ", ".join(parts) or "nothing extra"


def place_links(here: Sequence[Place], route: str) -> list[PlaceLink]:
    """The locations to choose one of."""
    return [{"name": place.name, "href": f"{route}?at={place.slug}"} for place in here]


def load_rows(before: Mapping[date, int], after: Mapping[date, int], today: date) -> list[LoadRow]:
    """The days whose load changes."""
    peak = max([1, *before.values(), *after.values()])

    def row(day: date) -> LoadRow:
        now, then = before.get(day, 0), after.get(day, 0)
        return {
            "id": day.isoformat(), "day": say.day(day, today), "before": f"{now:,}", "after": f"{then:,}",
            "before_width": f"{100 * now // peak}%", "after_width": f"{100 * then // peak}%",
        }  # fmt: skip

    return [row(day) for day in sorted({*before, *after}) if before.get(day, 0) != after.get(day, 0)]
