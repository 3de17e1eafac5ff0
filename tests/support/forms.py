"""Deliveries as Typeform, the script of a Google form and a pharmacy system make them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from medsync_app.connections.typeform import SIGNATURE as TYPEFORM_SIGNATURE
from medsync_app.connections.typeform import signature_of as typeform_signature
from medsync_app.connections.webhook import SIGNATURE, STAMP, signature_of

SECRETS = {
    "TYPEFORM_WEBHOOK_SECRET": "typeforms-secret",
    "GOOGLE_FORM_SECRET": "the-scripts-secret",
    "PHARMACY_EVENTS_SECRET": "the-systems-secret",
}
AGREE = "May Main Street Pharmacy send you automated text messages about your refills?"
AYUDA = "¿Acepta mensajes de la farmacia?"
#: Question id -> what is asked, how the answer is called, the answer.
QUESTIONS: dict[str, tuple[str, str, str, Any]] = {
    "q1": ("first_name", "What is your first name?", "text", "Ada"),
    "q2": ("last_name", "And your last name?", "text", "Example"),
    "q3": ("birth_date", "When were you born?", "date", "1950-05-01"),
    "q4": ("phone", "Your phone number?", "phone_number", "+14045550123"),
    "q5": ("consent", AGREE, "boolean", True),
    "q6": ("medicines", "What do you take every day?", "text", "lisinopril 10 mg, 10 days left\nmetformin"),
    "q7": ("9a1f-77", "How did you hear of us?", "choice", {"label": "A neighbour", "id": "c1"}),
}  # fmt: skip


def typeform_body(
    token: str = "tok-1", event_id: str = "", submitted: str = "2026-11-23T14:00:00Z", **answers: Any
) -> bytes:
    """A Typeform webhook; `answers` change those of `QUESTIONS` by their ref, None leaves one out."""
    given = {
        key: (ref, title, kind, answers.get(ref, value))
        for key, (ref, title, kind, value) in QUESTIONS.items()
    }
    document = {
        "event_id": event_id or f"event-of-{token}",
        "event_type": "form_response",
        "form_response": {
            "form_id": "lT4Z3j",
            "token": token,
            "landed_at": submitted,
            "submitted_at": submitted,
            "definition": {
                "id": "lT4Z3j",
                "title": "One pickup a month",
                "fields": [
                    {"id": key, "ref": ref, "title": title, "type": "short_text", "properties": {}}
                    for key, (ref, title, _, _) in given.items()
                ],
            },
            "answers": [
                {"type": kind, kind: value, "field": {"id": key, "ref": ref, "type": "short_text"}}
                for key, (ref, _, kind, value) in given.items()
                if value is not None
            ],
        },
    }
    return json.dumps(document).encode()


def typeform_headers(body: bytes, secret: str = SECRETS["TYPEFORM_WEBHOOK_SECRET"]) -> dict[str, str]:
    return {TYPEFORM_SIGNATURE: typeform_signature(secret, body)}


def google_body(response_id: str = "2_ABaOnuf", **answers: Any) -> bytes:
    """What the script posts; `answers` by the title's words joined by _, instead of the Spanish form's own."""
    given: Mapping[str, Any] = {
        "Nombre completo": "María José García López", "Fecha de nacimiento": "1950-05-01",
        "Número de teléfono": "(404) 555-0123", "Mensajes de texto": ["Acepto"], "Idioma": "Español",
        "Medicamentos": "metformina 500 mg; losartán", "¿Quién le ayuda?": "Mi hija",
    } | {key.replace("_", " "): value for key, value in answers.items()}  # fmt: skip
    rows = [
        {"title": title, "help": AYUDA if title == "Mensajes de texto" else "", "value": value}
        for title, value in given.items()
    ]  # fmt: skip
    return json.dumps(
        {"id": response_id, "submitted_at": "2026-11-23T14:00:00.000Z", "answers": rows}
    ).encode()


def event_body(event: str = "patient.enrolled", event_id: str = "evt-1", **patient: Any) -> bytes:
    """An event of the pharmacy system about Ada; `patient` changes what it says of her."""
    ada = {
        "id": "P1002", "first_name": "Ada", "last_name": "Example", "birth_date": "1980-05-01",
        "phone": "404-555-0123", "language": "en",
    }  # fmt: skip
    told = {key: value for key, value in (ada | patient).items() if value is not None}
    return json.dumps(
        {"event": event, "id": event_id, "occurred_at": "2026-11-23T14:00:00Z", "patient": told}
    ).encode()


def signed_headers(body: bytes, secret: str, now: datetime) -> dict[str, str]:
    """Our own signature, with the instant it was made at."""
    stamp = now.astimezone(UTC).isoformat()
    return {STAMP: stamp, SIGNATURE: signature_of(secret, stamp, body)}
