"""Asking patients to take part, and what becomes of it."""

from datetime import timedelta

import pytest

from medsync_app.domain.adherence_indicators import Rate
from medsync_app.errors import Conflict, NotFound
from medsync_app.reads.adherence import adherence_report
from medsync_app.reads.programme import Programme
from medsync_app.services.record_offer import record_offer
from medsync_app.store.session import Database
from medsync_app.store.tables import EnrollmentOffer
from tests.support.programme import TODAY, Clinic, enroll_recommended, even_patient, make_clinic
from tests.support.store import make_shop


@pytest.fixture
def clinic(database: Database) -> Clinic:
    return make_clinic(database)


def asked(clinic: Clinic, patient_id: str, *, declined: bool = False) -> str:
    with clinic.writing() as tx:
        return record_offer(tx, patient_id, declined=declined)


def programme_of(clinic: Clinic) -> Programme:
    with clinic.reading() as tx:
        return adherence_report(tx).programme


def test_an_offer_keeps_when_and_by_whom(clinic: Clinic) -> None:
    patient, _ = even_patient(clinic)
    first = asked(clinic, patient)
    assert asked(clinic, patient) == first
    assert asked(clinic, patient, declined=True) == first
    assert asked(clinic, patient) != first
    with clinic.reading() as tx:
        row = tx.get(EnrollmentOffer, first)
        assert (row.asked_by, row.declined_by) == ("Pat Tester", "Pat Tester")
        assert row.declined_at == tx.now


def test_acceptance_counts_those_who_enrolled_within_30_days(clinic: Clinic) -> None:
    patient, _ = even_patient(clinic)
    other, _ = even_patient(clinic)
    for one in (patient, other):
        asked(clinic, one)
    # Still deciding.
    assert programme_of(clinic).accepted == Rate(0, 0)
    clinic.go_to(TODAY + timedelta(days=3))
    enroll_recommended(clinic, patient)
    clinic.go_to(TODAY + timedelta(days=31))
    found = programme_of(clinic)
    assert found.accepted == Rate(1, 2)
    assert found.accepted_and_synced == Rate(0, 2)


def test_whoever_takes_part_is_not_asked(clinic: Clinic) -> None:
    patient, _ = even_patient(clinic)
    enroll_recommended(clinic, patient)
    with pytest.raises(Conflict):
        asked(clinic, patient)


def test_another_pharmacys_patient_is_not_found(clinic: Clinic, database: Database) -> None:
    patient, _ = even_patient(clinic)
    stranger = make_shop(database, "other")
    with pytest.raises(NotFound), database.transaction(stranger.scope, clinic.clock) as tx:
        record_offer(tx, patient, declined=False)
