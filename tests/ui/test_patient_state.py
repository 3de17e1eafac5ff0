"""The handlers of one patient's page: what is shown, done, refused and audited."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import CycleState, EnrollmentState, ItemState, Role
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    AuditEvent,
    ClosedDay,
    ContactPoint,
    Cycle,
    Enrollment,
    PatientNote,
    Therapy,
)
from medsync_app.ui.states.patient import PatientState
from tests.support.screens import TODAY, Batch, make_batch, make_therapy
from tests.support.staff import page_state, signed_in, visit
from tests.support.store import SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.slow


@pytest.fixture
def ada(database: Database, shop: Shop) -> str:
    return make_patient(database, shop, phone="+14045550123")


def with_batch(house: Database, shop: Shop, patient_id: str, *, ready: bool = False) -> Batch:
    fills = tuple(date(2026, 5, 1) + timedelta(days=30 * n) for n in range(7))
    drug = make_therapy(house, shop, patient_id, "Lisinopril 10 mg", fills=fills)
    return make_batch(
        house, shop, patient_id, (drug,), on=TODAY + timedelta(days=4),
        state=CycleState.READY if ready else CycleState.PLANNED,
        items=ItemState.READY if ready else ItemState.PLANNED,
    )  # fmt: skip


async def opened(
    house: Database, clock: VirtualClock, shop: Shop, patient_id: str, role: Role = Role.PHARMACIST
) -> PatientState:
    state = page_state(PatientState, signed_in(house, clock, shop, role), f"/patient/{patient_id}")
    await state.load()
    return state


def acts(house: Database) -> list[str]:
    with house.reading(SYSTEM) as tx:
        return list(tx.session.scalars(select(AuditEvent.act).order_by(AuditEvent.id)))  # pyright: ignore


async def test_opening_a_patient_is_audited_and_polling_is_not(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    with_batch(house, shop, ada)
    state = await opened(house, clock, shop, ada)
    await state.poll()
    assert acts(house) == ["view_patient"]
    assert (state.head["name"], state.contacts[0]["address"]) == ("Example, Ada", "(404) 555-0123")
    assert [drug["name"] for drug in state.drugs] == ["Lisinopril 10 mg"]
    assert len(state.picture["rows"]) == 1


async def test_a_consent_of_a_reply_in_the_evening_is_of_that_day_and_names_no_id(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    evening = datetime(2026, 11, 13, 1, 0, tzinfo=UTC)  # 8 pm the day before in New York
    with house.transaction(SYSTEM, clock) as tx:
        point = tx.session.scalars(select(ContactPoint)).one()
        point.basis_at, point.basis_how = evening, "reply SM0123456789"
    state = await opened(house, clock, shop, ada)
    assert state.contacts[0]["note"] == "reply, Thu 12 Nov"


async def test_another_pharmacys_patient_is_neither_shown_nor_audited(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    other = make_shop(house, "other")
    state = await opened(house, clock, other, ada)
    assert "not there any more" in state.problem
    assert (state.loaded, state.head["name"], acts(house)) == (False, "", [])


async def test_nothing_of_the_patient_before_stays(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    secret = signed_in(house, clock, shop)
    state = page_state(PatientState, secret, f"/patient/{ada}")
    await state.load()
    visit(state, secret, "/patient/nobody")
    await state.load()
    assert (state.loaded, state.head["name"], state.contacts, state.drugs) == (False, "", [], [])


async def test_a_pause_keeps_its_reason(house: Database, clock: VirtualClock, shop: Shop, ada: str) -> None:
    batch = with_batch(house, shop, ada)
    state = await opened(house, clock, shop, ada)
    await state.ask("pause")
    assert state.asking == "pause"
    await state.pause({"reason": "In hospital"})
    assert (state.problem, state.asking, state.taking["state"]) == ("", "", "paused")
    with house.reading(SYSTEM) as tx:
        assert tx.get(Enrollment, batch.enrollment_id).state is EnrollmentState.PAUSED


async def test_a_pause_without_a_reason_stays_open_with_the_problem(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    with_batch(house, shop, ada)
    state = await opened(house, clock, shop, ada)
    await state.ask("pause")
    await state.pause({"reason": "  "})
    assert state.problem != ""
    assert (state.asking, state.taking["state"]) == ("pause", "active")


async def test_a_paused_enrollment_is_resumed_from_a_day(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    with_batch(house, shop, ada)
    state = await opened(house, clock, shop, ada)
    await state.pause({"reason": "In hospital"})
    await state.ask("resume")
    assert state.asked_day != ""
    await state.resume({"sync_date": state.asked_day})
    assert (state.problem, state.taking["state"]) == ("", "active")


async def test_only_a_pharmacist_gives_an_override(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    with_batch(house, shop, ada)
    with house.transaction(SYSTEM, clock) as tx:
        tx.add(ClosedDay(pharmacy_id=shop.pharmacy_id, day=TODAY + timedelta(days=2), name="Inventory"))
    state = await opened(house, clock, shop, ada, Role.TECHNICIAN)
    await state.pause({"reason": "In hospital"})
    closed = (TODAY + timedelta(days=2)).isoformat()
    await state.resume({"sync_date": closed, "override_reason": "Because"})
    assert "pharmacist" in state.problem
    assert state.taking["state"] == "paused"


@pytest.mark.parametrize("day", ["", "soon", "2026-02-30", "' or 1=1"])
async def test_a_day_that_is_none_is_refused(
    house: Database, clock: VirtualClock, shop: Shop, ada: str, day: str
) -> None:
    with_batch(house, shop, ada)
    state = await opened(house, clock, shop, ada)
    await state.pause({"reason": "In hospital"})
    await state.resume({"sync_date": day})
    words = "This is not a date. Pick one from the calendar." if day else "Choose a day."
    assert state.problem == words


async def test_an_enrollment_ends_as_chosen(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    with_batch(house, shop, ada)
    state = await opened(house, clock, shop, ada)
    await state.withdraw({"state": "made_up"})
    assert state.taking["state"] == "active"
    await state.withdraw({"state": "transferred"})
    assert (state.problem, state.taking["state"]) == ("", "transferred")


async def test_a_stopped_drug_leaves_the_programme(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    with_batch(house, shop, ada)
    state = await opened(house, clock, shop, ada)
    await state.ask_discontinue(state.drugs[0]["id"])
    assert state.asked_drug == "Lisinopril 10 mg"
    await state.discontinue({"reason": "Stopped by the prescriber"})
    assert (state.problem, state.drugs[0]["active"]) == ("", False)
    with house.reading(SYSTEM) as tx:
        assert tx.get(Therapy, state.drugs[0]["id"]).status == "discontinued"


async def test_a_pharmacist_answers_what_waits(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    old = make_therapy(house, shop, ada, "Lisinopril 5 mg", fills=(TODAY - timedelta(days=20),))
    make_therapy(house, shop, ada, "Lisinopril 10 mg", fills=(TODAY - timedelta(days=2),))
    with house.transaction(SYSTEM, clock) as tx:
        for row in tx.session.scalars(select(Therapy)):
            row.ingredients = ["lisinopril"]
    technician = await opened(house, clock, shop, ada, Role.TECHNICIAN)
    assert technician.drug_questions == [
        {"therapy_id": old, "name": "Lisinopril 5 mg", "newer": "Lisinopril 10 mg"}
    ]
    await technician.answer_same_drug(old, "replaced")
    assert technician.problem != ""
    state = await opened(house, clock, shop, ada)
    await state.answer_same_drug(old, "made_up")
    assert state.problem != ""
    await state.answer_same_drug(old, "replaced")
    assert (state.problem, state.drug_questions) == ("", [])
    assert {drug["id"]: drug["active"] for drug in state.drugs}[old] is False


async def test_corrections_of_a_batch(house: Database, clock: VirtualClock, shop: Shop, ada: str) -> None:
    batch = with_batch(house, shop, ada, ready=True)
    state = await opened(house, clock, shop, ada, Role.TECHNICIAN)
    shown = state.cycles[0]
    assert (shown["act"], shown["back"]) == ("pickup", "ready")
    await state.not_ready(shown["id"], shown["version"])
    assert (state.problem, state.cycles[0]["act"], state.cycles[0]["back"]) == ("", "ready", "")
    await state.mark_ready(batch.cycle_id, state.cycles[0]["version"])
    await state.picked_up(
        batch.cycle_id, next(c["version"] for c in state.cycles if c["id"] == batch.cycle_id)
    )
    with house.reading(SYSTEM) as tx:
        assert tx.get(Cycle, batch.cycle_id).state is CycleState.CLOSED


async def test_a_note_is_kept_with_its_author(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    state = await opened(house, clock, shop, ada, Role.TECHNICIAN)
    await state.add_note({"text": "Prefers mornings."})
    assert (state.notes[0]["text"], state.note_key) == ("Prefers mornings.", 1)
    assert state.notes[0]["head"].endswith("Sam Example")
    await state.add_note({"text": " "})
    assert state.problem == "Write something first."
    with house.reading(SYSTEM) as tx:
        assert len(tx.session.scalars(select(PatientNote)).all()) == 1


@pytest.mark.usefixtures("owner_looks_only")
async def test_an_owner_may_look_but_not_change(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    with_batch(house, shop, ada, ready=True)
    state = await opened(house, clock, shop, ada, Role.OWNER)
    assert (state.cycles[0]["act"], state.cycles[0]["back"]) == ("", "")
    await state.pause({"reason": "x"})
    assert state.problem != ""
    assert state.taking["state"] == "active"
