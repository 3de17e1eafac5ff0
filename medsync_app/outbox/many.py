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
    literal,
    select,
)

from medsync_app.store.session import Tx

#: The values of one row by name: text, whole numbers.
Row = Mapping[str, str | int]
#: Stands for one of those values in a statement.
Value = Callable[[str], ColumnElement[Any]]


def change_many(tx: Tx, rows: Sequence[Row], make: Callable[[Value], Update]) -> int:
    """Run an update for each of the rows; gives how many rows of the table were changed.

    `make` builds it of the values by their names. PostgreSQL gets all of them in one statement; elsewhere it is run
    once for each.
    """
    connection = tx.session.connection()
    if not tx.on_postgresql:
        return connection.execute(make(bindparam), [dict(row) for row in rows]).rowcount
    given = _table_of(rows)
    return connection.execute(make(lambda name: given.c[name])).rowcount


def add_many(tx: Tx, table: Table, rows: Sequence[Row], same: Mapping[str, Any]) -> None:
    """Write new rows by the names of their columns; those of `same` have one value for all of them."""
    connection = tx.session.connection()
    if not tx.on_postgresql:
        connection.execute(insert(table), [{**row, **same} for row in rows])
        return
    given = _table_of(rows)
    fixed = [literal(value, table.c[name].type) for name, value in same.items()]
    connection.execute(insert(table).from_select([*rows[0], *same], select(*given.c, *fixed)))


def _table_of(rows: Sequence[Row]) -> FromClause:
    """The rows as a table of a statement, one array for each column."""
    kinds = {name: Integer if isinstance(value, int) else Text for name, value in rows[0].items()}
    arrays = [literal([row[name] for row in rows], ARRAY(kind)) for name, kind in kinds.items()]
    columns = [column(name, kind) for name, kind in kinds.items()]
    return func.unnest(*arrays).table_valued(*columns, name="given").render_derived()
