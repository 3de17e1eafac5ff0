"""Days on which a pharmacy does not open beyond its weekly hours, with the federal holidays to choose from."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import holidays

from medsync_app.clock import local_day
from medsync_app.errors import Invalid
from medsync_app.services.audit import audit
from medsync_app.services.follow_open_days import follow_open_days
from medsync_app.store.repositories.pharmacies import closed_days
from medsync_app.store.session import Tx
from medsync_app.store.tables import ClosedDay, Pharmacy

_MAX_NAME = 60
_MOST_AT_ONCE = 40


@lru_cache(maxsize=16)
def us_holidays(year: int) -> Mapping[date, str]:
    """The federal holidays of a year with their observed days; each pharmacy chooses on which it closes."""
    return dict(sorted(holidays.country_holidays("US", years=[year]).items()))


def close_on(tx: Tx, pharmacy_id: str, days: Mapping[date, str]) -> int:
    """Add closed days with their names; gives how many are new. Invalid names the field that cannot be used.

    Pickups planned on such a day stay where they are: somebody decides about each of them. Preparation and other steps
    that want an open day move to the one before.
    """
    pharmacy = tx.get(Pharmacy, pharmacy_id)
    today = local_day(tx.now, pharmacy.zone)
    if not days or len(days) > _MOST_AT_ONCE:
        raise Invalid("Choose the days on which you are closed.", "day")
    known = closed_days(tx, pharmacy_id)
    for day, name in days.items():
        if not today.replace(day=1) <= day or day.year > today.year + 3:
            raise Invalid("Choose a day that lies ahead, within the next years.", "day")
        if not 0 < len(name.strip()) <= _MAX_NAME:
            raise Invalid(f"Give the day a name of 1 to {_MAX_NAME} characters.", "name")
    new = {day: name.strip() for day, name in days.items() if day not in known}
    tx.add_all([ClosedDay(pharmacy_id=pharmacy_id, day=day, name=name) for day, name in new.items()])
    if new:
        tx.session.flush()
        follow_open_days(tx, pharmacy_id, min(new), max(new))
        audit(
            tx, pharmacy_id=pharmacy_id, act="close_on", subject_kind="pharmacy", subject_id=pharmacy_id,
            detail={"days": sorted(new)},
        )  # fmt: skip
    return len(new)


def open_on(tx: Tx, closed_day_id: str) -> None:
    """Open on a day again."""
    row = tx.get(ClosedDay, closed_day_id)
    tx.session.delete(row)
    tx.session.flush()
    follow_open_days(tx, row.pharmacy_id, row.day, row.day)
    audit(
        tx, pharmacy_id=row.pharmacy_id, act="open_on", subject_kind="pharmacy", subject_id=row.pharmacy_id,
        detail={"days": [row.day]},
    )  # fmt: skip
