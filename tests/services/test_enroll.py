"""Enrollment plans afresh, writes cycles with items and messages, and refuses what is wrong before writing."""

import pytest

from medsync_app.store.session import Database
from tests.support.programme import enroll_recommended, even_patient, make_clinic, reference_patient


def test_smoke(database: Database) -> None:
    clinic = make_clinic(database)
    case = reference_patient(clinic)
    print(enroll_recommended(clinic, case.patient_id))
