"""Signing in and out: sessions, throttling, and what the audit log keeps of it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.auth.passwords import DUMMY_HASH, hash_password
from medsync_app.auth.sessions import hash_secret
from medsync_app.auth.throttle import Throttled
from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.services.sign_in import Attempt, SignedIn, begin_sign_in, finish_sign_in
from medsync_app.services.sign_out import sign_out
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, SignInFailure, Staff, StaffSession
from tests.support.staff import make_staff
from tests.support.store import SYSTEM, Shop

EMAIL = "sam@example.com"


@pytest.fixture
def staff_id(database: Database, clock: VirtualClock, shop: Shop) -> str:
    return make_staff(
        database, clock, {shop.pharmacy_id: Role.OWNER}, organization_id=shop.organization_id, email=EMAIL,
        password_hash="the-hash",
    )  # fmt: skip


def _begin(database: Database, clock: VirtualClock, email: str = EMAIL, source: str = "10.0.0.1") -> Attempt:
    with database.transaction(SYSTEM, clock) as tx:
        return begin_sign_in(tx, email, source)


def _finish(
    database: Database, clock: VirtualClock, attempt: Attempt, correct: bool, former: str | None = None
) -> SignedIn | None:
    with database.transaction(SYSTEM, clock) as tx:
        return finish_sign_in(tx, attempt, correct=correct, former=former)


def _fail(database: Database, clock: VirtualClock, times: int, email: str = EMAIL) -> None:
    for _ in range(times):
        _finish(database, clock, _begin(database, clock, email), correct=False)


def _acts(database: Database) -> list[tuple[str, str, str]]:
    with database.reading(SYSTEM) as tx:
        return [(row.chain, row.act, row.subject_id) for row in tx.session.scalars(select(AuditEvent))]


def test_a_correct_password_opens_a_session_kept_as_a_hash_only(
    database: Database, clock: VirtualClock, staff_id: str, shop: Shop
) -> None:
    attempt = _begin(database, clock, "  SAM@Example.com ")
    assert (attempt.staff_id, attempt.password_hash) == (staff_id, "the-hash")
    signed_in = _finish(database, clock, attempt, correct=True)
    assert signed_in is not None
    assert len(signed_in.secret) >= 43
    with database.reading(SYSTEM) as tx:
        session = tx.session.scalars(select(StaffSession)).one()
    assert session.token_hash == hash_secret(signed_in.secret)
    assert signed_in.secret not in str(session)
    assert _acts(database) == [(shop.pharmacy_id, "sign_in", staff_id)]


def test_a_wrong_password_opens_nothing_and_the_owner_sees_it_in_the_log(
    database: Database, clock: VirtualClock, staff_id: str, shop: Shop
) -> None:
    assert _finish(database, clock, _begin(database, clock), correct=False) is None
    with database.reading(SYSTEM) as tx:
        assert tx.session.scalars(select(StaffSession)).all() == []
    assert _acts(database) == [(shop.pharmacy_id, "sign_in_failed", staff_id)]


def test_an_unknown_account_looks_like_any_other_and_is_logged_without_its_address(
    database: Database, clock: VirtualClock, staff_id: str
) -> None:
    attempt = _begin(database, clock, "eve@example.com")
    assert (attempt.staff_id, attempt.password_hash) == (None, DUMMY_HASH)
    assert _finish(database, clock, attempt, correct=True) is None
    ((chain, act, subject),) = _acts(database)
    assert (chain, act) == ("system", "sign_in_failed")
    assert "eve" not in subject


def test_the_dummy_hash_costs_as_much_as_a_real_one() -> None:
    assert hash_password("a real password").split("$")[:4] == DUMMY_HASH.split("$")[:4]


def test_a_closed_account_does_not_get_in(database: Database, clock: VirtualClock, staff_id: str) -> None:
    early = _begin(database, clock)
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Staff, staff_id).active = False
    assert _begin(database, clock).staff_id is None
    assert _finish(database, clock, early, correct=True) is None


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
@pytest.mark.both_databases
def test_five_failures_are_free_then_the_wait_doubles_to_five_minutes(
    database: Database, clock: VirtualClock, staff_id: str, email: str
) -> None:
    _fail(database, clock, 5, email)
    for wait in (1, 2, 4, 8):
        with pytest.raises(Throttled):
            _begin(database, clock, email)
        clock.advance(timedelta(seconds=wait, microseconds=-1))
        with pytest.raises(Throttled):
            _begin(database, clock, email)
        clock.advance(timedelta(microseconds=1))
        _fail(database, clock, 1, email)
    for _ in range(8):
        clock.advance(timedelta(minutes=5))
        _fail(database, clock, 1, email)


def test_a_throttled_account_does_not_stop_another(
    database: Database, clock: VirtualClock, staff_id: str
) -> None:
    _fail(database, clock, 5)
    assert _begin(database, clock, "other@example.com").staff_id is None


def test_one_source_trying_many_accounts_must_wait_and_others_need_not(
    database: Database, clock: VirtualClock, staff_id: str
) -> None:
    for number in range(20):
        _finish(database, clock, _begin(database, clock, f"u{number}@example.com"), correct=False)
    with pytest.raises(Throttled):
        _begin(database, clock, EMAIL)
    assert _begin(database, clock, EMAIL, source="10.0.0.2").staff_id == staff_id


def test_tries_at_the_same_moment_count_before_their_passwords_are_checked(
    database: Database, clock: VirtualClock, staff_id: str
) -> None:
    for _ in range(5):
        _begin(database, clock)
    with pytest.raises(Throttled):
        _begin(database, clock)


def test_a_good_sign_in_and_an_hour_both_wipe_the_failures(
    database: Database, clock: VirtualClock, staff_id: str
) -> None:
    _fail(database, clock, 4)
    _finish(database, clock, _begin(database, clock), correct=True)
    _fail(database, clock, 5)
    clock.advance(timedelta(hours=1, seconds=1))
    _begin(database, clock)
    with database.reading(SYSTEM) as tx:
        assert len(tx.session.scalars(select(SignInFailure)).all()) == 1


def test_failures_are_kept_without_address_or_source(
    database: Database, clock: VirtualClock, staff_id: str
) -> None:
    _begin(database, clock)
    with database.reading(SYSTEM) as tx:
        row = tx.session.scalars(select(SignInFailure)).one()
    assert len(row.account_hash) == len(row.source_hash) == 64
    assert row.account_hash != row.source_hash


def test_signing_in_again_ends_the_session_the_browser_had(
    database: Database, clock: VirtualClock, staff_id: str
) -> None:
    first = _finish(database, clock, _begin(database, clock), correct=True)
    assert first is not None
    second = _finish(database, clock, _begin(database, clock), correct=True, former=first.secret)
    assert second is not None
    assert second.secret != first.secret
    with database.reading(SYSTEM) as tx:
        rows = {row.token_hash: row for row in tx.session.scalars(select(StaffSession))}
    assert rows[hash_secret(first.secret)].end_reason == "new sign-in"
    assert rows[hash_secret(second.secret)].ended_at is None


def test_signing_out_ends_the_session_once(
    database: Database, clock: VirtualClock, staff_id: str, shop: Shop
) -> None:
    signed_in = _finish(database, clock, _begin(database, clock), correct=True)
    assert signed_in is not None
    with database.transaction(SYSTEM, clock) as tx:
        assert sign_out(tx, signed_in.secret)
        assert not sign_out(tx, signed_in.secret)
        assert not sign_out(tx, "another")
    assert _acts(database)[-1] == (shop.pharmacy_id, "sign_out", staff_id)
    assert len(_acts(database)) == 2
