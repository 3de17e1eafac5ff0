"""How the calendar shows its chips and the heads of its days."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from medsync_app.domain.cycle import ENDED
from medsync_app.domain.states import CycleState
from medsync_app.reads.calendar import Chip, DayHead, Month
from medsync_app.ui import format as say
from medsync_app.ui.components.chips import state_label

VIEWS: Final = ("dayGridMonth", "dayGridWeek", "listAhead")
#: Chips of a day that are sent for a month: its cells show four, a click on "more" these.
MOST_IN_MONTH: Final = 10
#: Filter -> its label.
GROUP_LABELS: Final[Mapping[str, str]] = {
    "review": "Needs review",
    "coming": "Coming",
    "preparing": "Preparing",
    "ready": "Ready",
    "done": "Picked up",
    "missed": "Missed",
}
#: Sign of a state on a chip, where no icon can be drawn; the word is in its label for screen readers.
_SIGNS: Final[Mapping[CycleState, tuple[str, str]]] = {
    CycleState.PROPOSED: ("?", "review"),
    CycleState.PLANNED: ("", "neutral"),
    CycleState.REQUESTING: ("\u21bb", "info"),
    CycleState.PREPARING: ("\u2026", "info"),
    CycleState.PARTLY_READY: ("\u25d0", "warn"),
    CycleState.READY: ("\u25cf", "good"),
    CycleState.PARTLY_PICKED_UP: ("\u25d1", "warn"),
    CycleState.PICKED_UP: ("\u2713", "good"),
    CycleState.CLOSED: ("\u2713", "done"),
    CycleState.MISSED: ("!", "bad"),
    CycleState.RETURNED: ("\u21a9", "bad"),
}


def month_days(day: date) -> tuple[date, date]:
    """What a month view shows of the month of that day: whole weeks from Sunday on, the end not included."""
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    start = first - timedelta(days=(first.weekday() + 1) % 7)
    return start, following + timedelta(days=-(following - start).days % 7)


def event_views(month: Month, *, may_move: bool) -> list[dict[str, Any]]:
    """The chips for FullCalendar, and one line per day for those that are not sent."""
    events = [_event(chip, month, may_move=may_move) for chip in month.chips]
    for head in month.days:
        if head.more > 0:
            said = f"and {head.more:,} more"
            events.append(
                {
                    "id": f"day:{head.day.isoformat()}", "title": said, "start": head.day.isoformat(),
                    "className": "cal-chip cal-more", "editable": False,
                    "extendedProps": {
                        "order": 9, "sign": "", "name": said, "count": "", "words": "opens the day sheet",
                    },
                }
            )  # fmt: skip
    return events


def _event(chip: Chip, month: Month, *, may_move: bool) -> dict[str, Any]:
    sign, tone = _SIGNS.get(chip.state, ("", "neutral"))
    name = say.patient_name(chip.last_name, chip.first_name)
    trip = chip.kind == "trip"
    words = [say.plural(chip.drugs, "medicine"), state_label("cycle", chip.state.value).lower()]
    if trip:
        words.insert(0, "short supply")
    if len(month.places) > 1:
        words.append(month.places[chip.pharmacy_id].name)
    return {
        "id": chip.cycle_id,
        "title": f"{name} {chip.drugs}",
        "start": chip.day.isoformat(),
        "className": f"cal-chip cal-{tone}{' cal-trip' if trip else ''}",
        "editable": may_move and chip.state not in ENDED,
        "extendedProps": {
            "order": 1 if trip else 0, "sign": sign, "name": name, "count": str(chip.drugs),
            "words": ", ".join(words),
        },
    }  # fmt: skip


def day_views(month: Month) -> dict[str, dict[str, str]]:
    """By ISO date: the text beside the day's number, and the classes of its cell."""
    today = {here.today for here in month.places.values()}
    shown: dict[str, dict[str, str]] = {}
    for head in month.days:
        view = _day_view(head)
        if head.day in today:
            view["className"] = f"{view['className']} cal-today".strip()
        if view["text"] or view["className"]:
            shown[head.day.isoformat()] = view
    return shown


def _day_view(head: DayHead) -> dict[str, str]:
    if head.closed:
        load = f" \u00b7 {head.load}" if head.load else ""
        return {"text": f"{head.closed}{load}", "className": "cal-closed"}
    parts: list[str] = []
    if head.load:
        parts.append(f"{head.load}/{head.capacity}" if head.capacity is not None else f"{head.load}")
    if head.closed_at:
        parts.append(f"{say.listed(head.closed_at, most=1)} closed")
    full = head.capacity is not None and head.load >= head.capacity
    return {"text": " \u00b7 ".join(parts), "className": "cal-full" if full else ""}
