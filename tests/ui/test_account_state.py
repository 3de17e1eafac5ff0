"""The account page: who may take over this workstation shows by itself."""

from datetime import timedelta

from medsync_app.auth.sessions import hash_secret, station_cookie
from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.settings import get_settings
from medsync_app.store.session import Database
from medsync_app.store.tables import Staff, StaffSession
from medsync_app.ui.states.account import AccountState
from tests.support.staff import make_staff, page_state, signed_in
from tests.support.store import SYSTEM, Shop


async def test_a_colleague_who_signs_in_here_shows_by_the_next_look(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    secret = signed_in(house, clock, shop)
    state = page_state(AccountState, secret, "/account")
    headers = state.router_data["headers"]
    headers["cookie"] += f"; {station_cookie(get_settings())}=the-station"
    state._get_root_state()._update_router_vars(state.router_data, {})
    await state.load()
    assert state.colleagues == []
    zora = make_staff(
        house, clock, {shop.pharmacy_id: Role.OWNER}, organization_id=shop.organization_id, email="z@example.com",
        name="Zora Newhand",
    )  # fmt: skip
    with house.transaction(SYSTEM, clock) as tx:
        tx.get(Staff, zora).pin_hash = "a hash"
        tx.add(
            StaffSession(
                staff_id=zora, token_hash="other", created_at=tx.now, last_activity_at=tx.now,
                station_hash=hash_secret("the-station"), pin_until=tx.now + timedelta(hours=1),
            )
        )  # fmt: skip
    await state.poll()
    assert [one["name"] for one in state.colleagues] == ["Zora Newhand"]
