"""The wizard's handlers: every step is saved and can be resumed, errors stay at their field, nothing is lost."""

from datetime import date, timedelta
from typing import Any

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Channel, ContactBasis, EnrollmentState, Role, SameDrug
from medsync_app.services.draft_answers import Answers, answers_of
from medsync_app.services.save_draft import save_draft
from medsync_app.store.repositories.contact import contact_points
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    ClosedDay,
    ConsentEvent,
    Cycle,
    Enrollment,
    EnrollmentDraft,
    Patient,
    Therapy,
)
from medsync_app.ui.states.enroll import EnrollState
from tests.support.programme import (
    PHONE,
    Clinic,
    add_drug_row,
    enroll_recommended,
    even_patient,
    reference_patient,
)
from tests.support.staff import page_state, signed_in, visit
from tests.support.store import make_patient, make_shop

pytestmark = pytest.mark.slow

AGREED = {
    "sms_address": "(404) 555-0111", "sms_basis": "express", "voice_basis": "not_asked", "email_basis": "not_asked",
    "language": "en", "preferred": "",
}  # fmt: skip


@pytest.fixture
def clinic(house: Database, clock: VirtualClock) -> Clinic:
    return Clinic(house, make_shop(house), clock)


class Wizard:
    """One person's tab: follows the addresses that handlers lead to, as the browser does."""

    def __init__(self, clinic: Clinic, role: Role = Role.TECHNICIAN) -> None:
        self.secret = signed_in(clinic.database, clinic.clock, clinic.shop, role)
        self.state = page_state(EnrollState, self.secret, "/enroll")
        self.address = "/enroll"

    async def go(self, address: str) -> EnrollState:
        self.address = address
        visit(self.state, self.secret, address)
        await self.follow(await self.state.load())
        return self.state

    async def follow(self, event: Any) -> EnrollState:
        if event is not None:
            path = next(str(value) for name, value in event.args if str(name) == "path").strip('"')
            await self.go(path)
        return self.state


async def at_step(clinic: Clinic, patient_id: str, step: int, role: Role = Role.TECHNICIAN) -> Wizard:
    """The wizard with everything before that step answered as a person would."""
    wizard = Wizard(clinic, role)
    state = await wizard.go(f"/enroll?patient={patient_id}")
    if step > 2:
        await wizard.follow(await state.save_medicines(ticked(state)))
    if step > 3:
        await wizard.follow(await state.save_date({}))
    if step > 4:
        await wizard.follow(await state.save_contact(dict(AGREED)))
    assert (state.problem, state.step) == ("", step)
    return wizard


def ticked(state: EnrollState, **changes: str) -> dict[str, Any]:
    """The form of the medicines step as the browser sends it untouched."""
    form: dict[str, Any] = {}
    for row in state.medicines:
        if row["ticked"] and not row["locked"]:
            form[f"take-{row['id']}"] = "on"
        form |= {
            f"days-{row['id']}": row["days"],
            f"refills-{row['id']}": row["refills"],
            f"pa-{row['id']}": row["pa"],
        }
    return form | changes


def draft(clinic: Clinic) -> EnrollmentDraft:
    with clinic.reading() as tx:
        return tx.session.query(EnrollmentDraft).one()


def enrollments(clinic: Clinic) -> list[Enrollment]:
    with clinic.reading() as tx:
        return list(tx.session.query(Enrollment))


