"""Passes on what the loop has learned of its providers."""

from medsync_app.clock import Clock
from medsync_app.connections.guarded import GuardedConnection, News
from medsync_app.connections.protocol import Connections
from medsync_app.engine.deliver import LOOP
from medsync_app.services.provider_care import provider_is_back, provider_is_down
from medsync_app.store.session import Database


def tell_of_providers(db: Database, clock: Clock, connections: Connections) -> None:
    """Open or close the exception of a provider that has gone or come back; nothing is written otherwise."""
    for channel, connection in connections.items():
        news = connection.news() if isinstance(connection, GuardedConnection) else None
        if news is None:
            continue
        with db.transaction(LOOP, clock) as tx:
            (provider_is_down if news is News.DOWN else provider_is_back)(tx, channel)
        assert isinstance(connection, GuardedConnection)  # noqa: S101
        connection.told(news)
