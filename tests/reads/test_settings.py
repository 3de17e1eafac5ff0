"""What the settings page reads of one pharmacy."""

from datetime import timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, Channel, Role
from medsync_app.errors import NotFound
from medsync_app.reads.settings import backup_runs, channels, members, pharmacy_facts
from medsync_app.store.session import Database
from medsync_app.store.tables import BackupRun, ChannelStatus, Pharmacy
from tests.support.screens import make_message
from tests.support.staff import make_session, make_staff
from tests.support.store import NOW, SYSTEM, make_patient, make_shop


def test_rules_that_were_never_set_show_their_defaults(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Pharmacy, shop.pharmacy_id).rules = {"buffer_days": 5}
    with database.reading(shop.scope, clock) as tx:
        found = pharmacy_facts(tx, shop.pharmacy_id)
    assert found.rules == {
        "cycle_days": 30, "horizon_days": 45, "min_lead_days": 3, "buffer_days": 5, "lapsed_after_days": 30,
            "inactive_after_days": 90, "accumulation": 1, "short_fill_uses_refill": 0,
            "return_to_stock_days": 10, "data_stale_hours": 36, "messages_per_day": 1,
            "household_wait_minutes": 20,
        "stop_ends_all": 1, "free_to_end_user": 0,
    }  # fmt: skip
    assert found.hours[6] == ("09:00", "18:00")
    assert (found.contact_from, found.contact_until) == ("09:00", "20:00")


def test_the_staff_of_one_pharmacy_is_listed(database: Database, clock: VirtualClock) -> None:
    shop, other = make_shop(database), make_shop(database, "other")
    owner = make_staff(database, clock, {shop.pharmacy_id: Role.OWNER}, organization_id=shop.organization_id)
    make_session(database, clock, owner)
    make_staff(
        database, clock, {other.pharmacy_id: Role.OWNER}, organization_id=other.organization_id,
        email="o@example.com",
    )  # fmt: skip
    with database.reading(shop.scope, clock) as tx:
        found = members(tx, shop.pharmacy_id)
    assert [(one.staff_id, one.role, one.active, one.last_seen) for one in found] == [
        (owner, Role.OWNER, True, NOW)
    ]


def test_channels_say_whether_they_are_stopped_and_when_they_last_sent(
    database: Database, clock: VirtualClock
) -> None:
    shop = make_shop(database)
    sent = NOW - timedelta(hours=2)
    make_message(
        database, shop, make_patient(database, shop), due_at=sent, state=ActionState.SENT, sent_at=sent
    )
    with database.transaction(SYSTEM, clock) as tx:
        tx.add(
            ChannelStatus(
                pharmacy_id=shop.pharmacy_id, channel=Channel.EMAIL, stopped_at=NOW, reason="Wrong password."
            )
        )
    with database.reading(shop.scope, clock) as tx:
        sms, _, email = channels(tx, shop.pharmacy_id)
    assert (sms.stopped_at, sms.last_sent) == (None, sent)
    assert (email.stopped_at, email.reason, email.last_sent) == (NOW, "Wrong password.", None)


def test_backups_come_newest_first(database: Database, clock: VirtualClock) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        for hours in (48, 1, 24):
            tx.add(BackupRun(started_at=NOW - timedelta(hours=hours), file_name=str(hours)))
    with database.reading(SYSTEM, clock) as tx:
        assert [one.file_name for one in backup_runs(tx)] == ["1", "24", "48"]


def test_nothing_of_another_pharmacy_is_read(database: Database, clock: VirtualClock) -> None:
    shop, other = make_shop(database), make_shop(database, "other")
    make_staff(database, clock, {shop.pharmacy_id: Role.OWNER}, organization_id=shop.organization_id)
    with database.reading(other.scope, clock) as tx:
        assert members(tx, shop.pharmacy_id) == []
        with pytest.raises(NotFound):
            pharmacy_facts(tx, shop.pharmacy_id)
