"""Patients ask to be enrolled by a public form: it fills a person's queue, never the table of patients."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from medsync_app.auth.throttle import keyed_hash
from medsync_app.clock import local_day
from medsync_app.domain.causes import Cause
from medsync_app.domain.consent import consent_wording
from medsync_app.domain.states import Channel, ContactBasis, ExceptionKind, Role
from medsync_app.domain.wordings import LANGUAGES
from medsync_app.errors import Conflict, Invalid, MedSyncError, NotFound
from medsync_app.services.audit import audit
from medsync_app.services.contact_input import person_name, phone_number
from medsync_app.services.draft_answers import Answers, answers_of
from medsync_app.services.enroll_contacts import ContactChoice
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.services.save_draft import Saved, save_draft, start_draft
from medsync_app.store.audit_key import audit_key
from medsync_app.store.repositories import joining
from medsync_app.store.session import Tx
from medsync_app.store.tables import EnrollmentDraft, JoinLink, JoinRequest, Pharmacy

MAX_MEDICINES: Final = 12
MAX_MEDICINE: Final = 120
MAX_DAYS_LEFT: Final = 365
#: A source may be the tablet on the counter; more than this in an hour is no patient.
PER_SOURCE: Final = 20
PER_PHARMACY: Final = 60
_WINDOW = timedelta(hours=1)
_OLDEST = date(1900, 1, 1)
_TOKEN_BYTES = 16
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SUMMARY = "Somebody asked by the form to take part: look at it, then enroll."


class TooMany(MedSyncError):
    """More requests than patients can have made."""

    code = "throttled"

    def __init__(self) -> None:
        super().__init__("The form was used too often. Try again in an hour, or call the pharmacy.")


@dataclass(frozen=True, slots=True)
class Told:
    """The form as it was filled in; medicines are (name, days left or "")."""

    first_name: str
    last_name: str
    birth_date: date | None
    phone: str
    language: str
    agreed: bool
    medicines: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class FormOf:
    """Whose form an address opens."""

    pharmacy_id: str
    name: str
    phone: str


def rotate_link(tx: Tx, pharmacy_id: str) -> str:
    """Give the form a new random address; the old one opens nothing from now on. Owners only."""
    tx.scope.require(pharmacy_id, Role.OWNER)
    close_link(tx, pharmacy_id)
    link = tx.add(
        JoinLink(
            pharmacy_id=pharmacy_id, token=secrets.token_urlsafe(_TOKEN_BYTES), created_at=tx.now,
            created_by=tx.scope.actor_name,
        )
    )  # fmt: skip
    audit(tx, pharmacy_id=pharmacy_id, act="make_join_link", subject_kind="pharmacy", subject_id=pharmacy_id)
    return link.token


def close_link(tx: Tx, pharmacy_id: str) -> None:
    """Close the form; its address opens nothing from now on. Owners only."""
    tx.scope.require(pharmacy_id, Role.OWNER)
    tx.get(Pharmacy, pharmacy_id)
    link = joining.link_of(tx, pharmacy_id)
    if link is not None:
        tx.session.delete(link)
        tx.session.flush()
        audit(
            tx,
            pharmacy_id=pharmacy_id,
            act="close_join_link",
            subject_kind="pharmacy",
            subject_id=pharmacy_id,
        )


def form_of(tx: Tx, token: str) -> FormOf | None:
    """The pharmacy whose form has that address; None for any other text."""
    link = joining.link_of_token(tx, token) if _TOKEN.fullmatch(token) else None
    if link is None:
        return None
    pharmacy = tx.get(Pharmacy, link.pharmacy_id)
    return FormOf(pharmacy.id, pharmacy.name, pharmacy.phone)


def ask_to_join(tx: Tx, token: str, told: Told, source: str) -> None:
    """Put what was told before a person of the pharmacy. Sent twice it is one request.

    Invalid names the field, NotFound when the address opens nothing, TooMany when too much came within an hour.
    """
    form = form_of(tx, token)
    if form is None:
        raise NotFound("This form is closed. Call the pharmacy.")
    pharmacy = tx.get(Pharmacy, form.pharmacy_id)
    checked, born = _checked(told, local_day(tx.now, pharmacy.zone))
    tx.take_turn(pharmacy.id)
    source_hash = keyed_hash("join source", source, audit_key())
    since = tx.now - _WINDOW
    if (
        joining.received(tx, since=since, source_hash=source_hash) >= PER_SOURCE
        or joining.received(tx, since=since, pharmacy_id=pharmacy.id) >= PER_PHARMACY
    ):
        raise TooMany
    known = joining.waiting_twin(
        tx, pharmacy.id, first_name=checked.first_name, last_name=checked.last_name,
        birth_date=born, phone=checked.phone,
    )  # fmt: skip
    request = known or tx.add(
        JoinRequest(
            pharmacy_id=pharmacy.id, first_name=checked.first_name, last_name=checked.last_name,
            birth_date=born, phone=checked.phone, source_hash=source_hash, received_at=tx.now,
        )
    )  # fmt: skip
    request.language = checked.language
    request.consent_wording = (
        consent_wording(checked.language, Channel.SMS, pharmacy.name) if checked.agreed else ""
    )
    request.medicines = [{"name": name, "days_left": days} for name, days in checked.medicines]
    tx.session.flush()
    open_exception(
        tx, pharmacy_id=pharmacy.id, kind=ExceptionKind.JOIN, cause_key=Cause.JOIN.of(request.id),
        summary=_SUMMARY, owner_role=Role.TECHNICIAN, due_at=due_in(tx, hours=24),
        detail={"join_request": request.id},
    )  # fmt: skip


def accept_request(tx: Tx, request_id: str, patient_id: str) -> Saved:
    """Begin enrolling the patient a request led to, with the number and consent that were told.

    Conflict when somebody handled it before, and what starting a draft refuses.
    """
    request = _waiting(tx, request_id)
    saved = start_draft(tx, patient_id)
    begun = answers_of(tx.get(EnrollmentDraft, saved.draft_id).answers)
    answers = _with_told(begun, request)
    saved = save_draft(tx, saved.draft_id, expected_version=saved.version, step=saved.step, answers=answers)
    _handled(tx, request, "Enrollment begun.", patient_id)
    return saved


def _with_told(answers: Answers, request: JoinRequest) -> Answers:
    """The answers of a draft with the number and language that were told; what was agreed before stays."""
    told = ContactChoice(
        channel=Channel.SMS, address=request.phone,
        basis=ContactBasis.EXPRESS if request.consent_wording else ContactBasis.NOT_ASKED,
        wording=request.consent_wording, how="join form",
    )  # fmt: skip
    known = answers.contacts or ()
    same = next((contact for contact in known if contact.key == told.key), None)
    if same is not None and (told.basis is ContactBasis.NOT_ASKED or same.basis is ContactBasis.EXPRESS):
        told = same
    others = tuple(contact for contact in known if contact.key != told.key)
    return replace(answers, contacts=(told, *others), language=answers.language or request.language)


def put_aside(tx: Tx, request_id: str) -> None:
    """Nobody to enroll: the request leaves the queue. Conflict when somebody handled it before."""
    _handled(tx, _waiting(tx, request_id), "Put aside: nobody to enroll.", None)


def _waiting(tx: Tx, request_id: str) -> JoinRequest:
    request = tx.get(JoinRequest, request_id, lock=True)
    if request.handled_at is not None:
        raise Conflict(f"{request.handled_by} has handled this request already.")
    return request


def _handled(tx: Tx, request: JoinRequest, outcome: str, patient_id: str | None) -> None:
    request.handled_at, request.handled_by, request.patient_id = tx.now, tx.scope.actor_name, patient_id
    close_exception(tx, pharmacy_id=request.pharmacy_id, cause_key=Cause.JOIN.of(request.id), outcome=outcome)
    audit(
        tx, pharmacy_id=request.pharmacy_id, act="handle_join_request", subject_kind="join_request",
        subject_id=request.id, detail={"patient": patient_id or ""},
    )  # fmt: skip


def _checked(told: Told, today: date) -> tuple[Told, date]:
    """What was told, tidied, with the date of birth; Invalid names the field."""
    first, last = person_name(told.first_name, "first_name"), person_name(told.last_name, "last_name")
    if told.birth_date is None or not _OLDEST <= told.birth_date <= today:
        raise Invalid("Enter your date of birth.", "birth_date")
    phone = phone_number(told.phone[:40], "phone")
    if not phone:
        raise Invalid("Enter a phone number with its area code, such as 404 555 0123.", "phone")
    if told.language not in LANGUAGES:
        raise Invalid("Choose a language.", "language")
    medicines = [
        (name.strip(), days.strip()) for name, days in told.medicines if name.strip() or days.strip()
    ]
    if len(medicines) > MAX_MEDICINES:
        raise Invalid(f"Name at most {MAX_MEDICINES} medicines.", "medicines")
    for name, days in medicines:
        if not 0 < len(name) <= MAX_MEDICINE or not name.isprintable():
            raise Invalid(f"Enter each medicine's name in 1 to {MAX_MEDICINE} characters.", "medicines")
        if days and not (days.isascii() and days.isdigit() and int(days) <= MAX_DAYS_LEFT):
            raise Invalid(f"Enter the days left as a number up to {MAX_DAYS_LEFT}.", "medicines")
    clean = Told(first, last, told.birth_date, phone, told.language, told.agreed, medicines)
    return clean, told.birth_date
