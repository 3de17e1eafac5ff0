"""What became of a message: states move forward, failures lead to another try, another channel or a person."""

from datetime import timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.connections.protocol import Accepted, Failure, Outgoing, SendFailed
from medsync_app.domain.states import ActionState, Channel, ContactBasis, ExceptionKind
from medsync_app.services.check_cycle import check_pharmacy
from medsync_app.services.contact_settings import record_basis
from medsync_app.services.handle_delivery_status import handle_delivery_status
from medsync_app.services.patient_problems import check_patient
from medsync_app.store.repositories.contact import points_at
from medsync_app.store.session import Database
from medsync_app.store.tables import Pharmacy
from tests.support.loop import (
    FakeConnection,
    action,
    all_actions,
    attempts,
    exceptions,
    queue_message,
    run_tick,
)
from tests.support.store import NUMBER, SYSTEM, Shop, make_patient, make_shop


@pytest.fixture
def made(database: Database, shop: Shop, clock: VirtualClock, patient: str, sms: FakeConnection) -> str:
    result = queue_message(database, shop, clock, patient)
    run_tick(database, clock, {Channel.SMS: sms})
    return result


def news(database: Database, clock: VirtualClock, made: str, status: str, code: str = "") -> str:
    (attempt,) = attempts(database, made)
    with database.transaction(SYSTEM, clock) as tx:
        return handle_delivery_status(
            tx, attempt.id, provider_id=f"SM{attempt.id}", status=status, error_code=code
        )


def test_delivered_is_recorded_and_later_news_changes_nothing(
    database: Database, clock: VirtualClock, made: str
) -> None:
    assert news(database, clock, made, "delivered") == "moved"
    assert news(database, clock, made, "sent") == "known"
    assert news(database, clock, made, "undelivered", "30005") == "known"
    assert action(database, made).state is ActionState.DELIVERED
    assert exceptions(database, ExceptionKind.CONTACT) == []


@pytest.mark.parametrize(
    ("code", "hours"),
    [
        ("30003", (2, 6)),
        *(pytest.param(code, (1,), marks=pytest.mark.slow) for code in ("30001", "30008", "30500")),
    ],
)
def test_what_may_pass_is_sent_again_hours_later_then_on_another_channel(
    database: Database,
    clock: VirtualClock,
    made: str,
    patient: str,
    sms: FakeConnection,
    code: str,
    hours: tuple[int, ...],
) -> None:
    """A phone that is off (30003) is tried twice, a fault on the way once."""
    mail = FakeConnection()
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, patient, Channel.EMAIL, "ada@example.org", ContactBasis.EXPRESS, "form", rank=5)
    both = {Channel.SMS: sms, Channel.EMAIL: mail}
    news(database, clock, made, "undelivered", code)
    for tries, wait in enumerate(hours, 2):
        (again,) = all_actions(database, ActionState.QUEUED)
        assert again.due_at == clock.now() + timedelta(hours=wait)
        clock.set(max(again.due_at, clock.now()))
        run_tick(database, clock, both)
        waiting = all_actions(database, ActionState.QUEUED)
        if waiting:  # the evening came: it waits for the window
            clock.set(waiting[0].due_at)
            run_tick(database, clock, both)
        assert len(sms.sent) == tries
        news(database, clock, again.id, "undelivered", code)
    run_tick(database, clock, both)
    assert (len(sms.sent), len(mail.sent)) == (1 + len(hours), 1)


@pytest.mark.parametrize("code", ["30008", "30006"])
def test_a_direct_answer_that_did_not_arrive_is_not_said_hours_later(
    database: Database, shop: Shop, clock: VirtualClock, patient: str, sms: FakeConnection, code: str
) -> None:
    payload = {
        "action": {"do": "message", "template": "help"}, "to": NUMBER, "channel": "sms", "trigger": "replied",
    }  # fmt: skip
    made = queue_message(database, shop, clock, patient, step="help", kind="reply", payload=payload)
    run_tick(database, clock, {Channel.SMS: sms})
    assert len(sms.sent) == 1
    news(database, clock, made, "undelivered", code)
    assert all_actions(database, ActionState.QUEUED, kind="reply") == []


def test_a_number_that_takes_no_texts_is_marked_and_the_next_channel_tried(
    database: Database, clock: VirtualClock, made: str, sms: FakeConnection
) -> None:
    news(database, clock, made, "failed", "30006")
    run_tick(database, clock, {Channel.SMS: sms})
    assert len(sms.sent) == 1
    assert len(exceptions(database, ExceptionKind.CONTACT)) == 1
    assert len(exceptions(database, ExceptionKind.CALL)) == 1


def branch_of(database: Database, clock: VirtualClock, shop: Shop, slug: str) -> Shop:
    """Another location of the same group."""
    branch = make_shop(database, slug)
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Pharmacy, branch.pharmacy_id).organization_id = shop.organization_id
    return branch


