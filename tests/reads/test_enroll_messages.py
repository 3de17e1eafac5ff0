"""What the wizard's review shows of a message is what then goes out."""

from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from medsync_app.domain.states import ActionState, Channel, ContactBasis
from medsync_app.reads.enroll import draft_of
from medsync_app.reads.enroll_messages import PlannedMessage, planned_messages
from medsync_app.services.approve_plan import approve
from medsync_app.services.contact_settings import opt_out
from medsync_app.services.draft_answers import Answers, command_of, document_of
from medsync_app.services.enroll import ContactChoice, enroll
from medsync_app.services.preview_enrollment import expected_steps
from medsync_app.services.propose import propose
from medsync_app.services.save_draft import save_draft, start_draft
from medsync_app.store.session import Database
from medsync_app.store.tables import Cycle, EnrollmentDraft, ScheduledAction
from tests.support.loop import FakeConnection, run_tick
from tests.support.programme import (
    PHONE,
    Clinic,
    batch_of,
    enroll_recommended,
    even_patient,
    make_clinic,
    reference_patient,
)

EXPRESS = ContactChoice(Channel.SMS, PHONE, ContactBasis.EXPRESS, wording="I agree to texts.")
GIVEN = replace(EXPRESS, basis=ContactBasis.NUMBER_GIVEN, wording="")
CALL = replace(EXPRESS, channel=Channel.VOICE)
LETTER = replace(EXPRESS, channel=Channel.EMAIL, address="rosa@example.org")


@pytest.fixture
def clinic(database: Database) -> Clinic:
    return make_clinic(database)


def begin(clinic: Clinic, patient_id: str, **answers: object) -> str:
    """A draft on the recommended date, answered as far as the review."""
    with clinic.writing() as tx:
        day = propose(tx, patient_id).plan.recommended.sync_date
        saved = start_draft(tx, patient_id)
        known = Answers(sync_date=day, **answers)  # type: ignore[arg-type]
        save_draft(tx, saved.draft_id, expected_version=saved.version, step=5, answers=known)
        return saved.draft_id


def foreseen(clinic: Clinic, draft_id: str) -> list[PlannedMessage]:
    with clinic.reading() as tx:
        draft = draft_of(tx, draft_id)
        option = propose(tx, draft.person.patient_id).plan.recommended
        return planned_messages(tx, draft, expected_steps(tx, draft.person.patient_id, option, cycle_days=30))


def enroll_and_live(clinic: Clinic, draft_id: str) -> set[tuple[object, ...]]:
    """Enroll with the draft's answers, approve, and run the loop until the batch is due: what went out."""
    with clinic.writing() as tx:
        draft = draft_of(tx, draft_id)
        enroll(tx, command_of(draft_id, draft.person.patient_id, draft.answers))
    for kind in ("sync", "trip"):
        with suppress(AssertionError):
            batch = batch_of(clinic, kind=kind)
            with clinic.writing() as tx:
                if tx.get(Cycle, batch.id).unapproved:
                    approve(tx, batch.id, expected_version=batch.version)
    connections = {channel: FakeConnection() for channel in Channel}
    last = batch_of(clinic).sync_date + timedelta(days=1)
    while (now := clinic.clock.now()).date() < last:
        following = run_tick(clinic.database, clinic.clock, connections).next
        soon = now + timedelta(minutes=1)
        clinic.clock.set(soon if following is None else max(soon, following))
    with clinic.reading() as tx:
        rows = tx.session.scalars(select(ScheduledAction).where(ScheduledAction.kind == "message"))  # type: ignore[arg-type]
        return {
            (row.step, row.channel, row.address, row.body, row.sent_at)
            for row in rows
            if row.state is ActionState.SENT
        }


def listed(messages: list[PlannedMessage]) -> set[tuple[object, ...]]:
    return {
        (one.step.step, one.channel, one.address, one.body, one.send_at) for one in messages if one.channel
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("contacts", "wishes"),
    [
        ((EXPRESS,), {"language": "es", "drug_names_wanted": True}),
        ((GIVEN,), {"language": "en"}),
        ((EXPRESS, CALL, LETTER), {"preferred_channel": Channel.EMAIL, "language": "es"}),
        ((EXPRESS, CALL), {}),
    ],
)
def test_the_review_shows_what_then_goes_out(
    clinic: Clinic, contacts: tuple[ContactChoice, ...], wishes: dict[str, object]
) -> None:
    patient_id, _ = even_patient(clinic, days_ago=18, birth_date=date(1950, 1, 1))  # type: ignore[arg-type]
    draft_id = begin(clinic, patient_id, contacts=contacts, **wishes)
    shown = foreseen(clinic, draft_id)
    assert [one.step.step for one in shown] == ["welcome", "reminder_t7", "confirm_t3", "confirm_t1"]
    assert all(one.body for one in shown)
    assert listed(shown) == enroll_and_live(clinic, draft_id)


