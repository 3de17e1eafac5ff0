"""What is counted over whole pharmacies is kept until one of them changes, and never given to others."""

from datetime import date

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.reads.kept import Kept
from medsync_app.store.session import Database
from tests.support.store import NOW, Shop, make_patient, make_shop

TODAY = date(2026, 11, 23)


class Counting:
    """Counts how often it was asked to count."""

    def __init__(self) -> None:
        self.kept, self.times = Kept[int](), 0

    def ask(
        self, database: Database, shop: Shop, today: date = TODAY, *about: str, write: bool = False
    ) -> int:
        opened = database.transaction if write else database.reading
        with opened(shop.scope, VirtualClock(NOW)) as tx:
            return self.kept.of(tx, today, self._count, *about)

    def _count(self) -> int:
        self.times += 1
        return self.times


@pytest.fixture
def counting() -> Counting:
    return Counting()


def test_it_is_counted_once_while_nothing_changes(database: Database, counting: Counting) -> None:
    shop = make_shop(database)
    assert [counting.ask(database, shop) for _ in range(3)] == [1, 1, 1]


def test_a_change_of_the_pharmacy_counts_it_anew(database: Database, counting: Counting) -> None:
    shop = make_shop(database)
    counting.ask(database, shop)
    make_patient(database, shop)
    assert counting.ask(database, shop) == 2


def test_another_pharmacy_day_or_question_has_its_own(database: Database, counting: Counting) -> None:
    shop, other = make_shop(database, "one"), make_shop(database, "two")
    asked = [
        counting.ask(database, shop),
        counting.ask(database, other),
        counting.ask(database, shop, date(2026, 11, 24)),
        counting.ask(database, shop, TODAY, "last_year"),
        counting.ask(database, shop),
    ]
    assert asked == [1, 2, 3, 4, 1]


def test_a_writing_transaction_counts_for_itself(database: Database, counting: Counting) -> None:
    shop = make_shop(database)
    assert counting.ask(database, shop) == 1
    assert counting.ask(database, shop, write=True) == 2
    assert counting.ask(database, shop) == 1


def test_what_was_kept_longest_makes_room(database: Database, counting: Counting) -> None:
    shop = make_shop(database)
    for number in range(33):
        counting.ask(database, shop, TODAY, str(number))
    assert counting.ask(database, shop, TODAY, "32") == 33
    assert counting.ask(database, shop, TODAY, "0") == 34