async def test_an_imported_patient_is_enrolled_from_search_to_calendar(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = Wizard(clinic)
    state = await wizard.go("/enroll")
    await state.search("exa")
    assert [hit["name"] for hit in state.hits] == ["Example, Ada"]
    await wizard.follow(await state.pick(state.hits[0]["id"]))
    assert (state.step, [row["ticked"] for row in state.medicines]) == (2, [True, True])
    await wizard.follow(await state.save_medicines(ticked(state)))
    assert (state.step, state.options[0]["key"], state.chosen) == (3, "recommended", "recommended")
    await wizard.follow(await state.save_date({}))
    assert (state.step, state.contact["sms"]["address"]) == (4, "(404) 555-0111")
    await wizard.follow(await state.save_contact(dict(AGREED)))
    assert (state.step, state.review["reach"]) == (5, ["Texts to (404) 555-0111: agreed"])
    assert [step["name"] for step in state.review["messages"]] == [
        "Welcome", "First reminder", "Ask to confirm", "Remind the day before",
    ]  # fmt: skip
    welcome = state.review["messages"][0]
    assert (welcome["when"], welcome["how"]) == ("At once", "Text to (404) 555-0111")
    assert "welcome to refill sync" in welcome["body"]
    await wizard.follow(await state.finish())
    assert (state.problem, state.step, state.done["name"]) == ("", 0, "Example, Ada")
    (made,) = enrollments(clinic)
    assert (made.patient_id, made.state) == (patient_id, EnrollmentState.ACTIVE)
    with clinic.reading() as tx:
        cycle = tx.session.query(Cycle).one()
        assert f"cycle={cycle.id}" in state.done["cycle_href"]
        assert [row.basis for row in contact_points(tx, patient_id)] == [ContactBasis.EXPRESS]
        consent = tx.session.query(ConsentEvent).order_by(ConsentEvent.at.desc()).first()
        assert consent is not None
        assert "main pharmacy" in consent.wording


async def test_a_draft_is_resumed_by_its_link_by_somebody_else(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 4)
    other = Wizard(clinic, Role.PHARMACIST)
    state = await other.go(wizard.address)
    assert (state.step, state.reached, state.person["name"]) == (4, 4, "Example, Ada")
    state = await other.go("/enroll")
    assert [(one["name"], one["step"]) for one in state.drafts] == [("Example, Ada", "Step 4: Contact")]


async def test_a_step_that_was_not_reached_shows_the_furthest_one(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 3)
    state = await wizard.go(f"/enroll?draft={wizard.state.draft_id}&step=5")
    assert state.step == 3


async def test_what_is_ticked_and_typed_is_kept_and_written_when_enrolling(clinic: Clinic) -> None:
    patient_id, (first, second) = even_patient(clinic)
    inhaler = add_drug_row(clinic, patient_id, "Albuterol HFA", [("2026-11-03", 30)], form="inhaler")
    wizard = await at_step(clinic, patient_id, 2, Role.PHARMACIST)
    form = ticked(
        wizard.state, **{f"take-{inhaler}": "on", f"refills-{second}": "0", f"pa-{second}": "2027-03-01"}
    )
    del form[f"take-{first}"]
    await wizard.follow(await wizard.state.save_medicines(form))
    state = await wizard.go(f"/enroll?draft={wizard.state.draft_id}&step=2")
    assert {row["id"]: row["ticked"] for row in state.medicines} == {
        first: False,
        second: True,
        inhaler: True,
    }
    assert {row["reason"] for row in state.medicines} == {
        "Left out by you",
        "",
        "Ticked in by a pharmacist",
    }
    await wizard.go(f"/enroll?draft={state.draft_id}&step=3")
    await wizard.follow(await state.save_date({}))
    await wizard.follow(await state.save_contact(dict(AGREED)))
    await wizard.follow(await state.finish())
    assert state.problem == ""
    with clinic.reading() as tx:
        assert (tx.get(Therapy, first).include, tx.get(Therapy, inhaler).include) == (False, True)
        assert tx.get(Therapy, second).pa_ends_on == date(2027, 3, 1)


async def test_only_a_pharmacist_ticks_in_what_is_out_by_itself(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    inhaler = add_drug_row(clinic, patient_id, "Albuterol HFA", [("2026-11-03", 30)], form="inhaler")
    wizard = await at_step(clinic, patient_id, 2)
    assert {row["id"]: row["locked"] for row in wizard.state.medicines}[inhaler]
    await wizard.follow(await wizard.state.save_medicines(ticked(wizard.state, **{f"take-{inhaler}": "on"})))
    assert inhaler not in answers_of(draft(clinic).answers).choices
    boss = Wizard(clinic, Role.PHARMACIST)
    state = await boss.go(f"/enroll?draft={wizard.state.draft_id}&step=2")
    await boss.follow(await state.save_medicines(ticked(state, **{f"take-{inhaler}": "on"})))
    state = await wizard.go(f"/enroll?draft={wizard.state.draft_id}&step=2")
    await wizard.follow(await state.save_medicines(ticked(state)))
    assert answers_of(draft(clinic).answers).choices[inhaler].include is True


async def test_a_pharmacist_answers_whether_a_newer_strength_replaces_the_older(clinic: Clinic) -> None:
    patient_id = make_patient(clinic.database, clinic.shop)
    older = add_drug_row(clinic, patient_id, "Lisinopril 5 MG", [("2026-11-01", 30)])
    add_drug_row(clinic, patient_id, "Lisinopril 10 MG", [("2026-11-05", 30)])
    wizard = await at_step(clinic, patient_id, 2)
    asked = {row["id"]: (row["asks"], row["locked"], row["ticked"]) for row in wizard.state.medicines}[older]
    assert asked == ("Same ingredient as Lisinopril 10 MG", True, False)
    await wizard.follow(
        await wizard.state.save_medicines(ticked(wizard.state, **{f"same-{older}": "together"}))
    )
    assert older not in answers_of(draft(clinic).answers).choices, "a technician does not answer"
    boss = Wizard(clinic, Role.PHARMACIST)
    state = await boss.go(f"/enroll?draft={wizard.state.draft_id}&step=2")
    await boss.follow(await state.save_medicines(ticked(state, **{f"same-{older}": "replaced"})))
    assert answers_of(draft(clinic).answers).choices[older].same_drug is SameDrug.REPLACED
    state = await wizard.go(f"/enroll?draft={wizard.state.draft_id}&step=2")
    assert [row["answer"] for row in state.medicines if row["id"] == older] == ["replaced"]
    await wizard.follow(await state.save_medicines(ticked(state)))
    await wizard.follow(await state.save_date({}))
    await wizard.follow(await state.save_contact(dict(AGREED)))
    await wizard.follow(await state.finish())
    assert state.problem == ""
    with clinic.reading() as tx:
        assert tx.get(Therapy, older).status == "discontinued"


@pytest.mark.parametrize(("field", "text"), [("days", "0"), ("days", "x"), ("refills", "-1"), ("pa", "soon")])
async def test_a_wrong_number_is_told_at_its_field_and_nothing_is_saved(
    clinic: Clinic, field: str, text: str
) -> None:
    patient_id, (first, _) = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 2)
    before = draft(clinic).version
    await wizard.state.save_medicines(ticked(wizard.state, **{f"{field}-{first}": text}))
    assert (wizard.state.problem_field, wizard.state.step) == (f"{field}-{first}", 2)
    assert draft(clinic).version == before


async def test_leaving_out_every_medicine_is_refused(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 2)
    form = {key: text for key, text in ticked(wizard.state).items() if not key.startswith("take-")}
    await wizard.state.save_medicines(form)
    assert wizard.state.problem_field == "medicines"


async def test_a_day_of_ones_own_becomes_an_option(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 3)
    state = wizard.state
    wanted = date.fromisoformat(state.options[0]["iso"]) - timedelta(days=1)
    await state.ask_for_day(wanted.isoformat())
    assert (state.problem, state.chosen) == ("", "requested")
    await wizard.follow(await state.save_date({}))
    assert state.step == 4
    kept = answers_of(draft(clinic).answers)
    assert (kept.strategy, kept.sync_date) == ("requested", wanted)


async def test_a_day_that_breaks_a_rule_needs_a_pharmacist_and_a_reason(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 3)
    closed = date.fromisoformat(wizard.state.options[0]["iso"]) - timedelta(days=1)
    with clinic.writing() as tx:
        tx.add(ClosedDay(pharmacy_id=clinic.shop.pharmacy_id, day=closed, name="Stock-taking"))
    state = wizard.state
    await state.ask_for_day(closed.isoformat())
    assert ("closed" in state.breaks, state.may_override) == (True, False)
    await state.save_date({"override_reason": "Because"})
    assert "pharmacist" in state.problem
    boss = Wizard(clinic, Role.PHARMACIST)
    state = await boss.go(f"/enroll?draft={state.draft_id}&step=3")
    await state.choose("requested")
    # The browser sends null for a field that was not drawn when the form was.
    await state.save_date({"override_reason": None})
    assert state.problem_field == "override_reason"
    await state.save_date({"override_reason": " "})
    assert (state.problem_field, state.step) == ("override_reason", 3)
    await boss.follow(await state.save_date({"override_reason": "The patient travels"}))
    assert state.step == 4
    assert answers_of(draft(clinic).answers).override_reason == "The patient travels"


@pytest.mark.parametrize("day", ["2026-11-20", "yesterday", "2020-01-01"])
async def test_a_day_that_is_not_possible_says_why_at_the_field(clinic: Clinic, day: str) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 3)
    await wizard.state.ask_for_day(day)
    await wizard.state.save_date({})
    assert wizard.state.step == 3 or wizard.state.chosen == "recommended"
    assert enrollments(clinic) == []


