"""What the account page shows of a person and the workstation."""

from dataclasses import dataclass

from medsync_app.store.repositories import people
from medsync_app.store.session import Tx
from medsync_app.store.tables import Staff


@dataclass(frozen=True, slots=True)
class Account:
    """Whether the person has a PIN, and who else may open a session here by PIN: (id, name) by name."""

    has_pin: bool
    colleagues: tuple[tuple[str, str], ...]


def account(tx: Tx, staff_id: str, station_hash: str) -> Account:
    """Of the person, at the workstation with that hash."""
    others = [one for one in people.at_station(tx, station_hash) if one[0] != staff_id]
    return Account(tx.get(Staff, staff_id).pin_hash is not None, tuple(others))
