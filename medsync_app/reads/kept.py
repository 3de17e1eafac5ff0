"""Keeps what was counted over whole pharmacies until one of them changes: a click does not count it again."""

from collections.abc import Callable
from datetime import date
from threading import Lock
from typing import Any, Final, Generic, TypeVar, cast

from sqlalchemy import select

from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy

T = TypeVar("T")
_pharmacy = cast(Any, Pharmacy)
_MOST: Final = 32


class Kept(Generic[T]):
    """The newest results in this process, by database, the pharmacies in scope with their revisions, and day."""

    def __init__(self) -> None:
        self._found: dict[tuple[object, ...], T] = {}
        self._lock = Lock()

    def of(self, tx: Tx, today: date, count: Callable[[], T], *about: object) -> T:
        """What `count` gives, once for each `about` until one of the caller's pharmacies changes or `today` ends.

        In a writing transaction it is counted anew: what that has changed itself has no revision yet.
        """
        if tx.session.info["write"]:
            return count()
        revisions = tx.session.execute(select(_pharmacy.id, _pharmacy.revision).order_by(_pharmacy.id)).all()
        # The pharmacies are those of the caller's scope: nobody is given figures over others.
        key = (str(tx.session.get_bind().engine.url), tuple(map(tuple, revisions)), today, *about)
        known = self._found.get(key)
        if known is not None:
            return known
        counted = count()
        with self._lock:
            while len(self._found) >= _MOST:
                del self._found[next(iter(self._found))]
            self._found[key] = counted
        return counted
