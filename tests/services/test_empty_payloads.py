"""What was sent is emptied some time after it was worked; copies are still known, and what was not used stays."""

from datetime import timedelta

import pytest

from medsync_app.engine.chores import usual_chores
from medsync_app.services import empty_payloads as module
from medsync_app.services.empty_payloads import empty_payloads
from medsync_app.settings import Settings
from tests.support.pharmacy_events import JOSE, LISINOPRIL, keep, kept, tell
from tests.support.programme import Clinic

pytestmark = pytest.mark.both_databases
WEEK = Settings(medsync_payload_days=7)


def test_a_payload_is_emptied_when_its_days_are_over(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 1)
    tell(clinic, "patient.upsert", "evt-1", patient=JOSE)
    tell(clinic, "rx.filled", "evt-2", rx=LISINOPRIL, patient=JOSE)
    tell(clinic, "rx.exploded", "evt-3", patient=JOSE)
    clinic.clock.advance(timedelta(days=6))
    keep(clinic, "rx.ready", "evt-4", rx=LISINOPRIL)
    assert empty_payloads(clinic.database, clinic.clock, WEEK) == 0
    clinic.clock.advance(timedelta(days=2))
    assert empty_payloads(clinic.database, clinic.clock, WEEK) == 2
    assert [bool(row.payload) for row in kept(clinic.database)] == [False, False, True, True]
    assert [row.emptied_at == clinic.clock.now() for row in kept(clinic.database)][:2] == [True, True]
    assert empty_payloads(clinic.database, clinic.clock, WEEK) == 0
    assert not keep(clinic, "rx.filled", "evt-2", rx=LISINOPRIL, patient=JOSE), "a copy is known"


def test_the_loop_does_it_and_ninety_days_are_usual(clinic: Clinic) -> None:
    assert Settings().medsync_payload_days == 90
    tell(clinic, "patient.upsert", "evt-1", patient=JOSE)
    clinic.clock.advance(timedelta(days=91))
    chore = next(one for one in usual_chores() if one.name == "payloads")
    assert chore.run(clinic.database, clinic.clock) == 1