@pytest.mark.slow
@pytest.mark.both_databases
def test_a_number_is_unreachable_in_the_whole_group_and_so_it_becomes_reachable_again(
    database: Database, clock: VirtualClock, shop: Shop, made: str, patient: str, sms: FakeConnection
) -> None:
    branch, stranger = branch_of(database, clock, shop, "branch"), make_shop(database, "stranger")
    there = make_patient(database, branch, phone=NUMBER)
    elsewhere = make_patient(database, stranger, phone=NUMBER)
    news(database, clock, made, "failed", "30006")
    told = {case.patient_id for case in exceptions(database, ExceptionKind.CONTACT)}
    assert told == {patient, there}, "who has it at another location is asked too, at another business not"
    clock.advance(timedelta(days=1))
    not_sent = queue_message(database, branch, clock, there, "there")
    sent = queue_message(database, stranger, clock, elsewhere, "elsewhere")
    run_tick(database, clock, {Channel.SMS: sms})
    assert "unreachable" in action(database, not_sent).reason
    assert action(database, sent).state is ActionState.SENT
    with database.transaction(shop.scope, clock) as tx:  # said to a person who sees this location only
        record_basis(tx, patient, Channel.SMS, NUMBER, ContactBasis.EXPRESS, "phone", wording="Yes.")
    again = queue_message(database, branch, clock, there, "again")
    run_tick(database, clock, {Channel.SMS: sms})
    assert action(database, again).state is ActionState.SENT
    with database.transaction(SYSTEM, clock) as tx:
        check_pharmacy(tx, branch.pharmacy_id)
        check_patient(tx, there)
    assert exceptions(database, ExceptionKind.CONTACT) == []


def test_an_opt_out_the_provider_knows_of_holds_in_the_whole_group(
    database: Database, clock: VirtualClock, shop: Shop, made: str
) -> None:
    branch, stranger = branch_of(database, clock, shop, "branch"), make_shop(database, "stranger")
    make_patient(database, branch, phone=NUMBER)
    make_patient(database, stranger, phone=NUMBER)
    news(database, clock, made, "undelivered", "21610")
    with database.reading(SYSTEM) as tx:
        bases = {point.pharmacy_id: point.basis for point in points_at(tx, NUMBER)}
    assert bases == {
        shop.pharmacy_id: ContactBasis.REVOKED, branch.pharmacy_id: ContactBasis.REVOKED,
        stranger.pharmacy_id: ContactBasis.EXPRESS,
    }  # fmt: skip


@pytest.mark.slow
def test_many_filtered_messages_stop_the_channel_with_one_exception_and_one_does_not(
    database: Database, shop: Shop, clock: VirtualClock, sms: FakeConnection
) -> None:
    people = [make_patient(database, shop, phone=f"+14045550{n}") for n in range(120, 131)]
    queued = [queue_message(database, shop, clock, person, f"m{n}") for n, person in enumerate(people)]
    run_tick(database, clock, {Channel.SMS: sms})
    for number, made in enumerate(queued, 1):
        news(database, clock, made, "undelivered", "30007")
        stopped = exceptions(database, ExceptionKind.CHANNEL_DOWN)
        assert len(stopped) == int(number >= 10)


def test_an_account_that_is_not_in_order_stops_the_channel_also_when_it_is_said_later(
    database: Database, clock: VirtualClock, made: str, sms: FakeConnection
) -> None:
    news(database, clock, made, "undelivered", "30034")
    run_tick(database, clock, {Channel.SMS: sms})
    assert len(exceptions(database, ExceptionKind.CHANNEL_DOWN)) == 1
    assert exceptions(database, ExceptionKind.CALL) == []
    (waiting,) = all_actions(database, ActionState.QUEUED)
    assert (waiting.reason, len(sms.sent)) == ("The channel is stopped: its settings need correcting.", 1)


def test_news_of_an_opt_out_revokes(
    database: Database, clock: VirtualClock, made: str, shop: Shop, patient: str, sms: FakeConnection
) -> None:
    news(database, clock, made, "undelivered", "21610")
    later = queue_message(database, shop, clock, patient, "later")
    run_tick(database, clock, {Channel.SMS: sms})
    assert len(sms.sent) == 1
    assert action(database, later).state is ActionState.SUPPRESSED


def test_news_of_a_message_in_doubt_settles_it(
    database: Database, shop: Shop, clock: VirtualClock, patient: str, sms: FakeConnection
) -> None:
    def lose(_: Outgoing) -> Accepted:
        raise SendFailed(Failure.IN_DOUBT, "lost")

    sms.behave = lose
    made = queue_message(database, shop, clock, patient, "doubtful")
    run_tick(database, clock, {Channel.SMS: sms})
    assert news(database, clock, made, "sent") == "moved"
    row = action(database, made)
    assert (row.state, row.provider_id) == (ActionState.SENT, f"SM{attempts(database, made)[0].id}")


def test_an_unknown_status_or_attempt_is_kept_and_changes_nothing(
    database: Database, clock: VirtualClock, made: str
) -> None:
    assert news(database, clock, made, "something-new") == "ignored"
    with database.transaction(SYSTEM, clock) as tx:
        assert handle_delivery_status(tx, "nobody", provider_id="SM9", status="sent") == "unknown"
    assert action(database, made).state is ActionState.SENT
