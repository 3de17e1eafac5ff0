"""Keeps what all loops know of each provider, in one row for each channel that they change one after another."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import cast

from sqlalchemy import Connection, Table, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from medsync_app.domain.provider import Breaker, Heard, Pace, Place, Provider, Turn, give_turns, learn
from medsync_app.domain.states import Channel
from medsync_app.store.session import Tx
from medsync_app.store.tables import ProviderStatus

_STATUS = cast(Table, ProviderStatus.__table__)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
_FACTS = [column for column in _STATUS.c if column.name != "channel"]
_THAT = _STATUS.c.channel == bindparam("of")
_READ = select(*_FACTS).where(_THAT).with_for_update()
_WRITE = update(_STATUS).where(_THAT)
_ADD = {
    dialect: insert(_STATUS).on_conflict_do_nothing()
    for dialect, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}


def take_turns(tx: Tx, channel: Channel, pace: Pace, places: Sequence[Place]) -> tuple[list[Turn], Provider]:
    """The turns of messages that would go now, and what is known of the provider then; see `give_turns`.

    A turn is taken for good, also when `tx` is given up, and no other loop waits for the end of `tx` to take its own.
    """
    with tx.beside() as connection:
        known, turns = give_turns(_locked(connection, channel), pace, places, tx.now)
        _write(connection, channel, known)
    return turns, known


def tell(tx: Tx, channel: Channel, breaker: Breaker, heard: Sequence[Heard]) -> tuple[Provider, Provider]:
    """Let all loops know what calls have shown; gives what was known before and what is now."""
    connection = tx.session.connection()
    before = _locked(connection, channel)
    after = learn(before, breaker, heard, tx.now)
    _write(connection, channel, after)
    return before, after


def _locked(connection: Connection, channel: Channel) -> Provider:
    found = connection.execute(_READ, {"of": channel}).mappings().first()
    if found is None:
        connection.execute(_ADD[connection.dialect.name], {"channel": channel, **asdict(Provider())})
        found = connection.execute(_READ, {"of": channel}).mappings().one()
    return Provider(**found)


def _write(connection: Connection, channel: Channel, known: Provider) -> None:
    connection.execute(_WRITE, {"of": channel, **asdict(known)})
