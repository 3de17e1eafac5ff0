"""The handlers of Plan together: every candidate gets a day, nothing is written, and the wizard takes the day over."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.services.record_offer import record_offer
from medsync_app.store.session import Database
from medsync_app.store.tables import Enrollment, EnrollmentDraft, Pharmacy
from medsync_app.ui.states.enroll import EnrollState
from medsync_app.ui.states.together import TogetherState
from tests.support.programme import Clinic, enroll_recommended, even_patient
from tests.support.staff import page_state, signed_in
from tests.support.store import make_shop

pytestmark = pytest.mark.slow
PATH = "/candidates/together"


@pytest.fixture
def clinic(house: Database, clock: VirtualClock) -> Clinic:
    """One patient enrolled, three candidates whose drugs are due on the same day, room for two a day."""
    made = Clinic(house, make_shop(house), clock)
    enroll_recommended(made, even_patient(made, days_ago=10, first="Ada")[0])
    for first in ("Ben", "Cy", "Di"):
        even_patient(made, days_ago=10, first=first)
    with made.writing() as tx:
        tx.get(Pharmacy, made.shop.pharmacy_id).daily_capacity = 2
    return made


@pytest.fixture
def secret(clinic: Clinic) -> str:
    return signed_in(clinic.database, clinic.clock, clinic.shop, Role.TECHNICIAN)


async def opened(secret: str) -> TogetherState:
    state = page_state(TogetherState, secret, PATH)
    await state.look()
    return state


async def test_candidates_get_days_of_their_own_around_what_is_planned(clinic: Clinic, secret: str) -> None:
    state = await opened(secret)
    assert (state.problem, state.patients, state.peak_before, state.peak_after) == ("", "3", "1", "1")
    assert {row["name"] for row in state.rows} == {"Example, Ben", "Example, Cy", "Example, Di"}
    assert len({row["day"]["text"] for row in state.rows}) == 3
    assert all(row["other"].startswith("alone: ") for row in state.rows)
    assert state.capacity == "room for 2 a day"
    with clinic.reading() as tx:
        assert tx.session.scalar(select(func.count()).select_from(Enrollment)) == 1


async def test_who_said_no_is_not_planned(clinic: Clinic, secret: str) -> None:
    gone = (await opened(secret)).rows[0]
    with clinic.writing() as tx:
        record_offer(tx, gone["id"], declined=True)
    assert gone["id"] not in {row["id"] for row in (await opened(secret)).rows}


async def test_the_day_stands_first_in_the_wizard(clinic: Clinic, secret: str) -> None:
    row = (await opened(secret)).rows[0]
    wizard = page_state(EnrollState, secret, row["href"])
    await wizard.load()
    with clinic.reading() as tx:
        draft = tx.session.scalars(select(EnrollmentDraft)).one()
        assert draft.answers["requested"] == row["href"].rpartition("=")[2]
    wizard = page_state(EnrollState, secret, f"/enroll?draft={draft.id}&step=2")
    await wizard.load()
    form = {f"take-{one['id']}": "on" for one in wizard.medicines}
    await wizard.save_medicines(form)
    wizard = page_state(EnrollState, secret, f"/enroll?draft={draft.id}&step=3")
    await wizard.load()
    chosen = next(one for one in wizard.options if one["key"] == wizard.chosen)
    assert chosen["iso"] == draft.answers["requested"]


async def test_an_address_with_a_day_that_is_none_begins_as_usual(clinic: Clinic, secret: str) -> None:
    row = (await opened(secret)).rows[0]
    wizard = page_state(EnrollState, secret, f"/enroll?patient={row['id']}&on=soon")
    await wizard.load()
    with clinic.reading() as tx:
        assert tx.session.scalars(select(EnrollmentDraft)).one().answers["requested"] is None


async def test_nothing_of_another_pharmacy_is_planned(clinic: Clinic) -> None:
    other = make_shop(clinic.database, "other", now=clinic.clock.now() - timedelta(days=1))
    state = await opened(signed_in(clinic.database, clinic.clock, other))
    assert (state.problem, state.rows, state.patients) == ("", [], "0")
