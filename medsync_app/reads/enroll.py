"""What the enrollment wizard shows: drafts, the patient's medicines with reasons, contacts, household, duplicates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, cast

from sqlalchemy import and_, func, or_, select

from medsync_app.domain.cycle import OPEN
from medsync_app.domain.names import folded
from medsync_app.domain.participation import exclusion
from medsync_app.domain.plan_model import ExclusionReason
from medsync_app.domain.states import Channel, ContactBasis, SameDrug
from medsync_app.reads.places import Here, places
from medsync_app.services.contact_settings import is_older_than_stop
from medsync_app.services.draft_answers import Answers, answers_of
from medsync_app.services.enroll_contacts import ContactChoice
from medsync_app.services.plan_inputs import current_prescription
from medsync_app.services.propose import Proposal, propose
from medsync_app.store.repositories import therapies
from medsync_app.store.repositories.contact import contact_points, statuses
from medsync_app.store.repositories.enrollments import OPEN_STATES
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    ContactPoint,
    Cycle,
    Enrollment,
    EnrollmentDraft,
    Patient,
    Pharmacy,
    Staff,
)

_MOST_DRAFTS: Final = 8
_MOST_ALIKE: Final = 5
_MOST_HOUSEHOLD: Final = 6
#: What nobody can lift by ticking a box.
LASTING: Final[frozenset[ExclusionReason]] = frozenset(
    {"discontinued", "expired", "schedule_ii", "as_needed", "not_maintenance", "unknown_days_supply"}
)

_draft, _patient, _staff = cast(Any, EnrollmentDraft), cast(Any, Patient), cast(Any, Staff)
_contact, _cycle, _enrollment = cast(Any, ContactPoint), cast(Any, Cycle), cast(Any, Enrollment)


@dataclass(frozen=True, slots=True)
class Person:
    """A patient in a list."""

    patient_id: str
    first_name: str
    last_name: str
    birth_date: date | None


@dataclass(frozen=True, slots=True)
class OpenDraft:
    """An enrollment that somebody began."""

    draft_id: str
    person: Person
    step: int
    updated_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft with its patient and answers."""

    draft_id: str
    version: int
    step: int
    finished: bool
    person: Person
    language: str
    drug_names_wanted: bool
    preferred_channel: Channel | None
    place: Here
    pharmacy_phone: str
    answers: Answers
    #: Who saved it last.
    by: str = ""


@dataclass(frozen=True, slots=True)
class KnownContact:
    """A number or address that is known of the patient."""

    channel: Channel
    address: str
    kind: str
    basis: ContactBasis
    caregiver_name: str
    caregiver_relation: str


@dataclass(frozen=True, slots=True)
class Medicine:
    """One drug of the patient in the wizard; `reason` says why it takes no part, "" when it does.

    `alone` is what it would be without the answers given: a tick is only recorded where it differs.
    `same_as` names the newer drug of the same ingredient that this one waits for, `answer` is the one given so far.
    """

    therapy_id: str
    name: str
    rx_number: str
    included: bool
    alone: bool
    can_tick: bool
    reason: ExclusionReason | None
    same_as: str
    answer: SameDrug | None
    usual_days: int | None
    last_fill: date | None
    next_due: date | None
    refills_left: int | None
    quantity_left: Decimal | None
    pa_ends_on: date | None
    has_rx: bool


