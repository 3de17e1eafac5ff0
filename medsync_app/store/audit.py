"""The audit log's rows: appended in a chain of HMACs per pharmacy, and verified."""

import hashlib
import hmac
import json
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, cast

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from medsync_app.store.session import Tx
from medsync_app.store.tables import AuditEvent, AuditHead

SYSTEM_CHAIN = "system"
#: What the first row of a chain is chained to.
GENESIS = "0" * 64
_BATCH = 1_000

_event = cast(Any, AuditEvent)
_head = cast(Any, AuditHead)
_LOCKED_HEAD = (
    select(AuditHead)
    .where(_head.chain == bindparam("chain"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
_MAC = select(_event.mac).where(_event.chain == bindparam("chain"), _event.sequence == bindparam("sequence"))


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did: codes, ids and field names only, never patient data."""

    chain: str
    actor_id: str
    actor_name: str
    act: str
    subject_kind: str = ""
    subject_id: str = ""
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ChainReport:
    """The outcome of verifying one chain; `problem` is empty when it is whole."""

    chain: str
    rows: int
    problem: str

    @property
    def ok(self) -> bool:
        return not self.problem


@dataclass(frozen=True, slots=True)
class Head:
    """The end of one chain: what the daily log line keeps outside the database."""

    chain: str
    sequence: int
    mac: str


def append(tx: Tx, act: Act, key: bytes) -> int:
    """Add one row to its chain and return its sequence number; it is committed with the transaction.

    Writers of one chain queue on its head row until they commit: call it last. Raises RuntimeError in a
    transaction that only reads, where the row would be lost without a word.
    """
    if not tx.session.get_bind().get_execution_options().get("medsync_write", False):
        raise RuntimeError("An audit row needs a writing transaction.")
    head = _locked_head(tx, act.chain, key)
    sequence = head.sequence + 1
    row = AuditEvent(
        chain=act.chain, sequence=sequence, at=tx.now, actor_id=act.actor_id, actor_name=act.actor_name,
        act=act.act, subject_kind=act.subject_kind, subject_id=act.subject_id,
        detail=cast("dict[str, Any]", plain(act.detail or {})), mac="",
    )  # fmt: skip
    row.mac = row_mac(key, _mac_of(tx, act.chain, head.sequence), row)
    tx.session.add(row)
    head.sequence = sequence
    head.mac = head_seal(key, act.chain, sequence, row.mac)
    tx.session.flush()
    return sequence


def plain(value: object) -> Any:
    """A JSON value that a database gives back exactly: fractions, dates and enums become text."""
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, float | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value)
        return {str(plain(name)): plain(item) for name, item in pairs.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = cast("list[object]", value)
        done = [plain(item) for item in items]
        return sorted(done, key=str) if isinstance(value, set | frozenset) else done
    raise TypeError(f"The audit log keeps ids, codes and field names, not {type(value).__name__}.")


def row_mac(key: bytes, previous: str, row: AuditEvent) -> str:
    """HMAC-SHA256 (hex) over the previous row's mac and the canonical JSON of this row."""
    body = {
        "previous": previous, "chain": row.chain, "sequence": row.sequence,
        "at": row.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor_id": row.actor_id, "actor_name": row.actor_name, "act": row.act,
        "subject_kind": row.subject_kind, "subject_id": row.subject_id, "detail": row.detail,
    }  # fmt: skip
    return _hmac(key, body)


def head_seal(key: bytes, chain: str, sequence: int, mac: str) -> str:
    """What the head row keeps: sealed, so that moving it back after cutting off the tail needs the key."""
    return _hmac(key, {"head": chain, "sequence": sequence, "mac": mac})


def _hmac(key: bytes, body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(key, text.encode("ascii"), hashlib.sha256).hexdigest()


def _locked_head(tx: Tx, chain: str, key: bytes) -> AuditHead:
    """The chain's head, locked until the transaction ends; made on first use, by the first of two writers."""
    found = tx.session.execute(_LOCKED_HEAD, {"chain": chain}).scalar_one_or_none()
    if found is not None:
        return found
    values = {"chain": chain, "sequence": 0, "mac": head_seal(key, chain, 0, GENESIS)}
    dialect = tx.session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    tx.session.execute(insert(AuditHead).values(values).on_conflict_do_nothing())
    return tx.session.execute(_LOCKED_HEAD, {"chain": chain}).scalar_one()


def _mac_of(tx: Tx, chain: str, sequence: int) -> str:
    """The mac of one row; a missing row gives "", so that the break stays visible and work goes on."""
    if sequence == 0:
        return GENESIS
    return tx.session.execute(_MAC, {"chain": chain, "sequence": sequence}).scalar_one_or_none() or ""


def heads(tx: Tx) -> list[Head]:
    """The end of every chain, for the daily log line that a changed database cannot reach."""
    rows = tx.session.execute(select(AuditHead).order_by(_head.chain)).scalars()
    return [Head(row.chain, row.sequence, row.mac) for row in rows]


def verify(tx: Tx, key: bytes, *, only: str | None = None) -> list[ChainReport]:
    """Check every chain, or `only` that one: each row's mac, no number missing, and the sealed head naming
    the last row.
    """
    known = {head.chain: head for head in heads(tx)}
    chains = set(tx.session.execute(select(_event.chain).distinct()).scalars()) | set(known)
    wanted = sorted(chain for chain in chains if only in (None, chain))
    return [_verify_chain(tx, key, chain, known.get(chain)) for chain in wanted]


def _rows(tx: Tx, chain: str) -> Generator[AuditEvent]:
    query = select(AuditEvent).where(_event.chain == chain).order_by(_event.sequence)
    with tx.session.execute(query.execution_options(yield_per=_BATCH)) as result:
        yield from result.scalars()


def _verify_chain(tx: Tx, key: bytes, chain: str, head: Head | None) -> ChainReport:
    total = tx.session.execute(select(func.count()).where(_event.chain == chain)).scalar_one()
    previous, expected = GENESIS, 1
    # Closed when a break ends the walk: PostgreSQL keeps a cursor open on the server until then.
    with closing(_rows(tx, chain)) as rows:
        for row in rows:
            if row.sequence != expected:
                return ChainReport(chain, total, f"row {expected} is missing")
            if not hmac.compare_digest(row.mac, row_mac(key, previous, row)):
                return ChainReport(chain, total, f"row {row.sequence} was changed, or the key is another one")
            previous, expected = row.mac, expected + 1
    if head is None:
        return ChainReport(chain, total, "the head is missing")
    if head.sequence > expected - 1:
        return ChainReport(chain, total, f"rows {expected} to {head.sequence} were cut off")
    if head.sequence < expected - 1 or not hmac.compare_digest(
        head.mac, head_seal(key, chain, expected - 1, previous)
    ):
        return ChainReport(chain, total, "the head was changed")
    return ChainReport(chain, total, "")


def check_logged(tx: Tx, key: bytes, logged: Head) -> str:
    """The problem when a head that was logged once is no longer part of its chain, "" when it is."""
    mac = _mac_of(tx, logged.chain, logged.sequence)
    if not mac:
        return f"row {logged.sequence} was logged once and is gone"
    if not hmac.compare_digest(head_seal(key, logged.chain, logged.sequence, mac), logged.mac):
        return f"row {logged.sequence} is not the one that was logged"
    return ""
