"""A date as a whole number in SQL, the same as Python's `date.toordinal`."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class ordinal(FunctionElement[int]):
    """Days since 31 December of the year 0: `ordinal(Fill.filled_on)`."""

    type = BigInteger()
    inherit_cache = True

    def __init__(self, day: ColumnElement[Any]) -> None:
        super().__init__(day)


@compiles(ordinal)
def _on_postgresql(element: ordinal, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)} - DATE '0001-01-01' + 1)::BIGINT"


@compiles(ordinal, "sqlite")
def _on_sqlite(element: ordinal, compiler: Any, **options: Any) -> str:
    # Midnight lies between two Julian days; 1 January of the year 1 begins at 1721425.5.
    return f"CAST(julianday({compiler.process(element.clauses, **options)}) - 1721424.5 AS INTEGER)"
