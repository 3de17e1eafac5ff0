"""Records of one person that were merged: the source's ids and old links of the dropped record lead to the kept one."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from medsync_app.store.tables.base import PharmacyScoped, document, id_field, instant, ref


class PatientMerge(PharmacyScoped, table=True):
    """One record of a patient that was merged into another; the row of the dropped one is gone."""

    __table_args__ = (UniqueConstraint("pharmacy_id", "external_id"),)

    id: str = id_field()
    kept_id: str = ref("patient")
    #: The id that the dropped record had, and the source's id where the kept record has one of its own.
    dropped_id: str = Field(unique=True)
    external_id: str | None = None
    reason: str
    merged_by: str
    merged_at: datetime = instant()
    #: The dropped record as it was, and the ids of what moved, by table.
    snapshot: dict[str, Any] = document()
