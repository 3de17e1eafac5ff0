"""Requests to take part: put before a person, led to an enrollment or put aside; never a patient by themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Final

from medsync_app.domain.causes import Cause
from medsync_app.domain.names import folded
from medsync_app.domain.states import Channel, ContactBasis, ExceptionKind, JoinOrigin, Role
from medsync_app.errors import Conflict, MedSyncError
from medsync_app.services.audit import audit
from medsync_app.services.draft_answers import Answers, answers_of
from medsync_app.services.enroll_contacts import ContactChoice
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.services.save_draft import Saved, save_draft, start_draft
from medsync_app.store.repositories import joining
from medsync_app.store.repositories.contact import contact_points, statuses
from medsync_app.store.session import Tx
from medsync_app.store.tables import EnrollmentDraft, JoinRequest

MAX_MEDICINES: Final = 12
MAX_MEDICINE: Final = 120
MAX_DAYS_LEFT: Final = 365
OLDEST: Final = date(1900, 1, 1)
#: What one pharmacy gets in an hour from each; a pharmacy system may name all its patients at once.
PER_HOUR: Final[Mapping[JoinOrigin, int]] = MappingProxyType(
    {
        JoinOrigin.FORM: 60,
        JoinOrigin.TYPEFORM: 60,
        JoinOrigin.GOOGLE_FORM: 60,
        JoinOrigin.PHARMACY_SYSTEM: 600,
    }
)
WINDOW: Final = timedelta(hours=1)
#: How a consent says where it was given.
HOW: Final[Mapping[JoinOrigin, str]] = MappingProxyType({
    JoinOrigin.FORM: "join form", JoinOrigin.TYPEFORM: "Typeform", JoinOrigin.GOOGLE_FORM: "Google form",
    JoinOrigin.PHARMACY_SYSTEM: "pharmacy system", JoinOrigin.PIONEERRX: "PioneerRx",
})  # fmt: skip
_ASKED: Final[Mapping[JoinOrigin, str]] = MappingProxyType({
    JoinOrigin.FORM: "Somebody asked by the form to take part",
    JoinOrigin.TYPEFORM: "Somebody asked by Typeform to take part",
    JoinOrigin.GOOGLE_FORM: "Somebody asked by the Google form to take part",
    JoinOrigin.PHARMACY_SYSTEM: "The pharmacy system says that a patient takes part",
})  # fmt: skip
#: (name, days left or "")
Medicine = tuple[str, str]


class TooMany(MedSyncError):
    """More requests than patients can have made."""

    code = "throttled"

    def __init__(self) -> None:
        super().__init__("The form was used too often. Try again in an hour, or call the pharmacy.")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of somebody who asks to take part; "" and None where it was not said or cannot be read."""

    origin: JoinOrigin
    first_name: str
    last_name: str
    birth_date: date | None
    phone: str
    told_at: datetime
    email: str = ""
    language: str = "en"
    #: The wording that was agreed to.
    consent_wording: str = ""
    medicines: Sequence[Medicine] = ()
    #: (question, answer) that no field of ours holds.
    extra: Sequence[tuple[str, str]] = ()
    source_id: str = ""
    source_hash: str = ""


def missing_of(row: JoinRequest) -> tuple[str, ...]:
    """What a request lacks for a person to go on without asking, in words."""
    parts = {
        "first name": row.first_name, "last name": row.last_name, "date of birth": row.birth_date,
        "phone number": row.phone,
    }  # fmt: skip
    return tuple(name for name, value in parts.items() if not value)


def keep_request(tx: Tx, pharmacy_id: str, asked: Asked) -> str:
    """Put a request before a person of the pharmacy; gives its id. The same person's waiting one is brought up to date.

    TooMany when more came within an hour than patients can have sent. Take the pharmacy's turn before.
    """
    row = _waiting_twin(tx, pharmacy_id, asked)
    if row is None:
        _refuse_flood(tx, pharmacy_id, asked.origin)
        row = tx.add(
            JoinRequest(
                pharmacy_id=pharmacy_id, origin=asked.origin, first_name=asked.first_name, last_name=asked.last_name,
                birth_date=asked.birth_date, phone=asked.phone, source_id=asked.source_id,
                source_hash=asked.source_hash, told_at=asked.told_at, received_at=tx.now,
            )
        )  # fmt: skip
    if asked.told_at >= row.told_at:
        _take_newer(row, asked)
    # Of what came late nothing is lost; what was said last counts, above all about consent.
    before = [pair for pair in row.extra if pair not in _pairs(asked)]
    row.extra = [*_pairs(asked), *before]
    tx.session.flush()
    _open_task(tx, row)
    return row.id


