"""Agreements with those who carry patients' data: without one on record nothing of a patient really goes out.

A provider that carries health information for a pharmacy is its business associate (45 CFR 164.502(e), 164.504(e)).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, cast

from medsync_app.connections.protocol import Connection
from medsync_app.domain.causes import Cause
from medsync_app.domain.states import Channel, ExceptionKind, OutsideKind, Role, Severity
from medsync_app.errors import Invalid
from medsync_app.services.audit import audit
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy

#: How soon what waits for an agreement is looked at again.
LOOK_AGAIN: Final = timedelta(minutes=15)
_RULE: Final = "agreements"
_OLDEST: Final = date(1996, 8, 21)


class Carrier(StrEnum):
    """Who carries patients' data out of the pharmacy."""

    TWILIO = "twilio"
    MAIL = "mail"
    RINGCENTRAL = "ringcentral"
    PORTAL = "portal"


NAMES: Final[Mapping[Carrier, str]] = MappingProxyType({
    Carrier.TWILIO: "Twilio",
    Carrier.MAIL: "the e-mail provider",
    Carrier.RINGCENTRAL: "RingCentral",
    Carrier.PORTAL: "the prescriber portal",
})  # fmt: skip
OF_CHANNEL: Final[Mapping[Channel, Carrier]] = MappingProxyType({
    Channel.SMS: Carrier.TWILIO, Channel.VOICE: Carrier.TWILIO, Channel.EMAIL: Carrier.MAIL,
})  # fmt: skip
#: Programs besides that are told of patients; boards are not, and the pharmacy system knows them already.
OF_PROGRAM: Final[Mapping[OutsideKind, Carrier]] = MappingProxyType({
    OutsideKind.FAX: Carrier.RINGCENTRAL, OutsideKind.EMAIL_TO_FAX: Carrier.MAIL,
    OutsideKind.EMAIL: Carrier.MAIL, OutsideKind.PORTAL: Carrier.PORTAL,
})  # fmt: skip


def signed_on(pharmacy: Pharmacy, carrier: Carrier) -> date | None:
    """The day the pharmacy signed with a carrier; None while nothing is on record."""
    kept = pharmacy.rules.get(_RULE)
    text = cast("dict[str, object]", kept).get(carrier.value) if isinstance(kept, dict) else None
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def why_not(carrier: Carrier) -> str:
    """What is said of something that waits for an agreement."""
    return f"Held: no agreement with {NAMES[carrier]} is on record. The owner enters it in Settings, Connections."


def may_carry(pharmacy: Pharmacy, channel: Channel, connection: Connection) -> bool:
    """Whether a connection may carry what concerns patients: one that leaves this machine needs an agreement."""
    leaves = connection.live and not connection.loopback
    return not leaves or signed_on(pharmacy, OF_CHANNEL[channel]) is not None


def tell_missing(tx: Tx, pharmacy_id: str, carrier: Carrier) -> str:
    """Let the owner know that something waits for an agreement (it closes by itself when one is entered); gives why."""
    open_exception(
        tx, pharmacy_id=pharmacy_id, kind=ExceptionKind.CHANNEL_DOWN, cause_key=Cause.AGREEMENT.of(carrier.value),
        summary=f"Messages wait: enter in Settings, Connections, when the agreement with {NAMES[carrier]} was signed.",
        owner_role=Role.OWNER, due_at=due_in(tx, hours=4), severity=Severity.HIGH,
    )  # fmt: skip
    return why_not(carrier)


def set_agreement(tx: Tx, pharmacy_id: str, carrier: Carrier, on: date | None) -> bool:
    """Record the day an agreement was signed, or (None) that there is none; False when nothing changes.

    Owners only. Invalid for a day ahead, or older than the law that asks for it.
    """
    tx.scope.require(pharmacy_id, Role.OWNER)
    pharmacy = tx.get(Pharmacy, pharmacy_id, lock=True)
    if on is not None and not _OLDEST <= on <= pharmacy_today(tx, pharmacy_id):
        raise Invalid("Give the day it was signed: today or earlier.", f"signed_{carrier.value}")
    if signed_on(pharmacy, carrier) == on:
        return False
    days = {one: signed_on(pharmacy, one) for one in Carrier} | {carrier: on}
    kept = {one.value: day.isoformat() for one, day in days.items() if day is not None}
    # A new document: a change inside the old one would not be written.
    pharmacy.rules = {**pharmacy.rules, _RULE: kept}
    if on is not None:
        cause = Cause.AGREEMENT.of(carrier.value)
        close_exception(tx, pharmacy_id=pharmacy_id, cause_key=cause, outcome="The agreement is on record.")
    audit(
        tx, pharmacy_id=pharmacy_id, act="set_agreement", subject_kind="pharmacy", subject_id=pharmacy_id,
        detail={"with": carrier.value, "signed_on": on.isoformat() if on else "none"},
    )  # fmt: skip
    return True
