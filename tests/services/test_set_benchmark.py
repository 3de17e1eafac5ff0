"""Setting the line a class is compared with."""

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.benchmarks import Benchmark, benchmarks_of
from medsync_app.domain.drug_classes import DrugClass
from medsync_app.errors import NotFound
from medsync_app.services.set_benchmark import set_benchmark
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, Pharmacy
from tests.support.store import SYSTEM, Shop, make_shop

OURS = Benchmark(0.86, "State average", 2025)


def lines(database: Database, shop: Shop) -> dict[DrugClass, Benchmark]:
    with database.reading(SYSTEM) as tx:
        return dict(benchmarks_of(tx.get(Pharmacy, shop.pharmacy_id).rules))


def test_a_line_is_kept_beside_the_others_and_the_other_rules(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Pharmacy, shop.pharmacy_id).rules = {"cycle_days": 28}
    for drug_class in (DrugClass.STATINS, DrugClass.RAS_ANTAGONISTS):
        with database.transaction(shop.scope, clock) as tx:
            set_benchmark(tx, shop.pharmacy_id, drug_class, OURS)
    found = lines(database, shop)
    assert found[DrugClass.STATINS] == found[DrugClass.RAS_ANTAGONISTS] == OURS
    assert DrugClass.DIABETES in found
    with database.reading(SYSTEM) as tx:
        assert tx.get(Pharmacy, shop.pharmacy_id).rules["cycle_days"] == 28
        acts = [(row.act, row.detail) for row in tx.session.query(AuditEvent)]
    assert acts[0] == ("set_benchmark", {"class": "statins", "share": "0.86"})
    assert len(acts) == 2


def test_a_line_is_taken_away(database: Database, clock: VirtualClock, shop: Shop) -> None:
    with database.transaction(shop.scope, clock) as tx:
        set_benchmark(tx, shop.pharmacy_id, DrugClass.DIABETES, None)
    assert lines(database, shop) == {}


def test_another_pharmacys_line_is_not_found(database: Database, clock: VirtualClock, shop: Shop) -> None:
    other = make_shop(database, "other")
    with pytest.raises(NotFound), database.transaction(shop.scope, clock) as tx:
        set_benchmark(tx, other.pharmacy_id, DrugClass.STATINS, OURS)
    assert DrugClass.STATINS not in lines(database, other)
