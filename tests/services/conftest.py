"""Services are tested at one pharmacy whose clock the tests move."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medsync_app.store.session import Database
from tests.support.exports import import_path, write_export
from tests.support.programme import Batch, Clinic, batch_of, enroll_recommended, even_patient, make_clinic


@pytest.fixture
def clinic(database: Database) -> Clinic:
    """A pharmacy on the first day of tests."""
    return make_clinic(database)


@pytest.fixture
def batch(clinic: Clinic) -> Batch:
    """The planned batch of two drugs, a week or so ahead, of a patient just enrolled."""
    patient_id, _ = even_patient(clinic)
    enroll_recommended(clinic, patient_id)
    return batch_of(clinic)


@pytest.fixture
def bring(clinic: Clinic, tmp_path: Path) -> Callable[..., Any]:
    """Import rows as a file of their own."""

    def bring(*rows: dict[str, str], **how: Any) -> Any:
        return import_path(clinic.database, clinic.clock, clinic.shop, write_export(tmp_path, rows), **how)

    return bring