async def test_the_rhythm_is_kept(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 3)
    await wizard.state.set_rhythm("28")
    assert (wizard.state.rhythm, answers_of(draft(clinic).answers).cycle_days) == ("28", 28)
    await wizard.state.set_rhythm("monthly")
    assert (wizard.state.rhythm, answers_of(draft(clinic).answers).cadence) == ("monthly", "monthly")
    await wizard.state.set_rhythm("3")
    assert wizard.state.problem_field == "rhythm"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sms_address": "12"}, "sms_address"), ({"sms_address": ""}, "sms_address"),
        ({"email_address": "nobody"}, "email_address"), ({"email_basis": "express"}, "email_address"),
        ({"sms_basis": "maybe"}, "sms_basis"), ({"language": "fr"}, "language"), ({"preferred": "email"}, "preferred"),
        ({"caregiver_name": "Bo"}, "caregiver_phone"), ({"caregiver_phone": "404 555 0144"}, "caregiver_name"),
        ({"caregiver_name": "Bo", "caregiver_phone": "404 555 0144"}, "caregiver_allowed"),
    ],
)  # fmt: skip
async def test_a_contact_that_cannot_be_used_is_told_at_its_field(
    clinic: Clinic, change: dict[str, str], field: str
) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 4)
    await wizard.state.save_contact(AGREED | change)
    assert (wizard.state.problem_field, wizard.state.step) == (field, 4)


