"""Works out what a chunk of an import means for enrolled patients: the changes the mid-cycle rules react to."""

from collections.abc import Iterable
from decimal import Decimal

from medsync_app.domain.directions import daily_units
from medsync_app.domain.dispensing import ChangeKind, DispensingChange
from medsync_app.domain.states import FillStatus
from medsync_app.services.import_chunk import ChunkResult
from medsync_app.services.import_drafts import Draft
from medsync_app.store.repositories import dispensing as repository
from medsync_app.store.session import Tx

#: Quantity and days of a shorter fill round too coarsely to tell a dose from.
_TELLING_DAYS = 20
_SAME_DOSE = Decimal("0.01")

Changes = dict[str, list[DispensingChange]]


def changes_of(tx: Tx, pharmacy_id: str, result: ChunkResult) -> Changes:
    """Changes by enrolled patient, oldest first (none: only the contacts changed); nothing for others.

    Who is not enrolled any more counts while something of theirs waits to be fetched or returned.
    """
    if not result.followed:
        return {}
    found: Changes = {patient_id: [] for patient_id in result.contacts & result.followed}
    doses = _former_doses(tx, pharmacy_id, result)
    prescriptions = {draft.values["id"]: draft for draft in result.prescriptions}
    for draft in _theirs(result.therapies, result):
        for change in _of_therapy(draft, result, prescriptions, doses):
            found.setdefault(draft.values["patient_id"], []).append(change)
    new_therapies = {draft.values["id"] for draft in result.therapies if draft.is_new}
    for draft in _theirs(result.prescriptions, result):
        for change in _of_prescription(draft, result, new_therapies):
            found.setdefault(draft.values["patient_id"], []).append(change)
    fills = list(_theirs(result.fills, result))
    ids = _fill_ids(tx, pharmacy_id, fills)
    for draft in fills:
        for change in _of_fill(draft, ids):
            found.setdefault(draft.values["patient_id"], []).append(change)
    for changes in found.values():
        changes.sort(key=lambda change: (change.on, _ORDER[change.kind], change.therapy_id))
    return found


_ORDER = {kind: position for position, kind in enumerate(ChangeKind)}


def _theirs(drafts: Iterable[Draft], result: ChunkResult) -> Iterable[Draft]:
    """What was written for the patients whose changes are of interest."""
    return (draft for draft in drafts if draft.is_dirty and draft.values["patient_id"] in result.followed)


def _former_doses(tx: Tx, pharmacy_id: str, result: ChunkResult) -> dict[str, Decimal | None]:
    """Daily units that the former current Rx of each therapy had, by prescription id."""
    wanted = {
        draft.before["current_prescription_id"]
        for draft in _theirs(result.therapies, result)
        if not draft.is_new and draft.before["current_prescription_id"]
    }
    before = {
        draft.values["id"]: draft.before["units_per_day"]
        for draft in result.prescriptions
        if not draft.is_new
    }
    missing = wanted - set(before)
    return {**before, **(repository.units_per_day(tx, pharmacy_id, missing) if missing else {})}


def _of_therapy(
    draft: Draft, result: ChunkResult, prescriptions: dict[str, Draft], doses: dict[str, Decimal | None]
) -> Iterable[DispensingChange]:
    therapy_id: str = draft.values["id"]
    row = result.newest.get(therapy_id)
    if row is None:
        return
    rx_id: str = draft.values["current_prescription_id"]
    if draft.is_new:
        yield DispensingChange(ChangeKind.NEW_THERAPY, therapy_id, row.filled_on, rx_id)
    elif rx_id in prescriptions:
        former = doses.get(draft.before["current_prescription_id"])
        now: Decimal | None = prescriptions[rx_id].values["units_per_day"]
        telling = daily_units(row.sig) is not None or (row.days_supply or 0) >= _TELLING_DAYS
        if (
            former
            and now
            and telling
            and not draft.values["unbreakable"]
            and abs(now / former - 1) > _SAME_DOSE
        ):
            yield DispensingChange(
                ChangeKind.DOSE_CHANGED,
                therapy_id,
                row.filled_on,
                rx_id,
                detail=f"{former.normalize():f}>{now.normalize():f}",
            )
    if row.stopped_on and draft.values["status"] == "active":
        yield DispensingChange(ChangeKind.STOPPED, therapy_id, row.stopped_on, rx_id, detail="source")


def _of_prescription(
    draft: Draft, result: ChunkResult, new_therapies: set[str]
) -> Iterable[DispensingChange]:
    therapy_id: str = draft.values["therapy_id"]
    row = result.newest.get(therapy_id)
    on = draft.values["written_on"] or (row.filled_on if row else None)
    if on is None:
        return
    if draft.is_new:
        if therapy_id not in new_therapies:
            yield DispensingChange(ChangeKind.NEW_PRESCRIPTION, therapy_id, on, draft.values["id"])
    elif draft.changed("refills_left"):
        since = row.filled_on if row else on
        yield DispensingChange(ChangeKind.REFILLS_CHANGED, therapy_id, since, draft.values["id"])


def _fill_ids(tx: Tx, pharmacy_id: str, fills: list[Draft]) -> dict[tuple[str, int, object], int]:
    keys = {(draft.values["prescription_id"], draft.values["fill_number"]) for draft in fills}
    if not keys:
        return {}
    return {
        (row["prescription_id"], row["fill_number"], row["filled_on"]): row["id"]
        for row in repository.fills(tx, pharmacy_id, keys)
    }


def _of_fill(draft: Draft, ids: dict[tuple[str, int, object], int]) -> Iterable[DispensingChange]:
    values = draft.values
    fill_id = ids[values["prescription_id"], values["fill_number"], values["filled_on"]]
    status: FillStatus = values["status"]
    for kind in _fill_kinds(draft, status):
        on = (values["picked_up_on"] if kind is ChangeKind.SOLD else None) or values["filled_on"]
        yield DispensingChange(kind, values["therapy_id"], on, values["prescription_id"], fill_id)


def _fill_kinds(draft: Draft, status: FillStatus) -> list[ChangeKind]:
    """What happened to a fill, also when its end is told first; one that was reversed before never was."""
    if draft.is_new:
        return {
            FillStatus.WAITING: [ChangeKind.FILLED],
            FillStatus.SOLD: [ChangeKind.FILLED, ChangeKind.SOLD],
            FillStatus.RETURNED: [ChangeKind.FILLED, ChangeKind.RETURNED],
        }.get(status, [])
    if not draft.changed("status"):
        return []
    return {
        FillStatus.SOLD: [ChangeKind.SOLD],
        FillStatus.REVERSED: [ChangeKind.REVERSED],
        FillStatus.RETURNED: [ChangeKind.RETURNED],
    }.get(status, [])
