"""Questions in what is said to a household, and what else of one day is said in one message."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.connections.protocol import Accepted, Failure, Outgoing, SendFailed
from medsync_app.domain.states import ActionState, Channel, ContactBasis, CycleState
from medsync_app.services.contact_settings import record_basis
from medsync_app.services.schedule_cycle import announce
from medsync_app.store.repositories.cycles import items_of
from medsync_app.store.session import Database
from medsync_app.store.tables import Cycle, Pharmacy, Template
from tests.support.cycles import MadeCycle, make_cycle
from tests.support.household import TOMORROW, Sms, change, pass_time, prepared, ready, receive, remind
from tests.support.loop import FakeConnection, action, all_actions, queue_message, run_tick
from tests.support.store import NUMBER, SYSTEM, Shop, make_patient

pytestmark = pytest.mark.slow
THURSDAY = date(2026, 11, 26)
ASKED = "Thu Nov 26: reply 1 to confirm"


def busy(_: Outgoing) -> Accepted:
    raise SendFailed(Failure.TRANSIENT, "Too many.", code="20429")


@pytest.fixture
def out(sms: FakeConnection) -> Sms:
    return {Channel.SMS: sms}


@pytest.fixture
def pair(database: Database, shop: Shop, patient: str) -> list[MadeCycle]:
    """Ada, whose batch of tomorrow is being prepared, and Bob at the same number, who comes on Thursday."""
    bob = make_patient(database, shop, first="Bob", phone=NUMBER)
    planned = make_cycle(database, shop, bob, sync_date=THURSDAY, number=2)
    return [prepared(database, shop, patient), planned]


def consent(database: Database, clock: VirtualClock, made: MadeCycle, basis: ContactBasis) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, made.patient_id, Channel.SMS, NUMBER, basis, "counter")


def confirmed(database: Database, pair: list[MadeCycle]) -> list[bool]:
    with database.reading(SYSTEM) as tx:
        return [tx.get(Cycle, made.cycle_id).confirmed_at is not None for made in pair]


@pytest.mark.parametrize("who", [0, 1])
@pytest.mark.parametrize(("wording", "words"), [("confirm_t3", ASKED), ("reminder_t7", "Reply 3, we call.")])
def test_without_consent_of_one_of_them_the_question_fits_the_one_short_text(
    database: Database, shop: Shop, pair: list[MadeCycle], clock: VirtualClock, sms: FakeConnection, out: Sms,
    who: int, wording: str, words: str,
) -> None:  # fmt: skip
    change(database, clock, Pharmacy, shop.pharmacy_id, name="The Old Peachtree Street Family Pharmacy No. 1")
    consent(database, clock, pair[who], ContactBasis.NUMBER_GIVEN)
    remind(database, shop, clock, pair[1], wording, THURSDAY)
    ready(database, clock, pair[0])
    run_tick(database, clock, out)
    (text,) = sms.sent
    assert len(text.body) <= 160
    for part in ("2 medicines ready", words, "404-555-0100", "STOP"):
        assert part in text.body
    if wording == "confirm_t3":
        assert receive(database, clock, "1") == "confirmed"
        assert confirmed(database, pair) == [False, True]


def _part_only(database: Database, shop: Shop, clock: VirtualClock, pair: list[MadeCycle]) -> None:
    consent(database, clock, pair[1], ContactBasis.NUMBER_GIVEN)
    ready(database, clock, pair[0], items=[_items(database, pair[0])[0]])


def _own_wording(database: Database, shop: Shop, clock: VirtualClock, pair: list[MadeCycle]) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        tx.add(
            Template(
                pharmacy_id=shop.pharmacy_id, name="household_ready", language="en", channel="sms",
                body="{{ pharmacy }}: {{ medicines }} here. {{ phone }} STOP", updated_at=clock.now(),
            )
        )  # fmt: skip
    ready(database, clock, pair[0])


def _items(database: Database, made: MadeCycle) -> list[str]:
    with database.reading(SYSTEM) as tx:
        return [item.id for item in items_of(tx, made.cycle_id)]


@pytest.mark.parametrize("without_room", [_part_only, _own_wording])
def test_a_question_that_finds_no_room_goes_by_itself_so_that_it_can_be_answered(
    database: Database, shop: Shop, pair: list[MadeCycle], clock: VirtualClock, sms: FakeConnection, out: Sms,
    without_room: Any,
) -> None:  # fmt: skip
    question = remind(database, shop, clock, pair[1], "confirm_t3", THURSDAY)
    without_room(database, shop, clock, pair)
    run_tick(database, clock, out)
    assert "reply 1" not in sms.sent[0].body
    clock.advance(timedelta(days=1))
    run_tick(database, clock, out)
    assert action(database, question).state is ActionState.SENT
    assert "Reply 1 to confirm" in sms.sent[1].body


@pytest.fixture
def both_planned(database: Database, shop: Shop, patient: str) -> list[MadeCycle]:
    """Ada and Bob at one number, who both come on Thursday."""
    bob = make_patient(database, shop, first="Bob", phone=NUMBER)
    return [make_cycle(database, shop, one, sync_date=THURSDAY, number=2) for one in (patient, bob)]


def test_a_1_confirms_what_was_asked_last_when_all_else_is_confirmed(
    database: Database, shop: Shop, both_planned: list[MadeCycle], clock: VirtualClock, out: Sms
) -> None:
    for made in both_planned:
        remind(database, shop, clock, made, "confirm_t3", THURSDAY)
        run_tick(database, clock, out)
        assert receive(database, clock, "1") == "confirmed"
        clock.advance(timedelta(days=1))
    assert confirmed(database, both_planned) == [True, True]


def test_a_second_1_does_not_confirm_what_was_asked_about_before(
    database: Database, shop: Shop, both_planned: list[MadeCycle], clock: VirtualClock, out: Sms
) -> None:
    ada, bob = both_planned
    for made in (bob, ada):
        remind(database, shop, clock, made, "confirm_t3", THURSDAY)
        run_tick(database, clock, out)
        clock.advance(timedelta(days=1))
    assert receive(database, clock, "1") == "to a person"
    change(database, clock, Cycle, ada.cycle_id, confirmed_at=clock.now())
    clock.advance(timedelta(minutes=1))
    assert receive(database, clock, "1") == "to a person"
    assert confirmed(database, both_planned) == [True, False]


@pytest.mark.parametrize("after", ["ready", "reminders"])
def test_two_questions_are_told_of_in_one_message_and_an_answer_to_it_goes_to_a_person(
    database: Database, shop: Shop, pair: list[MadeCycle], clock: VirtualClock, sms: FakeConnection, out: Sms,
    after: str,
) -> None:  # fmt: skip
    cy = make_patient(database, shop, first="Cy", phone=NUMBER)
    other = make_cycle(database, shop, cy, sync_date=date(2026, 11, 27), number=2)
    for made, day in ((pair[1], THURSDAY), (other, date(2026, 11, 27))):
        remind(database, shop, clock, made, "confirm_t3", day)
    if after == "ready":
        ready(database, clock, pair[0])
    run_tick(database, clock, out)
    (text,) = sms.sent
    assert "Thu Nov 26, Fri Nov 27" in text.body
    assert "reply 1" not in text.body
    assert receive(database, clock, "1") == "to a person"
    assert confirmed(database, [*pair, other]) == [False, False, False]


def test_what_was_asked_in_a_message_that_did_not_go_out_is_asked_again_by_itself(
    database: Database, shop: Shop, pair: list[MadeCycle], clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    question = remind(database, shop, clock, pair[1], "confirm_t3", THURSDAY)
    ready(database, clock, pair[0])
    sms.behave = busy
    run_tick(database, clock, out)
    assert ASKED in sms.sent[0].body
    (notice,) = [one for one in all_actions(database) if one.step == "ready"]
    assert "asks_about" not in notice.payload
    sms.behave = None
    clock.advance(timedelta(minutes=30))
    run_tick(database, clock, out)
    assert ASKED in sms.sent[-1].body
    assert {action(database, one).state for one in (question, notice.id)} == {
        ActionState.MERGED, ActionState.SENT,
    }  # fmt: skip


@pytest.mark.both_databases
def test_what_the_cap_put_off_until_tomorrow_is_said_with_what_becomes_ready_today(
    database: Database, shop: Shop, pair: list[MadeCycle], clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    queue_message(database, shop, clock, pair[0].patient_id, "this morning")
    run_tick(database, clock, out)
    put_off = remind(database, shop, clock, pair[1], "confirm_t1", THURSDAY)
    run_tick(database, clock, out)
    assert action(database, put_off).due_at > clock.now() + timedelta(hours=12)
    clock.advance(timedelta(hours=3))
    ready(database, clock, pair[0])
    run_tick(database, clock, out)
    assert "Other pickups: Thu Nov 26." in sms.sent[1].body
    assert action(database, put_off).state is ActionState.MERGED
    clock.advance(timedelta(days=1))
    run_tick(database, clock, out)
    assert len(sms.sent) == 2


def test_a_reminder_waits_for_the_notice_that_waits_for_its_household_and_goes_with_it(
    database: Database, shop: Shop, pair: list[MadeCycle], clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    cy = make_patient(database, shop, first="Cy", phone=NUMBER)
    prepared(database, shop, cy)
    ready(database, clock, pair[0])
    run_tick(database, clock, out)
    clock.advance(timedelta(minutes=5))
    reminder = remind(database, shop, clock, pair[1], "confirm_t3", THURSDAY)
    run_tick(database, clock, out)
    waiting = action(database, reminder)
    assert (sms.sent, waiting.reason) == (
        [],
        "Waits until 10:20 to be said with what is ready at this number.",
    )
    pass_time(database, clock, out, 20)
    assert [ASKED in text.body and "2 medicines ready" in text.body for text in sms.sent] == [True]


def test_a_batch_that_was_not_fetched_is_told_of_with_what_else_is_ready(
    database: Database, shop: Shop, pair: list[MadeCycle], clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    ada, bob = pair
    change(
        database, clock, Cycle, bob.cycle_id, state=CycleState.READY, sync_date=clock.now().date(),
        ready_at=clock.now(), claimed_on=clock.now().date(),
    )  # fmt: skip
    with database.transaction(SYSTEM, clock) as tx:
        announce(tx, bob.cycle_id, "ready")
    run_tick(database, clock, out)
    clock.advance(timedelta(days=1))
    change(database, clock, Pharmacy, shop.pharmacy_id, data_as_of=clock.now())
    ready(database, clock, ada)
    run_tick(database, clock, out)
    assert len(sms.sent) == 2
    assert "4 medicines for 2 people ready" in sms.sent[1].body
    follow_up = next(
        one
        for one in all_actions(database)
        if one.step == "not_picked_up_24h" and one.patient_id == bob.patient_id
    )
    assert follow_up.state is ActionState.MERGED


def test_a_patients_own_reminder_is_said_with_what_is_ready_for_the_same_patient(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    trip = prepared(database, shop, patient, kind="trip")
    sync = make_cycle(database, shop, patient, sync_date=THURSDAY, number=2, enrollment_id=trip.enrollment_id)
    remind(database, shop, clock, sync, "confirm_t3", THURSDAY)
    ready(database, clock, trip)
    run_tick(database, clock, out)
    assert ["2 medicines ready" in text.body and ASKED in text.body for text in sms.sent] == [True]
    assert receive(database, clock, "2") == "call-back task"


def test_two_batches_of_one_patient_that_are_ready_together_are_told_of_in_one_message(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    trip = prepared(database, shop, patient, kind="trip")
    sync = prepared(database, shop, patient, sync_date=THURSDAY, drugs=3, enrollment_id=trip.enrollment_id)
    for made in (trip, sync):
        ready(database, clock, made)
    run_tick(database, clock, out)
    assert [": 5 medicines ready" in text.body for text in sms.sent] == [True]


def _ways(database: Database, clock: VirtualClock, who: MadeCycle, **bases: ContactBasis) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        for channel, basis in bases.items():
            record_basis(tx, who.patient_id, Channel(channel), NUMBER, basis, "counter")


@pytest.mark.parametrize(
    ("bases", "together"),
    [
        ({"sms": ContactBasis.EXPRESS, "voice": ContactBasis.EXPRESS}, True),
        ({"sms": ContactBasis.DECLINED, "voice": ContactBasis.EXPRESS}, False),
    ],
)
def test_who_is_called_at_the_number_is_told_in_its_text_only_with_a_basis_for_texts(
    database: Database, shop: Shop, pair: list[MadeCycle], clock: VirtualClock, sms: FakeConnection,
    bases: Mapping[str, ContactBasis], together: bool,
) -> None:  # fmt: skip
    voice = FakeConnection()
    bob = pair[1]
    change(database, clock, Cycle, bob.cycle_id, state=CycleState.PREPARING, sync_date=TOMORROW)
    _ways(database, clock, bob, **bases)
    for made in pair:
        ready(database, clock, made)
    run_tick(database, clock, {Channel.SMS: sms, Channel.VOICE: voice})
    assert ["for 2 people" in text.body for text in sms.sent] == [together]
    assert len(voice.sent) == (not together)


def test_an_email_address_that_is_shared_is_written_to_once(
    database: Database, shop: Shop, pair: list[MadeCycle], clock: VirtualClock
) -> None:
    mail = FakeConnection()
    with database.transaction(SYSTEM, clock) as tx:
        for made in pair:
            record_basis(tx, made.patient_id, Channel.EMAIL, "ada@example.org", ContactBasis.EXPRESS, "form")
    remind(database, shop, clock, pair[1], "confirm_t3", THURSDAY)
    ready(database, clock, pair[0])
    run_tick(database, clock, {Channel.EMAIL: mail})
    (letter,) = mail.sent
    assert "2 medicines ready for pickup" in letter.body
    assert "Please call us to confirm the pickup on Thu Nov 26, or to change it." in letter.body
