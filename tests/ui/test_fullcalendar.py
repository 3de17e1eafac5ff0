"""The calendar hands days to Python as labels, and gives every dropped chip back first."""

from typing import Any

import reflex as rx

from medsync_app.ui import packages
from medsync_app.ui.components.fullcalendar import FullCalendar, calendar


class CalendarProbe(rx.State):
    """Handlers with the shapes the calendar calls."""

    days: dict[str, dict[str, str]] = {}

    @rx.event
    async def drop(self, chip: str, day: str) -> None:
        """A chip was dropped."""

    @rx.event
    async def visible(self, first: str, end: str, view: str, current: str) -> None:
        """Other days are shown."""


def _props(component: rx.Component) -> str:
    return "\n".join(str(prop) for prop in component.render()["props"])


def test_a_drop_sends_the_id_and_the_day_and_reverts() -> None:
    props = _props(calendar([], event_drop=CalendarProbe.drop))
    assert "eventDrop" in props
    assert ".event.id" in props
    assert "calendarDroppedDay(" in props
    revert = "".join(FullCalendar.create().add_custom_code())
    assert "info.revert()" in revert
    assert revert.index("startStr") < revert.index("info.revert()"), "the day must be read before going back"


def test_visible_days_are_sent_as_days_without_a_time() -> None:
    props = _props(calendar([], dates_set=CalendarProbe.visible))
    assert props.count(".slice(0, 10)") >= 3
    assert 'timeZone:"UTC"' in props.replace(" ", "")


def test_a_chip_moves_but_its_length_never_changes() -> None:
    props = _props(calendar([])).replace(" ", "")
    assert "eventStartEditable:true" in props
    assert "eventDurationEditable:false" in props


def test_the_days_heads_come_from_state() -> None:
    props = _props(calendar([], days=CalendarProbe.days))
    assert props.count("calendar_probe") >= 3, (
        "the class of a day, its text, and its head in a week follow the state"
    )


def test_the_package_is_the_one_in_the_lock() -> None:
    component: Any = calendar([])
    assert component.library == packages.FULLCALENDAR in packages.ALL
    assert packages.TEMPORAL in component.lib_dependencies


def test_undefined_children_are_not_handed_on() -> None:
    loader = FullCalendar.create()._get_dynamic_imports()  # pyright: ignore[reportPrivateUsage]
    assert "({ children, ...options })" in loader