@pytest.mark.slow
def test_a_short_supply_is_announced_in_its_own_words(clinic: Clinic) -> None:
    draft_id = begin(clinic, reference_patient(clinic).patient_id, contacts=(EXPRESS,), language="es")
    shown = foreseen(clinic, draft_id)
    assert {one.step.kind for one in shown} == {"sync", "trip"}
    assert listed(shown) == enroll_and_live(clinic, draft_id)


def test_who_cannot_be_written_to_is_called_by_a_person(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    refused = replace(EXPRESS, basis=ContactBasis.DECLINED, wording="")
    shown = foreseen(clinic, begin(clinic, patient_id, contacts=(refused,)))
    assert shown
    assert {(one.channel, one.body) for one in shown} == {(None, "")}
    assert all("A person calls" in one.why for one in shown)


def test_an_express_consent_lifts_a_stop_and_another_basis_does_not(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    with clinic.writing() as tx:
        opt_out(tx, clinic.shop.pharmacy_id, PHONE, "text")
    draft_id = begin(clinic, patient_id, contacts=(GIVEN,))
    assert {one.channel for one in foreseen(clinic, draft_id)} == {None}
    with clinic.writing() as tx:
        row = tx.get(EnrollmentDraft, draft_id)
        row.answers = document_of(replace(draft_of(tx, draft_id).answers, contacts=(EXPRESS,)))
    assert {one.channel for one in foreseen(clinic, draft_id)} == {Channel.SMS}


def test_of_two_messages_on_one_day_the_second_waits_for_the_next(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic, days_ago=20)  # a week before the first pickup
    shown = foreseen(clinic, begin(clinic, patient_id, contacts=(EXPRESS,)))
    assert [(one.step.step, one.send_at.day) for one in shown[:2]] == [("welcome", 23), ("reminder_t7", 24)]


def household(clinic: Clinic, *, days_ago: int = 18) -> str:
    """A draft for the second of two patients with one telephone; the first takes part since this morning."""
    enroll_recommended(clinic, even_patient(clinic, days_ago=days_ago)[0])
    run_tick(clinic.database, clinic.clock, {Channel.SMS: FakeConnection()})
    second, _ = even_patient(clinic, days_ago=days_ago, first="Bob")
    return begin(clinic, second, contacts=(EXPRESS,))


@pytest.mark.slow
def test_who_shares_a_number_is_shown_what_is_said_together_and_what_waits(clinic: Clinic) -> None:
    shown = foreseen(clinic, draft_id := household(clinic))
    told = {one.step.step: (one.send_at.date(), one.shared) for one in shown}
    welcome, together = told.pop("welcome"), {shared for _, shared in told.values()}
    assert welcome[0] == clinic.clock.now().date() + timedelta(days=1)
    assert "before it" in welcome[1]
    assert len(together) == 1
    assert "one message" in together.pop()
    with clinic.writing() as tx:
        draft = draft_of(tx, draft_id)
        enroll(tx, command_of(draft_id, draft.person.patient_id, draft.answers))
    went = live(clinic, draft.person.patient_id)
    assert went == {"welcome": (ActionState.SENT, welcome[0])} | dict.fromkeys(
        told, (ActionState.MERGED, None)
    )


@pytest.mark.slow
def test_a_ready_notice_to_a_number_uses_up_no_day_of_who_agreed(clinic: Clinic) -> None:
    draft_id = household(clinic)
    with clinic.writing() as tx:
        for row in tx.session.scalars(
            select(ScheduledAction).where(ScheduledAction.state == ActionState.SENT)
        ):
            row.payload = {**row.payload, "action": {"do": "message", "template": "ready"}}
    welcome = next(one for one in foreseen(clinic, draft_id) if one.step.step == "welcome")
    assert (welcome.send_at, welcome.shared) == (clinic.clock.now(), "")


def live(clinic: Clinic, patient_id: str) -> dict[str, tuple[ActionState, date | None]]:
    """Run the loop until the batch is due: what became of the patient's messages, and on which day they went."""
    last = batch_of(clinic).sync_date
    while (now := clinic.clock.now()).date() < last:
        following = run_tick(clinic.database, clinic.clock, {Channel.SMS: FakeConnection()}).next
        clinic.clock.set(max(now + timedelta(minutes=1), following or now))
    with clinic.reading() as tx:
        rows = tx.session.scalars(
            select(ScheduledAction).where(
                ScheduledAction.patient_id == patient_id, ScheduledAction.kind == "message"
            )
        )
        return {row.step: (row.state, row.sent_at.date() if row.sent_at else None) for row in rows}


def test_a_late_message_is_shown_as_skipped_and_one_at_night_at_the_next_opening(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic, days_ago=29)
    clinic.clock.set(clinic.clock.now().replace(hour=4))  # 23:00 at the pharmacy
    shown = foreseen(clinic, begin(clinic, patient_id, contacts=(EXPRESS,)))
    welcome = next(one for one in shown if one.step.step == "welcome" and one.channel)
    assert welcome.send_at.hour == 14  # 09:00 in New York in winter
    assert any(one.why.startswith("Skipped") for one in shown)
