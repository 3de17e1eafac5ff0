"""Brings the drugs of two records of one person together: one therapy a drug, with the fills of both."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from medsync_app.domain.merging import Dispensed, told_twice
from medsync_app.domain.states import FillStatus, RenewalState
from medsync_app.services.merge_tasks import rename_tasks
from medsync_app.services.renewals import close_renewal
from medsync_app.store.repositories import cycles, duplicates, merging, renewals, therapies
from medsync_app.store.session import Tx
from medsync_app.store.tables import CycleItem, Fill, Therapy

#: What the newest row of the source says of a drug, and what people say of it.
_OF_SOURCE: Final = (
    "drug_name", "ingredients", "form", "schedule", "unbreakable", "specialty", "as_needed", "plan_name", "payer",
    "copay", "pa_ends_on", "current_prescription_id", "source_rank",
)  # fmt: skip
_OF_PEOPLE: Final = ("maintenance", "include", "usual_days", "threshold", "clinical_flag")
_OF_DOSE: Final = ("units_per_day", "units_before", "dose_changed_on")
#: Why a drug was stopped when the pharmacy system says so (services/import_chunk.py).
_SOURCE: Final = "source"


@dataclass(slots=True)
class MergedDrugs:
    """Which drugs came together: the dropped id -> the kept one; what was written down twice; what was closed."""

    same: dict[str, str] = field(default_factory=lambda: dict[str, str]())
    names: list[str] = field(default_factory=lambda: list[str]())
    came: list[str] = field(default_factory=lambda: list[str]())
    reversed_fills: list[int] = field(default_factory=lambda: list[int]())
    rows: list[dict[str, Any]] = field(default_factory=lambda: list[dict[str, Any]]())
    #: Drugs that one record has stopped while the other goes on with them.
    stopped: list[str] = field(default_factory=lambda: list[str]())


def merge_therapies(tx: Tx, kept_id: str, dropped_id: str, *, leading_id: str) -> MergedDrugs:
    """Give the kept record every drug of the dropped one; a drug that both have becomes one.

    Of such a drug the newest row of the source counts; what people decided is taken from the record that takes part
    (`leading_id`) where that says anything. The patient's own rows are moved by the caller.
    """
    found = MergedDrugs()
    mine = {row.drug_key: row for row in therapies.of_patient(tx, kept_id)}
    for other in list(therapies.of_patient(tx, dropped_id)):
        known = mine.get(other.drug_key)
        if known is None:
            found.came.append(other.id)
            continue
        found.rows.append(merging.plain(other))
        found.names.append(known.drug_name)
        found.reversed_fills += _reverse_told(tx, known, other)
        _join(tx, known, other, leads=leading_id == dropped_id, found=found)
        _one_request(tx, known, other)
        _move_answers(tx, known.id, other.id)
        rename_tasks(tx, dropped_id, {other.id: known.id})
        merging.repoint(tx, Therapy, other.id, known.id)
        found.same[other.id] = known.id
        merging.delete(tx, tx.get(Therapy, other.id))
    return found


def _join(tx: Tx, known: Therapy, other: Therapy, *, leads: bool, found: MergedDrugs) -> None:
    first, second = (other, known) if leads else (known, other)
    chosen = {name: _either(getattr(first, name), getattr(second, name)) for name in _OF_PEOPLE}
    dosed = first if first.units_per_day is not None else second
    chosen |= {name: getattr(dosed, name) for name in _OF_DOSE}
    newer = other if other.source_rank > known.source_rank else known
    chosen |= {name: getattr(newer, name) for name in _OF_SOURCE}
    chosen |= _status(tx, known, other, found)
    out = known if known.out_of_stock else other
    chosen |= {"out_of_stock": out.out_of_stock, "expected_on": out.expected_on}
    for name, value in chosen.items():
        setattr(known, name, value)
    known.updated_at = tx.now


def _either(first: Any, second: Any) -> Any:
    return second if first is None else first


def _status(tx: Tx, known: Therapy, other: Therapy, found: MergedDrugs) -> dict[str, Any]:
    """A stop on either record stays, unless it was the source's and the other one was filled after it."""
    for stopped, active in ((known, other), (other, known)):
        if stopped.status == "discontinued" and active.status != "discontinued":
            filled = [fill.filled_on for fill, _ in merging.fills(tx, active.id)]
            since = stopped.stopped_on or date.min
            goes_on = stopped.stop_reason == _SOURCE and bool(filled) and max(filled) > since
            if not goes_on:
                found.stopped.append(known.drug_name)
            return _stop_of(active if goes_on else stopped)
    return _stop_of(known)


def _stop_of(row: Therapy) -> dict[str, Any]:
    return {"status": row.status, "stopped_on": row.stopped_on, "stop_reason": row.stop_reason}


def _reverse_told(tx: Tx, known: Therapy, other: Therapy) -> list[int]:
    """A fill told at the counter that the other record has as a claim is one dispensing: it counts once."""
    rows: dict[int, Fill] = {}

    def dispensed(therapy: Therapy) -> list[Dispensed]:
        found: list[Dispensed] = []
        for fill, by_hand in merging.fills(tx, therapy.id):
            assert fill.id is not None  # noqa: S101 - it was read from the database
            rows[fill.id] = fill
            found.append(Dispensed(fill.id, fill.filled_on, fill.days_supply, by_hand))
        return found

    twice = told_twice(dispensed(known), dispensed(other))
    for told, stays in twice.items():
        rows[told].status = FillStatus.REVERSED
        item = cycles.item_of_fill(tx, told)
        if item is not None:
            _link_instead(tx, item, stays)
    return sorted(twice)


def _link_instead(tx: Tx, item: CycleItem, fill_id: int) -> None:
    item.fill_id = None if cycles.item_of_fill(tx, fill_id) else fill_id


def _one_request(tx: Tx, known: Therapy, other: Therapy) -> None:
    """At most one request to a prescriber is open for a drug: one that is sent already stays."""
    mine, theirs = (renewals.unanswered_of_therapy(tx, row.id) for row in (known, other))
    if mine is None or theirs is None:
        return
    extra = known if mine.state is RenewalState.OPEN and theirs.state is not RenewalState.OPEN else other
    close_renewal(tx, extra.id, outcome="Two records were merged: the other request goes on.")


def _move_answers(tx: Tx, kept_id: str, dropped_id: str) -> None:
    """What was answered about pairs of drugs, in the order in which pairs are kept; the newer answer stays."""
    for row in merging.answers_about(tx, dropped_id):
        pair = [kept_id if key == dropped_id else key for key in (row.first_id, row.second_id)]
        standing = duplicates.of_pair(tx, *pair)
        if standing is not None:
            older = min(standing, row, key=lambda one: (one.answered_at, one.id))
            merging.delete(tx, older)
            if older is row:
                continue
        row.first_id, row.second_id = sorted(pair)
        row.replaced_id = kept_id if row.replaced_id == dropped_id else row.replaced_id
        tx.session.flush()
