"""The calendar entry that goes with an e-mail about a pickup."""

from datetime import date, timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.connections.protocol import PickupEvent
from medsync_app.connections.smtp.compose import calendar
from medsync_app.domain.states import Channel, ContactBasis
from medsync_app.services.contact_settings import record_basis
from medsync_app.services.reschedule import reschedule
from medsync_app.store.session import Database
from medsync_app.store.tables import Cycle, Patient, Pharmacy
from tests.support.loop import FakeConnection, queue_message, run_tick
from tests.support.programme import Clinic, batch_of, enroll_recommended, even_patient, make_clinic
from tests.support.store import SYSTEM


@pytest.fixture
def clinic(database: Database) -> Clinic:
    return make_clinic(database)


def mailed(clinic: Clinic, patient: str, cycle: str, template: str, key: str) -> PickupEvent | None:
    """The entry that goes with one message about a cycle."""
    made = FakeConnection()
    with clinic.database.reading(SYSTEM) as tx:
        day = tx.get(Cycle, cycle).sync_date.isoformat()
    queue_message(
        clinic.database, clinic.shop, clinic.clock, patient, key, cycle_id=cycle, step=template,
        payload={"action": {"do": "message", "template": template}, "sync_date": day},
    )  # fmt: skip
    for _ in range(3):  # the welcome message may have the first day
        run_tick(clinic.database, clinic.clock, {Channel.EMAIL: made})
        clinic.clock.advance(timedelta(days=1))
        sent = [message for message in made.sent if "elcome" not in message.subject]
        if sent:
            return sent[0].event
    raise AssertionError("Nothing was sent.")


def test_a_moved_pickup_moves_the_entry_that_is_there_and_names_no_medicine(clinic: Clinic) -> None:
    patient, _ = even_patient(clinic)
    with clinic.writing() as tx:
        record_basis(tx, patient, Channel.EMAIL, "ada@example.org", ContactBasis.EXPRESS, "form")
        row = tx.get(Patient, patient)
        row.preferred_channel, row.drug_names_wanted = Channel.EMAIL, True
        tx.get(Pharmacy, row.pharmacy_id).address = "1 Main St"
    enroll_recommended(clinic, patient)
    run_tick(clinic.database, clinic.clock, {Channel.EMAIL: FakeConnection()})
    clinic.clock.advance(timedelta(days=1))
    batch = batch_of(clinic)
    first = mailed(clinic, patient, batch.id, "confirm_t1", "one")
    assert first is not None
    assert (first.day, first.summary, first.place) == (
        batch.sync_date,
        "Pickup at main pharmacy",
        "1 Main St",
    )
    moved: date = batch.sync_date - timedelta(days=1)
    with clinic.writing() as tx:
        version = tx.get(Cycle, batch.id).version
        reschedule(tx, batch.id, moved, expected_version=version, override_reason="Asked for it.")
    second = mailed(clinic, patient, batch_of(clinic).id, "confirm_t1", "two")
    assert second is not None
    assert (second.uid, second.day) == (first.uid, moved)
    assert second.sequence > first.sequence
    assert "Lisinopril" not in repr((first, second))


@pytest.mark.parametrize("fulfilment", ["delivery", "mail"])
def test_who_has_the_medicines_brought_is_not_told_to_come(clinic: Clinic, fulfilment: str) -> None:
    patient, _ = even_patient(clinic)
    with clinic.writing() as tx:
        record_basis(tx, patient, Channel.EMAIL, "ada@example.org", ContactBasis.EXPRESS, "form")
        row = tx.get(Patient, patient)
        row.preferred_channel, row.fulfilment = Channel.EMAIL, fulfilment
        tx.get(Pharmacy, row.pharmacy_id).address = "1 Main St"
    enroll_recommended(clinic, patient)
    entry = mailed(clinic, patient, batch_of(clinic).id, "confirm_t1", "one")
    assert entry is not None
    assert (entry.summary, entry.place) == ("Medicines from main pharmacy", "")
    assert "LOCATION" not in calendar(entry)


def test_a_message_that_names_no_coming_day_has_none(clinic: Clinic, clock: VirtualClock) -> None:
    patient, _ = even_patient(clinic)
    with clinic.writing() as tx:
        record_basis(tx, patient, Channel.EMAIL, "ada@example.org", ContactBasis.EXPRESS, "form")
        tx.get(Patient, patient).preferred_channel = Channel.EMAIL
    enroll_recommended(clinic, patient)
    run_tick(clinic.database, clinic.clock, {Channel.EMAIL: FakeConnection()})
    clinic.clock.advance(timedelta(days=1))
    assert mailed(clinic, patient, batch_of(clinic).id, "not_picked_up", "one") is None