def _take_newer(row: JoinRequest, asked: Asked) -> None:
    row.told_at, row.language, row.consent_wording = asked.told_at, asked.language, asked.consent_wording
    row.first_name = _corrected(row.first_name, asked.first_name)
    row.last_name = _corrected(row.last_name, asked.last_name)
    row.birth_date, row.phone = asked.birth_date or row.birth_date, asked.phone or row.phone
    row.email = asked.email or row.email
    if asked.medicines:
        row.medicines = [{"name": name, "days_left": days} for name, days in asked.medicines]


def _corrected(known: str, said: str) -> str:
    """The newer name, but for capitals and accents: "ADA" is no correction of "Ada"."""
    return said if said and folded(said) != folded(known) else known


def _pairs(asked: Asked) -> list[dict[str, str]]:
    return [{"question": question, "answer": answer} for question, answer in asked.extra]


def _waiting_twin(tx: Tx, pharmacy_id: str, asked: Asked) -> JoinRequest | None:
    if asked.source_id:
        return joining.waiting_of_source(tx, pharmacy_id, asked.source_id)
    if not (asked.first_name and asked.last_name and asked.birth_date and asked.phone):
        return None
    return joining.waiting_twin(
        tx, pharmacy_id, first_name=asked.first_name, last_name=asked.last_name, birth_date=asked.birth_date,
        phone=asked.phone,
    )  # fmt: skip


def _refuse_flood(tx: Tx, pharmacy_id: str, origin: JoinOrigin) -> None:
    since = tx.now - WINDOW
    if joining.received(tx, since=since, pharmacy_id=pharmacy_id, origin=origin) >= PER_HOUR[origin]:
        raise TooMany


def _open_task(tx: Tx, row: JoinRequest) -> None:
    missing = missing_of(row)
    known = joining.known_patient(tx, row.pharmacy_id, row)
    lacks = f"; it lacks {' and '.join(missing)}" if missing and known is None else ""
    open_exception(
        tx, pharmacy_id=row.pharmacy_id, kind=ExceptionKind.JOIN, cause_key=Cause.JOIN.of(row.id),
        summary=f"{_ASKED[row.origin]}{lacks}: look at it, then enroll.",
        owner_role=Role.TECHNICIAN, due_at=due_in(tx, hours=24), patient_id=known.id if known else None,
        detail={"join_request": row.id},
    )  # fmt: skip


def accept_request(tx: Tx, request_id: str, patient_id: str) -> Saved:
    """Begin enrolling the patient a request led to, with the number and consent that were told.

    Conflict when somebody handled it before, and what starting a draft refuses.
    """
    request = _waiting(tx, request_id)
    saved = start_draft(tx, patient_id)
    begun = answers_of(tx.get(EnrollmentDraft, saved.draft_id).answers)
    answers = _with_told(tx, begun, request, patient_id)
    saved = save_draft(tx, saved.draft_id, expected_version=saved.version, step=saved.step, answers=answers)
    _handled(tx, request, "Enrollment begun.", patient_id)
    return saved


def put_aside(tx: Tx, request_id: str) -> None:
    """Nobody to enroll: the request leaves the queue. Conflict when somebody handled it before."""
    _handled(tx, _waiting(tx, request_id), "Put aside: nobody to enroll.", None)


def _with_told(tx: Tx, answers: Answers, request: JoinRequest, patient_id: str) -> Answers:
    """The answers of a draft with what was told about contact; what was agreed before stays."""
    answered = {contact.key: contact.basis for contact in answers.contacts or ()}
    recorded = {(point.channel, point.address): point.basis for point in contact_points(tx, patient_id)}
    news = [told for told in _told_contacts(tx, request) if _is_news(told, recorded | answered)]
    others = [old for old in answers.contacts or () if old.key not in {told.key for told in news}]
    contacts = (*news, *others) or answers.contacts
    return replace(answers, contacts=contacts, language=answers.language or request.language)


def _is_news(told: ContactChoice, known: Mapping[tuple[Channel, str], ContactBasis]) -> bool:
    """What was agreed at the counter, or ended, is not undone by a form that does not ask about it."""
    basis = known.get(told.key)
    return basis is None or (told.basis is ContactBasis.EXPRESS and basis is not ContactBasis.EXPRESS)


def _told_contacts(tx: Tx, request: JoinRequest) -> list[ContactChoice]:
    how, wording = HOW[request.origin], request.consent_wording
    told: list[ContactChoice] = []
    if request.phone:
        status = statuses(tx, request.pharmacy_id, [request.phone]).get((Channel.SMS, request.phone))
        ended = (
            status is not None and status.opted_out_at is not None and status.opted_out_at > request.told_at
        )
        agreed = bool(wording) and not ended
        basis = ContactBasis.EXPRESS if agreed else ContactBasis.NOT_ASKED
        told.append(
            ContactChoice(
                Channel.SMS, request.phone, basis, wording if agreed else "", how,
                agreed_at=request.told_at if agreed else None,
            )
        )  # fmt: skip
    if request.email:
        told.append(ContactChoice(Channel.EMAIL, request.email, ContactBasis.NOT_ASKED, how=how))
    return told


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
