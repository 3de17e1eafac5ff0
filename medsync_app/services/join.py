"""Patients ask to be enrolled by a public form: it fills a person's queue, never the table of patients."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from medsync_app.auth.throttle import keyed_hash
from medsync_app.clock import local_day
from medsync_app.domain.consent import consent_wording
from medsync_app.domain.states import Channel, JoinOrigin, Role
from medsync_app.domain.wordings import LANGUAGES
from medsync_app.errors import Invalid, NotFound
from medsync_app.services.audit import audit
from medsync_app.services.contact_input import person_name, phone_number
from medsync_app.services.join_requests import (
    MAX_DAYS_LEFT,
    MAX_MEDICINE,
    MAX_MEDICINES,
    OLDEST,
    WINDOW,
    Asked,
    TooMany,
    keep_request,
)
from medsync_app.store.audit_key import audit_key
from medsync_app.store.repositories import joining
from medsync_app.store.session import Tx
from medsync_app.store.tables import JoinLink, Pharmacy

#: A source may be the tablet on the counter; more than this in an hour is no patient.
PER_SOURCE: Final = 20
_TOKEN_BYTES = 16
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Told:
    """The form as it was filled in; medicines are (name, days left or "")."""

    first_name: str
    last_name: str
    birth_date: date | None
    phone: str
    language: str
    agreed: bool
    medicines: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class FormOf:
    """Whose form an address opens."""

    pharmacy_id: str
    name: str
    phone: str


def rotate_link(tx: Tx, pharmacy_id: str) -> str:
    """Give the form a new random address; the old one opens nothing from now on. Owners only."""
    tx.scope.require(pharmacy_id, Role.OWNER)
    close_link(tx, pharmacy_id)
    link = tx.add(
        JoinLink(
            pharmacy_id=pharmacy_id, token=secrets.token_urlsafe(_TOKEN_BYTES), created_at=tx.now,
            created_by=tx.scope.actor_name,
        )
    )  # fmt: skip
    audit(tx, pharmacy_id=pharmacy_id, act="make_join_link", subject_kind="pharmacy", subject_id=pharmacy_id)
    return link.token


def close_link(tx: Tx, pharmacy_id: str) -> None:
    """Close the form; its address opens nothing from now on. Owners only."""
    tx.scope.require(pharmacy_id, Role.OWNER)
    tx.get(Pharmacy, pharmacy_id)
    link = joining.link_of(tx, pharmacy_id)
    if link is not None:
        tx.session.delete(link)
        tx.session.flush()
        audit(
            tx,
            pharmacy_id=pharmacy_id,
            act="close_join_link",
            subject_kind="pharmacy",
            subject_id=pharmacy_id,
        )


def form_of(tx: Tx, token: str) -> FormOf | None:
    """The pharmacy whose form has that address; None for any other text."""
    link = joining.link_of_token(tx, token) if _TOKEN.fullmatch(token) else None
    if link is None:
        return None
    pharmacy = tx.get(Pharmacy, link.pharmacy_id)
    return FormOf(pharmacy.id, pharmacy.name, pharmacy.phone)


def ask_to_join(tx: Tx, token: str, told: Told, source: str) -> None:
    """Put what was told before a person of the pharmacy. Sent twice it is one request.

    Invalid names the field, NotFound when the address opens nothing, TooMany when too much came within an hour.
    """
    form = form_of(tx, token)
    if form is None:
        raise NotFound("This form is closed. Call the pharmacy.")
    pharmacy = tx.get(Pharmacy, form.pharmacy_id)
    checked, born = _checked(told, local_day(tx.now, pharmacy.zone))
    tx.take_turn(pharmacy.id)
    source_hash = keyed_hash("join source", source, audit_key())
    if joining.received(tx, since=tx.now - WINDOW, source_hash=source_hash) >= PER_SOURCE:
        raise TooMany
    wording = consent_wording(checked.language, Channel.SMS, pharmacy.name) if checked.agreed else ""
    keep_request(
        tx, pharmacy.id,
        Asked(
            origin=JoinOrigin.FORM, first_name=checked.first_name, last_name=checked.last_name, birth_date=born,
            phone=checked.phone, language=checked.language, consent_wording=wording, medicines=checked.medicines,
            source_hash=source_hash, told_at=tx.now,
        ),
    )  # fmt: skip


def _checked(told: Told, today: date) -> tuple[Told, date]:
    """What was told, tidied, with the date of birth; Invalid names the field."""
    first, last = person_name(told.first_name, "first_name"), person_name(told.last_name, "last_name")
    if told.birth_date is None or not OLDEST <= told.birth_date <= today:
        raise Invalid("Enter your date of birth.", "birth_date")
    phone = phone_number(told.phone[:40], "phone")
    if not phone:
        raise Invalid("Enter a phone number with its area code, such as 404 555 0123.", "phone")
    if told.language not in LANGUAGES:
        raise Invalid("Choose a language.", "language")
    medicines = [
        (name.strip(), days.strip()) for name, days in told.medicines if name.strip() or days.strip()
    ]
    if len(medicines) > MAX_MEDICINES:
        raise Invalid(f"Name at most {MAX_MEDICINES} medicines.", "medicines")
    for name, days in medicines:
        if not 0 < len(name) <= MAX_MEDICINE or not name.isprintable():
            raise Invalid(f"Enter each medicine's name in 1 to {MAX_MEDICINE} characters.", "medicines")
        if days and not (days.isascii() and days.isdigit() and int(days) <= MAX_DAYS_LEFT):
            raise Invalid(f"Enter the days left as a number up to {MAX_DAYS_LEFT}.", "medicines")
    clean = Told(first, last, told.birth_date, phone, told.language, told.agreed, medicines)
    return clean, told.birth_date
