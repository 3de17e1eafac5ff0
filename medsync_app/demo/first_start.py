"""Loads the demo when the app starts with an empty database."""

from medsync_app.clock import Clock, SystemClock, local_day
from medsync_app.demo.load import Loaded, load, refuse_live
from medsync_app.demo.places import SCOPE, ZONE
from medsync_app.errors import Forbidden
from medsync_app.store.repositories.contact import pharmacies
from medsync_app.store.session import Database


def load_if_empty(url: str, clock: Clock | None = None) -> list[str]:
    """Load the demo into a database without a pharmacy; gives the lines to show, none when there was one."""
    database, clock = Database(url), clock or SystemClock()
    try:
        with database.reading(SCOPE, clock) as tx:
            if pharmacies(tx):
                return []
        try:
            refuse_live()
        except Forbidden:
            return ["The database is empty. Add a pharmacy: python -m medsync_app pharmacy add --help"]
        return shown(load(database, today=local_day(clock.now(), ZONE)))
    finally:
        database.dispose()


def shown(loaded: Loaded) -> list[str]:
    """The sign-ins as lines for a terminal."""
    width = max(len(account.email) for account in loaded.sign_ins)
    return [
        f"A demo pharmacy with {loaded.patients} invented patients was made. Sign in as one of:",
        *(f"  {a.email:<{width}}  {a.password}  ({a.role.value})" for a in loaded.sign_ins),
    ]
