"""Events of a pharmacy system for tests: bodies, and their way through the queue."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from medsync_app.connections.payload import read_object
from medsync_app.engine.inbox import work_pharmacy_events
from medsync_app.services.keep_pharmacy_event import keep_pharmacy_event
from medsync_app.store.session import Database
from medsync_app.store.tables import InboundEvent
from tests.support.programme import TODAY, Clinic
from tests.support.store import SYSTEM

JOSE = {
    "id": "P1", "last_name": "O’Connor", "first_name": "José", "birth_date": "1960-05-01", "cell": "(404) 555-0123",
}  # fmt: skip
LISINOPRIL = {
    "number": "700001", "fill_number": 1, "drug_name": "Lisinopril 20 MG Oral Tablet", "form": "TAB",
    "written_on": "2026-10-01", "filled_on": TODAY.isoformat(), "quantity": 30, "days_supply": 30,
    "directions": "Take 1 unit(s) daily",
}  # fmt: skip


def body_of(
    event: str,
    event_id: str,
    *,
    rx: Mapping[str, Any] | None = None,
    patient: Mapping[str, Any] | None = None,
    at: str = "2026-11-23T15:00:00Z",
    **more: Any,
) -> bytes:
    """The body that docs/events.md describes."""
    document: dict[str, Any] = {"event": event, "id": event_id, "occurred_at": at, **more}
    if rx is not None:
        document["rx"] = dict(rx)
    if patient is not None:
        document["patient"] = dict(patient)
    return json.dumps(document).encode()


def keep(clinic: Clinic, event: str, event_id: str = "", **parts: Any) -> bool:
    """The route's part: one row."""
    event_id = event_id or f"evt-{event}-{len(kept(clinic.database))}"
    raw = read_object(body_of(event, event_id, **parts))
    with clinic.database.transaction(SYSTEM, clinic.clock) as tx:
        return keep_pharmacy_event(tx, clinic.shop.pharmacy_id, "pharmacy_system", event_id, event, raw, "")


def tell(clinic: Clinic, event: str, event_id: str = "", **parts: Any) -> InboundEvent:
    """The event comes and is worked; gives its row."""
    before = {row.id for row in kept(clinic.database)}
    keep(clinic, event, event_id, **parts)
    work_pharmacy_events(clinic.database, clinic.clock)
    return next(row for row in kept(clinic.database) if row.id not in before)


def kept(database: Database) -> list[InboundEvent]:
    """Every event as it stands now, the oldest first."""
    with database.reading(SYSTEM) as tx:
        return list(tx.session.scalars(select(InboundEvent).order_by(InboundEvent.id)))  # type: ignore[arg-type]


#: What PioneerRx says of a medicine that is dispensed, its directions and when it was written.
CLEAR: dict[str, Any] = {
    "MedicationDispensed": {
        "DrugName": "LISINOPRIL 20 MG TABLET", "NDC": "00000000001", "Quantity": "30.00000", "DaysSupply": "30",
    },
    "DirectionsTranslatedEnglish": "TAKE 1 TABLET BY MOUTH DAILY", "DateWritten": "2026-10-01T00:00:00",
    "RefillsRemaining": "3",
}  # fmt: skip


def pioneerrx_document(status: str, message_id: str = "msg-1", **rx: Any) -> dict[str, Any]:
    """An Rx event as PioneerRx sends it: numbers are texts, instants end in Z, most of it is of no interest."""
    return {
        "MessageHeader": {
            "Version": "2.0", "MessageID": message_id, "SentOnUTC": "2026-11-23T15:00:00Z",
            "InitiatingEventID": "10", "InitiatingEventText": "StatusChange",
        },
        "Body": {
            "Patient": {
                "Identification": {"PatientPioneerRxID": "0f2c-11"},
                "Name": {"LastName": "O’Connor", "FirstName": "José"}, "DateOfBirth": "05/01/1960",
                "PhoneNumbers": {"PhoneNumber": [{"AreaCode": "404", "Number": "5550123"}, {"AreaCode": "404"}]},
            },
            "Rx": {
                "RxNumber": "700001", "RefillNumber": "1", "CurrentRxTransactionStatusText": status,
                "DateFilledUTC": "2026-11-24T04:30:00Z",
                "MedicationDispensed": {"DrugName": "LISINOPRIL", "Quantity": "30.00000", "DaysSupply": "30"},
                **rx,
            },
        },
    }  # fmt: skip


def pioneerrx_body(status: str, message_id: str = "msg-1", **rx: Any) -> bytes:
    return json.dumps(pioneerrx_document(status, message_id, **rx)).encode()


def pioneerrx_xml(status: str, message_id: str = "msg-1", **rx: str) -> bytes:
    """The same in XML, with a namespace."""

    def written(value: Any, name: str) -> str:
        if isinstance(value, dict):
            return f"<{name}>{''.join(written(part, key) for key, part in value.items())}</{name}>"
        if isinstance(value, list):
            return "".join(written(part, name) for part in value)
        return f"<{name}>{value}</{name}>"

    inside = "".join(written(part, key) for key, part in pioneerrx_document(status, message_id, **rx).items())
    return f'<?xml version="1.0" encoding="utf-8"?><RxEvent xmlns="urn:rx">{inside}</RxEvent>'.encode()
