"""A condition that a column has one of many values, in the same words however many there are.

So a statement is built once, and the database need not read it anew for each list; `in_` gets longer with the list.
"""

import json
from typing import Any

from sqlalchemy import ARRAY, Boolean, ColumnElement, Text, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class _Texts(TypeDecorator[list[str]]):
    """Texts as one value: an array on PostgreSQL, JSON on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(Text) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return sorted(set(value)) if dialect.name == "postgresql" else json.dumps(sorted(set(value)))


class _OneOf(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True
    name = "one_of"

    def self_group(self, against: Any = None) -> Any:
        """As it is: SQLite would be asked whether the condition is 1, and take no index for that."""
        return self


def one_of(column: Any, name: str) -> ColumnElement[bool]:
    """True where `column` is among the texts that a statement is given under `name` (any collection of them)."""
    return _OneOf(column, bindparam(name, type_=_Texts()))


def _words(element: _OneOf, compiler: SQLCompiler, **more: Any) -> tuple[str, str]:
    column, values = element.clauses
    return compiler.process(column, **more), compiler.process(values, **more)


@compiles(_OneOf, "postgresql")
def _for_postgresql(element: _OneOf, compiler: SQLCompiler, **more: Any) -> str:  # pyright: ignore[reportUnusedFunction]
    column, values = _words(element, compiler, **more)
    return f"({column} = ANY({values}))"


@compiles(_OneOf, "sqlite")
def _for_sqlite(element: _OneOf, compiler: SQLCompiler, **more: Any) -> str:  # pyright: ignore[reportUnusedFunction]
    column, values = _words(element, compiler, **more)
    return f"({column} IN (SELECT value FROM json_each({values})))"  # noqa: S608 (both are the compiler's own words)
