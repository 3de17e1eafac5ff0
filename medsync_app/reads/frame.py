"""What the frame around every page shows, and the version number that tells an open page to look again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, select

from medsync_app.domain.states import ExceptionState
from medsync_app.services.rules import data_is_stale
from medsync_app.store.session import Tx
from medsync_app.store.tables import ExceptionCase, Pharmacy

_pharmacy, _case = cast(Any, Pharmacy), cast(Any, ExceptionCase)


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the dispensing data of one pharmacy is (None before its first import), and whether that is too old."""

    pharmacy_id: str
    data_as_of: datetime | None
    stale: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """Counts of the pharmacies in scope."""

    open_exceptions: int
    freshness: tuple[Freshness, ...]


def frame(tx: Tx) -> Frame:
    """What the frame shows for the pharmacies in scope."""
    count = select(func.count()).select_from(ExceptionCase).where(_case.state == ExceptionState.OPEN)
    shops = tx.session.scalars(select(Pharmacy).order_by(_pharmacy.id))
    return Frame(
        open_exceptions=tx.session.execute(count).scalar_one(),
        freshness=tuple(Freshness(shop.id, shop.data_as_of, data_is_stale(shop, tx.now)) for shop in shops),
    )


def revision(tx: Tx) -> int:
    """The sum of the revisions of the pharmacies in scope: it grows with every change a page may show."""
    return int(tx.session.execute(select(func.coalesce(func.sum(_pharmacy.revision), 0))).scalar_one())
