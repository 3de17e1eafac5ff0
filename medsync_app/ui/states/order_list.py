"""The order list: units of each drug for the coming days, to order and to print."""

from datetime import date
from typing import Final, TypedDict

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.reads.forecast import DrugForecast, Forecast, forecast
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.viewing import viewer

#: Days ahead that the page offers.
PERIODS: Final = (7, 14, 30)
_USUAL: Final = 14


class DayUnits(TypedDict):
    """Units needed on one day."""

    day: str
    units: str


class OrderRow(TypedDict):
    """One drug."""

    id: str
    drug: str
    ndc: str
    units: str
    fills: str
    first: say.DueText
    days: list[DayUnits]


class OrderListState(AppState):
    """The coming days in the address (`?days=14`), today among them."""

    loaded: bool = False
    days: int = _USUAL
    rows: list[OrderRow] = []
    summary: str = ""

    @handler(Permission.VIEW_PATIENTS)
    async def load(self, caller: Caller) -> None:
        """Read what the days of the address need."""
        asked = self.router.url.query_parameters.get("days", "")
        self.days = int(asked) if asked in {str(days) for days in PERIODS} else _USUAL
        await self._show(caller)

    @handler(Permission.VIEW_PATIENTS, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Look again when something changed."""
        if await self._changed(caller):
            await self._show(caller)

    async def _show(self, caller: Caller) -> None:
        found = await self._read_here(viewer(caller), forecast, self.days)
        self.rows = [_row(drug, found.first) for drug in found.drugs]
        self.summary = _summary(found)
        self.loaded = True


def _row(drug: DrugForecast, today: date) -> OrderRow:
    days = sorted(drug.units.items())
    return {
        "id": f"{drug.drug} {drug.ndc}",
        "drug": drug.drug,
        "ndc": drug.ndc,
        "units": f"{drug.total:,}",
        "fills": f"{drug.fills:,}",
        "first": say.plain_date(days[0][0], today),
        "days": [{"day": say.day(day), "units": f"{units:,}"} for day, units in days],
    }


def _summary(found: Forecast) -> str:
    units = sum(drug.total for drug in found.drugs)
    fills = sum(drug.fills for drug in found.drugs)
    last = found.days[-1].day
    return (
        f"{say.day(found.first)} to {say.day(last)}: {say.plural(len(found.drugs), 'medicine')}, "
        f"{say.plural(units, 'unit')} for {say.plural(fills, 'fill')} not filled yet"
    )
