"""The audit chain and sign-in on PostgreSQL, where writers really run at the same time."""

import threading
from collections.abc import Iterator

import pytest

from medsync_app.clock import SystemClock, VirtualClock
from medsync_app.domain.states import Role
from medsync_app.services.audit import audit
from medsync_app.services.sign_in import begin_sign_in, finish_sign_in
from medsync_app.store.audit import verify
from medsync_app.store.audit_key import audit_key
from medsync_app.store.session import Database
from tests.support.staff import make_staff
from tests.support.store import NOW, SYSTEM, make_shop

THREADS, ACTS = 4, 15


@pytest.fixture
def postgres(fresh_postgres_url: str) -> Iterator[Database]:
    database = Database(fresh_postgres_url)
    yield database
    database.dispose()


def test_writers_at_the_same_time_leave_one_whole_chain(postgres: Database) -> None:
    shop = make_shop(postgres)
    failed: list[BaseException] = []
    start = threading.Barrier(THREADS)

    def work(number: int) -> None:
        start.wait()
        try:
            for act in range(ACTS):
                with postgres.transaction(shop.scope, SystemClock()) as tx:
                    detail = {"number": number, "act": act, "text": "Grüße", "list": [1, None, True]}
                    audit(tx, pharmacy_id=shop.pharmacy_id, act="enroll", detail=detail)
        except BaseException as error:  # a thread's error must reach the test
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with postgres.reading(SYSTEM) as tx:
        (report,) = verify(tx, audit_key())
    assert (report.rows, report.problem) == (THREADS * ACTS, "")


def test_signing_in_works_on_postgresql(postgres: Database) -> None:
    clock = VirtualClock(NOW)
    shop = make_shop(postgres)
    make_staff(postgres, clock, {shop.pharmacy_id: Role.OWNER}, organization_id=shop.organization_id)
    for correct in (False, True):
        with postgres.transaction(SYSTEM, clock) as tx:
            attempt = begin_sign_in(tx, "sam@example.com", "10.0.0.1")
        with postgres.transaction(SYSTEM, clock) as tx:
            signed_in = finish_sign_in(tx, attempt, correct=correct)
        assert (signed_in is not None) == correct
    with postgres.reading(SYSTEM) as tx:
        assert [report.problem for report in verify(tx, audit_key())] == [""]
