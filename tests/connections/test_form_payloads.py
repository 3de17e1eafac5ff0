"""What Typeform, the script of a Google form and a pharmacy system post: read whole, or refused in plain words."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from medsync_app.connections import google_form, pharmacy_events, typeform
from medsync_app.connections.payload import read_object
from medsync_app.domain.form_mapping import Answer
from medsync_app.errors import Unreadable
from tests.support.forms import AGREE, event_body, google_body, typeform_body


def test_the_published_vector_of_typeforms_signature() -> None:
    body = b'{"event_id":"LtWXD3crgy"}'
    expected = "sha256=LTaEhxBUuQCEg941tEr+tMfmmskyyhBUnsnxP0bCXas="
    assert typeform.signature_of("abc123", body) == expected
    assert typeform.is_signed("abc123", expected, body)
    assert not typeform.is_signed("abc124", expected, body)
    assert not typeform.is_signed("abc123", expected, body + b" ")
    assert not typeform.is_signed("", typeform.signature_of("", body), body)
    assert not typeform.is_signed("abc123", "sha256=é", body)


def submitted(body: bytes) -> Any:
    return typeform.submission_of(read_object(body))


def test_a_typeform_is_read_with_its_questions() -> None:
    told = submitted(typeform_body())
    assert told.keys == ("tok-1", "event:event-of-tok-1")
    assert told.told_at == datetime(2026, 11, 23, 14, tzinfo=UTC)
    assert told.answers[0] == Answer("first_name", "What is your first name?", ("Ada",), "text")
    assert told.answers[4].wording == f"{AGREE}: Yes"
    assert told.answers[6].values == ("A neighbour",)


@pytest.mark.parametrize(
    ("kind", "value", "texts"),
    [
        ("text", " Ada ", ("Ada",)), ("boolean", False, ("No",)), ("number", 42, ("42",)),
        ("choice", {"other": "Somewhere else"}, ("Somewhere else",)),
        ("choices", {"ids": ["a", "b"], "labels": ["One", "Two"], "other": "Three"}, ("One", "Two", "Three")),
        ("date", "1950-05-01", ("1950-05-01",)), ("file_url", "https://files.example/1", ("https://files.example/1",)),
        ("payment", {"amount": "10", "name": "Ada"}, ("10", "Ada")), ("new_kind", {"x": {"y": [1, None]}}, ("1",)),
        ("text", None, ()),
    ],
)  # fmt: skip
def test_an_answer_stands_under_the_key_that_its_type_names(
    kind: str, value: Any, texts: tuple[str, ...]
) -> None:
    document = json.loads(typeform_body())
    document["form_response"]["answers"] = [{"type": kind, kind: value, "field": {"id": "q1", "ref": "r"}}]
    assert submitted(json.dumps(document).encode()).answers[0].values == texts


def test_what_a_typeform_has_beside_the_usual_is_kept() -> None:
    document = json.loads(typeform_body())
    response = document["form_response"]
    response["hidden"] = {"store": "7", "empty": None}
    response["answers"] = [{"type": "signature", "drawn": "yes", "field": {"id": "in-a-group"}}]
    response["definition"]["fields"] = [
        {"id": "g", "title": "Group", "properties": {"fields": [{"id": "in-a-group", "title": "x" * 3000}]}}
    ]
    answers = submitted(json.dumps(document).encode()).answers
    assert answers[0] == Answer("in-a-group", "x" * 2000, ("yes",), "signature")
    assert answers[1] == Answer("store", "", ("7",))
    document["event_type"] = "form_response_partial"
    assert submitted(json.dumps(document).encode()) is None, "somebody stopped half-way and asked for nothing"


def test_a_google_form_is_read_with_its_questions() -> None:
    told = google_form.submission_of(read_object(google_body()))
    assert told.keys == ("2_ABaOnuf 2026-11-23T14:00:00.000Z",), "one that is changed later has another time"
    agreed = told.answers[3]
    assert (agreed.title, agreed.values) == ("Mensajes de texto", ("Acepto",))
    assert agreed.wording == "Mensajes de texto ¿Acepta mensajes de la farmacia?: Acepto"


def test_an_event_of_the_pharmacy_system_is_read_by_its_paths() -> None:
    body = event_body(
        id=1002, consent=True, medicines=[{"name": "lisinopril", "days_left": 10}, "aspirin", {"ndc": 7}]
    )
    event = pharmacy_events.event_of(read_object(body))
    assert (event.event, event.told.keys) == ("patient.enrolled", ("evt-1",))
    found = {answer.key: answer.values for answer in event.told.answers}
    assert found["patient.id"] == ("1002",)
    assert found["patient.consent"] == ("Yes",)
    assert found["patient.medicines"] == ("lisinopril, 10 days left", "aspirin", "ndc: 7")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"), (b"{", "not JSON"), (b"\xff\xfe", "not JSON"), (b'{"a": NaN}', "not JSON"),
        (b"[" * 5000, "not JSON"), (b"[]", "one JSON object"), (b'"text"', "one JSON object"),
        (b'{"a":' * 30 + b"1" + b"}" * 30, "nested deeper"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_object_is_refused_in_plain_words(body: bytes, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        read_object(body)


def test_what_no_database_keeps_is_left_out_and_numbers_stay_as_written() -> None:
    read = read_object(b'{"a\\u0000": "x\\u0000y\\ud800", "n": 007.50e2}'.replace(b"007", b"7"))
    assert read == {"a": "xy?", "n": "7.50e2"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"form_response": None}, "form_response is missing"), ({"event_id": ""}, "event_id and"),
        ({"event_id": 7}, "event_id and"), ({"event_id": "x" * 201}, "at most 200"),
    ],
)  # fmt: skip
def test_a_typeform_without_its_ids_is_refused(change: dict[str, Any], said: str) -> None:
    document = json.loads(typeform_body()) | change
    if change == {"event_id": 7}:
        document["form_response"]["token"] = ""
    with pytest.raises(Unreadable, match=said):
        submitted(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"event": "patient.born"}, "event must be one of: patient.enrolled"), ({"id": ""}, "id is missing"),
        ({"patient": "Ada"}, "patient is missing"), ({"occurred_at": "yesterday"}, "with its zone"),
        ({"occurred_at": "2026-11-23T14:00:00"}, "with its zone"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "with its zone"),
    ],
)  # fmt: skip
def test_an_event_that_makes_no_sense_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        pharmacy_events.event_of(read_object(json.dumps(json.loads(event_body()) | change).encode()))
