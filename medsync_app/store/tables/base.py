"""What every table shares: the metadata with its constraint names, column types, and the pharmacy it belongs to."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Enum, Integer, MetaData, Numeric, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import declared_attr
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field, SQLModel

from medsync_app.store.ids import ID_LENGTH, new_id

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)


class Table(SQLModel):
    """Base of every table; its metadata carries the naming convention that migrations rely on."""

    metadata = metadata

    @declared_attr  # pyright: ignore[reportArgumentType]
    def __tablename__(cls) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The class's name in snake case: ScheduledAction is kept in scheduled_action."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, kept as UTC (SQLite has no zones: there it is stored naive and comes back aware)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("An instant needs a time zone.")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _values(kind: type[StrEnum]) -> list[str]:
    return [member.value for member in kind]


def choice(kind: type[StrEnum]) -> TypeEngine[Any]:
    """A column of the enum's values, kept as text so that a new value needs no schema change."""
    return Enum(kind, native_enum=False, length=32, values_callable=_values)


JsonDocument: TypeEngine[Any] = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
BigId: TypeEngine[Any] = BigInteger().with_variant(Integer(), "sqlite")
Money: TypeEngine[Any] = Numeric(10, 2, asdecimal=True)
Quantity: TypeEngine[Any] = Numeric(12, 3, asdecimal=True)


def id_field() -> Any:
    """The primary key of a thing that a URL may name."""
    return Field(default_factory=new_id, primary_key=True, sa_type=String(ID_LENGTH))


def ref(target: str, *, index: bool = True, ondelete: Any = None) -> Any:
    """A required foreign key to a table with random ids."""
    return Field(foreign_key=f"{target}.id", index=index, sa_type=String(ID_LENGTH), ondelete=ondelete)


def optional_ref(target: str, *, index: bool = False) -> Any:
    """A foreign key to a table with random ids that may be missing."""
    return Field(default=None, foreign_key=f"{target}.id", index=index, sa_type=String(ID_LENGTH))


def instant(*, index: bool = False, optional: bool = False) -> Any:
    """An aware UTC instant."""
    if optional:
        return Field(default=None, sa_type=UtcDateTime, index=index)
    return Field(sa_type=UtcDateTime, index=index)


def document(factory: Callable[[], Any] = dict) -> Any:
    """A JSON document (JSONB on PostgreSQL)."""
    return Field(default_factory=factory, sa_type=JsonDocument)


class PharmacyScoped(Table):
    """A row that belongs to one pharmacy: reads and writes outside the caller's scope are refused in session.py."""

    pharmacy_id: str = ref("pharmacy")
