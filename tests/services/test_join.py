"""The public form: into a person's queue, never into the table of patients, and only as much as patients can write."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Channel, ContactBasis, ExceptionKind, ExceptionState, JoinOrigin, Role
from medsync_app.errors import Conflict, Forbidden, Invalid, NotFound
from medsync_app.reads.today import today_queue
from medsync_app.services.draft_answers import Answers, answers_of
from medsync_app.services.enroll_contacts import ContactChoice
from medsync_app.services.join import PER_SOURCE, Told, ask_to_join, close_link, form_of, rotate_link
from medsync_app.services.join_requests import PER_HOUR, TooMany, accept_request, put_aside
from medsync_app.services.save_draft import save_draft, start_draft
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import EnrollmentDraft, ExceptionCase, JoinRequest, Patient
from tests.support.store import SYSTEM, Shop, make_patient, make_shop

FORM = Scope.system("join form")
TOLD = Told(
    "Ada", "Example", date(1950, 5, 1), "404 555 0123", "es", True, [("lisinopril", "10"), ("", ""), ("aspirin", "")]
)  # fmt: skip


@pytest.fixture
def shop(database: Database) -> Shop:
    return make_shop(database)


def owner(shop: Shop) -> Scope:
    return Shop(shop.pharmacy_id, shop.organization_id, Role.OWNER).scope


@pytest.fixture
def token(database: Database, shop: Shop, clock: VirtualClock) -> str:
    with database.transaction(owner(shop), clock) as tx:
        return rotate_link(tx, shop.pharmacy_id)


def ask(database: Database, clock: VirtualClock, token: str, source: str = "1.2.3.4", **more: Any) -> None:
    told = Told(**{name: getattr(TOLD, name) for name in Told.__slots__} | more)
    with database.transaction(FORM, clock) as tx:
        ask_to_join(tx, token, told, source)


def requests(database: Database) -> list[JoinRequest]:
    with database.reading(SYSTEM) as tx:
        return list(tx.session.scalars(select(JoinRequest)))


def count(database: Database, kind: type) -> int:
    with database.reading(SYSTEM) as tx:
        return tx.session.execute(select(func.count()).select_from(kind)).scalar_one()


@pytest.mark.both_databases
def test_what_is_written_waits_in_the_queue_and_nowhere_else(
    database: Database, shop: Shop, clock: VirtualClock, token: str
) -> None:
    ask(database, clock, token)
    ask(database, clock, token, first_name="ADA", language="en", agreed=False)
    found = requests(database)
    assert [(one.phone, one.language, one.consent_wording) for one in found] == [("+14045550123", "en", "")]
    assert found[0].medicines == [
        {"name": "lisinopril", "days_left": "10"},
        {"name": "aspirin", "days_left": ""},
    ]
    assert "1.2.3.4" not in found[0].source_hash
    assert count(database, Patient) == 0
    with database.reading(shop.scope, clock) as tx:
        queue = today_queue(tx)
        assert [(row.sort, row.first_name, row.join_id) for row in queue.rows] == [
            ("join", "Ada", found[0].id)
        ]
    other = make_shop(database, "other")
    with database.reading(other.scope, clock) as tx:
        assert today_queue(tx).rows == ()


def test_accepted_it_begins_an_enrollment_with_number_and_consent(
    database: Database, shop: Shop, clock: VirtualClock, token: str
) -> None:
    ask(database, clock, token)
    patient_id, request_id = make_patient(database, shop), requests(database)[0].id
    with database.transaction(shop.scope, clock) as tx:
        saved = accept_request(tx, request_id, patient_id)
        answers = answers_of(tx.get(EnrollmentDraft, saved.draft_id).answers)
        assert answers.contacts is not None
        contact = answers.contacts[0]
        assert (contact.channel, contact.address, contact.basis) == (
            Channel.SMS,
            "+14045550123",
            ContactBasis.EXPRESS,
        )
        assert contact.wording.startswith("Acepto que main pharmacy")
        assert (contact.how, answers.language) == ("join form", "es")
        case = tx.session.scalars(select(ExceptionCase)).one()
        assert (case.kind, case.state) == (ExceptionKind.JOIN, ExceptionState.CLOSED)
    with (
        database.transaction(shop.scope, clock) as tx,
        pytest.raises(Conflict, match="Pat Tester has handled"),
    ):
        put_aside(tx, request_id)


def test_without_consent_the_number_is_known_and_not_asked(
    database: Database, shop: Shop, clock: VirtualClock, token: str
) -> None:
    ask(database, clock, token, agreed=False)
    patient_id = make_patient(database, shop)
    with database.transaction(shop.scope, clock) as tx:
        saved = accept_request(tx, requests(database)[0].id, patient_id)
        answers = answers_of(tx.get(EnrollmentDraft, saved.draft_id).answers)
        assert answers.contacts is not None
        assert (answers.contacts[0].basis, answers.contacts[0].wording) == (ContactBasis.NOT_ASKED, "")


def test_a_draft_that_was_begun_before_gets_the_told_number_and_keeps_its_own(
    database: Database, shop: Shop, clock: VirtualClock, token: str
) -> None:
    ask(database, clock, token)
    patient_id = make_patient(database, shop)
    home = ContactChoice(Channel.VOICE, "+14045550199", ContactBasis.NUMBER_GIVEN)
    asked = ContactChoice(Channel.SMS, "+14045550123", ContactBasis.NOT_ASKED)
    with database.transaction(shop.scope, clock) as tx:
        begun = start_draft(tx, patient_id)
        answers = Answers(contacts=(home, asked), cadence="monthly")
        save_draft(tx, begun.draft_id, expected_version=begun.version, step=3, answers=answers)
    with database.transaction(shop.scope, clock) as tx:
        saved = accept_request(tx, requests(database)[0].id, patient_id)
        row = tx.get(EnrollmentDraft, saved.draft_id)
        answers = answers_of(row.answers)
    assert saved.draft_id == begun.draft_id
    assert [(one.address, one.basis) for one in answers.contacts or ()] == [
        ("+14045550123", ContactBasis.EXPRESS), ("+14045550199", ContactBasis.NUMBER_GIVEN),
    ]  # fmt: skip
    assert (answers.language, answers.cadence, row.step) == ("es", "monthly", 3)


def test_what_was_agreed_in_a_draft_before_is_not_lost_to_a_form_without_consent(
    database: Database, shop: Shop, clock: VirtualClock, token: str
) -> None:
    ask(database, clock, token, agreed=False)
    patient_id = make_patient(database, shop)
    agreed = ContactChoice(
        Channel.SMS, "+14045550123", ContactBasis.EXPRESS, "I agree to texts.", agreed_at=clock.now()
    )
    with database.transaction(shop.scope, clock) as tx:
        begun = start_draft(tx, patient_id)
        answers = Answers(contacts=(agreed,), language="en")
        save_draft(tx, begun.draft_id, expected_version=begun.version, step=3, answers=answers)
        saved = accept_request(tx, requests(database)[0].id, patient_id)
        known = answers_of(tx.get(EnrollmentDraft, saved.draft_id).answers)
    assert (known.contacts, known.language) == ((agreed,), "en")


def test_put_aside_it_leaves_the_queue(
    database: Database, shop: Shop, clock: VirtualClock, token: str
) -> None:
    ask(database, clock, token)
    with database.transaction(shop.scope, clock) as tx:
        put_aside(tx, requests(database)[0].id)
        assert today_queue(tx).rows == ()
    ask(database, clock, token)
    assert len(requests(database)) == 2, "who asks again is heard again"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"first_name": " "}, "first_name"),
        ({"last_name": "x" * 81}, "last_name"),
        ({"first_name": "A\x00da"}, "first_name"),
        ({"birth_date": None}, "birth_date"),
        ({"birth_date": date(1899, 1, 1)}, "birth_date"),
        ({"birth_date": date(2027, 1, 1)}, "birth_date"),
        ({"phone": ""}, "phone"),
        ({"phone": "12"}, "phone"),
        ({"phone": "9" * 5000}, "phone"),
        ({"language": "fr"}, "language"),
        ({"medicines": [("x" * 121, "")]}, "medicines"),
        ({"medicines": [("", "10")]}, "medicines"),
        ({"medicines": [("lisinopril", "ten")]}, "medicines"),
        ({"medicines": [("lisinopril", "366")]}, "medicines"),
        ({"medicines": [("a", "1")] * 13}, "medicines"),
    ],
)
def test_a_mistake_names_the_field_and_keeps_nothing(
    database: Database, clock: VirtualClock, token: str, more: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        ask(database, clock, token, **more)
    assert refused.value.field == field
    assert requests(database) == []


def test_too_much_from_one_source_or_for_one_pharmacy_waits(
    database: Database, clock: VirtualClock, token: str
) -> None:
    for number in range(PER_SOURCE):
        ask(database, clock, token, phone=f"404 555 {1000 + number}")
    with pytest.raises(TooMany):
        ask(database, clock, token)
    for number in range(PER_HOUR[JoinOrigin.FORM] - PER_SOURCE):
        ask(database, clock, token, f"10.0.0.{number}", phone=f"404 555 {2000 + number}")
    with pytest.raises(TooMany):
        ask(database, clock, token, "10.9.9.9")
    clock.advance(timedelta(hours=1, seconds=1))
    ask(database, clock, token)


def test_an_old_or_closed_address_opens_nothing(
    database: Database, shop: Shop, clock: VirtualClock, token: str
) -> None:
    with database.transaction(owner(shop), clock) as tx:
        new = rotate_link(tx, shop.pharmacy_id)
    assert new != token
    with pytest.raises(NotFound):
        ask(database, clock, token)
    with database.transaction(owner(shop), clock) as tx:
        assert [form_of(tx, text) is None for text in (new, token, "", "x" * 65, "a\x00b")] == [False] + [
            True
        ] * 4
        close_link(tx, shop.pharmacy_id)
        assert form_of(tx, new) is None
    with database.transaction(shop.scope, clock) as tx, pytest.raises(Forbidden):
        rotate_link(tx, shop.pharmacy_id)


def test_requests_of_another_pharmacy_are_not_found(
    database: Database, clock: VirtualClock, token: str
) -> None:
    ask(database, clock, token)
    other = make_shop(database, "other")
    with database.transaction(other.scope, clock) as tx, pytest.raises(NotFound):
        put_aside(tx, requests(database)[0].id)
