"""The board of exceptions: filters, groups, order, pages and scope."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ExceptionKind, Role, Severity
from medsync_app.errors import NotFound
from medsync_app.reads.exceptions import LEAST_BESIDE, PAGE_SIZE, BoardFilter, board, case_detail
from medsync_app.services.exceptions import assign, comment, resolve_exception
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from tests.support.screens import make_task
from tests.support.staff import make_staff
from tests.support.store import NOW, Shop, make_patient, make_shop

pytestmark = pytest.mark.both_databases
HOUR = timedelta(hours=1)


def task(
    database: Database, shop: Shop, due_at: datetime, kind: ExceptionKind = ExceptionKind.CALL, **more: object
) -> str:
    return make_task(database, shop, kind, due_at=due_at, **more)


def test_cases_are_grouped_by_the_day_at_the_pharmacy(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)  # it is 10:00 on Monday there
    later = task(database, shop, NOW + timedelta(days=8))
    tonight = task(database, shop, NOW + 13 * HOUR)
    tomorrow = task(database, shop, NOW + 15 * HOUR)
    late = task(database, shop, NOW - HOUR)
    with database.reading(shop.scope, clock) as tx:
        found = board(tx, BoardFilter())
    assert [(case.id, case.due_group) for case in found.cases] == [
        (late, "late"), (tonight, "today"), (tomorrow, "week"), (later, "later"),
    ]  # fmt: skip
    assert found.groups == {"late": 1, "today": 1, "week": 1, "later": 1}


def test_each_group_has_its_most_urgent_first(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    low = task(database, shop, NOW + HOUR, ExceptionKind.REPLY, severity=Severity.LOW)
    high = task(database, shop, NOW + HOUR, ExceptionKind.CALL, severity=Severity.URGENT)
    contact = task(database, shop, NOW + 2 * HOUR, ExceptionKind.CALL)
    with database.reading(shop.scope, clock) as tx:
        by_due = board(tx, BoardFilter())
        by_kind = board(tx, BoardFilter(group="kind"))
    assert [case.id for case in by_due.cases] == [high, low, contact]
    assert [case.id for case in by_kind.cases] == [high, contact, low]
    assert by_kind.groups == {"call": 2, "reply": 1}


def test_filters_narrow_the_board_and_say_what_others_would_show(
    database: Database, clock: VirtualClock
) -> None:
    shop = make_shop(database)
    task(database, shop, NOW, ExceptionKind.CALL)
    wanted = task(database, shop, NOW, ExceptionKind.DOSE_CONFLICT, owner=Role.PHARMACIST)
    with database.reading(shop.scope, clock) as tx:
        found = board(tx, BoardFilter(owner=Role.PHARMACIST))
        by_kind = board(tx, BoardFilter(kind=ExceptionKind.CALL))
    assert [case.id for case in found.cases] == [wanted]
    assert found.kinds == {ExceptionKind.DOSE_CONFLICT: 1}
    assert found.owners == {Role.TECHNICIAN: 1, Role.PHARMACIST: 1}
    assert by_kind.total == 1


@pytest.mark.both_databases
def test_mine_overdue_and_settled_are_told_apart(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    roles = {shop.pharmacy_id: Role.TECHNICIAN}
    me = make_staff(database, clock, roles, organization_id=shop.organization_id)
    scope = Scope.staff(me, "Pat Tester", roles)
    mine, done = task(database, shop, NOW + HOUR), task(database, shop, NOW - HOUR)
    late = task(database, shop, NOW - 2 * HOUR)
    with database.transaction(scope, clock) as tx:
        assign(tx, mine, me)
        resolve_exception(tx, done, outcome="New number.")
    with database.reading(scope, clock) as tx:
        shown = {
            name: [case.id for case in board(tx, BoardFilter(name)).cases]
            for name in ("open", "mine", "late", "settled")
        }
        counts = board(tx, BoardFilter()).shown
    assert shown == {"open": [late, mine], "mine": [mine], "late": [late], "settled": [done]}
    assert counts == {"open": 2, "mine": 1, "late": 1, "settled": 1}
    clock.advance(timedelta(days=31))
    with database.reading(scope, clock) as tx:
        assert board(tx, BoardFilter("settled")).total == 0


@pytest.mark.parametrize("wanted", [BoardFilter(), BoardFilter(column="nonsense")])
def test_the_first_of_every_group_is_shown_however_many_stand_in_another(
    database: Database, clock: VirtualClock, wanted: BoardFilter
) -> None:
    shop = make_shop(database)
    late = [task(database, shop, NOW - HOUR * (60 - number)) for number in range(PAGE_SIZE + 3)]
    later = task(database, shop, NOW + timedelta(days=30))
    with database.reading(shop.scope, clock) as tx:
        found = board(tx, wanted)
    assert [case.id for case in found.cases] == [*late[: PAGE_SIZE // 2], later]
    assert (found.column, found.groups) == ("", {"late": PAGE_SIZE + 3, "later": 1})


@pytest.mark.parametrize("beside", [0, 1])
def test_one_group_comes_in_pages_when_it_is_chosen_or_the_only_one(
    database: Database, clock: VirtualClock, beside: int
) -> None:
    shop = make_shop(database)
    made = [task(database, shop, NOW - HOUR * (60 - number)) for number in range(PAGE_SIZE + 3)]
    for _ in range(beside):
        task(database, shop, NOW + timedelta(days=30))
    column = "late" if beside else ""
    with database.reading(shop.scope, clock) as tx:
        pages = [board(tx, BoardFilter(column=column, page=page)) for page in (1, 2)]
    assert [case.id for page in pages for case in page.cases] == made
    assert [(page.column, page.groups["late"]) for page in pages] == [("late", PAGE_SIZE + 3)] * 2


def test_each_of_many_kinds_shows_some_of_its_cases(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    for kind in ExceptionKind:
        for number in range(LEAST_BESIDE + 1):
            task(database, shop, NOW - HOUR * number, kind)
    with database.reading(shop.scope, clock) as tx:
        found = board(tx, BoardFilter(group="kind"))
    assert Counter(case.kind for case in found.cases) == dict.fromkeys(ExceptionKind, LEAST_BESIDE)


def test_a_case_is_shown_with_its_patient_and_comments(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    case_id = task(database, shop, NOW, patient_id=make_patient(database, shop))
    with database.transaction(shop.scope, clock) as tx:
        comment(tx, case_id, "Called, no answer.")
    with database.reading(shop.scope, clock) as tx:
        found = case_detail(tx, case_id)
    assert (found.case.last_name, found.case.comments) == ("Example", 1)
    assert [(one.by, one.text) for one in found.comments] == [("Pat Tester", "Called, no answer.")]


def test_cases_of_another_pharmacy_are_neither_listed_nor_counted(
    database: Database, clock: VirtualClock
) -> None:
    shop, other = make_shop(database), make_shop(database, "other")
    case_id = task(database, shop, NOW)
    with database.reading(other.scope, clock) as tx:
        found = board(tx, BoardFilter())
        assert (found.total, sum(found.shown.values()), found.kinds, found.owners) == (0, 0, {}, {})
        with pytest.raises(NotFound):
            case_detail(tx, case_id)
