"""What staff see of the public form: its address, and a request that waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from medsync_app.store.repositories import joining
from medsync_app.store.session import Tx
from medsync_app.store.tables import JoinRequest, Pharmacy


@dataclass(frozen=True, slots=True)
class Link:
    """The form's address."""

    token: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wrote; medicines are (name, days left or "")."""

    request_id: str
    pharmacy_id: str
    first_name: str
    last_name: str
    birth_date: date
    phone: str
    language: str
    agreed: bool
    medicines: Sequence[tuple[str, str]]
    received_at: datetime
    handled_by: str


def join_link(tx: Tx, pharmacy_id: str) -> Link | None:
    """The form of one pharmacy; None while it has none. NotFound outside the scope."""
    tx.get(Pharmacy, pharmacy_id)
    link = joining.link_of(tx, pharmacy_id)
    return Link(link.token, link.created_at, link.created_by) if link else None


def join_request(tx: Tx, request_id: str) -> Request:
    """One request; NotFound outside the scope."""
    row = tx.get(JoinRequest, request_id)
    return Request(
        row.id, row.pharmacy_id, row.first_name, row.last_name, row.birth_date, row.phone, row.language,
        bool(row.consent_wording), [(str(one["name"]), str(one["days_left"])) for one in row.medicines],
        row.received_at, row.handled_by if row.handled_at else "",
    )  # fmt: skip
