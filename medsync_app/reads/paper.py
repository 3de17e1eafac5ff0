"""What the sheets for a patient say: coming pickups, what takes part, and what was agreed to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, cast

from dateutil.relativedelta import relativedelta
from sqlalchemy import select

from medsync_app.domain.consent import USABLE
from medsync_app.domain.cycle import OPEN
from medsync_app.domain.states import Channel, EnrollmentState, ItemState
from medsync_app.domain.wordings import LANGUAGES
from medsync_app.reads.batch import BatchDrug, batch_drugs
from medsync_app.store.repositories.contact import contact_points
from medsync_app.store.session import Tx
from medsync_app.store.tables import ConsentEvent, Cycle, Enrollment, Patient, Pharmacy

#: Dates after the next one that a patient is told, roughly.
LATER: Final = 2
_consent, _cycle, _enrollment = cast(Any, ConsentEvent), cast(Any, Cycle), cast(Any, Enrollment)
_RUNNING = (EnrollmentState.ACTIVE, EnrollmentState.PAUSED)


@dataclass(frozen=True, slots=True)
class Pickup:
    """A coming pickup with its drugs; unapproved ones are not in it: their date may change."""

    day: date
    kind: str
    drugs: tuple[BatchDrug, ...]


@dataclass(frozen=True, slots=True)
class Agreed:
    """A usable way to reach the patient, with the wording that was agreed to ("" when none was read)."""

    channel: Channel
    address: str
    wording: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Shop:
    """Who gives the sheet out."""

    id: str
    name: str
    phone: str
    address: str
    zone: str
    hours: Mapping[int, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class PatientPaper:
    """One patient's part in the programme; `enrolled_at` None when the patient takes no part."""

    patient_id: str
    first_name: str
    last_name: str
    birth_date: date | None
    language: str
    names_wanted: bool
    shop: Shop
    pickups: Sequence[Pickup]
    #: About when the pickups after those will be.
    later: Sequence[date]
    agreed: Sequence[Agreed]
    enrolled_at: datetime | None
    enrolled_by: str


def patient_paper(tx: Tx, patient_id: str) -> PatientPaper:
    """What a patient's sheets say; NotFound outside the scope."""
    patient = tx.get(Patient, patient_id)
    pharmacy = tx.get(Pharmacy, patient.pharmacy_id)
    enrollment = tx.session.scalars(
        select(Enrollment)
        .where(_enrollment.patient_id == patient_id, _enrollment.state.in_(_RUNNING))
        .limit(1)
    ).one_or_none()
    pickups = _pickups(tx, patient_id)
    hours = {
        int(day): (str(pair[0]), str(pair[1]))
        for day, pair in pharmacy.hours.items()
        if day.isdigit() and pair
    }
    return PatientPaper(
        patient.id, patient.first_name, patient.last_name, patient.birth_date,
        patient.language if patient.language in LANGUAGES else "en", patient.drug_names_wanted,
        Shop(pharmacy.id, pharmacy.name, pharmacy.phone, pharmacy.address, pharmacy.zone, hours), pickups,
        _later(enrollment, pickups), _agreed(tx, patient_id),
        enrollment.enrolled_at if enrollment else None, enrollment.enrolled_by if enrollment else "",
    )  # fmt: skip


def _pickups(tx: Tx, patient_id: str) -> list[Pickup]:
    cycles = tx.session.scalars(
        select(Cycle)
        .where(_cycle.patient_id == patient_id, _cycle.state.in_(sorted(OPEN)))
        .order_by(_cycle.sync_date, _cycle.id)
    ).all()
    drugs = batch_drugs(tx, [cycle.id for cycle in cycles])
    left_out = (ItemState.SKIPPED, ItemState.RETURNED, ItemState.PICKED_UP)
    return [
        Pickup(
            cycle.sync_date,
            cycle.kind,
            tuple(drug for drug in drugs.get(cycle.id, ()) if drug.state not in left_out),
        )
        for cycle in cycles
        if not cycle.unapproved
    ]


def _later(enrollment: Enrollment | None, pickups: Sequence[Pickup]) -> list[date]:
    """The next nominal dates; closed days and run-outs may still move them, so they are said as "about"."""
    last = max((one.day for one in pickups if one.kind == "sync"), default=None)
    if enrollment is None or last is None:
        return []
    if enrollment.cadence == "monthly":
        return [last + relativedelta(months=number) for number in range(1, LATER + 1)]
    return [last + timedelta(days=number * enrollment.cycle_days) for number in range(1, LATER + 1)]


def _agreed(tx: Tx, patient_id: str) -> list[Agreed]:
    events = tx.session.scalars(
        select(ConsentEvent).where(_consent.patient_id == patient_id).order_by(_consent.at, _consent.id)
    )
    read = {(one.channel, one.address): one.wording for one in events}
    return [
        Agreed(point.channel, point.address, read.get((point.channel, point.address), ""), point.basis_at)
        for point in contact_points(tx, patient_id)
        if point.basis in USABLE
    ]