async def test_a_caregiver_and_a_spanish_wording_are_recorded(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 4)
    await wizard.state.speak("es")
    assert wizard.state.contact["wordings"]["sms"].startswith("Acepto")
    more = {
        "language": "es", "caregiver_name": "Bo", "caregiver_phone": "404 555 0144", "caregiver_allowed": "on",
        "caregiver_agreed": "on", "drug_names": "on", "preferred": "sms",
    }  # fmt: skip
    await wizard.follow(await wizard.state.save_contact(AGREED | more))
    await wizard.follow(await wizard.state.finish())
    with clinic.reading() as tx:
        points = contact_points(tx, patient_id)
        patient = tx.get(Patient, patient_id)
    assert [(point.address, point.caregiver_name) for point in points] == [
        (PHONE, ""),
        ("+14045550144", "Bo"),
    ]
    assert (patient.language, patient.drug_names_wanted, patient.preferred_channel) == (
        "es",
        True,
        Channel.SMS,
    )


async def test_without_any_basis_the_review_says_that_staff_calls(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 4)
    await wizard.follow(await wizard.state.save_contact(AGREED | {"sms_basis": "declined"}))
    assert wizard.state.review["unreachable"]


async def test_short_fills_are_said_to_need_a_pharmacist(clinic: Clinic) -> None:
    wizard = await at_step(clinic, reference_patient(clinic).patient_id, 5)
    assert wizard.state.review["needs_approval"]
    assert {step["note"] for step in wizard.state.review["messages"]} == {"After approval"}
    await wizard.follow(await wizard.state.finish())
    assert wizard.state.done["review"]


async def test_a_patient_by_hand_with_drugs_goes_on_to_the_medicines(clinic: Clinic) -> None:
    wizard = Wizard(clinic)
    state = await wizard.go("/enroll?new=1")
    await state.add_line()
    form = {
        "first_name": "Rosa", "last_name": "Nueva", "birth_date": "1950-02-03", "phone": "404 555 0177",
        "drug-2-name": "Lisinopril 10 MG Tablet", "drug-2-days": "30", "drug-2-last": "2026-11-05",
    }  # fmt: skip
    await wizard.follow(await state.add(form))
    assert (state.problem, state.step, state.person["name"]) == ("", 2, "Nueva, Rosa")
    assert [(row["name"], row["ticked"]) for row in state.medicines] == [("Lisinopril 10 MG Tablet", True)]


