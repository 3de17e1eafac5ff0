"""Changes or adds many rows by one statement each kind, every row with values and guards of its own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Integer,
    Table,
    Text,
    Update,
    bindparam,
    column,
    func,
    insert,
    select,
)
from sqlalchemy.types import TypeEngine

from medsync_app.store.session import Tx

#: The values of one row by name: text, whole numbers.
Row = Mapping[str, str | int]
#: Stands for one of those values in a statement.
Value = Callable[[str], ColumnElement[Any]]
TEXT, NUMBER = Text(), Integer()
Kinds = Mapping[str, TypeEngine[Any]]


class Changes:
    """An update that is run for each of many rows; built once, of the values by their names.

    PostgreSQL gets all of them in one statement; elsewhere it is run once for each.
    """

    def __init__(self, make: Callable[[Value], Update], kinds: Kinds) -> None:
        given = _table_of(kinds)
        self._names, self._each = tuple(kinds), make(bindparam)
        self._together = make(lambda name: given.c[name])

    def run(self, tx: Tx, rows: Sequence[Row], **same: Any) -> int:
        """Gives how many rows of the table were changed; `same` are bound values that all of them share."""
        connection = tx.session.connection()
        if not tx.on_postgresql:
            return connection.execute(self._each, [{**row, **same} for row in rows]).rowcount
        return connection.execute(self._together, _columns(self._names, rows) | same).rowcount


class Additions:
    """New rows of a table by the names of their columns; those of `same` have one value for all of them."""

    def __init__(self, table: Table, kinds: Kinds, same: Sequence[str]) -> None:
        self._names, self._each = tuple(kinds), insert(table)
        fixed = [bindparam(f"all_{name}", type_=table.c[name].type) for name in same]
        self._together = insert(table).from_select([*kinds, *same], select(*_table_of(kinds).c, *fixed))

    def run(self, tx: Tx, rows: Sequence[Row], **same: Any) -> None:
        connection = tx.session.connection()
        if not tx.on_postgresql:
            connection.execute(self._each, [{**row, **same} for row in rows])
            return
        fixed = {f"all_{name}": value for name, value in same.items()}
        connection.execute(self._together, _columns(self._names, rows) | fixed)


def _columns(names: Sequence[str], rows: Sequence[Row]) -> dict[str, Any]:
    return {f"all_{name}": [row[name] for row in rows] for name in names}


def _table_of(kinds: Kinds) -> FromClause:
    """The rows as a table of a statement, one array for each column."""
    arrays = [bindparam(f"all_{name}", type_=ARRAY(kind)) for name, kind in kinds.items()]
    columns = [column(name, kind) for name, kind in kinds.items()]
    return func.unnest(*arrays).table_valued(*columns, name="given").render_derived()
