"""Row 19 of the fault tests: a stop, a pickup, a pause or a death between the claim and the call still counts."""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, Channel, EnrollmentState
from medsync_app.engine import deliver
from medsync_app.engine.loop import tick
from medsync_app.outbox.claim import Claim, claim_due
from medsync_app.services.confirm_pickup import confirm_pickup
from medsync_app.services.contact_settings import opt_out
from medsync_app.services.pause import pause
from medsync_app.services.schedule_cycle import schedule_cycle
from medsync_app.services.withdraw import withdraw
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import Cycle, Enrollment
from tests.support.cycles import MadeCycle, make_cycle
from tests.support.loop import FakeConnection, all_actions
from tests.support.store import SYSTEM, Shop, make_patient, make_shop

pytestmark = [pytest.mark.slow, pytest.mark.both_databases]
Change = Callable[[Tx, Shop, MadeCycle, str], object]


def stop(tx: Tx, shop: Shop, _: MadeCycle, phone: str) -> None:
    opt_out(tx, shop.pharmacy_id, phone, "STOP")


def fetch(tx: Tx, _shop: Shop, made: MadeCycle, _phone: str) -> None:
    confirm_pickup(tx, made.cycle_id, expected_version=tx.get(Cycle, made.cycle_id).version)


def rest(tx: Tx, _shop: Shop, made: MadeCycle, _phone: str) -> None:
    pause(tx, made.enrollment_id, expected_version=version(tx, made), reason="away")


def die(tx: Tx, _shop: Shop, made: MadeCycle, _phone: str) -> None:
    withdraw(
        tx, made.enrollment_id, expected_version=version(tx, made), reason="died",
        state=EnrollmentState.DECEASED,
    )  # fmt: skip


def version(tx: Tx, made: MadeCycle) -> int:
    return tx.get(Enrollment, made.enrollment_id).version


CHANGES: tuple[Change, ...] = (stop, fetch, rest, die)


class Scene:
    """Reminders to people of whom all but the last change their mind, or worse."""

    def __init__(self, database: Database, clock: VirtualClock) -> None:
        clock.set(clock.now().replace(hour=16))  # 11:00 in New York: the reminders of 10:00 are due
        self.database, self.clock = database, clock
        self.sms, self.shop = FakeConnection(), make_shop(database)
        self.phones = [f"+1404555018{index}" for index in range(len(CHANGES) + 1)]
        self.cycles = [self._cycle(phone) for phone in self.phones]

    def _cycle(self, phone: str) -> MadeCycle:
        person = make_patient(self.database, self.shop, first=f"P{phone[-1]}", phone=phone)
        made = make_cycle(self.database, self.shop, person, sync_date=date(2026, 11, 26), number=2)
        with self.database.transaction(SYSTEM, self.clock) as tx:
            schedule_cycle(tx, made.cycle_id)
        return made

    def claim(self) -> list[Claim]:
        with self.database.transaction(SYSTEM, self.clock) as tx:
            held = claim_due(tx, "one", lease=timedelta(seconds=60), limit=64)
        assert sum(claim.kind == "message" for claim in held) == len(self.phones)
        return held

    def change(self) -> None:
        for made, phone, change in zip(self.cycles, self.phones, CHANGES, strict=False):
            with self.database.transaction(self.shop.scope, self.clock) as tx:
                change(tx, self.shop, made, phone)

    def deliver(self, held: list[Claim], *, how: str) -> None:
        """One by one, together, or with acceptances that share no commit."""
        for group in [[claim] for claim in held] if how == "alone" else [held]:
            deliver.deliver(self.database, self.clock, {Channel.SMS: self.sms}, group, apart=how == "apart")

    def assert_only_the_last_was_written_to(self) -> None:
        for _ in range(3):
            tick(self.database, self.clock, {Channel.SMS: self.sms}, "two", plan=False)
            self.clock.advance(timedelta(minutes=3))
        assert [message.to for message in self.sms.sent] == [self.phones[-1]]
        assert len(all_actions(self.database, ActionState.SENT)) == 1


@pytest.mark.parametrize("how", ["alone", "together", "apart"])
def test_what_happens_between_claim_and_mark_stops_the_message(
    database: Database, clock: VirtualClock, how: str
) -> None:
    scene = Scene(database, clock)
    held = scene.claim()
    scene.change()
    scene.deliver(held, how=how)
    scene.assert_only_the_last_was_written_to()


@pytest.mark.parametrize("how", ["alone", "together", "apart"])
def test_what_happens_while_a_call_is_late_to_begin_stops_it(
    database: Database, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    scene = Scene(database, clock)
    real, first, changed = deliver._call, threading.Lock(), threading.Event()

    def late(*args: Any) -> Any:
        if first.acquire(blocking=False):
            scene.change()
            clock.advance(timedelta(seconds=3))
            changed.set()
        changed.wait(20)
        return real(*args)

    monkeypatch.setattr(deliver, "_call", late)
    scene.deliver(scene.claim(), how=how)
    monkeypatch.undo()
    scene.assert_only_the_last_was_written_to()