async def test_likely_duplicates_are_shown_before_anybody_is_added(clinic: Clinic) -> None:
    make_patient(clinic.database, clinic.shop)
    wizard = Wizard(clinic)
    state = await wizard.go("/enroll?new=1")
    form = {"first_name": "ADA", "last_name": "Example", "birth_date": "1980-05-01", "pharmacy": None}
    assert await state.add(form) is None
    assert [one["name"] for one in state.alike] == ["Example, Ada"]
    with clinic.reading() as tx:
        assert tx.session.query(Patient).count() == 1
    await wizard.follow(await state.add(form))
    assert state.step == 2
    with clinic.reading() as tx:
        assert tx.session.query(Patient).count() == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"birth_date": ""}, "birth_date"), ({"first_name": ""}, "first_name"), ({"phone": "1"}, "phone"),
        ({"drug-1-name": "Lisinopril 10 MG"}, "drug-1-days"), ({"drug-0-days": "30"}, "drug-0-name"),
        ({"drug-1-name": "L", "drug-1-days": "30", "drug-1-last": "2030-01-01"}, "drug-1-last"),
        (
            {"drug-1-name": "L", "drug-1-days": "30", "drug-1-last": "2026-11-01", "drug-1-quantity": "x"},
            "drug-1-quantity",
        ),
    ],
)  # fmt: skip
async def test_a_wrong_new_patient_is_told_at_its_field(
    clinic: Clinic, change: dict[str, str], field: str
) -> None:
    wizard = Wizard(clinic)
    state = await wizard.go("/enroll?new=1")
    await state.add({"first_name": "Rosa", "last_name": "Nueva", "birth_date": "1950-02-03"} | change)
    assert state.problem_field == field
    with clinic.reading() as tx:
        assert tx.session.query(Patient).count() == 0


async def test_a_draft_somebody_else_saved_is_not_overwritten(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 3)
    with clinic.writing() as tx:
        row = tx.session.query(EnrollmentDraft).one()
        save_draft(
            tx, row.id, expected_version=row.version, step=3, answers=Answers(override_reason="theirs")
        )
    await wizard.state.save_date({})
    assert "meantime" in wizard.state.problem
    assert answers_of(draft(clinic).answers).override_reason == "theirs"


async def test_enrolling_after_somebody_else_did_is_refused(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 5)
    enroll_recommended(clinic, patient_id)
    await wizard.state.finish()
    assert "enrolled already" in wizard.state.problem
    assert len(enrollments(clinic)) == 1


async def test_a_draft_is_thrown_away(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = await at_step(clinic, patient_id, 3)
    await wizard.follow(await wizard.state.discard())
    assert (wizard.state.step, wizard.state.drafts, wizard.state.notice != "") == (1, [], True)


@pytest.mark.usefixtures("owner_looks_only")
async def test_an_owner_may_not_use_the_wizard(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wizard = Wizard(clinic, Role.OWNER)
    state = await wizard.go(f"/enroll?patient={patient_id}")
    assert (state.loaded, state.problem != "") == (False, True)
    with clinic.reading() as tx:
        assert tx.session.query(EnrollmentDraft).count() == 0


async def test_another_pharmacys_draft_and_patient_are_not_there(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    theirs = await at_step(clinic, patient_id, 3)
    elsewhere = Clinic(clinic.database, make_shop(clinic.database, "other"), clinic.clock)
    stranger = Wizard(elsewhere)
    for address in (
        f"/enroll?draft={theirs.state.draft_id}&step=3", f"/enroll?patient={patient_id}", "/enroll?enrolled=x",
    ):  # fmt: skip
        state = await stranger.go(address)
        assert (state.loaded, state.problem != "", state.options) == (False, True, [])


async def test_a_new_patient_that_is_sent_twice_is_added_once(clinic: Clinic) -> None:
    state = await Wizard(clinic).go("/enroll?new=1")
    form = {
        "first_name": "Rosa", "last_name": "Nueva", "birth_date": "1950-02-03",
        "drug-0-name": "Lisinopril 10 MG Tablet", "drug-0-days": "30", "drug-0-last": "2026-11-05",
    }  # fmt: skip
    assert await state.add(form) is not None
    assert await state.add(form) is None
    assert [one["name"] for one in state.alike] == ["Nueva, Rosa"]
    with clinic.reading() as tx:
        assert tx.session.query(Patient).count() == 1
