"""What was changed after a message was queued counts when it goes: wishes, language, ways, who may be told."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.sms_text import in_gsm, measure
from medsync_app.domain.states import ActionState, Channel, ContactBasis
from medsync_app.services.contact_settings import record_basis
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import ContactPoint, Patient, Pharmacy
from tests.support.cycles import make_cycle
from tests.support.loop import FakeConnection, action, run_tick
from tests.support.loop import queue_message as queued
from tests.support.store import NUMBER, SYSTEM, Shop

pytestmark = pytest.mark.slow

MAIL = "ada@example.org"


def _speaks_spanish(tx: Tx, patient: str) -> None:
    tx.get(Patient, patient).language = "es"


def _prefers_email(tx: Tx, patient: str) -> None:
    tx.get(Patient, patient).preferred_channel = Channel.EMAIL


def _wants_no_names(tx: Tx, patient: str) -> None:
    tx.get(Patient, patient).drug_names_wanted = False


def _gave_only_the_number(tx: Tx, patient: str) -> None:
    record_basis(tx, patient, Channel.SMS, NUMBER, ContactBasis.NUMBER_GIVEN, "counter")


def _is_65_by_then(tx: Tx, patient: str) -> None:
    tx.get(Patient, patient).birth_date = date(1961, 11, 24)


def _is_64_yet(tx: Tx, patient: str) -> None:
    tx.get(Patient, patient).birth_date = date(1961, 11, 25)


def _nothing(tx: Tx, patient: str) -> None:
    """Leave all as it was."""


@pytest.mark.parametrize(
    ("change", "channel", "says", "says_not"),
    [
        (_nothing, Channel.SMS, "Drug0", "medicamento"),
        (_speaks_spanish, Channel.SMS, "Responda", "Reply"),
        (_prefers_email, Channel.EMAIL, "Drug0", "Reply 1"),
        (_wants_no_names, Channel.SMS, "2 medicines", "Drug0"),
        (_gave_only_the_number, Channel.SMS, "2 medicines", "Drug0"),
        (_is_65_by_then, Channel.VOICE, "Drug0", "STOP"),
        (_is_64_yet, Channel.SMS, "Drug0", "medicamento"),
    ],
)
def test_what_was_changed_since_it_was_queued_counts_when_it_goes(
    database: Database, shop: Shop, patient: str, clock: VirtualClock,
    change: Callable[[Tx, str], None], channel: Channel, says: str, says_not: str,
) -> None:  # fmt: skip
    ways = {one: FakeConnection() for one in Channel}
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Patient, patient).drug_names_wanted = True
        record_basis(tx, patient, Channel.VOICE, NUMBER, ContactBasis.EXPRESS, "form", rank=5)
        record_basis(tx, patient, Channel.EMAIL, MAIL, ContactBasis.EXPRESS, "form", rank=6)
    cycle = make_cycle(database, shop, patient, sync_date=date(2026, 11, 27))
    payload = {"action": {"do": "message", "template": "confirm_t3"}}
    due = clock.now() + timedelta(days=1)
    queued(database, shop, clock, patient, cycle_id=cycle.cycle_id, due_at=due, payload=payload)
    with database.transaction(SYSTEM, clock) as tx:
        change(tx, patient)
    clock.set(due)
    run_tick(database, clock, ways)
    ((used, message),) = [(one, sent) for one, way in ways.items() for sent in way.sent]
    assert used is channel
    assert says in message.body
    assert says_not not in message.body


def test_a_caregiver_who_may_not_be_told_any_more_is_not(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        point = tx.session.scalars(select(ContactPoint)).one()
        point.caregiver_name, point.caregiver_allowed_at = "Ben Example", tx.now
    made = queued(database, shop, clock, patient)
    with database.transaction(SYSTEM, clock) as tx:
        tx.session.scalars(select(ContactPoint)).one().caregiver_allowed_at = None
    run_tick(database, clock, {Channel.SMS: sms})
    row = action(database, made)
    assert (sms.sent, row.state) == ([], ActionState.SUPPRESSED)
    assert "authorization" in row.reason


@pytest.mark.parametrize(
    "name",
    [
        "Farmacia N\u00fa\u00f1ez",
        "O\u2019Brien\u2019s Family Pharmacy",
        "Botica Mart\u00ed y C\u00eda de la Asunci\u00f3n",
    ],
)
@pytest.mark.parametrize("language", ["en", "es"])
def test_an_accent_in_a_pharmacys_name_takes_no_message_from_who_only_gave_the_number(
    database: Database,
    shop: Shop,
    patient: str,
    clock: VirtualClock,
    sms: FakeConnection,
    name: str,
    language: str,
) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, patient, Channel.SMS, NUMBER, ContactBasis.NUMBER_GIVEN, "counter")
        tx.get(Patient, patient).language = language
        tx.get(Pharmacy, shop.pharmacy_id).name = name
    cycle = make_cycle(database, shop, patient, sync_date=date(2026, 11, 28))
    payload = {"action": {"do": "message", "template": "confirm_t3"}}
    queued(database, shop, clock, patient, cycle_id=cycle.cycle_id, payload=payload)
    run_tick(database, clock, {Channel.SMS: sms})
    (message,) = sms.sent
    assert in_gsm(name)[:20].strip() in message.body
    assert measure(message.body).segments == 1
    assert "STOP" in message.body