@dataclass(frozen=True, slots=True)
class Housemate:
    """Somebody with the same phone or address; `sync_date` is the next common date when taking part."""

    person: Person
    why: str
    sync_date: date | None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What the last page of the wizard links to."""

    enrollment_id: str
    person: Person
    cycle_id: str
    sync_date: date
    needs_review: bool
    place: Here


def open_drafts(tx: Tx) -> list[OpenDraft]:
    """Enrollments begun and not finished, the last touched first."""
    rows = tx.session.execute(
        select(EnrollmentDraft, Patient, _staff.name)
        .join(Patient, _patient.id == _draft.patient_id)
        .outerjoin(Staff, _staff.id == _draft.staff_id)
        .where(_draft.finished_at.is_(None))
        .order_by(_draft.updated_at.desc(), _draft.id)
        .limit(_MOST_DRAFTS)
    )
    return [
        OpenDraft(draft.id, _person(patient), draft.step, draft.updated_at, name or "")
        for draft, patient, name in rows
    ]


def draft_of(tx: Tx, draft_id: str) -> Draft:
    """The draft with that id; NotFound outside the scope. Answers about drugs that are gone are left out."""
    row = tx.get(EnrollmentDraft, draft_id)
    patient = tx.get(Patient, row.patient_id)
    pharmacy = tx.get(Pharmacy, row.pharmacy_id)
    saver = tx.find(Staff, row.staff_id) if row.staff_id else None
    answers = answers_of(row.answers)
    known = {therapy.id for therapy in therapies.of_patient(tx, patient.id)}
    choices = {key: choice for key, choice in answers.choices.items() if key in known}
    return Draft(
        draft_id=row.id,
        version=row.version,
        step=row.step,
        finished=row.finished_at is not None,
        person=_person(patient),
        language=patient.language,
        drug_names_wanted=patient.drug_names_wanted,
        preferred_channel=patient.preferred_channel,
        place=places(tx)[pharmacy.id],
        pharmacy_phone=pharmacy.phone,
        answers=replace(answers, choices=choices, contacts=_as_they_stand(tx, row, answers.contacts)),
        by=saver.name if saver is not None else "",
    )


def _as_they_stand(
    tx: Tx, draft: EnrollmentDraft, contacts: tuple[ContactChoice, ...] | None
) -> tuple[ContactChoice, ...] | None:
    """The contacts of a draft; a consent that is older than a stop of its number is one no more."""
    if contacts is None:
        return None
    known = statuses(tx, draft.pharmacy_id, [contact.key[1] for contact in contacts])
    found: list[ContactChoice] = []
    for contact in contacts:
        status = known.get(contact.key)
        agreed_at = contact.agreed_at or draft.created_at  # kept before consents had their time
        stopped = status is not None and is_older_than_stop(agreed_at, status.opted_out_at)
        if contact.basis is ContactBasis.EXPRESS:
            revoked = replace(contact, basis=ContactBasis.REVOKED, wording="", agreed_at=None)
            contact = revoked if stopped else replace(contact, agreed_at=agreed_at)
        found.append(contact)
    return tuple(found)


def proposal_of(tx: Tx, draft: Draft) -> Proposal:
    """The options as the answers stand now."""
    answers = draft.answers
    return propose(
        tx, draft.person.patient_id, requested_date=answers.requested, choices=answers.choices,
        cycle_days=answers.cycle_days,
    )  # fmt: skip


def medicines_of(tx: Tx, draft: Draft) -> list[Medicine]:
    """Every drug of the patient: those that take part first, then those a person may tick, then the rest."""
    patient_id, choices = draft.person.patient_id, draft.answers.choices
    known = propose(tx, patient_id, choices=choices)
    untold = {key: replace(choice, include=None, same_drug=None) for key, choice in choices.items()}
    alone = propose(tx, patient_id, choices=untold)
    rows = {row.id: row for row in therapies.of_patient(tx, patient_id)}
    found: list[Medicine] = []
    for medication in known.medications:
        row, supply = rows[medication.id], known.supplies[medication.id]
        reason = exclusion(known.policy, medication, supply)
        by_itself = next(m for m in alone.medications if m.id == medication.id)
        reason_alone = exclusion(alone.policy, by_itself, alone.supplies[medication.id])
        scripts = therapies.prescriptions_of_therapy(tx, row.id)
        rx = current_prescription(row, scripts)
        fills = [fill for fill in medication.fills if fill.counts]
        found.append(
            Medicine(
                therapy_id=row.id, name=row.drug_name, rx_number=rx.rx_number if rx is not None else "",
                included=reason is None, alone=reason_alone is None, can_tick=reason_alone not in LASTING,
                reason=None if reason == "taken_out" and row.id in known.waiting else reason,
                same_as=" and ".join(alone.names[newer] for newer in alone.waiting.get(row.id, ())),
                answer=choices[row.id].same_drug if row.id in choices else None,
                usual_days=supply.usual_days if supply is not None else medication.usual_days,
                last_fill=max((fill.date for fill in fills), default=None),
                next_due=supply.next_due if supply is not None else None,
                refills_left=medication.refills_left, quantity_left=medication.quantity_left,
                pa_ends_on=medication.pa_ends_on, has_rx=rx is not None,
            )
        )  # fmt: skip
    return sorted(found, key=lambda drug: (not drug.alone, not drug.can_tick, drug.name.casefold()))


def contacts_of(tx: Tx, patient_id: str) -> list[KnownContact]:
    """The ways to reach the patient, in the order in which they are tried."""
    tx.get(Patient, patient_id)
    return [
        KnownContact(
            point.channel, point.address, point.kind, point.basis, point.caregiver_name,
            point.caregiver_relation,
        )
        for point in contact_points(tx, patient_id)
    ]  # fmt: skip


def household_of(tx: Tx, patient_id: str) -> list[Housemate]:
    """Other patients of the same pharmacy with the same phone, e-mail or postal address."""
    patient = tx.get(Patient, patient_id)
    addresses = [point.address for point in contact_points(tx, patient_id)]
    why: dict[str, str] = {}
    if addresses:
        same_contact = select(_contact.patient_id, _contact.channel).where(
            _contact.address.in_(addresses),
            _contact.patient_id != patient_id,
            _contact.pharmacy_id == patient.pharmacy_id,
        )
        for other, channel in tx.session.execute(same_contact.limit(50)):
            why.setdefault(other, "e-mail" if channel == Channel.EMAIL else "phone")
    if patient.address.strip() and patient.postal_code.strip():
        same_address = select(_patient.id).where(
            func.lower(_patient.address) == patient.address.strip().lower(),
            _patient.postal_code == patient.postal_code,
            _patient.pharmacy_id == patient.pharmacy_id,
            _patient.id != patient_id,
        )
        for other in tx.session.scalars(same_address.limit(50)):
            why[other] = "phone and address" if why.get(other) == "phone" else why.get(other, "address")
    return _housemates(tx, patient.pharmacy_id, why)


def _housemates(tx: Tx, pharmacy_id: str, why: Mapping[str, str]) -> list[Housemate]:
    if not why:
        return []
    today = places(tx)[pharmacy_id].today
    dates = {
        row[0]: row[1]
        for row in tx.session.execute(
            select(_cycle.patient_id, func.min(_cycle.sync_date))
            .where(
                _cycle.patient_id.in_(sorted(why)), _cycle.kind == "sync", _cycle.state.in_(sorted(OPEN)),
                _cycle.sync_date >= today,
            )
            .group_by(_cycle.patient_id)
        )
    }  # fmt: skip
    rows = tx.session.scalars(
        select(Patient).where(_patient.id.in_(sorted(why))).order_by(_patient.last_name, _patient.first_name)
    )
    found = [Housemate(_person(row), why[row.id], dates.get(row.id)) for row in rows]
    return sorted(found, key=lambda mate: mate.sync_date is None)[:_MOST_HOUSEHOLD]


def likely_duplicates(
    tx: Tx, *, first_name: str, last_name: str, birth_date: date | None, phone: str
) -> list[Person]:
    """Patients in scope who may be the one that is being added: same name, or same birth date and a like name."""
    first, last = folded(first_name), folded(last_name)
    if not last:
        return []
    conditions = [_patient.search_name == f"{last} {first}".strip()]
    if birth_date is not None:
        conditions.append(
            and_(_patient.birth_date == birth_date, _patient.search_name.startswith(f"{last} "))
        )
        if first:
            conditions.append(
                and_(_patient.birth_date == birth_date, _patient.search_name.endswith(f" {first}"))
            )
    if phone:
        same_phone = select(_contact.patient_id).where(_contact.address == phone)
        conditions.append(and_(_patient.id.in_(same_phone), _patient.search_name.startswith(f"{last} ")))
    rows = tx.session.scalars(
        select(Patient)
        .where(or_(*conditions))
        .order_by(_patient.last_name, _patient.first_name, _patient.id)
        .limit(_MOST_ALIKE)
    )
    return [_person(row) for row in rows]


def enrolled_ids(tx: Tx, patient_ids: Sequence[str]) -> frozenset[str]:
    """Which of these patients take part already."""
    return frozenset(
        tx.session.scalars(
            select(_enrollment.patient_id).where(
                _enrollment.patient_id.in_(list(patient_ids)), _enrollment.state.in_(OPEN_STATES)
            )
        )
    )


def enrolled(tx: Tx, enrollment_id: str) -> Enrolled:
    """A finished enrollment with its first cycle; NotFound outside the scope."""
    enrollment = tx.get(Enrollment, enrollment_id)
    patient = tx.get(Patient, enrollment.patient_id)
    first = tx.session.scalars(
        select(Cycle)
        .where(_cycle.enrollment_id == enrollment.id, _cycle.kind == "sync")
        .order_by(_cycle.number, _cycle.id)
        .limit(1)
    ).one()
    return Enrolled(
        enrollment.id, _person(patient), first.id, first.sync_date,
        first.unapproved, places(tx)[enrollment.pharmacy_id],
    )  # fmt: skip


def _person(row: Patient) -> Person:
    return Person(row.id, row.first_name, row.last_name, row.birth_date)
