"""One patient: facts, supply, adherence, conversation, history; and only to who may see them."""

from datetime import date, timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.adherence import NotCounted
from medsync_app.domain.states import ActionState, CycleState, ExceptionKind, FillStatus, ItemState
from medsync_app.errors import NotFound
from medsync_app.reads.patient import patient_facts
from medsync_app.reads.patient_history import conversation, history
from medsync_app.reads.patient_supply import patient_supply
from medsync_app.services.view_patient import view_patient
from medsync_app.services.write_note import write_note
from medsync_app.store.session import Database
from medsync_app.store.tables import Fill, Therapy
from tests.support.screens import TODAY, make_batch, make_message, make_task, make_therapy
from tests.support.store import NOW, SYSTEM, Shop, make_patient, make_shop


@pytest.fixture
def ada(database: Database, shop: Shop) -> str:
    return make_patient(database, shop, phone="+14045550123")


def test_supply_in_hand_is_used_before_the_next_fill(
    database: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    make_therapy(database, shop, ada, "Lisinopril 10 mg", fills=(date(2026, 10, 1), date(2026, 10, 21)))
    with database.reading(shop.scope, clock) as tx:
        drug = patient_supply(tx, ada).drugs[0]
    assert [(s.start, s.end) for s in drug.stretches] == [
        (date(2026, 10, 1), date(2026, 10, 30)),
        (date(2026, 10, 31), date(2026, 11, 29)),
    ]
    assert drug.supply_until == date(2026, 11, 29)


def test_a_planned_fill_follows_the_supply_in_hand(
    database: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    drug = make_therapy(database, shop, ada, "Lisinopril 10 mg", fills=(date(2026, 11, 1),))
    make_batch(database, shop, ada, (drug,), on=date(2026, 11, 28))
    with database.reading(shop.scope, clock) as tx:
        planned = [s for s in patient_supply(tx, ada).drugs[0].stretches if s.planned]
    assert [(s.start, s.end) for s in planned] == [(date(2026, 12, 1), date(2026, 12, 30))]


def test_adherence_counts_this_year_by_class_and_by_drug(
    database: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    fills = tuple(date(2026, 1, 1) + timedelta(days=30 * n) for n in range(10))
    make_therapy(database, shop, ada, "Lisinopril 10 mg", fills=fills)
    with database.reading(shop.scope, clock) as tx:
        measures = {one.label: one for one in patient_supply(tx, ada).measures}
    # 300 of the 327 days from 1 January to 23 November are covered.
    assert measures["RAS antagonists"].result.covered_days == 300
    assert measures["RAS antagonists"].result.period_days == 327
    assert measures["Lisinopril 10 mg"].result.pdc == pytest.approx(300 / 327)
    # 73 gap days in the year, 27 used.
    assert measures["RAS antagonists"].left == 46


def test_only_insulin_sold_this_year_takes_a_patient_out_of_the_diabetes_class(
    database: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    def reasons() -> tuple[NotCounted, ...]:
        with database.reading(shop.scope, clock) as tx:
            return {one.label: one for one in patient_supply(tx, ada).measures}["Diabetes"].result.not_counted

    make_therapy(database, shop, ada, "Metformin 500 mg", fills=(date(2026, 1, 1), date(2026, 2, 1)))
    make_therapy(database, shop, ada, "Insulin glargine", fills=(date(2025, 12, 1),))
    with database.transaction(SYSTEM, clock) as tx:
        for drug in tx.session.query(Therapy).filter(Therapy.drug_name == "Insulin glargine"):
            drug.ingredients = ["insulin glargine"]
    assert reasons() == ()
    with database.transaction(SYSTEM, clock) as tx:
        insulin = tx.session.query(Fill).order_by(Fill.filled_on).first()
        assert insulin is not None
        insulin.filled_on = insulin.picked_up_on = date(2026, 3, 1)
        insulin.status = FillStatus.RETURNED
    assert reasons() == ()
    with database.transaction(SYSTEM, clock) as tx:
        tx.session.query(Fill).order_by(Fill.filled_on.desc()).first().status = FillStatus.SOLD  # type: ignore[union-attr]
    assert reasons() == (NotCounted.INSULIN,)


def test_the_claim_counts_for_adherence_and_the_pickup_for_supply(
    database: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    make_therapy(database, shop, ada, "Lisinopril 10 mg", fills=(date(2026, 10, 1), date(2026, 10, 31)))
    with database.transaction(SYSTEM, clock) as tx:
        for fill in tx.session.query(Fill):
            fill.picked_up_on = fill.filled_on + timedelta(days=5)
    with database.reading(shop.scope, clock) as tx:
        found = patient_supply(tx, ada)
    assert found.drugs[0].stretches[0].start == date(2026, 10, 6)
    assert found.measures[0].result.period_start == date(2026, 10, 1)


def test_batches_hold_their_drugs_and_cancelled_ones_are_left_out(
    database: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    drug = make_therapy(database, shop, ada, "Lisinopril 10 mg")
    done = make_batch(database, shop, ada, (drug,), on=TODAY - timedelta(days=30), state=CycleState.CLOSED)
    first = make_batch(
        database,
        shop,
        ada,
        (drug,),
        on=TODAY,
        number=2,
        enrollment_id=done.enrollment_id,
        items=ItemState.READY,
    )
    make_batch(
        database,
        shop,
        ada,
        (),
        on=TODAY,
        number=3,
        enrollment_id=done.enrollment_id,
        state=CycleState.CANCELLED,
    )
    with database.reading(shop.scope, clock) as tx:
        facts = patient_facts(tx, ada)
    assert [cycle.id for cycle in facts.cycles] == [first.cycle_id, done.cycle_id]
    assert [item.name for item in facts.cycles[0].items] == ["Lisinopril 10 mg"]


def test_the_conversation_tells_coming_from_past(
    database: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    sent = make_message(database, shop, ada, due_at=NOW - timedelta(days=1), state=ActionState.DELIVERED)
    make_message(database, shop, ada, due_at=NOW, state=ActionState.SUPERSEDED)
    later = make_message(database, shop, ada, due_at=NOW + timedelta(days=2))
    sooner = make_message(database, shop, ada, due_at=NOW + timedelta(days=1), state=ActionState.HELD)
    with database.reading(shop.scope, clock) as tx:
        said = conversation(tx, ada)
    assert [one.id for one in said.coming] == [sooner, later]
    assert [one.id for one in said.past] == [sent]


def test_opening_the_page_stands_in_the_history(
    database: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    with database.transaction(shop.scope, clock) as tx:
        view_patient(tx, ada)
    with database.reading(shop.scope, clock) as tx:
        assert [(act.by, act.act) for act in history(tx, ada)] == [("Pat Tester", "view_patient")]


def test_open_tasks_come_before_settled_ones(
    database: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    later = make_task(database, shop, ExceptionKind.CALL, patient_id=ada, due_at=NOW + timedelta(days=1))
    sooner = make_task(database, shop, ExceptionKind.CONTACT, patient_id=ada, due_at=NOW)
    with database.reading(shop.scope, clock) as tx:
        assert [task.id for task in patient_facts(tx, ada).tasks] == [sooner, later]


def test_another_pharmacys_patient_is_not_found(
    database: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    other = make_shop(database, "other")
    with database.reading(other.scope, clock) as tx:
        for read in (patient_facts, patient_supply, conversation, history):
            with pytest.raises(NotFound):
                read(tx, ada)
    with pytest.raises(NotFound), database.transaction(other.scope, clock) as tx:
        view_patient(tx, ada)
    with pytest.raises(NotFound), database.transaction(other.scope, clock) as tx:
        write_note(tx, ada, "Not mine.")
