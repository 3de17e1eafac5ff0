"""Merges dispensings, sales, reversals and returns of one Rx and fill number into fills, in any order of
arrival.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from medsync_app.domain.dispensing_row import DispensingRow
from medsync_app.domain.states import FillKind, FillStatus
from medsync_app.services.import_drafts import Draft, Row

FillKey = tuple[str, int]


class Fills:
    """The fills a chunk may touch, by prescription and fill number, then by claim date."""

    def __init__(self, stored: Iterable[Row]) -> None:
        self._by_key: dict[FillKey, dict[date, Draft]] = {}
        for row in stored:
            self._group((row["prescription_id"], row["fill_number"]))[row["filled_on"]] = Draft(row)

    def _group(self, key: FillKey) -> dict[date, Draft]:
        return self._by_key.setdefault(key, {})

    def all(self) -> Iterable[Draft]:
        """Every fill of the chunk, once."""
        for group in self._by_key.values():
            yield from group.values()

    def merge(self, row: DispensingRow, owner: Row) -> Draft:
        """The fill that a row is about, as it is after the row; `owner` holds patient, therapy and
        prescription ids.
        """
        group = self._group((owner["prescription_id"], row.fill_number))
        if row.status is FillStatus.REVERSED:
            return self._reverse(group, row, owner)
        found = group.get(row.filled_on) or self._early_reversal(group, row)
        if found is None:
            found = group[row.filled_on] = Draft(None, {**owner, **_values(row), "status": row.status})
            found.values["fill_number"] = row.fill_number
            return found
        _update(found.values, row)
        return found

    @staticmethod
    def _reverse(group: dict[date, Draft], row: DispensingRow, owner: Row) -> Draft:
        """Reverse the fill of that date, else the newest one before it; kept for later when there is none
        yet.
        """
        found = group.get(row.filled_on)
        if found is None:
            earlier = [
                day for day, draft in group.items()
                if day <= row.filled_on and draft.values["status"] is not FillStatus.RETURNED
            ]  # fmt: skip
            found = group[max(earlier)] if earlier else None
        if found is None:
            values = {**owner, **_values(row), "status": FillStatus.REVERSED, "fill_number": row.fill_number}
            # Negative: a reversal whose dispensing has not been seen.
            values["quantity"] = -row.quantity
            found = group[row.filled_on] = Draft(None, values)
        found.values["status"] = FillStatus.REVERSED
        return found

    @staticmethod
    def _early_reversal(group: dict[date, Draft], row: DispensingRow) -> Draft | None:
        """A reversal that came before the dispensing it reverses, dated on a later day."""
        waiting = [
            day for day, draft in group.items() if day > row.filled_on and draft.values["quantity"] < 0
        ]
        if not waiting or row.status is FillStatus.RETURNED:
            return None
        found = group.pop(min(waiting))
        group[row.filled_on] = found
        return found


def _values(row: DispensingRow) -> dict[str, Any]:
    return {
        "filled_on": row.filled_on,
        "picked_up_on": row.sold_on,
        "days_supply": row.days_supply,
        "quantity": row.quantity,
        "kind": FillKind.SHORT if row.short_fill else FillKind.FULL,
        "copay": row.copay,
    }


def _update(values: Row, row: DispensingRow) -> None:
    """A later state wins; within one state, the later row. A reversed fill stays so, but learns what it was."""
    status: FillStatus = values["status"]
    only_reversal = values["quantity"] < Decimal(0)
    if status is FillStatus.REVERSED:
        stored = FillStatus.SOLD if values["picked_up_on"] and not only_reversal else FillStatus.WAITING
    else:
        stored = status
    if _ORDER[row.status] < _ORDER[stored]:
        return
    picked_up_on = row.sold_on or (None if only_reversal else values["picked_up_on"])
    # A short fill that the programme planned stays one: most sources do not say.
    kind = FillKind.SHORT if row.short_fill else values["kind"]
    values.update(_values(row), picked_up_on=picked_up_on, kind=kind)
    if status is not FillStatus.REVERSED:
        values["status"] = row.status


_ORDER = {FillStatus.WAITING: 0, FillStatus.SOLD: 1, FillStatus.RETURNED: 2, FillStatus.REVERSED: 3}
