"""Queries of the messages' services: workflow versions, templates, what a batch holds, closed days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from sqlalchemy import select

from medsync_app.domain.states import ItemState
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    ClosedDay,
    CycleItem,
    Prescription,
    Template,
    Therapy,
    WorkflowVersion,
)


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One drug of a batch with what its therapy and prescription say."""

    state: ItemState
    case: str
    problem: str
    drug_name: str
    ingredients: tuple[str, ...]
    out_of_stock: bool
    pa_ends_on: date | None
    refills_left: int | None
    expected_on: date | None


def batch(tx: Tx, cycle_id: str) -> list[BatchLine]:
    """What a cycle's batch holds, skipped drugs included, in the order of their names."""
    item, therapy, rx = cast(Any, CycleItem), cast(Any, Therapy), cast(Any, Prescription)
    rows = tx.session.execute(
        select(CycleItem, Therapy, Prescription)
        .join(Therapy, therapy.id == item.therapy_id)
        .outerjoin(Prescription, rx.id == therapy.current_prescription_id)
        .where(item.cycle_id == cycle_id)
        .order_by(therapy.drug_name, item.due_on)
    )
    return [_line(line, drug, script) for line, drug, script in rows]


def _line(item: CycleItem, therapy: Therapy, rx: Prescription | None) -> BatchLine:
    ends = [day for day in (therapy.pa_ends_on, rx.pa_ends_on if rx else None) if day]
    return BatchLine(
        state=item.state,
        case=item.case,
        problem=item.problem,
        drug_name=therapy.drug_name,
        ingredients=tuple(therapy.ingredients),
        out_of_stock=therapy.out_of_stock,
        pa_ends_on=min(ends) if ends else None,
        refills_left=rx.refills_left if rx else None,
        expected_on=item.expected_on or therapy.expected_on,
    )


def closed_days(tx: Tx, pharmacy_id: str) -> frozenset[date]:
    """The calendar days on which a pharmacy is closed beyond its weekly hours."""
    day = cast(Any, ClosedDay)
    return frozenset(tx.session.scalars(select(day.day).where(day.pharmacy_id == pharmacy_id)))


def newest_workflow(tx: Tx, pharmacy_id: str) -> WorkflowVersion | None:
    """The published workflow version with the highest number."""
    version = cast(Any, WorkflowVersion)
    return tx.session.scalars(
        select(WorkflowVersion)
        .where(version.pharmacy_id == pharmacy_id, version.published)
        .order_by(version.number.desc())
        .limit(1)
    ).first()


def template_bodies(tx: Tx, pharmacy_id: str, names: Sequence[str]) -> dict[tuple[str, str, str], str]:
    """A pharmacy's own wordings: (name, language, channel) -> text."""
    template = cast(Any, Template)
    rows = tx.session.scalars(
        select(Template).where(template.pharmacy_id == pharmacy_id, template.name.in_(list(names)))
    )
    return {(row.name, row.language, row.channel): row.body for row in rows}
