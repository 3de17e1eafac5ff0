"""The board's handlers: what they show, do and refuse, through the guard."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ExceptionKind, ExceptionState, RenewalState, Role
from medsync_app.reads.exceptions import PAGE_SIZE
from medsync_app.store.session import Database
from medsync_app.store.tables import ExceptionCase, RenewalRequest, Therapy
from medsync_app.ui.states.exceptions import ExceptionsState
from tests.support.cycles import make_cycle
from tests.support.screens import make_task, make_therapy
from tests.support.staff import make_staff, page_state, signed_in
from tests.support.store import NOW, SYSTEM, Shop, make_patient, make_shop


async def opened(
    house: Database, clock: VirtualClock, shop: Shop, path: str, role: Role = Role.TECHNICIAN
) -> ExceptionsState:
    state = page_state(ExceptionsState, signed_in(house, clock, shop, role), path)
    await state.load()
    assert state.problem == ""
    return state


def stored(house: Database, case_id: str) -> ExceptionCase:
    with house.reading(SYSTEM) as tx:
        return tx.get(ExceptionCase, case_id)


async def test_overdue_cases_stand_first_and_say_so(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    make_task(house, shop, ExceptionKind.REPLY, due_at=NOW + timedelta(days=2))
    make_task(
        house, shop, ExceptionKind.CALL, due_at=NOW - timedelta(days=2), patient_id=make_patient(house, shop)
    )
    state = await opened(house, clock, shop, "/exceptions")
    assert [(column["title"], column["tone"], column["count"]) for column in state.columns] == [
        ("Overdue", "bad", 1),
        ("Due this week", "neutral", 1),
    ]
    late = state.columns[0]["cases"][0]
    assert (late["kind"], late["name"], late["tone"]) == ("Call the patient", "Example, Ada", "bad")
    assert late["due"]["relative"] == "2 days ago"


async def test_a_column_with_more_than_fits_leads_to_all_of_it_and_back(
    house: Database, clock: VirtualClock
) -> None:
    shop = make_shop(house)
    for hours in range(PAGE_SIZE + 1):
        make_task(house, shop, ExceptionKind.CALL, due_at=NOW - timedelta(hours=hours + 1))
    make_task(house, shop, ExceptionKind.REPLY, due_at=NOW + timedelta(days=30))
    state = await opened(house, clock, shop, "/exceptions?role=technician")
    assert [(column["count"], len(column["cases"]), column["more_href"]) for column in state.columns] == [
        (PAGE_SIZE + 1, PAGE_SIZE // 2, "/exceptions?role=technician&column=late"),
        (1, 1, ""),
    ]
    assert (state.columns[0]["more"], state.all_href, state.pages) == (f"Show all {PAGE_SIZE + 1}", "", "")
    state = await opened(house, clock, shop, state.columns[0]["more_href"], Role.PHARMACIST)
    assert [(column["key"], len(column["cases"]), column["more_href"]) for column in state.columns] == [
        ("late", PAGE_SIZE, "")
    ]
    assert state.pages == f"1-{PAGE_SIZE} of {PAGE_SIZE + 1}"
    assert (state.all_href, state.next_href) == (
        "/exceptions?role=technician",
        "/exceptions?role=technician&column=late&page=2",
    )


async def test_the_address_holds_every_filter(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    case_id = make_task(house, shop, ExceptionKind.CALL)
    make_task(house, shop, ExceptionKind.REPLY)
    state = await opened(house, clock, shop, f"/exceptions?by=kind&kind=call&role=technician&open={case_id}")
    assert [column["title"] for column in state.columns] == ["Call the patient"]
    assert state.columns[0]["cases"][0]["href"] == (
        f"/exceptions?by=kind&kind=call&role=technician&open={case_id}"
    )
    assert (state.panel_open, state.detail["id"]) == (True, case_id)
    assert ["reply", "Reply to read (1)"] in state.kind_options
    event = await state.choose_kind("reply")
    assert "/exceptions?by=kind&kind=reply&role=technician" in str(event.args)
    event = await state.choose_owner("nonsense")
    assert "/exceptions?by=kind&kind=call" in str(event.args)


async def test_a_case_is_taken_commented_and_settled(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    case_id = make_task(house, shop, ExceptionKind.CALL)
    state = await opened(house, clock, shop, f"/exceptions?open={case_id}")
    await state.take()
    assert state.detail["mine"]
    assert stored(house, case_id).assigned_to is not None
    await state.write_comment({"text": "No answer."})
    assert [one["text"] for one in state.detail["comments"]] == ["No answer."]
    await state.resolve({"outcome": " "})
    assert (state.problem_field, stored(house, case_id).state) == ("outcome", ExceptionState.OPEN)
    await state.resolve({"outcome": "New number."})
    assert (state.problem, stored(house, case_id).state) == ("", ExceptionState.RESOLVED)
    assert (state.detail["open"], state.detail["may_handle"], state.total) == (False, False, 0)


async def test_a_case_is_given_back(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    case_id = make_task(house, shop, ExceptionKind.CALL)
    state = await opened(house, clock, shop, f"/exceptions?open={case_id}")
    await state.take()
    await state.give_back()
    assert (stored(house, case_id).assigned_to, state.detail["assigned"]) == (None, "Nobody")


async def test_a_case_is_given_to_a_colleague_of_the_same_pharmacy_only(
    house: Database, clock: VirtualClock
) -> None:
    shop, other = make_shop(house), make_shop(house, "other")
    robin, stranger = (
        make_staff(
            house, clock, {place.pharmacy_id: Role.TECHNICIAN}, organization_id=place.organization_id,
            email=f"{name}@example.com", name=name,
        )
        for place, name in ((shop, "Robin"), (other, "Stranger"))
    )  # fmt: skip
    case_id = make_task(house, shop, ExceptionKind.CALL)
    state = await opened(house, clock, shop, f"/exceptions?open={case_id}")
    assert [name for _, name in state.detail["people"]] == ["Nobody", "Robin", "Sam Example"]
    await state.give_to(robin)
    assert (stored(house, case_id).assigned_to, state.detail["assigned"]) == (robin, "Robin")
    assert state.notice == "Assigned to Robin."
    await state.give_to(stranger)
    assert "works at this pharmacy" in state.problem
    assert stored(house, case_id).assigned_to == robin
    await state.give_to("")
    assert stored(house, case_id).assigned_to is None


async def test_what_somebody_else_settled_is_said(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    case_id = make_task(house, shop, ExceptionKind.CALL)
    state = await opened(house, clock, shop, f"/exceptions?open={case_id}")
    with house.transaction(SYSTEM, clock) as tx:
        row = tx.get(ExceptionCase, case_id)
        row.state, row.closed_by, row.outcome = ExceptionState.RESOLVED, "Sam", "done"
    await state.resolve({"outcome": "Me too."})
    assert state.problem == "This was settled already by Sam: done."


@pytest.mark.usefixtures("owner_looks_only")
async def test_an_owner_reads_the_board_and_handles_nothing(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    case_id = make_task(house, shop, ExceptionKind.CALL)
    state = await opened(house, clock, shop, f"/exceptions?open={case_id}", Role.OWNER)
    assert not state.detail["may_handle"]
    await state.resolve({"outcome": "Done."})
    assert "Your role does not include this" in state.problem
    assert stored(house, case_id).state is ExceptionState.OPEN


async def test_a_case_of_another_pharmacy_is_not_there(house: Database, clock: VirtualClock) -> None:
    case_id = make_task(house, make_shop(house), ExceptionKind.CALL)
    other = make_shop(house, "other")
    state = page_state(
        ExceptionsState, signed_in(house, clock, other, Role.TECHNICIAN), f"/exceptions?open={case_id}"
    )
    await state.load()
    assert (state.panel_open, state.total) == (False, 0)
    assert "not there any more" in state.problem


async def test_a_prescribers_answer_is_entered_where_the_refill_is_missing(
    house: Database, clock: VirtualClock
) -> None:
    shop = make_shop(house)
    patient = make_patient(house, shop)
    cycle = make_cycle(house, shop, patient, drugs=1)
    with house.transaction(SYSTEM, clock) as tx:
        therapy_id = tx.session.scalars(select(Therapy.id)).one()
        tx.add(
            RenewalRequest(
                pharmacy_id=shop.pharmacy_id, therapy_id=therapy_id, patient_id=patient, cycle_id=cycle.cycle_id,
                state=RenewalState.SENT, path="fax", reason="no_refills", needed_by=NOW.date(), created_at=NOW,
            )
        )  # fmt: skip
    case_id = make_task(house, shop, ExceptionKind.NO_REFILLS, patient_id=patient, therapy_id=therapy_id)
    state = await opened(house, clock, shop, f"/exceptions?open={case_id}")
    assert state.detail["renewal_id"]
    await state.record_answer({"answer": "", "note": ""})
    assert (state.problem_field, state.problem) == ("answer", "Choose what the prescriber answered.")
    await state.record_answer({"answer": "approved_with_changes", "note": "By fax: 90 days"})
    assert (state.problem, state.detail["renewal_id"]) == ("", "")
    with house.reading(SYSTEM) as tx:
        row = tx.session.scalars(select(RenewalRequest)).one()
        assert (row.state, row.answer) == (RenewalState.CHANGED, "By fax: 90 days")


async def test_a_card_names_the_medicine_that_it_is_about(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    ada = make_patient(house, shop)
    drug = make_therapy(house, shop, ada, "Lisinopril 10 mg")
    make_task(house, shop, ExceptionKind.NO_REFILLS, patient_id=ada, therapy_id=drug)
    state = await opened(house, clock, shop, "/exceptions")
    assert [card["drug"] for column in state.columns for card in column["cases"]] == ["Lisinopril 10 mg"]
