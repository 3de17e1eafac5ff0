"""What is delivered is kept once and put before a person, however often and in whatever order it comes."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.connections import pharmacy_events, typeform
from medsync_app.connections.payload import read_object
from medsync_app.domain.form_mapping import FormMapping
from medsync_app.domain.states import (
    Channel,
    ContactBasis,
    EnrollmentState,
    ExceptionKind,
    JoinOrigin,
)
from medsync_app.errors import Unreadable
from medsync_app.reads.join import join_request
from medsync_app.reads.today import today_queue
from medsync_app.services.draft_answers import answers_of
from medsync_app.services.join_requests import PER_HOUR, TooMany, accept_request, put_aside
from medsync_app.services.take_submission import note_refusal, take_enrollment, take_opt_out
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    ContactPoint,
    Enrollment,
    EnrollmentDraft,
    ExceptionCase,
    FormSource,
    InboundEvent,
    JoinRequest,
    Patient,
    PatientMerge,
)
from tests.support.forms import AGREE, event_body, typeform_body
from tests.support.races import together
from tests.support.store import NUMBER, SYSTEM, Shop, make_patient, make_shop


def fill_in(database: Database, clock: VirtualClock, shop: Shop, body: bytes) -> str:
    """Typeform delivers this; gives what became of it."""
    raw = read_object(body)
    told = typeform.submission_of(raw)
    assert told is not None
    with database.transaction(Scope.system("Typeform").only(shop.pharmacy_id), clock) as tx:
        return take_enrollment(tx, shop.pharmacy_id, JoinOrigin.TYPEFORM, told, raw)


def send(database: Database, clock: VirtualClock, shop: Shop, body: bytes, at: datetime | None = None) -> str:
    """The pharmacy system delivers this event."""
    raw = read_object(body)
    event = pharmacy_events.event_of(raw)
    told = replace(event.told, told_at=at) if at else event.told
    with database.transaction(Scope.system("pharmacy system").only(shop.pharmacy_id), clock) as tx:
        if event.event == "patient.opted_out":
            return take_opt_out(tx, shop.pharmacy_id, told, raw)
        return take_enrollment(tx, shop.pharmacy_id, JoinOrigin.PHARMACY_SYSTEM, told, raw)


def rows(database: Database, kind: type) -> list:  # type: ignore[type-arg]
    with database.reading(SYSTEM) as tx:
        return list(tx.session.scalars(select(kind)))


def import_as(database: Database, patient_id: str, external_id: str | None) -> str:
    with database.transaction(SYSTEM) as tx:
        tx.get(Patient, patient_id).external_id = external_id
    return patient_id


@pytest.mark.both_databases
def test_a_form_waits_in_the_queue_with_all_it_said(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    assert fill_in(database, clock, shop, typeform_body()) == "join request"
    event = rows(database, InboundEvent)
    assert {(one.outcome, one.pharmacy_id) for one in event} == {("join request", shop.pharmacy_id)}
    assert event[0].payload["form_response"]["token"] == "tok-1"
    assert rows(database, Patient) == []
    with database.reading(shop.scope, clock) as tx:
        row = today_queue(tx, sort="join").rows[0]
        assert (row.last_name, row.patient_id) == ("Example", "")
        assert row.summary == "Somebody asked by Typeform to take part: look at it, then enroll."
        request = join_request(tx, row.join_id)
        assert (request.origin, request.missing, request.known) == (JoinOrigin.TYPEFORM, (), None)
        assert request.extra == [("How did you hear of us?", "A neighbour")]
    assert rows(database, FormSource)[0].received_at == clock.now()
    with database.reading(make_shop(database, "other").scope, clock) as tx:
        assert today_queue(tx).rows == ()


@pytest.mark.parametrize(
    "again",
    [
        typeform_body(), typeform_body(event_id="another"), typeform_body("tok-2", "event-of-tok-1"),
        typeform_body(first_name="Eve"),
    ],
)  # fmt: skip
def test_a_second_delivery_is_known_by_either_id(
    database: Database, shop: Shop, clock: VirtualClock, again: bytes
) -> None:
    fill_in(database, clock, shop, typeform_body())
    with database.transaction(shop.scope, clock) as tx:
        put_aside(tx, rows(database, JoinRequest)[0].id)
    assert fill_in(database, clock, shop, again) == "known"
    assert [one.first_name for one in rows(database, JoinRequest)] == ["Ada"]
    assert len(rows(database, ExceptionCase)) == 1
    other = make_shop(database, "other")
    assert fill_in(database, clock, other, again) == "join request", "another pharmacy's ids are its own"


@pytest.mark.both_databases
def test_fifty_deliveries_at_once_are_one_request(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    bodies = [typeform_body()] * 25 + [typeform_body("tok-2", phone="404 555 0123")] * 25
    results = together(*(lambda body=body: fill_in(database, clock, shop, body) for body in bodies))
    assert sorted(results) == ["join request"] * 2 + ["known"] * 48
    assert len(rows(database, JoinRequest)) == 1, "the same person twice"
    assert len(rows(database, ExceptionCase)) == 1
    assert len(rows(database, InboundEvent)) == 4


@pytest.mark.parametrize("late_first", [True, False])
def test_what_was_said_last_counts_in_whatever_order_it_comes(
    database: Database, shop: Shop, clock: VirtualClock, late_first: bool
) -> None:
    early = typeform_body("tok-1", submitted="2026-11-23T10:00:00Z")
    late = typeform_body("tok-2", submitted="2026-11-23T11:00:00Z", consent=False)
    for body in (late, early) if late_first else (early, late):
        fill_in(database, clock, shop, body)
    request = rows(database, JoinRequest)
    assert [one.consent_wording for one in request] == [""]
    assert sorted(pair["answer"] for pair in request[0].extra) == ["A neighbour", "No"]


def test_what_a_later_event_adds_completes_the_request_and_loses_nothing(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    send(database, clock, shop, event_body(phone=None, plan="Blue"))
    send(database, clock, shop, event_body(event_id="evt-2", last_name=None, group="7"))
    request = rows(database, JoinRequest)[0]
    assert (request.phone, request.last_name) == (NUMBER, "Example")
    assert {pair["answer"] for pair in request.extra} == {"Blue", "7"}


def test_a_form_that_lacks_something_is_kept_and_says_so(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    fill_in(database, clock, shop, typeform_body(last_name=None, phone="ask my son"))
    fill_in(database, clock, shop, typeform_body("tok-2", last_name=None, phone=None))
    assert len(rows(database, JoinRequest)) == 2, "nobody knows whether it is the same person"
    with database.reading(shop.scope, clock) as tx:
        queue = today_queue(tx, sort="join").rows
        assert {row.summary for row in queue} == {
            "Somebody asked by Typeform to take part; it lacks last name and phone number: look at it, then enroll."
        }
        found = [join_request(tx, row.join_id) for row in queue]
        assert {one.missing for one in found} == {("last name", "phone number")}
        assert ("Your phone number?", "ask my son") in [pair for one in found for pair in one.extra]


def test_a_pharmacys_own_mapping_is_used(database: Database, shop: Shop, clock: VirtualClock) -> None:
    own = FormMapping({"full_name": ("What is your first name?",)}, (), "es")
    with database.transaction(SYSTEM) as tx:
        tx.add(
            FormSource(pharmacy_id=shop.pharmacy_id, origin=JoinOrigin.TYPEFORM, mapping=own.to_document())
        )
    fill_in(database, clock, shop, typeform_body(first_name="Ada Example"))
    request = rows(database, JoinRequest)[0]
    assert (request.first_name, request.last_name, request.language) == ("Ada", "Example", "es")
    assert (request.birth_date, request.consent_wording) == (None, "")
    assert len(request.extra) == 6, "its only phone number is the phone; all else is shown"


@pytest.mark.slow
def test_more_than_patients_can_write_is_refused_and_a_repetition_is_not(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    most = PER_HOUR[JoinOrigin.TYPEFORM]
    for number in range(most):
        fill_in(database, clock, shop, typeform_body(f"tok-{number}", phone=f"404 555 {1000 + number}"))
    with pytest.raises(TooMany):
        fill_in(database, clock, shop, typeform_body("one-more", phone="404 555 9999"))
    assert fill_in(database, clock, shop, typeform_body("tok-0")) == "known"
    assert send(database, clock, shop, event_body()) == "join request", "the pharmacy system has its own"
    clock.advance(timedelta(hours=1, seconds=1))
    assert fill_in(database, clock, shop, typeform_body("one-more", phone="404 555 9999")) == "join request"


def test_the_words_that_were_agreed_to_go_into_the_enrollment(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    fill_in(database, clock, shop, typeform_body())
    patient = make_patient(database, shop)
    with database.transaction(shop.scope, clock) as tx:
        saved = accept_request(tx, rows(database, JoinRequest)[0].id, patient)
        contacts = answers_of(tx.get(EnrollmentDraft, saved.draft_id).answers).contacts
    assert contacts is not None
    assert [(one.basis, one.wording, one.how) for one in contacts] == [
        (ContactBasis.EXPRESS, f"{AGREE}: Yes", "Typeform")
    ]


def test_who_has_stopped_since_has_not_agreed(database: Database, shop: Shop, clock: VirtualClock) -> None:
    fill_in(database, clock, shop, typeform_body())
    clock.advance(timedelta(hours=2))
    send(database, clock, shop, event_body("patient.opted_out", "evt-2", id="P7", phone=NUMBER))
    patient = make_patient(database, shop)
    with database.transaction(shop.scope, clock) as tx:
        saved = accept_request(tx, rows(database, JoinRequest)[0].id, patient)
        contacts = answers_of(tx.get(EnrollmentDraft, saved.draft_id).answers).contacts
    assert contacts is not None
    assert [(one.basis, one.wording) for one in contacts] == [(ContactBasis.NOT_ASKED, "")]


def test_a_form_without_a_yes_leaves_what_was_agreed_at_the_counter(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    patient = make_patient(database, shop, phone=NUMBER)
    fill_in(database, clock, shop, typeform_body(consent=None))
    with database.transaction(shop.scope, clock) as tx:
        saved = accept_request(tx, rows(database, JoinRequest)[0].id, patient)
        assert answers_of(tx.get(EnrollmentDraft, saved.draft_id).answers).contacts is None


@pytest.mark.parametrize(
    ("external_id", "sent", "fits"),
    [
        ("P1002", {}, True), ("P1002", {"first_name": "Eve", "birth_date": None}, True), ("P9", {}, False),
        (None, {}, True), ("name:example ada:1980-05-01", {}, True), ("P9", {"id": None}, True),
        (None, {"birth_date": "1980-05-02"}, False), (None, {"first_name": "Eve"}, False),
    ],
)  # fmt: skip
def test_an_imported_patient_is_found_as_an_import_finds_one(
    database: Database,
    shop: Shop,
    clock: VirtualClock,
    external_id: str | None,
    sent: dict[str, str | None],
    fits: bool,
) -> None:
    patient = import_as(database, make_patient(database, shop), external_id)
    make_patient(database, make_shop(database, "other"))
    send(database, clock, shop, event_body(**sent))
    case = rows(database, ExceptionCase)[0]
    assert (case.kind, case.patient_id) == (ExceptionKind.JOIN, patient if fits else None)
    with database.reading(shop.scope, clock) as tx:
        row = today_queue(tx, sort="join").rows[0]
        known = join_request(tx, row.join_id).known
        assert (known.patient_id if known else None) == (patient if fits else None)
        assert row.summary.startswith("The pharmacy system says that a patient takes part")


def test_a_record_that_was_merged_into_another_is_that_patient(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    kept = import_as(database, make_patient(database, shop, first="Adelaide"), "P7")
    with database.transaction(SYSTEM) as tx:
        tx.add(
            PatientMerge(
                pharmacy_id=shop.pharmacy_id, kept_id=kept, dropped_id="gone", external_id="P1002", reason="test",
                merged_by="test", merged_at=tx.now,
            )
        )  # fmt: skip
    send(database, clock, shop, event_body())
    assert rows(database, ExceptionCase)[0].patient_id == kept


def test_of_two_patients_who_fit_neither_is_taken(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    for _ in range(2):
        make_patient(database, shop)
    send(database, clock, shop, event_body())
    assert rows(database, ExceptionCase)[0].patient_id is None


def test_two_events_about_one_patient_are_one_row_and_who_takes_part_gets_none(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    patient = import_as(database, make_patient(database, shop), "P1002")
    send(database, clock, shop, event_body())
    send(database, clock, shop, event_body(event_id="evt-2"))
    assert len(rows(database, JoinRequest)) == 1
    with database.transaction(SYSTEM) as tx:
        tx.add(
            Enrollment(
                pharmacy_id=shop.pharmacy_id, patient_id=patient, state=EnrollmentState.ACTIVE,
                anchor=tx.now.date(), enrolled_at=tx.now, enrolled_by="test", changed_at=tx.now,
            )
        )  # fmt: skip
    assert send(database, clock, shop, event_body(event_id="evt-3")) == "enrolled already"
    assert len(rows(database, JoinRequest)) == 1


def test_an_opt_out_ends_messages_to_the_number_or_to_all_of_the_patients(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    import_as(database, make_patient(database, shop, phone=NUMBER), "P1002")
    twin = make_patient(database, shop, first="Ben", phone="+14045550777")
    body = event_body("patient.opted_out", phone=None)
    assert send(database, clock, shop, body) == "opted out"
    assert send(database, clock, shop, body) == "known"
    bases = {one.address: one.basis for one in rows(database, ContactPoint)}
    assert bases == {NUMBER: ContactBasis.REVOKED, "+14045550777": ContactBasis.EXPRESS}
    send(database, clock, shop, event_body("patient.opted_out", "evt-2", id=None, phone="404 555 0777"))
    assert {one.basis for one in rows(database, ContactPoint)} == {ContactBasis.REVOKED}
    assert {one.kind for one in rows(database, ExceptionCase)} == {ExceptionKind.CONTACT}
    assert twin
    with pytest.raises(Unreadable, match="Name the patient's phone"):
        send(database, clock, shop, event_body("patient.opted_out", "evt-3", id="unknown", phone=None))
    assert Channel.SMS in {one.channel for one in rows(database, ContactPoint)}


def test_refusals_are_noted_once_a_minute(database: Database, shop: Shop, clock: VirtualClock) -> None:
    for why in ("first", "second"):
        with database.transaction(SYSTEM, clock) as tx:
            note_refusal(tx, shop.pharmacy_id, JoinOrigin.TYPEFORM, why)
        clock.advance(timedelta(seconds=40))
    assert rows(database, FormSource)[0].refusal == "first"
    with database.transaction(SYSTEM, clock) as tx:
        note_refusal(tx, shop.pharmacy_id, JoinOrigin.TYPEFORM, "third")
    assert rows(database, FormSource)[0].refusal == "third"
