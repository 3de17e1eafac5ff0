"""The funnel of the programme in the scope: who could take part, was asked, joined, began, and keeps on."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, cast

from sqlalchemy import func, select

from medsync_app.clock import local_day
from medsync_app.domain.cycle import PICKED_UP
from medsync_app.domain.funnel import Funnel, Journey, funnel
from medsync_app.domain.states import CycleState, EnrollmentState
from medsync_app.reads.candidates import eligible
from medsync_app.reads.kept import Kept
from medsync_app.reads.places import Here, places
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment, EnrollmentOffer

_cycle, _enrollment, _offer = (cast(Any, kind) for kind in (Cycle, Enrollment, EnrollmentOffer))
_NEVER: Final = (CycleState.CANCELLED, CycleState.PROPOSED)
_ENDED: Final = (*sorted(PICKED_UP), CycleState.MISSED, CycleState.RETURNED)
_TAKING_PART: Final = (EnrollmentState.ACTIVE, EnrollmentState.PAUSED)
_kept: Final[Kept[Funnel]] = Kept()


def programme_funnel(tx: Tx) -> Funnel:
    """Today's funnel; eligible are today's candidates and whoever was ever asked or enrolled.

    Kept in this process until one of the pharmacies changes or its day ends.
    """
    here = places(tx)
    today = min((place.today for place in here.values()), default=tx.now.date())
    return _kept.of(tx, today, lambda: _funnel(tx, here, today))


def _funnel(tx: Tx, here: Mapping[str, Here], today: date) -> Funnel:
    asked = _asked(tx, here)
    joined = _joined(tx)
    first_due, synced, last_complete = _batches(tx)
    everyone = {*eligible(tx, today).chronic, *asked, *joined}
    return funnel(
        (
            Journey(
                asked_on=asked[key][0] if key in asked else None,
                declined=key in asked and asked[key][1],
                enrolled=key in joined,
                first_due=first_due.get(key),
                synced=key in synced,
                last_complete=last_complete.get(key),
                left=joined.get(key),
            )
            for key in everyone
        ),
        today,
    )


def _asked(tx: Tx, here: Mapping[str, Here]) -> dict[str, tuple[date, bool]]:
    """Patient -> the day of the newest offer, and whether it was declined."""
    rows = tx.session.execute(
        select(_offer.patient_id, _offer.pharmacy_id, _offer.asked_at, _offer.declined_at).order_by(
            _offer.asked_at, _offer.id
        )
    )
    return {key: (local_day(at, here[place].zone), no is not None) for key, place, at, no in rows}


def _joined(tx: Tx) -> dict[str, EnrollmentState | None]:
    """Patient -> how the newest enrollment ended, None for who takes part (two records merged may have two)."""
    rows = tx.session.execute(
        select(_enrollment.patient_id, _enrollment.state)
        .where(_enrollment.state != EnrollmentState.DRAFT)
        .order_by(_enrollment.enrolled_at, _enrollment.id)
    )
    ended: dict[str, EnrollmentState] = {}
    taking_part: set[str] = set()
    for key, state in rows:
        ended[key] = EnrollmentState(state)
        if state in _TAKING_PART:
            taking_part.add(key)
    return {key: None if key in taking_part else state for key, state in ended.items()}


def _batches(tx: Tx) -> tuple[dict[str, date], set[str], dict[str, bool]]:
    """By patient: the first sync date, whether one was ever kept, whether all of the newest one that ended was."""
    sums = tx.session.execute(
        select(_cycle.patient_id, func.min(_cycle.sync_date), func.count(_cycle.picked_up_on))
        .where(_cycle.kind == "sync", _cycle.state.not_in(_NEVER))
        .group_by(_cycle.patient_id)
    ).all()
    newest = (
        select(_cycle.patient_id, func.max(_cycle.sync_date).label("day"))
        .where(_cycle.kind == "sync", _cycle.state.in_(_ENDED))
        .group_by(_cycle.patient_id)
        .subquery()
    )
    ends = tx.session.execute(
        select(_cycle.patient_id, _cycle.state)
        .join(newest, (newest.c.patient_id == _cycle.patient_id) & (newest.c.day == _cycle.sync_date))
        .where(_cycle.kind == "sync", _cycle.state.in_(_ENDED))
        .order_by(_cycle.id)
    ).all()
    return (
        {key: day for key, day, _ in sums},
        {key for key, _, kept in sums if kept},
        {key: state in PICKED_UP for key, state in ends},
    )
