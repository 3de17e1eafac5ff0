"""Writes very many rows at once: what a benchmark fills its own new database with."""

from collections.abc import Iterable
from itertools import islice
from typing import Any, cast

from sqlalchemy import insert

from medsync_app.store.session import Database
from medsync_app.store.tables.base import Table

_CHUNK = 20_000


def insert_rows(database: Database, kind: type[Table], rows: Iterable[dict[str, Any]]) -> None:
    """Insert rows of equal keys, every required column given; scopes and revisions are passed by."""
    waiting = iter(rows)
    statement = insert(cast(Any, kind).__table__)
    with database.engine.begin() as connection:
        while chunk := list(islice(waiting, _CHUNK)):
            connection.execute(statement, chunk)
