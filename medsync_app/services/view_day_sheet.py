"""Gives out the sheet of a day and records that: it leaves the app on paper."""

from collections.abc import Collection
from datetime import date

from medsync_app.reads.day_sheet import DaySheet, day_sheet
from medsync_app.services.audit import audit
from medsync_app.store.session import Tx


def view_day_sheet(tx: Tx, day: date, *, known: Collection[str] = ()) -> DaySheet:
    """The sheet of that day, with one line in the audit log of each pharmacy that it names patients of.

    A sheet that is open writes a line only for batches that were not on it before (`known` holds their ids).
    """
    found = day_sheet(tx, day)
    counts: dict[str, int] = {}
    for batch in found.batches:
        if batch.cycle_id in known:
            continue
        counts[batch.place.id] = counts.get(batch.place.id, 0) + 1
    for pharmacy_id in sorted(counts):
        audit(
            tx, pharmacy_id=pharmacy_id, act="view_day_sheet", subject_kind="pharmacy", subject_id=pharmacy_id,
            detail={"day": day.isoformat(), "batches": counts[pharmacy_id]},
        )  # fmt: skip
    return found
