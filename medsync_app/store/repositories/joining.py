"""Queries of the forms by which patients ask to take part: addresses, requests, and how forms of others are read."""

from datetime import date, datetime
from typing import Protocol

from sqlalchemy import func, select
from sqlmodel import col

from medsync_app.domain.names import folded
from medsync_app.domain.states import JoinOrigin
from medsync_app.store.repositories import dispensing
from medsync_app.store.session import Tx
from medsync_app.store.tables import FormSource, InboundEvent, JoinLink, JoinRequest, Patient


def link_of(tx: Tx, pharmacy_id: str) -> JoinLink | None:
    """The form of a pharmacy; None while it has none."""
    return tx.session.scalars(select(JoinLink).where(col(JoinLink.pharmacy_id) == pharmacy_id)).one_or_none()


def link_of_token(tx: Tx, token: str) -> JoinLink | None:
    """The form at an address."""
    return tx.session.scalars(select(JoinLink).where(col(JoinLink.token) == token)).one_or_none()


def received(
    tx: Tx,
    *,
    since: datetime,
    pharmacy_id: str | None = None,
    origin: JoinOrigin | None = None,
    source_hash: str | None = None,
) -> int:
    """How many requests came since an instant: for a pharmacy, by one way, or from one source."""
    query = select(func.count()).select_from(JoinRequest).where(col(JoinRequest.received_at) >= since)
    if pharmacy_id is not None:
        query = query.where(col(JoinRequest.pharmacy_id) == pharmacy_id)
    if origin is not None:
        query = query.where(col(JoinRequest.origin) == origin)
    if source_hash is not None:
        query = query.where(col(JoinRequest.source_hash) == source_hash)
    return tx.session.execute(query).scalar_one()


def waiting_twin(
    tx: Tx, pharmacy_id: str, *, first_name: str, last_name: str, birth_date: date, phone: str
) -> JoinRequest | None:
    """A request of the same person that nobody has looked at yet."""
    return tx.session.scalars(
        select(JoinRequest).where(
            col(JoinRequest.pharmacy_id) == pharmacy_id, col(JoinRequest.handled_at).is_(None),
            col(JoinRequest.birth_date) == birth_date, col(JoinRequest.phone) == phone,
            func.lower(col(JoinRequest.first_name)) == first_name.lower(),
            func.lower(col(JoinRequest.last_name)) == last_name.lower(),
        ).limit(1)
    ).first()  # fmt: skip


def waiting_of_source(tx: Tx, pharmacy_id: str, source_id: str) -> JoinRequest | None:
    """The waiting request of a patient whom the pharmacy system names."""
    return tx.session.scalars(
        select(JoinRequest).where(
            col(JoinRequest.pharmacy_id) == pharmacy_id, col(JoinRequest.source_id) == source_id,
            col(JoinRequest.handled_at).is_(None),
        ).limit(1)
    ).first()  # fmt: skip


class Named(Protocol):
    """Who is meant by a request, waiting or just come in."""

    @property
    def origin(self) -> JoinOrigin: ...
    @property
    def source_id(self) -> str: ...
    @property
    def first_name(self) -> str: ...
    @property
    def last_name(self) -> str: ...
    @property
    def birth_date(self) -> date | None: ...


def known_patient(tx: Tx, pharmacy_id: str, request: Named) -> Patient | None:
    """The imported patient whom the pharmacy system means: by its id, else by name and birth date, as an import does.

    None when nobody fits or several do, and for what a person wrote into a form.
    """
    if request.origin is not JoinOrigin.PHARMACY_SYSTEM:
        return None
    if request.source_id:
        # As an import does, also when that record has been merged into another.
        known = dispensing.patients(tx, pharmacy_id, [request.source_id]).get(request.source_id)
        if known is not None:
            return tx.find(Patient, known["id"])
    if request.birth_date is None or not request.last_name:
        return None
    name = folded(f"{request.last_name} {request.first_name}")
    same = select(Patient).where(
        col(Patient.pharmacy_id) == pharmacy_id,
        col(Patient.search_name) == name,
        col(Patient.birth_date) == request.birth_date,
    )
    if request.source_id:
        # Somebody with another id is another person, however alike: an import would add one too.
        same = same.where(col(Patient.external_id).is_(None) | col(Patient.external_id).startswith("name:"))
    alike = tx.session.scalars(same.limit(2)).all()
    return alike[0] if len(alike) == 1 else None


def source_of(tx: Tx, pharmacy_id: str, origin: JoinOrigin) -> FormSource | None:
    """How a pharmacy reads a form of others; None before the first delivery and change."""
    return tx.session.scalars(
        select(FormSource).where(col(FormSource.pharmacy_id) == pharmacy_id, col(FormSource.origin) == origin)
    ).one_or_none()


def sources_of(tx: Tx, pharmacy_id: str) -> dict[JoinOrigin, FormSource]:
    """Every such row of a pharmacy."""
    rows = tx.session.scalars(select(FormSource).where(col(FormSource.pharmacy_id) == pharmacy_id))
    return {row.origin: row for row in rows}


def has_event(tx: Tx, source: str, external_ids: list[str]) -> bool:
    """Whether one of these deliveries is kept already."""
    query = select(col(InboundEvent.id)).where(
        col(InboundEvent.source) == source, col(InboundEvent.external_id).in_(external_ids)
    )
    return tx.session.scalars(query.limit(1)).first() is not None
