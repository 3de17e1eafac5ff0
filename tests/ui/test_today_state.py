"""Today's handlers: what they show, do and refuse, through the guard."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import (
    Channel,
    ContactBasis,
    CycleState,
    ExceptionKind,
    ExceptionState,
    ItemState,
    Role,
)
from medsync_app.services.contact_settings import record_basis
from medsync_app.store.session import Database
from medsync_app.store.tables import AddressStatus, Cycle, CycleItem, ExceptionCase
from medsync_app.ui.states.today import TodayState
from tests.support.screens import TODAY, make_batch, make_task, make_therapy
from tests.support.staff import make_session, make_staff, page_state, signed_in
from tests.support.store import NOW, SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.slow


def ready_batch(house: Database, shop: Shop, *, state: CycleState = CycleState.PREPARING) -> str:
    ada = make_patient(house, shop, phone="+14045550123")
    drug = make_therapy(house, shop, ada, "Lisinopril 10 mg", fills=(TODAY - timedelta(days=25),))
    items = ItemState.READY if state is CycleState.READY else ItemState.PLANNED
    return make_batch(house, shop, ada, (drug,), on=TODAY, state=state, items=items).cycle_id


def stored_cycle(house: Database, cycle_id: str) -> Cycle:
    with house.reading(SYSTEM) as tx:
        return tx.get(Cycle, cycle_id)


async def opened(house: Database, clock: VirtualClock, shop: Shop, role: Role, path: str = "/") -> TodayState:
    state = page_state(TodayState, signed_in(house, clock, shop, role), path)
    await state.load()
    return state


async def test_a_technician_marks_a_batch_ready_and_takes_it_back(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    cycle_id = ready_batch(house, shop)
    state = await opened(house, clock, shop, Role.TECHNICIAN)
    row = state.rows[0]
    assert (row["action"], row["label"], row["drugs"]) == ("ready", "Mark ready", "1 medicine")
    await state.mark_ready(row["cycle_id"], row["version"])
    assert state.problem == ""
    assert stored_cycle(house, cycle_id).state is CycleState.READY
    assert (state.notice, state.undo_kind) == ("Marked ready.", "ready")
    assert [line["action"] for line in state.rows] == ["pickup"]
    await state.undo()
    assert stored_cycle(house, cycle_id).state is CycleState.PREPARING
    assert (state.notice, state.undo_kind) == ("Taken back.", "")


async def test_a_pickup_closes_the_batch_and_can_be_taken_back(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    cycle_id = ready_batch(house, shop, state=CycleState.READY)
    state = await opened(house, clock, shop, Role.TECHNICIAN)
    await state.picked_up(cycle_id, state.rows[0]["version"])
    assert stored_cycle(house, cycle_id).state is CycleState.CLOSED
    assert state.rows == []
    await state.undo()
    assert state.problem == ""
    assert stored_cycle(house, cycle_id).state is CycleState.READY


async def test_a_stale_version_is_refused_and_the_queue_shown_anew(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    cycle_id = ready_batch(house, shop)
    state = await opened(house, clock, shop, Role.TECHNICIAN)
    with house.transaction(SYSTEM, clock) as tx:
        tx.get(Cycle, cycle_id).version = 7
    await state.mark_ready(cycle_id, 1)
    assert state.problem != ""
    assert stored_cycle(house, cycle_id).state is CycleState.PREPARING
    assert state.rows[0]["version"] == 7


@pytest.mark.usefixtures("owner_looks_only")
async def test_an_owner_sees_the_queue_without_its_buttons(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    cycle_id = ready_batch(house, shop)
    state = await opened(house, clock, shop, Role.OWNER)
    assert [row["action"] for row in state.rows] == [""]
    await state.mark_ready(cycle_id, 1)
    assert state.problem != ""
    assert stored_cycle(house, cycle_id).state is CycleState.PREPARING


async def test_a_technician_cannot_approve_a_plan(house: Database, clock: VirtualClock, shop: Shop) -> None:
    ada = make_patient(house, shop)
    batch = make_batch(house, shop, ada, (), on=TODAY, state=CycleState.PROPOSED, needs_review=True)
    make_task(house, shop, ExceptionKind.PLAN_REVIEW, patient_id=ada, cycle_id=batch.cycle_id)
    state = await opened(house, clock, shop, Role.TECHNICIAN)
    assert [row["action"] for row in state.rows if row["sort"] == "review"] == [""]
    await state.approve(batch.cycle_id, 1)
    assert state.problem != ""
    assert stored_cycle(house, batch.cycle_id).reviewed_at is None


async def test_another_pharmacys_batch_cannot_be_touched(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    cycle_id = ready_batch(house, shop)
    other = make_shop(house, "other")
    state = await opened(house, clock, other, Role.PHARMACIST)
    assert state.rows == []
    await state.mark_ready(cycle_id, 1)
    assert "not there any more" in state.problem
    assert stored_cycle(house, cycle_id).state is CycleState.PREPARING


async def test_after_an_act_somebody_with_two_roles_still_sees_everything(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    other = make_shop(house, "other")
    task = make_task(house, other, ExceptionKind.CALL, patient_id=make_patient(house, other))
    cycle_id = ready_batch(house, shop)
    roles = {shop.pharmacy_id: Role.TECHNICIAN, other.pharmacy_id: Role.OWNER}
    staff = make_staff(house, clock, roles, organization_id=shop.organization_id)
    state = page_state(TodayState, make_session(house, clock, staff))
    await state.load()
    await state.mark_ready(cycle_id, 1)
    assert task in [row["exception_id"] for row in state.rows]


async def test_the_address_chooses_the_work(house: Database, clock: VirtualClock, shop: Shop) -> None:
    ready_batch(house, shop)
    ada = make_patient(house, shop, first="Ben")
    make_task(house, shop, ExceptionKind.CALL, patient_id=ada)
    state = await opened(house, clock, shop, Role.TECHNICIAN, "/?work=call")
    assert ([row["sort"] for row in state.rows], state.sort) == (["call"], "call")
    assert state.counts["prepare"] == 1


@pytest.mark.parametrize("query", ["?work=nothing&page=-3", "?page=0", "?page=99999999999", "?page=two"])
async def test_an_odd_address_shows_the_first_page(
    house: Database, clock: VirtualClock, shop: Shop, query: str
) -> None:
    ready_batch(house, shop)
    state = await opened(house, clock, shop, Role.TECHNICIAN, f"/{query}")
    assert (len(state.rows), state.problem) == (1, "")


async def test_a_call_is_worked_on_its_sheet(house: Database, clock: VirtualClock, shop: Shop) -> None:
    ada = make_patient(house, shop, phone="+14045550123")
    task = make_task(house, shop, ExceptionKind.CALL, patient_id=ada)
    state = await opened(house, clock, shop, Role.TECHNICIAN)
    await state.open_call(task)
    assert (state.call_open, state.sheet["phones"]) == (True, ["(404) 555-0123"])
    await state.save_call({"outcome": "spoke", "note": "Comes on Friday."})
    with house.reading(SYSTEM) as tx:
        case = tx.get(ExceptionCase, task)
    assert case.state is ExceptionState.RESOLVED
    assert "Comes on Friday." in case.outcome
    assert (state.call_open, state.rows) == (False, [])


async def test_a_call_nobody_answered_is_due_again(house: Database, clock: VirtualClock, shop: Shop) -> None:
    task = make_task(house, shop, ExceptionKind.CALL, patient_id=make_patient(house, shop), due_at=NOW)
    state = await opened(house, clock, shop, Role.TECHNICIAN)
    await state.open_call(task)
    await state.save_call({"outcome": "no_answer"})
    with house.reading(SYSTEM) as tx:
        case = tx.get(ExceptionCase, task)
    assert case.state is ExceptionState.OPEN
    assert case.due_at > NOW


async def test_a_wrong_number_makes_a_contact_task(house: Database, clock: VirtualClock, shop: Shop) -> None:
    ada = make_patient(house, shop)
    task = make_task(house, shop, ExceptionKind.CALL, patient_id=ada)
    state = await opened(house, clock, shop, Role.TECHNICIAN)
    await state.open_call(task)
    await state.save_call({"outcome": "wrong_number"})
    assert [row["sort"] for row in state.rows] == ["contact"]


async def test_who_has_several_numbers_is_asked_which_one_was_wrong(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    ada = make_patient(house, shop, phone="+14045550123")
    with house.transaction(SYSTEM, clock) as tx:
        record_basis(tx, ada, Channel.VOICE, "+14045550124", ContactBasis.EXPRESS, "counter", rank=5)
    task = make_task(house, shop, ExceptionKind.CALL, patient_id=ada)
    state = await opened(house, clock, shop, Role.TECHNICIAN)
    await state.open_call(task)
    assert [value for value, _ in state.sheet["numbers"]] == ["", "+14045550123", "+14045550124"]
    await state.save_call({"outcome": "wrong_number", "number": ""})
    assert (state.problem_field, state.call_open) == ("number", True)
    await state.save_call({"outcome": "wrong_number", "number": "+14045550124"})
    with house.reading(SYSTEM) as tx:
        marked = tx.session.scalars(select(AddressStatus).where(AddressStatus.wrong_at.is_not(None)))  # type: ignore[union-attr]
        assert {row.address for row in marked} == {"+14045550124"}


async def test_a_call_without_an_outcome_changes_nothing(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    task = make_task(house, shop, ExceptionKind.CALL, patient_id=make_patient(house, shop))
    state = await opened(house, clock, shop, Role.TECHNICIAN)
    await state.open_call(task)
    await state.save_call({"note": "?"})
    assert (state.problem, state.call_open) == ("Choose how the call went.", True)


async def test_polling_shows_what_others_did(house: Database, clock: VirtualClock, shop: Shop) -> None:
    state = await opened(house, clock, shop, Role.TECHNICIAN)
    await state.poll()
    assert state.rows == []
    make_task(house, shop, ExceptionKind.CALL, patient_id=make_patient(house, shop))
    await state.poll()
    assert len(state.rows) == 1


async def test_the_checklist_is_for_who_may_set_up(house: Database, clock: VirtualClock, shop: Shop) -> None:
    owner = await opened(house, clock, shop, Role.OWNER)
    assert owner.steps_left > 0
    technician = await opened(house, clock, shop, Role.TECHNICIAN)
    assert technician.steps == []


async def test_each_medicine_is_asked_for_on_the_sheet(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    ada = make_patient(house, shop)
    drugs = tuple(make_therapy(house, shop, ada, name) for name in ("Lisinopril 10 mg", "Metformin 500 mg"))
    batch = make_batch(house, shop, ada, drugs, on=TODAY)
    task = make_task(house, shop, ExceptionKind.CALL, patient_id=ada, cycle_id=batch.cycle_id)
    state = await opened(house, clock, shop, Role.TECHNICIAN)
    await state.open_call(task)
    first, second = state.sheet["drugs"]
    assert (first["ask"], second["ask"]) == (True, True)
    typed = {"outcome": "counter", first["answer"]: "fill", first["doses"]: "4", second["answer"]: "skip"}
    await state.save_call(typed)
    assert (state.problem, state.problem_field) == ("Say why, in a few words.", second["reason"])
    await state.save_call({**typed, first["doses"]: "four", second["reason"]: "Enough"})
    assert state.problem_field == first["doses"]
    await state.save_call({**typed, second["reason"]: "Enough"})
    assert (state.problem, state.call_open) == ("", False)
    with house.reading(SYSTEM) as tx:
        rows = {row.therapy_id: row for row in tx.session.scalars(select(CycleItem))}
    assert (rows[drugs[0]].requested_how, rows[drugs[0]].doses_left) == ("counter", 4)
    assert (rows[drugs[1]].state, rows[drugs[1]].problem_note) == (ItemState.SKIPPED, "Enough")


async def test_a_task_about_one_medicine_names_it(house: Database, clock: VirtualClock, shop: Shop) -> None:
    ada = make_patient(house, shop)
    names = ("Lisinopril 10 mg", "Metformin 500 mg")
    drugs = tuple(make_therapy(house, shop, ada, name, rx_number=name) for name in names)
    batch = make_batch(house, shop, ada, drugs, on=TODAY + timedelta(days=9), state=CycleState.PLANNED)
    for minutes, drug in enumerate(drugs):
        due = NOW + timedelta(minutes=minutes)
        about = {"patient_id": ada, "cycle_id": batch.cycle_id, "therapy_id": drug}
        make_task(house, shop, ExceptionKind.NO_REFILLS, due_at=due, **about)
    state = await opened(house, clock, shop, Role.TECHNICIAN)
    assert [row["drugs"] for row in state.rows] == list(names)
    make_task(house, shop, ExceptionKind.CALL, patient_id=ada, cycle_id=batch.cycle_id, due_at=NOW)
    await state.load()
    call = next(row for row in state.rows if row["sort"] == "call")
    assert (call["drugs"], call["drug_names"]) == ("2 medicines", "Lisinopril and Metformin")
