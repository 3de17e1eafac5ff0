"""Google forms, posted by the script of docs/google_form.js: signed like our own webhooks."""

from collections.abc import Mapping
from typing import Any, cast

from medsync_app.connections.payload import instant_at, objects_at, text_at, words_at
from medsync_app.domain.form_mapping import Answer, Submission
from medsync_app.errors import Unreadable


def submission_of(document: Mapping[str, Any]) -> Submission:
    """The form that was sent; Unreadable says what is missing."""
    response_id = text_at(document, "id", most=500)
    if not response_id:
        raise Unreadable("id is missing: take the script as it stands in the documentation.")
    answers = tuple(_answer(raw) for raw in objects_at(document, "answers"))
    # A response that its writer changes keeps its id and gets another time.
    key = f"{response_id} {text_at(document, 'submitted_at')}".strip()
    return Submission((key,), instant_at(document, "submitted_at"), answers)


def _answer(raw: Mapping[str, Any]) -> Answer:
    value: object = raw.get("value")
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    texts = tuple(str(item).strip() for item in items if item is not None and str(item).strip())
    return Answer("", words_at(raw, "title"), texts, more=words_at(raw, "help"))
