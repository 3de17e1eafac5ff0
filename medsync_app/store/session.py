"""The database and its transactions: nearly the only place that commits (see `Tx.beside` and `Tx.apart`)."""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from sqlalchemy import (
    ColumnClause,
    Engine,
    Select,
    Text,
    bindparam,
    column,
    event,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as SqlTimeoutError
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction, with_loader_criteria
from sqlalchemy.orm.util import identity_key

from medsync_app.clock import Clock, SystemClock
from medsync_app.errors import Forbidden, NotFound
from medsync_app.settings import get_settings
from medsync_app.store.engine import BUSY_TIMEOUT_MS, make_engine
from medsync_app.store.one_of import one_of
from medsync_app.store.scope import Scope
from medsync_app.store.tables.base import PharmacyScoped, Table
from medsync_app.store.tables.organization import Pharmacy

T = TypeVar("T", bound=Table)
S = TypeVar("S", bound=Select[Any])
#: Tables whose rows are what figures over a whole pharmacy are counted from.
_DISPENSING = frozenset({"therapy", "prescription", "fill"})
_MARKED_AT_ONCE = 500
_RAISE = text("UPDATE pharmacy SET revision = revision + 1 WHERE id = :touched")
_MARK = text(
    "UPDATE patient SET dispensing_revision = (SELECT revision FROM pharmacy WHERE id = :touched)"
    " WHERE pharmacy_id = :touched AND id IN :marked"
).bindparams(bindparam("marked", expanding=True))

_SHORT_WAIT = select(func.set_config("lock_timeout", str(BUSY_TIMEOUT_MS), True))
#: Takes a pharmacy's turn, alone or (True) shared.
_TURN = {
    shared: _SHORT_WAIT.add_columns(lock(func.hashtextextended(bindparam("turn", type_=Text), 0)))
    for shared, lock in ((True, func.pg_advisory_xact_lock_shared), (False, func.pg_advisory_xact_lock))
}


@dataclass(slots=True)
class Tx:
    """One transaction of one caller: what services and reads are given."""

    session: Session
    scope: Scope
    clock: Clock
    #: The instant the transaction began (aware UTC): all its rows agree on it.
    now: datetime
    _touched: set[str] = field(default_factory=lambda: set[str]())
    _dispensed: dict[str, set[str]] = field(default_factory=lambda: defaultdict[str, set[str]](set))
    #: What a batch has read ahead for its decisions: it writes nothing before the last of them is made.
    ahead: dict[tuple[str, str], Any] = field(default_factory=lambda: dict[tuple[str, str], Any]())
    _turns: set[str] = field(default_factory=lambda: set[str]())

    @property
    def on_postgresql(self) -> bool:
        return self.session.get_bind().dialect.name == "postgresql"

    @contextmanager
    def beside(self) -> Generator[Connection]:
        """A short transaction beside this one, committed when the block ends: what it takes stays taken.

        Nobody who wants the same row waits for the end of this one. On SQLite, where one transaction writes at a
        time, it is this one itself.
        """
        if not self.on_postgresql:
            yield self.session.connection()
            return
        with cast(Engine, self.session.get_bind()).begin() as connection:
            connection.execute(_SHORT_WAIT)
            yield connection

    @contextmanager
    def apart(self) -> Generator[Callable[[Any, Mapping[str, Any]], bool]]:
        """A way to run statements beside this transaction, each a commit of its own (PostgreSQL).

        Each tells whether it returned a row, and waits for another's lock BUSY_TIMEOUT_MS at most. They go to the
        driver as they are: building the call anew each time would cost as much again.
        """
        with cast(Engine, self.session.get_bind()).connect() as connection:
            dialect = connection.execution_options(isolation_level="AUTOCOMMIT").dialect
            cursor: Any = connection.connection.cursor()
            cursor.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}")

            def run(statement: Any, values: Mapping[str, Any]) -> bool:
                words = _derived(statement, "words", lambda one: one.compile(dialect=dialect))
                cursor.execute(words.string, {**words.params, **values}, prepare=True)
                return cursor.fetchone() is not None

            try:
                yield run
                cursor.execute("RESET lock_timeout")
            except cast(Any, dialect.dbapi).OperationalError as error:
                connection.invalidate()
                raise OperationalError("", None, error) from error

    def add(self, row: T) -> T:
        """Write a new row; its id is known already, its effects are visible to later queries of this transaction."""
        self.session.add(row)
        return row

    def add_all(self, rows: Iterable[Table]) -> None:
        self.session.add_all(list(rows))

    def get(self, kind: type[T], key: object, *, lock: bool = False) -> T:
        """The row with that id inside the scope, locked for change when asked; NotFound otherwise."""
        row = self.find(kind, key, lock=lock)
        if row is None:
            raise NotFound(
                f"This {_words(kind)} is not there any more, or it is not yours. Go back and look it up again."
            )
        return row

    def find(self, kind: type[T], key: object, *, lock: bool = False) -> T | None:
        """Like `get`, but None when there is none."""
        if not isinstance(key, str | int) or key == "":
            return None
        if lock and self.session.info["write"]:
            return self.session.execute(self.locked(_by_id(kind)), {"key": key}).scalar_one_or_none()
        known = self.session.identity_map.get(identity_key(kind, key))
        if known is not None and not inspect(known).expired and known not in self.session.deleted:
            return known if _sees(known, self.scope) else None
        return self.session.execute(_by_id(kind), {"key": key}).scalar_one_or_none()

    def find_many(self, kind: type[T], keys: Iterable[str]) -> dict[str, T]:
        """The rows with these ids inside the scope; as long as they are kept, `find` needs no query for them."""
        wanted = set(keys)
        rows = self.session.scalars(_by_id(kind, many=True), {"keys": wanted}) if wanted else ()
        return {row.id: row for row in rows}

    def locked(self, statement: S) -> S:
        """The same query with its rows locked for change and read afresh; as it was in a transaction that only reads.

        So a preview may use the queries of the change that it foretells.
        """
        if not self.session.info["write"]:
            return statement
        return _derived(statement, "locked", _with_lock)

    def take_turn(self, pharmacy_id: str, *, shared: bool = False) -> bool:
        """Wait until nobody else changes this pharmacy, and keep it so until the transaction ends; False: had it.

        People's transactions do this by themselves; system scopes call it before they read what they will change.
        `shared` keeps out those who are not shared, not each other: loops that guard each change by its row.
        On SQLite there is nothing to do: one transaction writes at a time anyway. Waits BUSY_TIMEOUT_MS at most.
        """
        if pharmacy_id in self._turns or not self.on_postgresql:
            return False
        self.session.flush()
        self.session.connection().execute(_TURN[shared], {"turn": f"turn:{pharmacy_id}"})
        self._turns.add(pharmacy_id)
        self.session.expire_all()  # what was read before may have changed while this waited
        return True

    def touch(self, pharmacy_id: str) -> None:
        """Tell open pages of a pharmacy that something they may show has changed (done for ORM writes already)."""
        self._touched.add(pharmacy_id)

    def dispensed(self, pharmacy_id: str, patient_ids: Iterable[str]) -> None:
        """Mark patients whose drugs, Rx numbers or fills have changed (done for ORM writes already).

        What is kept in memory of a whole pharmacy reads these patients again, and no others.
        """
        self._touched.add(pharmacy_id)
        self._dispensed[pharmacy_id].update(patient_ids)


