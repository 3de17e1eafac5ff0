"""How forms of others are read is the owner's to say, for one pharmacy."""

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.form_mapping import PRESETS, FormMapping
from medsync_app.domain.states import JoinOrigin, Role
from medsync_app.errors import Forbidden, Invalid, NotFound
from medsync_app.reads.form_sources import form_sources
from medsync_app.services.change_form_mapping import change_mapping, typed_mapping
from medsync_app.store.session import Database
from tests.support.store import Shop, make_shop

OWN = FormMapping({"phone": ("Handy",)}, ("ja",), "es")


def as_owner(shop: Shop) -> Shop:
    return Shop(shop.pharmacy_id, shop.organization_id, Role.OWNER)


def test_an_owner_changes_it_for_one_pharmacy_and_saying_it_again_changes_nothing(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    with database.transaction(as_owner(shop).scope, clock) as tx:
        assert not change_mapping(tx, shop.pharmacy_id, JoinOrigin.TYPEFORM, PRESETS[JoinOrigin.TYPEFORM])
        assert change_mapping(tx, shop.pharmacy_id, JoinOrigin.TYPEFORM, OWN)
        assert not change_mapping(tx, shop.pharmacy_id, JoinOrigin.TYPEFORM, OWN)
    with database.reading(shop.scope, clock) as tx:
        found = {one.origin: (one.mapping, one.is_own) for one in form_sources(tx, shop.pharmacy_id)}
    assert found[JoinOrigin.TYPEFORM] == (OWN, True)
    assert found[JoinOrigin.GOOGLE_FORM] == (PRESETS[JoinOrigin.GOOGLE_FORM], False)
    with database.transaction(as_owner(shop).scope, clock) as tx:
        assert change_mapping(tx, shop.pharmacy_id, JoinOrigin.TYPEFORM, None)


def test_nobody_else_may(database: Database, shop: Shop, clock: VirtualClock) -> None:
    with database.transaction(shop.scope, clock) as tx, pytest.raises(Forbidden):
        change_mapping(tx, shop.pharmacy_id, JoinOrigin.TYPEFORM, OWN)
    other = make_shop(database, "other")
    with database.transaction(as_owner(other).scope, clock) as tx, pytest.raises(NotFound):
        change_mapping(tx, shop.pharmacy_id, JoinOrigin.TYPEFORM, OWN)
    with database.transaction(as_owner(shop).scope, clock) as tx, pytest.raises(Invalid):
        change_mapping(tx, shop.pharmacy_id, JoinOrigin.FORM, OWN)


def test_what_is_typed_is_read_with_semicolons() -> None:
    typed = {"phone": " Your  phone? ;; Teléfono", "yes": "Sí, acepto; Yes", "spoken": "es", "email": " "}
    assert typed_mapping(JoinOrigin.TYPEFORM, typed) == FormMapping(
        {"phone": ("Your phone?", "Teléfono")}, ("Sí, acepto", "Yes"), "es"
    )
