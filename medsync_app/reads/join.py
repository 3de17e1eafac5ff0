"""What staff see of the forms: the address of our own, and a request that waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from medsync_app.domain.states import JoinOrigin
from medsync_app.services.join_requests import missing_of
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
class Known:
    """The imported patient whom a request of the pharmacy system means."""

    patient_id: str
    first_name: str
    last_name: str
    birth_date: date | None


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wrote or sent; medicines are (name, days left or ""), `extra` (question, answer).

    `missing` names what a person must still ask for.
    """

    request_id: str
    pharmacy_id: str
    origin: JoinOrigin
    first_name: str
    last_name: str
    birth_date: date | None
    phone: str
    email: str
    language: str
    agreed: bool
    medicines: Sequence[tuple[str, str]]
    extra: Sequence[tuple[str, str]]
    missing: Sequence[str]
    received_at: datetime
    handled_by: str
    known: Known | None


def join_link(tx: Tx, pharmacy_id: str) -> Link | None:
    """The form of one pharmacy; None while it has none. NotFound outside the scope."""
    tx.get(Pharmacy, pharmacy_id)
    link = joining.link_of(tx, pharmacy_id)
    return Link(link.token, link.created_at, link.created_by) if link else None


def join_request(tx: Tx, request_id: str) -> Request:
    """One request; NotFound outside the scope."""
    row = tx.get(JoinRequest, request_id)
    patient = joining.known_patient(tx, row.pharmacy_id, row)
    known = Known(patient.id, patient.first_name, patient.last_name, patient.birth_date) if patient else None
    return Request(
        row.id, row.pharmacy_id, row.origin, row.first_name, row.last_name, row.birth_date, row.phone, row.email,
        row.language, bool(row.consent_wording),
        [(str(one["name"]), str(one["days_left"])) for one in row.medicines],
        [(str(one["question"]), str(one["answer"])) for one in row.extra],
        missing_of(row), row.received_at, row.handled_by if row.handled_at else "", known,
    )  # fmt: skip
