"""Passes on what the loop's calls have shown of its providers."""

from medsync_app.clock import Clock
from medsync_app.connections.guarded import GuardedConnection
from medsync_app.connections.protocol import Connections
from medsync_app.services.provider_care import pass_on
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database

_LOOP = Scope.system("loop")


def tell_of_providers(db: Database, clock: Clock, connections: Connections) -> None:
    """Let all loops, and people, know what they do not know yet; nothing is written otherwise."""
    for channel, connection in connections.items():
        if not isinstance(connection, GuardedConnection):
            continue
        heard = connection.heard()
        if not heard:
            continue
        with db.transaction(_LOOP, clock) as tx:
            known = pass_on(tx, channel, connection.breaker, heard)
        connection.told(len(heard))
        connection.known(known)
