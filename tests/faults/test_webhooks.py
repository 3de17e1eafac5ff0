"""Rows 16 and 17 of the fault tests: webhooks many times, in parallel, in any order, late and for nobody."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import permutations
from random import Random

import httpx2
import pytest
from sqlalchemy import func, select

from medsync_app.clock import SystemClock, VirtualClock
from medsync_app.domain.states import ActionState, Channel, ContactBasis, ExceptionKind
from medsync_app.engine.inbox import work_inbox
from medsync_app.engine.loop import tick
from medsync_app.outbox.claim import Claim, claim_due
from medsync_app.outbox.settle import mark_calling, settle_call, settle_doubt
from medsync_app.services.keep_event import STATUS, keep_event
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import (
    Attempt,
    ConsentEvent,
    ContactPoint,
    InboundEvent,
    InboundMessage,
    ScheduledAction,
)
from tests.support.api_process import WORKER, served_api
from tests.support.databases import POSTGRES
from tests.support.faults import LONG, address_of, figures, fill, sized, wait_until
from tests.support.loop import FakeConnection, action, all_actions, attempts, exceptions
from tests.support.signed_requests import PUBLIC, signed
from tests.support.store import SYSTEM, make_shop

pytestmark = pytest.mark.slow
Fields = dict[str, str]


@dataclass(frozen=True, slots=True)
class Webhook:
    """One event, however often it is told."""

    path: str
    fields: Fields


KINDS = ("text", "stop", "delivered", "unreachable", "unknown")


def webhook(number: int, attempt: str) -> Webhook:
    """The event of a patient, of the kind that its number says."""
    kind, sid, sender = KINDS[number % len(KINDS)], f"SM{number}", address_of(number, Channel.SMS)
    if kind in ("text", "stop"):
        body = "STOP" if kind == "stop" else f"Hello, {number}"
        return Webhook("/twilio/inbound", {"MessageSid": sid, "From": sender, "To": "+1", "Body": body})
    news = {"MessageSid": sid, "MessageStatus": "delivered", "To": sender}
    if kind == "unreachable":
        news |= {"MessageStatus": "undelivered", "ErrorCode": "30006"}
    return Webhook(f"/twilio/status/{f'nobody{number}' if kind == 'unknown' else attempt}", news)


def attempts_by_number(database: Database) -> dict[str, str]:
    with database.reading(SYSTEM) as tx:
        return {row.address: row.id for row in tx.session.scalars(select(Attempt))}


@pytest.mark.parametrize("database", [POSTGRES], indirect=True)
def test_webhooks_told_many_times_to_several_workers_have_one_effect_each(database: Database) -> None:
    shop, count, chance = make_shop(database), sized(10, 200), Random(16)
    fill(database, shop, count)
    clock, connections = SystemClock(), {Channel.SMS: FakeConnection()}
    while tick(database, clock, connections, "sender", plan=False).busy:
        pass
    made = attempts_by_number(database)
    events = [webhook(number, made[address_of(number, Channel.SMS)]) for number in range(count)]
    told = [one for one in events for _ in range(chance.randint(1, sized(6, 50)))]
    chance.shuffle(told)
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            work_inbox(database, clock)
            done.wait(0.05)

    loops = [threading.Thread(target=work) for _ in range(2)]
    with served_api(database, 4) as url, httpx2.Client() as client, ThreadPoolExecutor(16) as pool:

        def tell(one: Webhook) -> httpx2.Response:
            headers = signed(f"{PUBLIC}/api/v1{one.path}", one.fields)
            return client.post(f"{url}{one.path}", data=one.fields, headers=headers, timeout=15)

        for loop in loops:
            loop.start()
        answers = list(pool.map(tell, told))
    wait_until(lambda: not waiting(database), 60)
    done.set()
    for loop in loops:
        loop.join(20)
    while tick(database, clock, connections, "sender", plan=False).busy:
        pass
    statuses = Counter(answer.status_code for answer in answers)
    workers = len({answer.headers[WORKER] for answer in answers})
    slowest = max(answer.elapsed.total_seconds() for answer in answers)
    figures(
        16, events=count, told=len(told), answers=dict(statuses), workers=workers, slowest_answer_s=round(slowest, 2)
    )  # fmt: skip
    assert statuses.keys() <= {200, 204}
    assert workers == 4 or not LONG
    one_effect_each(database, count)


def waiting(database: Database) -> int:
    with database.reading(SYSTEM) as tx:
        unworked = select(func.count()).select_from(InboundEvent).where(InboundEvent.processed_at.is_(None))  # type: ignore[union-attr]
        return tx.session.scalar(unworked) or 0


def one_effect_each(database: Database, count: int) -> None:
    """What each kind of event does, done once."""
    each = count // len(KINDS)
    with database.reading(SYSTEM) as tx:
        events = tx.session.scalars(select(InboundEvent)).all()
        texts = Counter(row.outcome for row in tx.session.scalars(select(InboundMessage)))
        revoked = Counter(
            row.patient_id
            for row in tx.session.scalars(select(ConsentEvent))
            if row.basis is ContactBasis.REVOKED
        )
    assert len(events) == count
    assert Counter(row.outcome for row in events if row.source == STATUS) == {
        "moved": 2 * each,
        "unknown": each,
    }
    assert texts == {"to a person": each, "opted out, 0 messages cancelled": each}
    assert len(exceptions(database, ExceptionKind.REPLY)) == each
    assert (len(revoked), set(revoked.values())) == (each, {1})
    replies = all_actions(database, kind="reply")
    assert Counter(row.step for row in replies) == {"opt_out_confirmation": each}
    assert {row.state for row in replies} == {ActionState.SENT}
    sent = Counter(row.state for row in all_actions(database) if not row.payload.get("again"))
    assert sent[ActionState.DELIVERED] == sent[ActionState.UNDELIVERED] == each
    again = [row for row in all_actions(database) if row.payload.get("again")]
    assert len(again) == each, "each message that did not arrive is followed by one other way"


@dataclass(frozen=True, slots=True)
class News:
    """Four callbacks about one message, and the state that they end in."""

    statuses: tuple[str, ...]
    end: ActionState
    code: str = ""


ARRIVED = News(("queued", "sending", "sent", "delivered"), ActionState.DELIVERED)
UNDELIVERED = News(("queued", "sending", "sent", "undelivered"), ActionState.UNDELIVERED, "30006")
#: Before which of the four our own mark comes (4: after all); or none comes: in doubt, or taken for not sent by then.
MARKS = (*range(5), "in doubt", "queued again") if LONG else (2, 4, "in doubt", "queued again")


@pytest.mark.both_databases
@pytest.mark.parametrize("news", [ARRIVED, UNDELIVERED], ids=["arrived", "undelivered"])
def test_callbacks_in_any_order_late_and_around_our_own_mark_end_in_one_state(
    database: Database, clock: VirtualClock, news: News
) -> None:
    orders = [(order, mark) for order in permutations(news.statuses) for mark in MARKS][:: sized(5, 1)]
    held = called(database, clock, len(orders))
    for at in range(5):
        for number, ((order, mark), (claim, attempt)) in enumerate(zip(orders, held, strict=True)):
            if mark == at:
                own_mark(database, clock, claim, attempt, f"SM{number}")
            elif at == 0 and isinstance(mark, str):
                lost(database, clock, claim, attempt, given_up=mark == "queued again")
            if at < 4:
                tell(database, clock, attempt, f"SM{number}", order[at], news.code)
        tell(database, clock, f"nobody{at}", f"SMX{at}", "sent", "")
        work_inbox(database, clock, limit=10_000)
    for number, (claim, attempt) in enumerate(held):
        row = action(database, claim.action_id)
        assert (row.state, row.provider_id) == (news.end, f"SM{number}"), orders[number]
        assert [a.id for a in attempts(database, claim.action_id)] == [attempt], "it is not called again"
    followed = [row for row in all_actions(database) if row.payload.get("again")]
    assert len(followed) == (len(orders) if news is UNDELIVERED else 0)
    assert outcomes(database)["unknown"] == 5
    figures(17, news=news.statuses[-1], orders=len(orders), unknown_kept=5)
    clock.advance(timedelta(days=2))
    tell(database, clock, held[0][1], "SM0", "read", "")
    work_inbox(database, clock)
    assert action(database, held[0][0].action_id).state is news.end, "two days later it says nothing new"


def own_mark(database: Database, clock: VirtualClock, claim: Claim, attempt: str, sid: str) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        settle_call(tx, claim, attempt, state=ActionState.SENT, outcome="sent", provider_id=sid)


def lost(database: Database, clock: VirtualClock, claim: Claim, attempt: str, *, given_up: bool) -> None:
    """The answer did not come; `given_up`: it was looked for since, not found, and is to be sent again."""
    with database.transaction(SYSTEM, clock) as tx:
        settle_call(tx, claim, attempt, state=ActionState.IN_DOUBT, outcome="in_doubt")
        if given_up:
            settle_doubt(
                tx, claim.action_id, 1, attempt, state=ActionState.QUEUED, by="list", outcome="not_sent",
                due_at=tx.now,
            )  # fmt: skip


def tell(database: Database, clock: VirtualClock, attempt: str, sid: str, status: str, code: str) -> None:
    news = {
        "attempt_id": attempt,
        "sid": sid,
        "status": status,
        "error_code": code if status[0] == "u" else "",
    }
    with database.transaction(SYSTEM, clock) as tx:
        keep_event(tx, STATUS, f"{attempt}:{sid}:{status}", news)


def outcomes(database: Database) -> Counter[str]:
    with database.reading(SYSTEM) as tx:
        return Counter(tx.session.scalars(select(InboundEvent.outcome)))


def called(database: Database, clock: VirtualClock, count: int) -> list[tuple[Claim, str]]:
    """So many messages marked as being called, each to a number of its own."""
    clock.set(SystemClock().now())
    fill(database, make_shop(database), count)
    marked: list[tuple[Claim, str]] = []
    with database.transaction(SYSTEM, clock) as tx:
        claims = claim_due(tx, "one", lease=timedelta(seconds=60), limit=count)
        for claim in claims:
            to = reached_at(tx, claim)
            attempt = mark_calling(
                tx, claim, channel=Channel.SMS, address=to, body="hello", room=timedelta(0)
            )
            assert attempt is not None
            marked.append((claim, attempt))
    assert len(marked) == count
    return marked


def reached_at(tx: Tx, claim: Claim) -> str:
    patient = tx.get(ScheduledAction, claim.action_id).patient_id
    return tx.session.scalars(select(ContactPoint.address).where(ContactPoint.patient_id == patient)).one()
