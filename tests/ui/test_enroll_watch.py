"""What others do while the wizard is open is shown in place; nothing that is typed or chosen here is lost."""

from datetime import date
from typing import Any, cast

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Channel, ContactBasis, Role
from medsync_app.services.draft_answers import Answers
from medsync_app.services.join import Told, ask_to_join, rotate_link
from medsync_app.services.join_requests import put_aside
from medsync_app.services.save_draft import discard_draft, save_draft
from medsync_app.store.session import Database
from medsync_app.store.tables import ClosedDay, ContactPoint, EnrollmentDraft, JoinRequest
from medsync_app.ui.states.enroll_watch import EnrollWatchState, medicine_news
from tests.support.programme import Clinic, add_drug_row, enroll_recommended, even_patient
from tests.support.store import SYSTEM, Shop, make_patient, make_shop
from tests.ui.test_enroll_state import Wizard, at_step

pytestmark = pytest.mark.slow


@pytest.fixture
def clinic(house: Database, clock: VirtualClock) -> Clinic:
    return Clinic(house, make_shop(house), clock)


def asked(clinic: Clinic) -> str:
    """The id of a request by the public form."""
    told = Told("Ada", "Example", date(1950, 5, 1), "404 555 0123", "en", True, [])
    owner = Shop(clinic.shop.pharmacy_id, clinic.shop.organization_id, Role.OWNER).scope
    with clinic.database.transaction(owner, clinic.clock) as tx:
        token = rotate_link(tx, clinic.shop.pharmacy_id)
    with clinic.database.transaction(SYSTEM, clinic.clock) as tx:
        ask_to_join(tx, token, told, "127.0.0.1")
        return str(tx.session.query(JoinRequest).one().id)


def close(clinic: Clinic, iso: str) -> None:
    with clinic.writing() as tx:
        tx.add(ClosedDay(pharmacy_id=clinic.shop.pharmacy_id, day=date.fromisoformat(iso), name="Closed"))


async def look(wizard: Wizard) -> EnrollWatchState:
    """The next look of the page that the wizard has open."""
    watch = cast(Any, wizard.state).substates[EnrollWatchState.get_name()]
    await watch.poll()
    assert wizard.state.problem == ""
    return watch


def saved_draft(clinic: Clinic) -> EnrollmentDraft:
    with clinic.reading() as tx:
        return tx.session.query(EnrollmentDraft).one()


async def test_drugs_that_an_import_brings_are_shown_and_named(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 2)
    before = len((await look(wizard)).medicines)
    assert wizard.state.news == ""
    add_drug_row(clinic, patient_id, "Rosuvastatin 5 MG", [])
    await look(wizard)
    assert len(wizard.state.medicines) == before + 1
    assert wizard.state.news == "New: Rosuvastatin 5 MG."
    assert (wizard.state.overtaken, saved_draft(clinic).step) == ("", 2)


async def test_a_date_that_is_closed_meanwhile_is_not_chosen_any_more(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 3)
    await look(wizard)
    chosen = next(one for one in wizard.state.options if one["key"] == wizard.state.chosen)
    make_patient(clinic.database, clinic.shop, first="Unrelated")
    await look(wizard)
    kept = next(one for one in wizard.state.options if one["key"] == wizard.state.chosen)
    assert (kept["iso"], wizard.state.news) == (chosen["iso"], "")
    close(clinic, chosen["iso"])
    await look(wizard)
    assert chosen["iso"] not in [one["iso"] for one in wizard.state.options]
    assert (wizard.state.chosen, wizard.state.news) == (
        "", f"{chosen['day']} is not offered any more: choose a date again."
    )  # fmt: skip
    await wizard.state.save_date({})
    assert wizard.state.problem_field == "strategy"


async def test_a_review_whose_date_is_closed_leads_back_to_the_dates(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 5)
    sync_date = (await look(wizard)).review["pickup"]
    with clinic.reading() as tx:
        iso = str(tx.session.query(EnrollmentDraft).one().answers["sync_date"])
    close(clinic, iso)
    await look(wizard)
    assert "because the data changed" in wizard.state.overtaken
    assert wizard.state.overtaken_href.endswith("&step=3")
    assert wizard.state.review["pickup"] == sync_date, "what was seen stays until the person looks"


async def test_a_stop_that_comes_in_is_shown_and_the_language_chosen_here_stays(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 4)
    await look(wizard)
    await wizard.state.speak("es")
    with clinic.writing() as tx:
        tx.session.query(ContactPoint).delete()
        tx.add(
            ContactPoint(
                pharmacy_id=clinic.shop.pharmacy_id, patient_id=patient_id, channel=Channel.SMS,
                address="+14045550155", kind="mobile", basis=ContactBasis.REVOKED, created_at=tx.now, updated_at=tx.now,
            )
        )  # fmt: skip
    await look(wizard)
    assert wizard.state.contact["sms"]["revoked"]
    assert wizard.state.contact["language"] == "es"
    assert "consent has changed" in wizard.state.news


async def test_another_person_who_goes_on_finishes_or_throws_away_is_told(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 3)
    with clinic.writing() as tx:
        row = tx.session.query(EnrollmentDraft).one()
        save_draft(tx, row.id, expected_version=row.version, step=4, answers=Answers())
    await look(wizard)
    assert "went on with this enrollment meanwhile, up to the step Contact" in wizard.state.overtaken
    await wizard.go(wizard.address)
    assert wizard.state.overtaken == ""
    enroll_recommended(clinic, patient_id)
    await look(wizard)
    assert wizard.state.overtaken == "This patient was enrolled meanwhile."
    assert wizard.state.overtaken_href == f"/patient/{patient_id}"


async def test_a_draft_that_is_thrown_away_is_told(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 2)
    with clinic.writing() as tx:
        row = tx.session.query(EnrollmentDraft).one()
        discard_draft(tx, row.id, expected_version=row.version)
    await look(wizard)
    assert "thrown away" in wizard.state.overtaken
    assert wizard.state.loaded, "what is typed stays on the page"


async def test_a_duplicate_that_appears_is_shown_before_anybody_is_added(clinic: Clinic) -> None:
    make_patient(clinic.database, clinic.shop)
    wizard = Wizard(clinic)
    state = await wizard.go("/enroll?new=1")
    form = {"first_name": "Ada", "last_name": "Example", "birth_date": "1980-05-01", "pharmacy": None}
    await state.add(form)
    assert len(state.alike) == 1
    make_patient(clinic.database, clinic.shop)
    await look(wizard)
    assert len(state.alike) == 2
    assert "Somebody like this" in state.news
    make_patient(clinic.database, clinic.shop)
    assert await state.add(form) is None, "nobody has seen the third one yet"
    assert len(state.alike) == 3


async def test_a_request_that_a_colleague_handled_is_told(clinic: Clinic) -> None:
    request_id = asked(clinic)
    wizard = Wizard(clinic, Role.PHARMACIST)
    await wizard.go(f"/enroll?join={request_id}")
    await look(wizard)
    assert wizard.state.overtaken == ""
    with clinic.writing() as tx:
        put_aside(tx, request_id)
    await look(wizard)
    assert "has handled this request meanwhile" in wizard.state.overtaken


def test_medicines_are_told_apart_by_what_happened_to_them() -> None:
    old: Any = [{"id": "a", "name": "A", "days": "30"}, {"id": "b", "name": "B", "days": "30"}]
    now: Any = [{"id": "a", "name": "A", "days": "90"}, {"id": "c", "name": "C", "days": "30"}]
    assert medicine_news(old, now) == "New: C. Changed: A. Not there any more: B."
    assert medicine_news(old, old) == ""
