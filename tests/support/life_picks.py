"""What the acts of a random life are done to: a cycle, some of its items, a medicine, chosen at random."""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from sqlalchemy import select

from medsync_app.domain.cycle import OPEN
from medsync_app.domain.states import CycleState, ItemState
from medsync_app.store.tables import Cycle, CycleItem, Enrollment, Therapy
from tests.support.lives import Life, Person

_cycle, _item, _enrollment = cast(Any, Cycle), cast(Any, CycleItem), cast(Any, Enrollment)
T = TypeVar("T")


class Nothing(Exception):
    """There is nothing to do this act to."""


def one_of(life: Life, rows: Sequence[T]) -> T:
    if not rows:
        raise Nothing
    return life.luck.choice(rows)


def a_cycle(life: Life, person: Person, states: frozenset[CycleState] = OPEN) -> Cycle:
    with life.reading() as tx:
        find = select(Cycle).where(_cycle.patient_id == person.patient_id, _cycle.state.in_(states))
        rows = tx.session.scalars(find.order_by(_cycle.id)).all()
    return one_of(life, rows)


def items_of(life: Life, cycle: Cycle, *states: ItemState) -> list[str]:
    """The items of a batch that stand so, all when no state is named."""
    with life.reading() as tx:
        find = select(CycleItem.id).where(_item.cycle_id == cycle.id, _item.state.in_(states or ItemState))
        return list(tx.session.scalars(find.order_by(_item.id)))


def some_items(life: Life, cycle: Cycle, *states: ItemState) -> list[str] | None:
    """All (None), or a part of the items that stand so."""
    if life.luck.random() < 0.55:
        return None
    ids = items_of(life, cycle, *states)
    return life.luck.sample(ids, life.luck.randint(1, len(ids))) if ids else None


def about(cycle: Cycle, items: Sequence[str] | None = None) -> str:
    part = "" if items is None else f" only {', '.join(item[-3:] for item in items)}"
    return f"{cycle.kind} {cycle.number} ({cycle.id[-3:]}, {cycle.sync_date}, {cycle.state.value}){part}"


def a_therapy(life: Life, person: Person) -> Therapy:
    with life.reading() as tx:
        find = select(Therapy).where(Therapy.patient_id == person.patient_id, Therapy.status == "active")
        return one_of(life, tx.session.scalars(find.order_by(cast(Any, Therapy).id)).all())


def enrollment_of(life: Life, person: Person) -> Enrollment:
    """The newest enrollment."""
    with life.reading() as tx:
        find = select(Enrollment).where(_enrollment.patient_id == person.patient_id)
        row = tx.session.scalars(find.order_by(_enrollment.id.desc())).first()
    return row or one_of(life, [])
