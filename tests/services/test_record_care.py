"""What adherence leaves out is recorded, corrected and removed, each act audited and kept to the pharmacy."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from medsync_app.domain.care import CareKind
from medsync_app.errors import Conflict, Invalid, NotFound
from medsync_app.reads.patient_care import CareLine, care_sheet
from medsync_app.services.record_care import correct_care, record_care, remove_care
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent
from tests.support.programme import TODAY, Clinic, make_clinic
from tests.support.store import make_patient

STAY = CareKind.INPATIENT


@pytest.fixture
def ada(clinic: Clinic) -> str:
    return make_patient(clinic.database, clinic.shop, birth_date=date(1950, 1, 1))


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def lines(clinic: Clinic, patient_id: str) -> tuple[CareLine, ...]:
    with clinic.reading() as tx:
        return care_sheet(tx, patient_id).lines


def recorded(clinic: Clinic, patient_id: str, kind: CareKind, start: date, end: date | None = None) -> str:
    with clinic.writing() as tx:
        return record_care(tx, patient_id, kind, start, end)


def test_a_stay_is_recorded_gets_its_discharge_and_is_removed(clinic: Clinic, ada: str) -> None:
    key = recorded(clinic, ada, STAY, ago(9))
    assert [(line.kind, line.start, line.end) for line in lines(clinic, ada)] == [(STAY, ago(9), None)]
    with clinic.writing() as tx:
        correct_care(tx, key, ago(10), ago(2))
    assert [(line.start, line.end) for line in lines(clinic, ada)] == [(ago(10), ago(2))]
    with clinic.writing() as tx:
        remove_care(tx, key)
    assert lines(clinic, ada) == ()
    with clinic.reading() as tx:
        found = tx.session.scalars(select(AuditEvent).where(AuditEvent.subject_id == ada))
        acts = [(row.act, row.detail["end"]) for row in found]
    assert acts == [
        ("record_care", None), ("correct_care", ago(2).isoformat()), ("remove_care", ago(2).isoformat()),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "start", "end", "field"),
    [
        (STAY, ago(-1), None, "start"),
        (STAY, date(1949, 12, 31), None, "start"),
        (STAY, ago(5), ago(6), "end"),
        (STAY, ago(5), ago(-1), "end"),
        (CareKind.ESRD, ago(5), ago(1), "end"),
        (CareKind.DISENROLLED, ago(5), ago(1), "end"),
    ],
)
def test_days_that_cannot_be_are_refused_at_their_field(
    clinic: Clinic, ada: str, kind: CareKind, start: date, end: date | None, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        recorded(clinic, ada, kind, start, end)
    assert refused.value.field == field
    assert lines(clinic, ada) == ()


def test_the_same_is_not_recorded_twice_for_a_day(clinic: Clinic, ada: str) -> None:
    first = recorded(clinic, ada, STAY, ago(20), ago(10))
    recorded(clinic, ada, STAY, ago(9), ago(5))
    recorded(clinic, ada, CareKind.SNF, ago(15), ago(12))
    with pytest.raises(Conflict):
        recorded(clinic, ada, STAY, ago(10), ago(10))
    with pytest.raises(Conflict), clinic.writing() as tx:
        correct_care(tx, first, ago(20), None)
    with clinic.writing() as tx:
        correct_care(tx, first, ago(21), ago(10))


def test_another_pharmacys_patient_is_not_found(clinic: Clinic, ada: str, database: Database) -> None:
    key = recorded(clinic, ada, STAY, ago(9))
    other = make_clinic(database, "other")
    with pytest.raises(NotFound), other.writing() as tx:
        record_care(tx, ada, CareKind.ESRD, ago(1))
    with pytest.raises(NotFound), other.writing() as tx:
        correct_care(tx, key, ago(9), ago(1))
    with pytest.raises(NotFound), other.writing() as tx:
        remove_care(tx, key)
    with pytest.raises(NotFound), other.reading() as tx:
        care_sheet(tx, ada)
