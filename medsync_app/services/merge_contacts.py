"""Brings the numbers and addresses of two records of one person together: the stricter word wins."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from medsync_app.domain.merging import stricter
from medsync_app.store.repositories import merging
from medsync_app.store.repositories.contact import contact_points, delete_point
from medsync_app.store.repositories.dispensing import IMPORTED
from medsync_app.store.session import Tx
from medsync_app.store.tables import ContactPoint, Patient

#: How a basis is said to have been recorded that comes from the other record.
MERGED: Final = "merge"
#: What the kept record takes over where it says nothing itself.
_TAKEN_OVER: Final = ("birth_date", "zone", "preferred_channel")
_BASIS: Final = ("basis", "basis_at", "basis_how", "basis_by")
_PLACE: Final = ("address", "city", "state", "postal_code")


@dataclass(slots=True)
class MergedContacts:
    """Points of the other record that were known here too, as they were; and the channels whose basis is now its."""

    rows: list[dict[str, Any]] = field(default_factory=lambda: list[dict[str, Any]]())
    changed: list[str] = field(default_factory=lambda: list[str]())


def merge_contacts(tx: Tx, kept: Patient, dropped: Patient) -> MergedContacts:
    """One contact point for each number; those of the other record come after the kept record's own.

    A stop or a no on either record stays. A caregiver counts as authorized when every record that names one says so.
    The numbers' own states (stopped, unreachable, held) belong to the numbers and stay as they are.
    """
    found = MergedContacts()
    mine = {(point.channel, point.address): point for point in contact_points(tx, kept.id)}
    last = max((point.rank for point in mine.values()), default=-1)
    for point in contact_points(tx, dropped.id):
        known = mine.get((point.channel, point.address))
        if known is None:
            last += 1
            point.rank = last
            if kept.external_id is not None and point.basis_how == IMPORTED:
                # The source of the kept record does not list it: it must not take it for one of its own and drop it.
                point.basis_how = MERGED
            continue
        found.rows.append(merging.plain(point))
        _join_caregivers(known, point)
        if stricter(known.basis, point.basis) is not known.basis:
            found.changed.append(known.channel.value)
            # As it was recorded then: nobody gave or took back anything today.
            for name in _BASIS:
                setattr(known, name, getattr(point, name))
        delete_point(tx, point)
    _merge_wishes(kept, dropped)
    tx.session.flush()
    return found


def _join_caregivers(known: ContactPoint, other: ContactPoint) -> None:
    named: Sequence[ContactPoint] = [point for point in (known, other) if point.caregiver_name]
    if not named:
        return
    allowed = all(point.caregiver_allowed_at is not None for point in named)
    known.caregiver_name, known.caregiver_relation = named[0].caregiver_name, named[0].caregiver_relation
    known.caregiver_allowed_at = named[0].caregiver_allowed_at if allowed else None
    known.caregiver_allowed_by = named[0].caregiver_allowed_by if allowed else ""


def _merge_wishes(kept: Patient, dropped: Patient) -> None:
    for name in _TAKEN_OVER:
        if getattr(kept, name) is None:
            setattr(kept, name, getattr(dropped, name))
    if not kept.address:
        for name in _PLACE:
            setattr(kept, name, getattr(dropped, name))
    # Drug names go out only where nobody has recorded otherwise.
    kept.drug_names_wanted = kept.drug_names_wanted and dropped.drug_names_wanted
    days = [day for day in (kept.deceased_on, dropped.deceased_on) if day is not None]
    kept.deceased_on = min(days, default=None)
