"""The answers of a form become a request: nothing refused, nothing lost, consent only where the words are known."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from medsync_app.connections import google_form, pharmacy_events, typeform
from medsync_app.connections.payload import read_object
from medsync_app.domain.form_mapping import PRESETS, Submission
from medsync_app.domain.states import JoinOrigin
from medsync_app.services.form_answers import read_answers
from medsync_app.services.join_requests import Asked
from tests.support.forms import AGREE, event_body, google_body, typeform_body
from tests.support.store import NOW


def read(told: Submission | None, origin: JoinOrigin = JoinOrigin.TYPEFORM) -> Asked:
    assert told is not None
    return read_answers(told, PRESETS[origin], origin, today=NOW.date(), now=NOW)


def typed(**answers: Any) -> Asked:
    return read(typeform.submission_of(read_object(typeform_body(**answers))))


def googled(**answers: Any) -> Asked:
    told = google_form.submission_of(read_object(google_body(**answers)))
    return read(told, JoinOrigin.GOOGLE_FORM)


def sent(**patient: Any) -> Asked:
    told = pharmacy_events.event_of(read_object(event_body(**patient))).told
    return read(told, JoinOrigin.PHARMACY_SYSTEM)


def test_a_typeform_fills_the_fields_and_the_rest_is_kept() -> None:
    asked = typed()
    assert (asked.first_name, asked.last_name, asked.birth_date) == ("Ada", "Example", date(1950, 5, 1))
    assert (asked.phone, asked.language) == ("+14045550123", "en")
    assert asked.consent_wording == f"{AGREE}: Yes"
    assert asked.medicines == [("lisinopril 10 mg", "10"), ("metformin", "")]
    assert asked.extra == [("How did you hear of us?", "A neighbour")]


def test_a_spanish_google_form_with_a_name_in_one() -> None:
    asked = googled()
    assert (asked.first_name, asked.last_name, asked.language) == ("María José", "García López", "es")
    assert asked.consent_wording == "Mensajes de texto ¿Acepta mensajes de la farmacia?: Acepto"
    assert [name for name, _ in asked.medicines] == ["metformina 500 mg", "losartán"]
    assert asked.extra == [
        ("Nombre completo", "María José García López"), ("¿Quién le ayuda?", "Mi hija"),
    ], "a person sees the name as it was written, and what nobody asked for"  # fmt: skip


def test_what_cannot_be_read_is_kept_as_it_was_written() -> None:
    asked = typed(first_name="7", birth_date="in May", phone="call my son")
    assert (asked.first_name, asked.birth_date, asked.phone) == ("", None, "")
    assert asked.extra[:3] == [
        ("What is your first name?", "7"), ("When were you born?", "in May"), ("Your phone number?", "call my son"),
    ]  # fmt: skip
    assert typed(birth_date="2030-01-01").birth_date is None
    assert typed(birth_date="1850-01-01").extra[0] == ("When were you born?", "1850-01-01")


def test_a_date_that_may_be_meant_otherwise_is_shown_as_written() -> None:
    asked = typed(birth_date="04/05/1950")
    assert asked.birth_date == date(1950, 4, 5)
    assert asked.extra[0] == ("When were you born?", "04/05/1950")


def test_consent_counts_only_as_a_plain_yes_to_words_that_are_known() -> None:
    assert typed(consent=False).consent_wording == ""
    assert typed(consent=False).extra[0] == (AGREE, "No")
    assert googled(Mensajes_de_texto=["Solo llamadas"]).consent_wording == ""
    assert sent(consent=True).consent_wording == "", "nobody knows what was asked"
    assert ("patient.consent", "Yes") in sent(consent=True).extra
    assert sent(consent=True, consent_wording="May we text you?").consent_wording == "May we text you?"
    assert sent(consent_wording="May we text you?").extra == [("patient.consent_wording", "May we text you?")]
    assert sent(consent="no", consent_wording="May we?").consent_wording == ""


def test_medicines_that_do_not_fit_are_kept_whole() -> None:
    many = "\n".join(f"medicine {number}" for number in range(14))
    asked = typed(medicines=many)
    assert len(asked.medicines) == 12
    assert ("What do you take every day?", many) in asked.extra
    assert typed(medicines="insulin 1,000 units").medicines == [("insulin 1,000 units", "")]
    assert typed(medicines="x" * 121).medicines == []
    assert typed(medicines="losartán 50 mg (5 días restantes)").medicines == [("losartán 50 mg", "5")]
    assert typed(medicines="aspirin 999 days left").medicines == [("aspirin 999 days left", "")]


def test_the_time_it_was_told_is_never_ahead() -> None:
    told = typeform.submission_of(read_object(typeform_body(submitted="2099-01-01T00:00:00Z")))
    assert read(told).told_at == NOW
    assert told is not None
    assert read(replace(told, told_at=None)).told_at == NOW
    assert read(replace(told, told_at=NOW - timedelta(days=1))).told_at == NOW - timedelta(days=1)


def test_a_language_that_is_not_spoken_is_said() -> None:
    asked = googled(Idioma="Kreyòl")
    assert asked.language == "en"
    assert ("Idioma", "Kreyòl") in asked.extra


def test_the_pharmacy_system_names_its_patient() -> None:
    asked = sent(id=" 1002 ", email="Ada@Example.com", medicines=[{"name": "lisinopril", "days_left": 10}])
    assert (asked.source_id, asked.email) == ("1002", "ada@example.com")
    assert asked.medicines == [("lisinopril", "10")]
    assert sent(first_name=None, last_name=None, name="Ada Example").last_name == "Example"
