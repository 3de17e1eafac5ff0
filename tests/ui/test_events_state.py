"""Settings: what the pharmacy system sent and could not be used, and what an owner does about it."""

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.engine.inbox import work_pharmacy_events
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, FormSource, InboundEvent
from medsync_app.ui.states.settings_events import EventsState
from tests.support.pharmacy_events import JOSE, LISINOPRIL, kept, tell
from tests.support.programme import Clinic
from tests.support.staff import page_state, signed_in
from tests.support.store import SYSTEM, Shop, make_shop

pytestmark = pytest.mark.slow


async def tab(house: Database, clock: VirtualClock, shop: Shop, role: Role = Role.OWNER) -> EventsState:
    state = page_state(EventsState, signed_in(house, clock, shop, role), "/settings?tab=connections")
    await state.load_events()
    return state


async def test_an_owner_sees_what_was_not_used_looks_at_it_tries_it_again_and_puts_it_aside(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    clinic = Clinic(house, shop, clock)
    waits = tell(clinic, "rx.sold", "evt-1", rx={"number": "700001"}, patient={"id": "P1"})
    odd = tell(clinic, "rx.exploded", "evt-2", patient=JOSE, extra={"depth": ["a", "b"]})
    state = await tab(house, clock, shop)
    assert [(one["kind"], one["external_id"], one["state"]) for one in state.events] == [
        ("rx.exploded", "evt-2", "Not used"), ("rx.sold", "evt-1", "Waits"),
    ]  # fmt: skip
    assert "Connor" not in str(state.events)
    await state.look(odd.id)
    said = {one["place"]: one["value"] for one in state.said}
    assert (said["patient.last_name"], said["extra.depth.1"]) == ("O’Connor", "b")
    with house.reading(SYSTEM) as tx:
        assert "view_event" in set(tx.session.scalars(select(AuditEvent.act)))
    await state.put_aside(odd.id)
    assert [one["id"] for one in state.events] == [waits.id]
    assert (state.looked_at, state.said, state.notice) == ("", [], "Put aside.")
    await state.try_again(waits.id)
    assert state.events == []
    work_pharmacy_events(house, clock)
    await state.poll_events()
    assert [one["id"] for one in state.events] == [waits.id], "it waits still"
    tell(clinic, "rx.filled", "evt-3", rx=LISINOPRIL, patient=JOSE)
    work_pharmacy_events(house, clock)
    await state.poll_events()
    assert state.events == []
    await state.try_again(waits.id)
    assert "worked meanwhile" in state.problem
    with house.reading(SYSTEM) as tx:
        assert tx.session.scalars(select(FormSource)).one().received_at == clock.now()


async def test_nobody_else_sees_or_works_them(house: Database, clock: VirtualClock, shop: Shop) -> None:
    other = make_shop(house, "other")
    row = tell(Clinic(house, other, clock), "rx.exploded", "evt-1", patient=JOSE)
    owner = await tab(house, clock, shop)
    assert owner.events == []
    for act in (owner.look, owner.try_again, owner.put_aside):
        await act(row.id)
        assert owner.problem, act
    assert (owner.said, kept(house)[0].problem) == ([], row.problem)
    mine = tell(Clinic(house, shop, clock), "rx.exploded", "evt-1", patient=JOSE)
    clerk = await tab(house, clock, shop, Role.PHARMACIST)
    assert clerk.events == []
    await clerk.look(mine.id)
    assert (clerk.said, clerk.problem != "") == ([], True)
    with house.reading(SYSTEM) as tx:
        assert tx.get(InboundEvent, mine.id).problem
