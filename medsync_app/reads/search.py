"""Finds patients by the beginning of a name, an Rx number or a phone number."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, and_, or_, select

from medsync_app.domain.states import Channel
from medsync_app.store.session import Tx
from medsync_app.store.tables import ContactPoint, Patient, Prescription

MIN_LENGTH = 2
_PHONE_DIGITS = 4
_patient, _rx, _contact = cast(Any, Patient), cast(Any, Prescription), cast(Any, ContactPoint)


@dataclass(frozen=True, slots=True)
class Found:
    """A patient that fits; `why` says what did ("Rx 7012345", "(404) 555-0100"), "" for the name."""

    patient_id: str
    first_name: str
    last_name: str
    birth_date: date | None
    why: str


def fold(text: str) -> list[str]:
    """The words of `text` as search compares them: lower case, without accents, letters and digits only."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = (char for char in plain if not unicodedata.combining(char))
    return "".join(char if char.isalnum() else "" if char in "'’." else " " for char in kept).split()


def name_matches(text: str) -> ColumnElement[bool] | None:
    """The condition that every word of `text` begins a word of the patient's name; None without words."""
    words = fold(text)
    if not words:
        return None
    column = _patient.search_name
    return and_(*(or_(column.startswith(word), column.contains(f" {word}")) for word in words))


def search(tx: Tx, text: str, *, limit: int = 8) -> list[Found]:
    """Patients in scope that fit `text`, by name first; empty below 2 characters.

    Digits are looked up as an Rx number (its beginning) and, from 4 on, as the end of a phone number.
    """
    wanted = text.strip()[:80]
    if len(wanted) < MIN_LENGTH:
        return []
    digits = "".join(char for char in wanted if char.isdigit())
    found: dict[str, Found] = {}
    looks_like_number = bool(digits) and not any(char.isalpha() for char in wanted)
    if looks_like_number:
        _keep(found, tx, _by_rx(wanted, limit), "Rx ")
        if len(digits) >= _PHONE_DIGITS:
            _keep(found, tx, _by_phone(digits, limit), "")
    else:
        condition = name_matches(wanted)
        if condition is not None:
            _keep(found, tx, _patients().add_columns(_patient.id).where(condition).limit(limit), None)
        if digits:
            _keep(found, tx, _by_rx(wanted, limit), "Rx ")
    return list(found.values())[:limit]


def _patients() -> Select[Any]:
    columns = (_patient.id, _patient.first_name, _patient.last_name, _patient.birth_date)
    return cast("Select[Any]", select(*columns)).order_by(
        _patient.last_name, _patient.first_name, _patient.id
    )


def _by_rx(text: str, limit: int) -> Select[Any]:
    joined = _patients().add_columns(_rx.rx_number).join(Prescription, _rx.patient_id == _patient.id)
    return joined.where(_rx.rx_number.startswith(text, autoescape=True)).limit(limit)


def _by_phone(digits: str, limit: int) -> Select[Any]:
    joined = _patients().add_columns(_contact.address).join(ContactPoint, _contact.patient_id == _patient.id)
    channels = (Channel.SMS, Channel.VOICE)
    return joined.where(_contact.channel.in_(channels), _contact.address.endswith(digits)).limit(limit)


def _keep(found: dict[str, Found], tx: Tx, statement: Select[Any], label: str | None) -> None:
    rows = cast(Sequence[Any], tx.session.execute(statement).all())
    for patient_id, first, last, birth, why in rows:
        said = "" if label is None else f"{label}{why}"
        found.setdefault(patient_id, Found(patient_id, first, last, birth, said))
