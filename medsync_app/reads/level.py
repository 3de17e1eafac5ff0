"""The moves that would level a pharmacy, with the names of the patients."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import select

from medsync_app.services.plan_pharmacy import LevelPreview, preview_level
from medsync_app.store.session import Tx
from medsync_app.store.tables import Patient

_patient = cast(Any, Patient)


@dataclass(frozen=True, slots=True)
class LevelView:
    """The preview, and patient id -> (last name, first name) of those who would move."""

    preview: LevelPreview
    names: Mapping[str, tuple[str, str]]


def level_view(tx: Tx, pharmacy_id: str) -> LevelView:
    """What levelling would do now; writes nothing."""
    preview = preview_level(tx, pharmacy_id)
    ids = [move.patient_id for move in preview.moves]
    rows = tx.session.execute(
        select(_patient.id, _patient.last_name, _patient.first_name).where(_patient.id.in_(ids))
    )
    return LevelView(preview, {key: (last, first) for key, last, first in rows})
