"""Staff accounts are managed by owners, inside their own pharmacies."""

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.errors import Conflict, Forbidden, MedSyncError, NotFound
from medsync_app.services.add_user import NewUser, add_user, set_active, set_password, set_role
from medsync_app.store.repositories import people
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import Staff
from tests.support.staff import make_staff
from tests.support.store import SYSTEM, Shop, make_shop

NEW = NewUser("new@example.com", "  Nora   New ", Role.TECHNICIAN, "hash")


def _as(shop: Shop, role: Role) -> Scope:
    return Scope.staff("caller", "Cal Ler", {shop.pharmacy_id: role})


def test_an_owner_adds_somebody(database: Database, clock: VirtualClock, shop: Shop) -> None:
    with database.transaction(_as(shop, Role.OWNER), clock) as tx:
        staff_id = add_user(tx, shop.pharmacy_id, NEW)
    with database.reading(SYSTEM) as tx:
        assert tx.get(Staff, staff_id).name == "Nora New"
        (place,) = people.places_of(tx, staff_id)
        assert (place.id, place.role) == (shop.pharmacy_id, Role.TECHNICIAN)


@pytest.mark.parametrize("role", [Role.PHARMACIST, Role.TECHNICIAN])
def test_nobody_else_manages_staff(database: Database, clock: VirtualClock, shop: Shop, role: Role) -> None:
    staff_id = make_staff(
        database, clock, {shop.pharmacy_id: Role.TECHNICIAN}, organization_id=shop.organization_id
    )
    for act in (
        lambda tx: add_user(tx, shop.pharmacy_id, NEW),
        lambda tx: set_role(tx, shop.pharmacy_id, staff_id, Role.OWNER),
        lambda tx: set_password(tx, shop.pharmacy_id, staff_id, "x"),
        lambda tx: set_active(tx, shop.pharmacy_id, staff_id, False),
    ):
        with pytest.raises(Forbidden), database.transaction(_as(shop, role), clock) as tx:
            act(tx)


def test_an_owner_reaches_no_other_pharmacy(database: Database, clock: VirtualClock, shop: Shop) -> None:
    other = make_shop(database, "other")
    staff_id = make_staff(
        database, clock, {other.pharmacy_id: Role.TECHNICIAN}, organization_id=other.organization_id
    )
    owner = _as(shop, Role.OWNER)
    for act in (
        lambda tx: add_user(tx, other.pharmacy_id, NEW),
        lambda tx: set_role(tx, other.pharmacy_id, staff_id, None),
        lambda tx: set_role(tx, shop.pharmacy_id, staff_id, Role.OWNER),
        lambda tx: set_password(tx, shop.pharmacy_id, staff_id, "x"),
        lambda tx: set_active(tx, shop.pharmacy_id, staff_id, False),
    ):
        with pytest.raises(MedSyncError), database.transaction(owner, clock) as tx:
            act(tx)
    with database.reading(SYSTEM) as tx:
        assert tx.get(Staff, staff_id).password_hash == "!"
        assert tx.get(Staff, staff_id).active


def test_somebody_at_two_locations_is_closed_by_an_owner_of_both_only(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    other = make_shop(database, "other")
    staff_id = make_staff(
        database, clock, {shop.pharmacy_id: Role.TECHNICIAN, other.pharmacy_id: Role.TECHNICIAN},
        organization_id=shop.organization_id,
    )  # fmt: skip
    with pytest.raises(Forbidden), database.transaction(_as(shop, Role.OWNER), clock) as tx:
        set_active(tx, shop.pharmacy_id, staff_id, False)
    both = Scope.staff("c", "C", {shop.pharmacy_id: Role.OWNER, other.pharmacy_id: Role.OWNER})
    with database.transaction(both, clock) as tx:
        set_active(tx, shop.pharmacy_id, staff_id, False)


def test_a_pharmacy_keeps_an_owner(database: Database, clock: VirtualClock, shop: Shop) -> None:
    first = make_staff(database, clock, {shop.pharmacy_id: Role.OWNER}, organization_id=shop.organization_id)
    owner = _as(shop, Role.OWNER)
    for role in (None, Role.TECHNICIAN):
        with pytest.raises(Conflict), database.transaction(owner, clock) as tx:
            set_role(tx, shop.pharmacy_id, first, role)
    second = make_staff(
        database, clock, {shop.pharmacy_id: Role.OWNER}, organization_id=shop.organization_id, email="b@x.org"
    )
    with database.transaction(owner, clock) as tx:
        set_role(tx, shop.pharmacy_id, first, None)
    with pytest.raises(Conflict), database.transaction(owner, clock) as tx:
        set_active(tx, shop.pharmacy_id, second, False)


def test_an_account_of_another_organization_gets_no_role_here(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    other = make_shop(database, "other")
    stranger = make_staff(
        database, clock, {other.pharmacy_id: Role.OWNER}, organization_id=other.organization_id
    )
    with pytest.raises(NotFound), database.transaction(_as(shop, Role.OWNER), clock) as tx:
        set_role(tx, shop.pharmacy_id, stranger, Role.TECHNICIAN)
