"""Typeform's webhooks: their signature, and the answers they hold."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any, cast

from medsync_app.connections.payload import (
    fields_at,
    instant_at,
    object_at,
    objects_at,
    text_at,
    words_at,
)
from medsync_app.domain.form_mapping import Answer, Submission
from medsync_app.errors import Unreadable

SIGNATURE = "Typeform-Signature"
#: What is said of a form that somebody sent; Typeform also tells of forms that were left half-way.
_SENT = "form_response"


def signature_of(secret: str, body: bytes) -> str:
    """sha256= and the base64 HMAC-SHA256 over the raw body."""
    return f"sha256={b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()}"


def is_signed(secret: str, signature: str, body: bytes) -> bool:
    """Whether Typeform signed that body; never without a secret."""
    return bool(secret) and hmac.compare_digest(signature_of(secret, body).encode(), signature.encode())


def submission_of(document: Mapping[str, Any]) -> Submission | None:
    """The form that was sent; None for news of another kind. Unreadable says what is missing."""
    event_id = text_at(document, "event_id")
    if text_at(document, "event_type") not in ("", _SENT):
        return None
    response = object_at(document, "form_response")
    token = text_at(response, "token")
    if not event_id or not token:
        raise Unreadable("event_id and form_response.token are missing: send Typeform's own webhook.")
    asked = _questions(fields_at(response, "definition"))
    answers = [_answer(raw, asked) for raw in objects_at(response, "answers")]
    answers += [
        Answer(name, "", tuple(_texts(value))) for name, value in fields_at(response, "hidden").items()
    ]
    return Submission((token, f"event:{event_id}"), instant_at(response, "submitted_at"), tuple(answers))


def _answer(raw: Mapping[str, Any], asked: Mapping[str, tuple[str, str]]) -> Answer:
    """One answer; it stands under the key that its `type` names, and is kept whole when it does not."""
    field, kind = fields_at(raw, "field"), words_at(raw, "type")
    value = raw.get(kind, {name: part for name, part in raw.items() if name not in ("field", "type")})
    title, more = asked.get(words_at(field, "id"), ("", ""))
    return Answer(words_at(field, "ref") or words_at(field, "id"), title, tuple(_texts(value)), kind, more)


def _texts(value: object) -> Iterable[str]:
    """A value as texts: of a choice its label and what was written instead, of several choices each."""
    if value is None:
        return
    if isinstance(value, bool):
        yield "Yes" if value else "No"
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from _texts(item)
    elif isinstance(value, dict):
        parts = cast("dict[str, object]", value)
        shown = ("label", "labels", "other")
        for name in shown if any(name in parts for name in shown) else parts:
            yield from _texts(parts.get(name))
    elif text := str(value).strip():
        yield text


def _questions(definition: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Field id -> the question and the description below it; groups hold questions of their own."""
    found: dict[str, tuple[str, str]] = {}
    for field in objects_at(definition, "fields"):
        properties = fields_at(field, "properties")
        found[words_at(field, "id")] = (words_at(field, "title"), words_at(properties, "description"))
        found |= _questions(properties)
    return found
