"""The settings of a pharmacy: what is read from the form, kept and written down."""

from datetime import time
from typing import Any

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.errors import Invalid, NotFound
from medsync_app.services.rules import rules_of
from medsync_app.services.update_pharmacy import read_settings, update_pharmacy
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, Pharmacy
from tests.support.store import SYSTEM, Shop, make_shop


def form(**changes: str) -> dict[str, Any]:
    """The form of a new shop, as the browser sends it."""
    hours = {
        f"{side}_{day}": at for day in range(7) for side, at in (("opens", "09:00"), ("closes", "18:00"))
    }
    return {
        "name": "main pharmacy", "phone": "(404) 555-0100", "address": "", "reply_to_email": "", **hours,
        "contact_from": "09:00", "contact_until": "20:00", "daily_capacity": "", "cycle_days": "30",
        "min_lead_days": "3",
        "horizon_days": "45", "lapsed_after_days": "30", "inactive_after_days": "90",
        "buffer_days": "3", "return_to_stock_days": "10", "data_stale_hours": "36", "messages_per_day": "1",
        "household_wait_minutes": "20",
        **changes,
    }  # fmt: skip


def saved(database: Database, clock: VirtualClock, shop: Shop, **changes: str) -> list[str]:
    with database.transaction(shop.scope, clock) as tx:
        return update_pharmacy(tx, shop.pharmacy_id, read_settings(form(**changes)))


def stored(database: Database, shop: Shop) -> Pharmacy:
    with database.reading(SYSTEM) as tx:
        return tx.get(Pharmacy, shop.pharmacy_id)


def test_a_form_that_changes_nothing_changes_nothing(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    assert saved(database, clock, shop) == []
    assert stored(database, shop).rules == {}
    with database.reading(SYSTEM) as tx:
        assert tx.session.scalars(select(AuditEvent)).all() == []


def test_what_changed_is_kept_and_named_in_the_audit_log(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    changed = saved(
        database,
        clock,
        shop,
        opens_6="",
        closes_6="",
        contact_until="19:30",
        daily_capacity="24",
        cycle_days="28",
    )
    assert changed == ["contact_until", "cycle_days", "daily_capacity", "hours"]
    row = stored(database, shop)
    assert "6" not in row.hours
    assert row.hours["5"] == ["09:00", "18:00"]
    assert (row.contact_until, row.daily_capacity, row.rules) == (time(19, 30), 24, {"cycle_days": 28})
    assert rules_of(row).cycle_days == 28
    with database.reading(SYSTEM) as tx:
        (event,) = tx.session.scalars(select(AuditEvent)).all()
    assert (event.act, event.detail) == ("update_pharmacy", {"fields": changed})


def test_a_rule_goes_back_to_its_default(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    saved(database, clock, shop, buffer_days="5")
    saved(database, clock, shop, buffer_days="3")
    assert rules_of(stored(database, shop)).buffer_days == 3


def test_how_supply_is_counted_is_a_setting(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    known = rules_of(stored(database, shop))
    assert (known.accumulation, known.short_fill_uses_refill) == (True, False)
    changes = {
        "accumulation": "0",
        "short_fill_uses_refill": "1",
        "horizon_days": "60",
        "lapsed_after_days": "45",
    }
    assert saved(database, clock, shop, **changes) == sorted(changes)
    known = rules_of(stored(database, shop))
    assert (known.accumulation, known.short_fill_uses_refill) == (False, True)
    assert (known.horizon_days, known.lapsed_after_days) == (60, 45)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"phone": "12"}, "phone"),
        ({"phone": ""}, "phone"),
        ({"reply_to_email": "nobody"}, "reply_to_email"),
        ({"opens_2": ""}, "opens_2"),
        ({"closes_2": ""}, "closes_2"),
        ({"closes_2": "08:59"}, "closes_2"),
        ({"closes_2": "25:00"}, "closes_2"),
        ({"contact_from": "07:59"}, "contact_from"),
        ({"contact_until": "21:01"}, "contact_until"),
        ({"contact_from": "12:00", "contact_until": "12:00"}, "contact_until"),
        ({"daily_capacity": "0"}, "daily_capacity"),
        ({"cycle_days": "6"}, "cycle_days"),
        ({"cycle_days": "3.5"}, "cycle_days"),
        ({"buffer_days": "-1"}, "buffer_days"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(changes: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_settings(form(**changes))
    assert caught.value.field == field


def test_a_pharmacy_opens_on_one_day_at_least() -> None:
    closed = {f"{side}_{day}": "" for day in range(7) for side in ("opens", "closes")}
    with pytest.raises(Invalid, match="one day"):
        read_settings(form(**closed))


def test_the_settings_of_another_pharmacy_are_not_found(database: Database, clock: VirtualClock) -> None:
    shop, other = make_shop(database), make_shop(database, "other")
    with pytest.raises(NotFound), database.transaction(other.scope, clock) as tx:
        update_pharmacy(tx, shop.pharmacy_id, read_settings(form(name="Taken over")))
    assert stored(database, shop).name == "main pharmacy"


def test_what_a_stop_ends_and_whether_messages_are_free_are_settings(
    database: Database, clock: VirtualClock
) -> None:
    shop = make_shop(database)
    assert saved(database, clock, shop, stop_ends_all="0", free_to_end_user="1") == [
        "free_to_end_user", "stop_ends_all",
    ]  # fmt: skip
    with database.reading(shop.scope, clock) as tx:
        rules = rules_of(tx.get(Pharmacy, shop.pharmacy_id))
    assert (rules.stop_ends_all, rules.free_to_end_user) == (False, True)
