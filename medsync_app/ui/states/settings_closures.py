"""The tab of closed days, with the federal holidays of a year to tick."""

from datetime import date
from typing import Any, TypedDict

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.errors import Invalid
from medsync_app.reads.settings import closures, pharmacy_facts
from medsync_app.services.closed_days import close_on, open_on, us_holidays
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.form_fields import day_of, text_of
from medsync_app.ui.states.settings_place import one_place


class ClosureView(TypedDict):
    """One closed day."""

    id: str
    day: say.DueText
    name: str
    pickups: str
    href: str


class HolidayView(TypedDict):
    """One holiday to tick."""

    field: str
    label: str
    title: str


class YearView(TypedDict):
    """One year to choose holidays of."""

    label: str
    href: str
    selected: bool


class ClosuresTabState(AppState):
    """Closed days that lie ahead, and the holidays that are not among them yet."""

    rows: list[ClosureView] = []
    holidays: list[HolidayView] = []
    years: list[YearView] = []
    year: int = 0
    #: Another value starts the forms anew.
    form_key: int = 0
    ready: bool = False

    @handler(Permission.MANAGE_SETTINGS)
    async def open_tab(self, caller: Caller) -> None:
        """Show closed days and the holidays of the year in the address (`?year=2027`)."""
        await self._fill(caller)

    @handler(Permission.MANAGE_SETTINGS, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Look again when something changed; what is being typed stays."""
        if await self._changed(caller):
            await self._fill(caller)

    @handler(Permission.MANAGE_SETTINGS)
    async def add_day(self, caller: Caller, form: dict[str, Any]) -> None:
        """Close on one day."""
        await self._close_on(caller, {day_of(form, "day"): text_of(form, "name")})

    @handler(Permission.MANAGE_SETTINGS)
    async def add_holidays(self, caller: Caller, form: dict[str, Any]) -> None:
        """Close on the ticked holidays."""
        known = us_holidays(self.year or date.min.year)
        chosen = {day: name for day, name in known.items() if form.get(f"day_{day.isoformat()}")}
        if not chosen:
            raise Invalid("Tick the holidays on which you are closed.", "holidays")
        await self._close_on(caller, {day: name[:60] for day, name in chosen.items()})

    @handler(Permission.MANAGE_SETTINGS)
    async def open_again(self, caller: Caller, closed_day_id: str) -> None:
        """Open on a day again."""
        await self._command(caller, open_on, closed_day_id)
        self._say("Open again on that day.")
        await self._fill(caller)

    async def _close_on(self, caller: Caller, days: dict[date, str]) -> None:
        added = await self._command(caller, close_on, one_place(caller), days)
        self.form_key += 1
        self._say(f"Closed on {say.plural(added, 'more day')}." if added else "You are closed then already.")
        await self._fill(caller)

    async def _fill(self, caller: Caller) -> None:
        place = one_place(caller)
        today = (await self._read(caller, pharmacy_facts, place)).today
        found = await self._read(caller, closures, place)
        asked = self.router.url.query_parameters.get("year", "")
        self.year = int(asked) if asked in (str(today.year), str(today.year + 1)) else today.year
        if not asked and today.month == 12:
            self.year = today.year + 1
        self.years = [
            {"label": str(year), "href": f"/settings?tab=closures&year={year}", "selected": year == self.year}
            for year in (today.year, today.year + 1)
        ]
        self.rows = [
            {
                "id": one.id, "day": say.plain_date(one.day, today), "name": one.name,
                "pickups": say.plural(one.pickups, "pickup") if one.pickups else "",
                "href": f"/calendar?d={one.day.isoformat()}",
            }
            for one in found
        ]  # fmt: skip
        closed = {one.day for one in found}
        self.holidays = [
            {"field": f"day_{day.isoformat()}", "label": name, "title": say.day(day, today)}
            for day, name in us_holidays(self.year).items()
            if day >= today and day not in closed
        ]
        self.ready = True