#: What is made of a statement again and again, for as long as the statement lives.
_DERIVED: WeakKeyDictionary[Any, dict[object, Any]] = WeakKeyDictionary()


def _derived(statement: S, key: object, make: Callable[[S], S]) -> S:
    """What `make` makes of a statement, kept with it: a statement that lives as long as the program pays once."""
    known = _DERIVED.get(statement)
    if known is None:
        known = _DERIVED[statement] = {}
    found = known.get(key)
    if found is None:
        found = known[key] = make(statement)
    return found


def _with_lock(statement: S) -> S:
    return statement.with_for_update().execution_options(populate_existing=True)


_BY_ID: dict[tuple[type[Table], bool], Select[Any]] = {}


def _by_id(kind: type[Table], *, many: bool = False) -> Select[Any]:
    """The query for one row of a table, or for many: built once, it is what most transactions do most."""
    if (kind, many) not in _BY_ID:
        key = cast(Any, kind).id
        _BY_ID[kind, many] = select(kind).where(one_of(key, "keys") if many else key == bindparam("key"))
    return _BY_ID[kind, many]


def _sees(row: object, scope: Scope) -> bool:
    if isinstance(row, PharmacyScoped):
        return scope.sees(row.pharmacy_id)
    return not isinstance(row, Pharmacy) or scope.sees(row.id)


class _Scoped:
    """Stands for all tables that belong to a pharmacy in one condition: their common base is no mapped class."""

    #: What the condition is looked at with before a table takes its place.
    pharmacy_id: ColumnClause[str] = column("pharmacy_id")

    @classmethod
    def __subclasses__(cls) -> list[type[PharmacyScoped]]:
        return PharmacyScoped.__subclasses__()


@lru_cache(maxsize=256)
def _criteria(visible: frozenset[str]) -> tuple[Any, ...]:
    """The conditions of a scope; most people work at one pharmacy, and = is cheaper to prepare than IN."""
    ids = sorted(visible)
    one = ids[0] if len(ids) == 1 else None
    # Called with the class or an alias of it: an expression made here would always name the class.
    if one is not None:
        return (
            with_loader_criteria(_Scoped, lambda entity: entity.pharmacy_id == one, include_aliases=True),
            with_loader_criteria(Pharmacy, lambda entity: entity.id == one, include_aliases=True),
        )
    return (
        with_loader_criteria(_Scoped, lambda entity: entity.pharmacy_id.in_(ids), include_aliases=True),
        with_loader_criteria(Pharmacy, lambda entity: entity.id.in_(ids), include_aliases=True),
    )


