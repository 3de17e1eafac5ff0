"""Rx events of PioneerRx, JSON or XML: how they are signed, read and answered, and which places fill which fields.

The preset goes as deep as it can be right. It takes no patient's id (an export has another one): people are known by
name and date of birth. What an export may word otherwise counts only for patients and Rx numbers that are new.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final
from xml.etree import ElementTree

from medsync_app.connections.payload import read_object, storable
from medsync_app.domain.pharmacy_events import EventKind, EventMapping
from medsync_app.errors import Unreadable

STAMP: Final = "prx-timestamp"
SIGNATURE: Final = "prx-signature"
#: Entities could be made to grow without end, or to read files: no sender needs any.
_DECLARES = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_RX, _PATIENT = "Body.Rx", "Body.Patient"
_NEW = ("last_name", "first_name", "birth_date", "drug_name", "ndc", "sig", "written_on")

PRESET: Final = EventMapping(
    MappingProxyType({
        "event": (f"{_RX}.CurrentRxTransactionStatusText", "MessageHeader.InitiatingEventText"),
        "id": ("MessageHeader.MessageID",),
        "occurred_at": ("MessageHeader.SentOnUTC",),
        "rx_number": (f"{_RX}.RxNumber",),
        "fill_number": (f"{_RX}.RefillNumber",),
        "filled_on": (f"{_RX}.DateFilledUTC",),
        "quantity": (f"{_RX}.MedicationDispensed.Quantity",),
        "days_supply": (f"{_RX}.MedicationDispensed.DaysSupply",),
        "refills_left": (f"{_RX}.RefillsRemaining",),
        "last_name": (f"{_PATIENT}.Name.LastName",),
        "first_name": (f"{_PATIENT}.Name.FirstName",),
        "birth_date": (f"{_PATIENT}.DateOfBirth",),
        "drug_name": (f"{_RX}.MedicationDispensed.DrugName",),
        "ndc": (f"{_RX}.MedicationDispensed.NDC",),
        "sig": (f"{_RX}.DirectionsTranslatedEnglish",),
        "written_on": (f"{_RX}.DateWritten",),
    }),
    MappingProxyType({
        EventKind.FILLED.value: ("Verified", "Filled"),
        EventKind.READY.value: ("ReadyForPickup", "ReadyForDelivery", "WillCall"),
        EventKind.SOLD.value: ("Completed", "RxComplete", "PickedUp"),
        EventKind.DELIVERED.value: ("Delivered",),
        EventKind.RETURNED.value: ("ReturnedToStock", "ReturnToStock"),
        EventKind.REVERSED.value: ("Cancelled", "Canceled", "Rejected", "Reversed"),
    }),
    ignored=(
        "Received", "Entered", "InProcess", "OnHold", "WaitingForDataEntry", "DataEntry", "FillInProgress",
        "FillableOnHold", "ReadyForPharmacistReview", "PharmacistReview", "WaitingForPrint",
    ),
    instants=("filled_on", "written_on", "sold_on", "stopped_on"),
    only_new=_NEW,
)  # fmt: skip


def signature_of(stamp: str, secret: str) -> str:
    """base64 of the SHA-512 over timestamp and shared secret in UTF-16 (little-endian)."""
    return base64.b64encode(hashlib.sha512((stamp + secret).encode("utf-16-le")).digest()).decode()


def signed_at(secret: str, headers: Mapping[str, str]) -> datetime | None:
    """The instant that whoever knows the secret has signed; None for anything else. The body is not covered."""
    stamp = headers.get(STAMP, "")
    expected = signature_of(stamp, secret)
    if not secret or not hmac.compare_digest(expected.encode(), headers.get(SIGNATURE, "").encode()):
        return None
    try:
        at = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def knows_password(secret: str, headers: Mapping[str, str]) -> bool:
    """Whether the request has the secret as the password of HTTP Basic, whatever the user's name."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    try:
        _, _, password = base64.b64decode(given, validate=True).partition(b":")
    except ValueError:
        return False
    return scheme.lower() == "basic" and bool(secret) and hmac.compare_digest(password, secret.encode())


def read_message(body: bytes) -> tuple[str, str, dict[str, Any]]:
    """Name, id and document of a message; Unreadable when it is neither JSON nor XML, or has no id."""
    raw = _read_xml(body) if body.lstrip().startswith(b"<") else read_object(body)
    told = PRESET.read(raw)
    if not told.external_id or len(told.external_id) > 200:
        raise Unreadable("MessageHeader.MessageID is missing.")
    return told.name[:100], told.external_id, raw


def answer_to(message_id: str) -> dict[str, Any]:
    """What PioneerRx waits for: without it a message is sent again."""
    return {"Message_Header": {"Message_ID": message_id, "Message_Type": "ACK"}}


def _read_xml(body: bytes) -> dict[str, Any]:
    try:
        # A text, so that no other encoding is believed, in which a declaration could hide.
        text = body.decode("utf-8-sig")
        if _DECLARES.search(text):
            raise Unreadable("XML with a document type or entities is not taken: send it without.")
        root = ElementTree.fromstring(text)  # noqa: S314 - what could grow is refused above
    except (ElementTree.ParseError, ValueError):
        raise Unreadable("The body is neither JSON nor XML in UTF-8.") from None
    value = _value_of(root, 0)
    if not isinstance(value, dict):
        raise Unreadable("The XML has no elements inside.")
    return storable(value)


def _value_of(element: ElementTree.Element, depth: int) -> dict[str, Any] | str:
    """Elements by their names without namespaces, those that come again as a list, attributes beside them."""
    if depth > 20:
        raise Unreadable("The XML is nested deeper than 20 levels.")
    found: dict[str, Any] = {_plain(name): text for name, text in element.attrib.items()}
    for child in element:
        name, value = _plain(child.tag), _value_of(child, depth + 1)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found if found else (element.text or "").strip()


def _plain(name: str) -> str:
    return name.rpartition("}")[2]
