"""Drugs and fills of the pharmacies in scope, kept in this process: a change reads the patients concerned again.

Which they are says `patient.dispensing_revision`, written with the change itself (store/session.py): whichever process
made it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import Any, Final, cast

from sqlalchemy import and_, or_, select
from sqlmodel import col

from medsync_app.reads.fill_columns import Drug, SoldColumns, drugs, sold_columns
from medsync_app.store.session import Tx
from medsync_app.store.tables import Patient, PatientMerge, Pharmacy

_patient, _pharmacy = cast(Any, Patient), cast(Any, Pharmacy)
#: Windows and sets of pharmacies kept; a pharmacy of 5,000 patients and two years of fills takes some 35 MB in each.
_MOST: Final = 6
#: When more than this share of the patients has changed, everything is read anew.
_MANY: Final = 4
_Revisions = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Dispensing:
    """Every drug in scope by id, and the fills of a window as columns."""

    drugs: Mapping[str, Drug]
    sold: SoldColumns


_kept: dict[tuple[object, ...], tuple[_Revisions, Dispensing]] = {}
_lock = Lock()


def dispensing(tx: Tx, since: date, until: date) -> Dispensing:
    """`drugs` and `sold_columns` of these days; in a writing transaction both are read anew."""
    if tx.session.info["write"]:
        return Dispensing(drugs(tx), sold_columns(tx, since, until))
    rows = tx.session.execute(select(_pharmacy.id, _pharmacy.revision)).all()
    revisions: dict[str, int] = {key: revision for key, revision in rows}  # noqa: C416  (typed)
    # The pharmacies are those of the caller's scope: nobody is given fills of others.
    key = (str(tx.session.get_bind().engine.url), frozenset(revisions), since, until)
    known = _kept.get(key)
    if known is not None and known[0] == revisions:
        return known[1]
    found = None if known is None else _brought_up(tx, known, revisions, since, until)
    if found is None:
        found = Dispensing(drugs(tx), sold_columns(tx, since, until))
    with _lock:
        _kept.pop(key, None)
        while len(_kept) >= _MOST:
            del _kept[next(iter(_kept))]
        _kept[key] = (revisions, found)
    return found


def _brought_up(
    tx: Tx, known: tuple[_Revisions, Dispensing], revisions: _Revisions, since: date, until: date
) -> Dispensing | None:
    """What was kept with the changed patients read again; None when reading everything is better."""
    before, held = known
    if any(revisions[place] < revision for place, revision in before.items()):
        return None  # an older copy of the database has been put in its place
    moved = [place for place, revision in revisions.items() if revision > before[place]]
    changed = set(
        tx.session.scalars(
            select(_patient.id).where(
                or_(
                    *(
                        and_(_patient.pharmacy_id == place, _patient.dispensing_revision > before[place])
                        for place in moved
                    )
                )
            )
        )
    )
    if not changed:
        return held
    # A record that was merged is gone, and with it the mark that would say so.
    changed |= set(tx.session.scalars(select(col(PatientMerge.dropped_id))))
    if len(changed) * _MANY > len({drug.patient_id for drug in held.drugs.values()}):
        return None
    ids = sorted(changed)
    fresh = Dispensing(drugs(tx, ids), sold_columns(tx, since, until, ids))
    stays = {
        key: drug
        for key, drug in held.drugs.items()
        if drug.patient_id not in changed and key not in fresh.drugs
    }
    return Dispensing({**stays, **fresh.drugs}, held.sold.only(stays).joined(fresh.sold))