def _restrict_reads(state: ORMExecuteState) -> None:
    """Add the scope to every ORM select, update and delete: a query cannot forget it."""
    scope = cast(Scope, state.session.info["scope"])
    if scope.pharmacy_ids is None or state.is_column_load or state.is_relationship_load:
        return
    visible = scope.pharmacy_ids
    state.statement = _derived(
        cast(Any, state.statement), visible, lambda statement: statement.options(*_criteria(visible))
    )


def _check_writes(session: Session, _context: UOWTransaction, _instances: object) -> None:
    """Refuse rows outside the scope, and remember which pharmacies' pages must look again."""
    scope = cast(Scope, session.info["scope"])
    touched = cast(set[str], session.info["touched"])
    dispensed = cast("dict[str, set[str]]", session.info["dispensed"])
    for row in (*session.new, *session.dirty, *session.deleted):
        if not _sees(row, scope):
            raise Forbidden("This belongs to another pharmacy.")
        if isinstance(row, PharmacyScoped):
            touched.add(row.pharmacy_id)
            if cast(Any, row).__tablename__ in _DISPENSING:
                dispensed[row.pharmacy_id].add(cast(Any, row).patient_id)
        elif isinstance(row, Pharmacy) and row not in session.new:
            touched.add(row.id)


def _raise_revisions(tx: Tx) -> None:
    """Count a change of every pharmacy touched, and mark with it the patients whose dispensing data has changed.

    The row of the pharmacy is locked from here to the commit: nobody else gets the same revision.
    """
    connection = tx.session.connection()
    for pharmacy_id in sorted(tx._touched):  # pyright: ignore[reportPrivateUsage]
        connection.execute(_RAISE, {"touched": pharmacy_id})
        marked = sorted(tx._dispensed.get(pharmacy_id, ()))  # pyright: ignore[reportPrivateUsage]
        for first in range(0, len(marked), _MARKED_AT_ONCE):
            connection.execute(
                _MARK, {"touched": pharmacy_id, "marked": marked[first : first + _MARKED_AT_ONCE]}
            )


class _ScopedSession(Session):
    """A session whose ORM statements and writes are held to the scope in its info."""


# Once for the class: listeners of each single session cost more than many a statement.
event.listen(_ScopedSession, "do_orm_execute", _restrict_reads)
event.listen(_ScopedSession, "before_flush", _check_writes)


class Database:
    """An engine with the pragmas MedSync needs, handing out transactions."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = make_engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._binds = {write: self.engine.execution_options(medsync_write=write) for write in (True, False)}

    @contextmanager
    def transaction(self, scope: Scope, clock: Clock | None = None) -> Generator[Tx]:
        """A writing transaction: commits when the block ends, rolls back when it raises.

        People of one pharmacy take turns: the second one sees what the first has done, and row locks taken in
        different orders cannot end in a deadlock.
        """
        with self._open(scope, clock or SystemClock(), write=True) as tx:
            for pharmacy_id in sorted(scope.pharmacy_ids or ()):
                tx.take_turn(pharmacy_id)
            yield tx
            tx.session.flush()
            _raise_revisions(tx)
            tx.session.commit()

    @contextmanager
    def reading(self, scope: Scope, clock: Clock | None = None) -> Generator[Tx]:
        """A transaction that only reads and never waits for writers."""
        with self._open(scope, clock or SystemClock(), write=False) as tx:
            yield tx

    @contextmanager
    def _open(self, scope: Scope, clock: Clock, *, write: bool) -> Generator[Tx]:
        with _ScopedSession(self._binds[write], expire_on_commit=False, autoflush=True) as session:
            tx = Tx(session, scope, clock, clock.now())
            session.info["scope"] = scope
            session.info["write"] = write
            session.info["touched"] = tx._touched  # pyright: ignore[reportPrivateUsage]
            session.info["dispensed"] = tx._dispensed  # pyright: ignore[reportPrivateUsage]
            yield tx

    def refresh_statistics(self) -> None:
        """Count again what the planner chooses indexes by: without it SQLite takes the pharmacy's for everything."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")

    def dispose(self) -> None:
        self.engine.dispose()


@lru_cache
def get_database() -> Database:
    """The database of this process, from the settings."""
    return Database(get_settings().database_url)


def _words(kind: type[Table]) -> str:
    """A table's name as people read it: "enrollment draft"."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in kind.__name__).strip()


def is_database_error(error: BaseException) -> bool:
    """True when the database itself failed (locked, gone, full), not the code that used it."""
    return isinstance(error, OperationalError | InterfaceError | SqlTimeoutError)


def lacks_schema(error: BaseException) -> bool:
    """True when a query failed because a table or column is missing: the database is not migrated."""
    if not isinstance(error, DBAPIError):
        return False
    missing = getattr(error.orig, "sqlstate", None) in ("42P01", "42703")  # undefined table, column
    return missing or str(error.orig).startswith(("no such table", "no such column"))
