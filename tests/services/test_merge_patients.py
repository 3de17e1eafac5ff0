"""Two records of one person become one: everything moves, nobody is told twice, and nothing is saved half."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.domain.causes import Cause
from medsync_app.domain.states import (
    ActionState,
    Channel,
    ContactBasis,
    CycleState,
    EnrollmentState,
    ExceptionKind,
    FillStatus,
    Role,
)
from medsync_app.errors import Conflict, Forbidden, Invalid, NotFound
from medsync_app.services import merge_patients as merge_module
from medsync_app.services.approve_plan import approve
from medsync_app.services.exceptions import open_exception
from medsync_app.services.mark_ready import mark_ready
from medsync_app.services.merge_facts import Merged
from medsync_app.services.merge_patients import merge_patients, try_merge
from medsync_app.services.schedule_cycle import reschedule_cycle
from medsync_app.services.withdraw import withdraw
from medsync_app.store.repositories import merging
from medsync_app.store.repositories.cycles import items_of
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    ContactPoint,
    Cycle,
    Enrollment,
    Fill,
    Patient,
    PatientMerge,
    PatientNote,
    Prescription,
    ScheduledAction,
    Therapy,
    metadata,
)
from tests.support.loop import FakeConnection, run_tick
from tests.support.programme import (
    TODAY,
    Clinic,
    add_drug_row,
    enroll_recommended,
    even_patient,
    make_clinic,
    open_tasks,
)
from tests.support.races import together
from tests.support.store import Shop, make_patient, make_shop

pytestmark = pytest.mark.slow


def merge(clinic: Clinic, kept: str, dropped: str, **more: str) -> Merged:
    with clinic.writing() as tx:
        return merge_patients(tx, kept, dropped, reason="The same person.", **more)


def filled(days_ago: int, days: int = 30) -> list[tuple[str, int]]:
    return [((TODAY - timedelta(days=days_ago)).isoformat(), days)]


def twin(clinic: Clinic, *, drug: str = "Rosuvastatin 10 MG", days_ago: int = 20, **more: object) -> str:
    """A second record of the same person with one drug."""
    patient_id = make_patient(clinic.database, clinic.shop, first="Adah")
    add_drug_row(clinic, patient_id, drug, filled(days_ago), **more)  # type: ignore[arg-type]
    return patient_id


def the_open_enrollment(clinic: Clinic, patient_id: str) -> Enrollment:
    with clinic.reading() as tx:
        open_states = (EnrollmentState.ACTIVE, EnrollmentState.PAUSED)
        return tx.session.scalars(
            select(Enrollment).where(
                Enrollment.patient_id == patient_id,
                Enrollment.state.in_(open_states),  # type: ignore[attr-defined]
            )
        ).one()


def messages(clinic: Clinic, patient_id: str, *states: ActionState) -> list[ScheduledAction]:
    with clinic.reading() as tx:
        rows = select(ScheduledAction).where(
            ScheduledAction.patient_id == patient_id, ScheduledAction.kind == "message"
        )
        return [row for row in tx.session.scalars(rows) if not states or row.state in states]


def say(clinic: Clinic, patient_id: str, step: str) -> None:
    """Pretend that a step has gone out."""
    with clinic.writing() as tx:
        rows = tx.session.scalars(select(ScheduledAction).where(ScheduledAction.patient_id == patient_id))
        chosen = [row for row in rows if row.step == step and row.kind == "message"]
        assert chosen
        for row in chosen:
            row.state, row.sent_at, row.address = ActionState.SENT, tx.now, "+14045550111"


def test_everything_of_the_other_record_moves_and_its_row_is_gone(clinic: Clinic) -> None:
    kept, _ = even_patient(clinic)
    dropped = twin(clinic)
    with clinic.writing() as tx:
        tx.add(
            PatientNote(
                pharmacy_id=clinic.shop.pharmacy_id, patient_id=dropped, text="Rings twice.", at=tx.now
            )
        )
        before = merging.counts(tx, kept), merging.counts(tx, dropped)
    merged = merge(clinic, kept, dropped)
    with clinic.reading() as tx:
        assert tx.find(Patient, dropped) is None
        after = merging.counts(tx, kept)
        row = merging.of_dropped(tx, dropped)
        assert row is not None
        assert (row.kept_id, row.reason, row.merged_by) == (kept, "The same person.", "Pat Tester")
        assert row.snapshot["patient"]["first_name"] == "Adah"
        assert {table: len(ids) for table, ids in row.snapshot["moved"].items()} == merged.moved
    assert after.pop("patient_merge") == 1
    expected = {key: before[0].get(key, 0) + before[1].get(key, 0) for key in {*before[0], *before[1]}}
    assert after == expected


def test_a_drug_that_both_have_becomes_one_with_the_fills_of_both(clinic: Clinic) -> None:
    kept, _ = even_patient(clinic, days_ago=50)
    dropped = twin(clinic, drug="Lisinopril 10 MG", days_ago=20)
    merged = merge(clinic, kept, dropped)
    assert merged.same_drugs == ("Lisinopril 10 MG",)
    with clinic.reading() as tx:
        (drug,) = tx.session.scalars(select(Therapy).where(Therapy.drug_name == "Lisinopril 10 MG"))
        fills = tx.session.scalars(select(Fill).where(Fill.therapy_id == drug.id)).all()
        assert drug.patient_id == kept
        assert sorted((TODAY - fill.filled_on).days for fill in fills) == [20, 50]
        assert {fill.patient_id for fill in fills} == {kept}
        numbers = tx.session.scalars(select(Prescription).where(Prescription.therapy_id == drug.id)).all()
        assert len(numbers) == 2


def test_a_fill_told_at_the_counter_and_found_in_the_export_counts_once(clinic: Clinic) -> None:
    kept = make_patient(clinic.database, clinic.shop)
    add_drug_row(clinic, kept, "Lisinopril 10 MG", filled(22))
    dropped = twin(clinic, drug="Lisinopril 10 MG", days_ago=20)
    with clinic.writing() as tx:
        told = tx.session.scalars(select(Prescription).where(Prescription.patient_id == kept)).one()
        told.rx_number = f"{merging.BY_HAND}-1"
    assert merge(clinic, kept, dropped).told_twice == 1
    with clinic.reading() as tx:
        counted = tx.session.scalars(select(Fill).where(Fill.status == FillStatus.SOLD)).all()
        assert [(TODAY - fill.filled_on).days for fill in counted] == [20]


@pytest.mark.parametrize(
    ("here", "there", "stays"),
    [
        (ContactBasis.EXPRESS, ContactBasis.DECLINED, ContactBasis.DECLINED),
        (ContactBasis.REVOKED, ContactBasis.EXPRESS, ContactBasis.REVOKED),
        (ContactBasis.NOT_ASKED, ContactBasis.EXPRESS, ContactBasis.EXPRESS),
        (ContactBasis.EXPRESS, ContactBasis.NOT_ASKED, ContactBasis.EXPRESS),
    ],
)
def test_the_stricter_word_about_a_number_stays(
    clinic: Clinic, here: ContactBasis, there: ContactBasis, stays: ContactBasis
) -> None:
    number = "+14045550177"
    kept = make_patient(clinic.database, clinic.shop, phone=number, basis=here)
    dropped = make_patient(clinic.database, clinic.shop, phone=number, basis=there)
    merge(clinic, kept, dropped)
    with clinic.reading() as tx:
        (point,) = tx.session.scalars(select(ContactPoint)).all()
        assert (point.patient_id, point.basis) == (kept, stays)


def test_a_number_with_an_unauthorized_caregiver_stays_unauthorized(clinic: Clinic) -> None:
    number = "+14045550177"
    kept = make_patient(clinic.database, clinic.shop, phone=number)
    dropped = make_patient(clinic.database, clinic.shop, phone=number)
    with clinic.writing() as tx:
        (point,) = tx.session.scalars(select(ContactPoint).where(ContactPoint.patient_id == dropped))
        point.caregiver_name, point.caregiver_relation = "Bea", "daughter"
    merge(clinic, kept, dropped)
    with clinic.reading() as tx:
        (point,) = tx.session.scalars(select(ContactPoint)).all()
        assert (point.caregiver_name, point.caregiver_allowed_at) == ("Bea", None)


def test_the_enrollment_of_the_dropped_record_goes_on_with_its_messages(clinic: Clinic) -> None:
    dropped, _ = even_patient(clinic)
    enrollment_id = enroll_recommended(clinic, dropped)
    kept = make_patient(clinic.database, clinic.shop, first="Adah")
    ahead = {row.idempotency_key for row in messages(clinic, dropped, ActionState.QUEUED)}
    merged = merge(clinic, kept, dropped)
    assert merged.enrollment_id == enrollment_id
    assert the_open_enrollment(clinic, kept).id == enrollment_id
    assert {row.idempotency_key for row in messages(clinic, kept, ActionState.QUEUED)} == ahead != set()
    assert (merged.withdrawn, merged.queued) == ((), ())


def test_a_drug_of_the_other_record_joins_the_coming_batch(clinic: Clinic) -> None:
    kept, _ = even_patient(clinic)
    enroll_recommended(clinic, kept)
    dropped = twin(clinic)
    merge(clinic, kept, dropped)
    with clinic.reading() as tx:
        enrollment = the_open_enrollment(clinic, kept)
        (cycle,) = tx.session.scalars(
            select(Cycle).where(Cycle.enrollment_id == enrollment.id, Cycle.kind == "sync")
        )
        held = {tx.get(Therapy, item.therapy_id).drug_name for item in items_of(tx, cycle.id)}
    assert "Rosuvastatin 10 MG" in held


class TestBothTakePart:
    """Only one enrollment may live, and the patient hears of one date."""

    def both(self, clinic: Clinic, *, other_days_ago: int = 20) -> tuple[str, str, str, str]:
        kept, _ = even_patient(clinic)
        mine = enroll_recommended(clinic, kept)
        dropped, _ = even_patient(clinic, days_ago=other_days_ago, first="Adah")
        theirs = enroll_recommended(clinic, dropped)
        return kept, dropped, mine, theirs

    def test_the_kept_records_date_stays_and_the_other_is_called_off(self, clinic: Clinic) -> None:
        kept, dropped, mine, theirs = self.both(clinic)
        with clinic.reading() as tx:
            date = tx.session.scalars(select(Cycle).where(Cycle.enrollment_id == mine)).one().sync_date
        merged = merge(clinic, kept, dropped)
        assert (merged.enrollment_id, merged.sync_date) == (mine, date)
        with clinic.reading() as tx:
            ended = tx.get(Enrollment, theirs)
            assert (ended.state, ended.patient_id) == (EnrollmentState.TRANSFERRED, kept)
            for cycle in tx.session.scalars(select(Cycle).where(Cycle.enrollment_id == theirs)):
                assert cycle.state is CycleState.CANCELLED
        assert all(row.enrollment_id == mine for row in messages(clinic, kept, ActionState.QUEUED))
        assert any("Both take part" in words for words in merged.warnings)

    def test_the_other_date_may_be_chosen(self, clinic: Clinic) -> None:
        kept, dropped, mine, theirs = self.both(clinic)
        assert merge(clinic, kept, dropped, enrollment_id=theirs).enrollment_id == theirs
        with clinic.reading() as tx:
            assert tx.get(Enrollment, mine).state is EnrollmentState.TRANSFERRED

    def test_what_was_said_for_a_date_is_not_said_again_for_it(self, clinic: Clinic) -> None:
        kept, dropped, mine, _ = self.both(clinic)
        step = next(
            r.step
            for r in messages(clinic, dropped, ActionState.QUEUED)
            if r.payload["trigger"] == "days_before"
        )
        say(clinic, dropped, step)
        merge(clinic, kept, dropped)
        assert step not in {row.step for row in messages(clinic, kept, ActionState.QUEUED)}
        with clinic.writing() as tx:
            (cycle,) = tx.session.scalars(select(Cycle).where(Cycle.enrollment_id == mine))
            reschedule_cycle(tx, cycle.id, "Again.")
        assert step not in {row.step for row in messages(clinic, kept, ActionState.QUEUED)}

    def test_a_patient_who_was_told_the_date_that_ends_is_told_the_one_that_stays(
        self, clinic: Clinic
    ) -> None:
        kept, dropped, mine, theirs = self.both(clinic, other_days_ago=14)
        told = messages(clinic, dropped, ActionState.QUEUED)
        say(
            clinic,
            dropped,
            next(row.step for row in told if row.payload["action"]["template"] == "reminder_t7"),
        )
        with clinic.reading() as tx:
            dates = {
                key: tx.session.scalars(select(Cycle).where(Cycle.enrollment_id == key)).one().sync_date
                for key in (mine, theirs)
            }
        assert dates[mine] != dates[theirs]
        merged = merge(clinic, kept, dropped)
        (news,) = [row for row in messages(clinic, kept, ActionState.QUEUED) if row.step == "date_changed"]
        assert news.payload["sync_date"] == dates[mine].isoformat()
        assert "date_changed" in {one.step for one in merged.queued}

    def test_the_news_of_the_date_waits_for_the_pharmacist_when_the_plan_does(self, clinic: Clinic) -> None:
        kept, dropped, mine, _ = self.both(clinic, other_days_ago=14)
        told = messages(clinic, dropped, ActionState.QUEUED)
        say(
            clinic,
            dropped,
            next(row.step for row in told if row.payload["action"]["template"] == "reminder_t7"),
        )
        with clinic.writing() as tx:
            (cycle,) = tx.session.scalars(select(Cycle).where(Cycle.enrollment_id == mine))
            cycle.needs_review, cycle.reviewed_at, cycle.state = True, None, CycleState.PROPOSED
        merge(clinic, kept, dropped)
        assert "date_changed" not in {row.step for row in messages(clinic, kept)}
        with clinic.writing() as tx:
            (cycle,) = tx.session.scalars(select(Cycle).where(Cycle.enrollment_id == mine))
            approve(tx, cycle.id, expected_version=cycle.version)
        assert "date_changed" in {row.step for row in messages(clinic, kept, ActionState.QUEUED)}

    def test_nobody_is_welcomed_twice(self, clinic: Clinic) -> None:
        kept, dropped, mine, _ = self.both(clinic)
        welcome = next(r.step for r in messages(clinic, dropped) if r.payload["trigger"] == "enrolled")
        say(clinic, dropped, welcome)
        merge(clinic, kept, dropped)
        with clinic.writing() as tx:
            (cycle,) = tx.session.scalars(select(Cycle).where(Cycle.enrollment_id == mine))
            reschedule_cycle(tx, cycle.id, "Again.")
        assert welcome not in {row.step for row in messages(clinic, kept, ActionState.QUEUED)}

    def test_an_enrollment_with_a_batch_to_be_fetched_cannot_be_the_one_that_ends(
        self, clinic: Clinic
    ) -> None:
        kept, dropped, mine, theirs = self.both(clinic)
        with clinic.writing() as tx:
            (cycle,) = tx.session.scalars(select(Cycle).where(Cycle.enrollment_id == theirs))
            mark_ready(tx, cycle.id, expected_version=cycle.version)
        with pytest.raises(Conflict, match="can be fetched"):
            merge(clinic, kept, dropped, enrollment_id=mine)
        merged = merge(clinic, kept, dropped)
        assert merged.enrollment_id == theirs, "it is the usual choice"
        with clinic.reading() as tx:
            (cycle,) = tx.session.scalars(select(Cycle).where(Cycle.enrollment_id == theirs))
            assert (cycle.state, cycle.patient_id) == (CycleState.READY, kept)
        assert messages(clinic, kept, ActionState.QUEUED), (
            "what was queued for the ready batch still goes out"
        )

    def test_the_enrollment_of_somebody_else_cannot_be_chosen(self, clinic: Clinic) -> None:
        kept, dropped, _, _ = self.both(clinic)
        with pytest.raises(Invalid, match="which of the two dates"):
            merge(clinic, kept, dropped, enrollment_id="0" * 26)


def test_the_dead_stay_dead(clinic: Clinic) -> None:
    kept, _ = even_patient(clinic)
    enroll_recommended(clinic, kept)
    dropped, _ = even_patient(clinic, first="Adah")
    enrollment = enroll_recommended(clinic, dropped)
    with clinic.writing() as tx:
        withdraw(
            tx, enrollment, expected_version=tx.get(Enrollment, enrollment).version, reason="Died.",
            state=EnrollmentState.DECEASED, on=TODAY - timedelta(days=3),
        )  # fmt: skip
    merged = merge(clinic, kept, dropped)
    assert any("has died" in words for words in merged.warnings)
    with clinic.reading() as tx:
        assert tx.get(Patient, kept).deceased_on == TODAY - timedelta(days=3)
    assert messages(clinic, kept, ActionState.QUEUED, ActionState.HELD) == []


@pytest.mark.parametrize("whose", ["kept", "dropped"])
def test_nothing_is_merged_while_a_provider_is_being_called(clinic: Clinic, whose: str) -> None:
    kept, _ = even_patient(clinic)
    enroll_recommended(clinic, kept)
    dropped, _ = even_patient(clinic, first="Adah")
    enroll_recommended(clinic, dropped)
    with clinic.writing() as tx:
        row = tx.session.scalars(
            select(ScheduledAction).where(
                ScheduledAction.patient_id == {"kept": kept, "dropped": dropped}[whose]
            )
        ).first()
        assert row is not None
        row.state = ActionState.CALLING
    with pytest.raises(Conflict, match="being sent just now"):
        merge(clinic, kept, dropped)


@pytest.mark.parametrize("state", [ActionState.CLAIMED, ActionState.IN_DOUBT, ActionState.SENT])
def test_what_is_claimed_in_doubt_or_sent_moves_as_it_is(clinic: Clinic, state: ActionState) -> None:
    dropped, _ = even_patient(clinic)
    enroll_recommended(clinic, dropped)
    kept = make_patient(clinic.database, clinic.shop, first="Adah")
    with clinic.writing() as tx:
        row = tx.session.scalars(select(ScheduledAction).where(ScheduledAction.patient_id == dropped)).first()
        assert row is not None
        row.state, row.lease_owner, row.attempts = state, "loop-1", 1
        action_id = row.id
    merge(clinic, kept, dropped)
    with clinic.reading() as tx:
        row = tx.get(ScheduledAction, action_id)
        assert (row.patient_id, row.state, row.lease_owner, row.attempts) == (kept, state, "loop-1", 1)


def test_a_stop_on_either_record_keeps_a_drug_stopped(clinic: Clinic) -> None:
    kept = make_patient(clinic.database, clinic.shop)
    add_drug_row(
        clinic, kept, "Lisinopril 10 MG", filled(50), status=FillStatus.SOLD, stop_reason="Cough",
        stopped_on=TODAY - timedelta(days=30),
    )  # fmt: skip
    with clinic.writing() as tx:
        (drug,) = tx.session.scalars(select(Therapy))
        drug.status = "discontinued"
    dropped = twin(clinic, drug="Lisinopril 10 MG", days_ago=20)
    merged = merge(clinic, kept, dropped)
    assert any("stays stopped" in words for words in merged.warnings)
    with clinic.reading() as tx:
        assert tx.session.scalars(select(Therapy)).one().status == "discontinued"


def test_a_stop_that_only_the_source_told_gives_way_to_a_later_fill(clinic: Clinic) -> None:
    kept = make_patient(clinic.database, clinic.shop)
    add_drug_row(clinic, kept, "Lisinopril 10 MG", filled(50))
    with clinic.writing() as tx:
        (drug,) = tx.session.scalars(select(Therapy))
        drug.status, drug.stop_reason, drug.stopped_on = "discontinued", "source", TODAY - timedelta(days=30)
    dropped = twin(clinic, drug="Lisinopril 10 MG", days_ago=20)
    merge(clinic, kept, dropped)
    with clinic.reading() as tx:
        assert tx.session.scalars(select(Therapy)).one().status == "active"


def everything(clinic: Clinic) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with clinic.database.engine.connect() as connection:
        return {
            table.name: sorted((tuple(map(str, row)) for row in connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def test_a_trial_says_what_the_merge_does_and_writes_nothing(clinic: Clinic) -> None:
    kept, _ = even_patient(clinic)
    enroll_recommended(clinic, kept)
    dropped = twin(clinic)
    before = everything(clinic)
    tried = try_merge(clinic.database, clinic.clock, clinic.scope, kept, dropped)
    assert everything(clinic) == before
    assert merge(clinic, kept, dropped, seen=tried.seen) == tried


def test_what_changed_since_it_was_looked_at_is_refused(clinic: Clinic) -> None:
    kept, _ = even_patient(clinic)
    enroll_recommended(clinic, kept)
    dropped = twin(clinic)
    tried = try_merge(clinic.database, clinic.clock, clinic.scope, kept, dropped)
    add_drug_row(clinic, dropped, "Amlodipine 5 MG", filled(10))
    with pytest.raises(Conflict, match="has changed since you looked"):
        merge(clinic, kept, dropped, seen=tried.seen)


@pytest.mark.both_databases
def test_an_error_in_the_middle_leaves_everything_as_it_was(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, _ = even_patient(clinic)
    enroll_recommended(clinic, kept)
    dropped = twin(clinic, drug="Lisinopril 10 MG")
    before = everything(clinic)

    def breaks(*_: object) -> None:
        raise RuntimeError("the power is gone")

    for name in ("merge_contacts", "rename_tasks", "go_on", "audit"):
        with monkeypatch.context() as patch:
            patch.setattr(merge_module, name, lambda *args, **_: breaks(*args))
            with pytest.raises(RuntimeError):
                merge(clinic, kept, dropped)
        assert everything(clinic) == before, name


@pytest.mark.both_databases
def test_of_two_who_merge_at_once_one_wins_and_the_other_is_told(clinic: Clinic) -> None:
    kept, _ = even_patient(clinic)
    dropped = twin(clinic)
    results = together(lambda: merge(clinic, kept, dropped), lambda: merge(clinic, dropped, kept))
    (refused,) = [one for one in results if isinstance(one, Conflict)]
    assert "Pat Tester merged this record into another" in refused.message
    with clinic.reading() as tx:
        assert len(tx.session.scalars(select(Patient)).all()) == 1
        assert len(tx.session.scalars(select(PatientMerge)).all()) == 1


@pytest.mark.both_databases
def test_a_message_that_goes_out_during_a_merge_goes_out_once(database: Database) -> None:
    for number in range(3):
        clinic = make_clinic(database, f"round-{number}")
        dropped, _ = even_patient(clinic)
        enroll_recommended(clinic, dropped)
        kept = make_patient(database, clinic.shop, first="Adah")
        sms = FakeConnection()

        def send(clinic: Clinic = clinic, sms: FakeConnection = sms) -> object:
            return run_tick(database, clinic.clock, {Channel.SMS: sms})

        def join(clinic: Clinic = clinic, kept: str = kept, dropped: str = dropped) -> Merged:
            return merge(clinic, kept, dropped)

        merged, _ = together(join, send)
        if isinstance(merged, Conflict):
            assert "being sent just now" in merged.message
            join()
        send()
        assert len(sms.sent) == 1, "the welcome, to whichever record it was due"
        assert [row.patient_id for row in messages(clinic, kept, ActionState.SENT)] == [kept]


def test_old_ids_lead_through_several_merges_to_the_one_that_is_there(clinic: Clinic) -> None:
    first, second, third = twin(clinic), twin(clinic), twin(clinic)
    merge(clinic, second, first)
    merge(clinic, third, second)
    with clinic.reading() as tx:
        for old in (first, second):
            row = merging.of_dropped(tx, old)
            assert row is not None
            assert row.kept_id == third


def test_records_of_two_locations_are_not_merged(clinic: Clinic) -> None:
    kept = twin(clinic)
    other = make_shop(clinic.database, "other")
    elsewhere = make_patient(clinic.database, other)
    with pytest.raises(NotFound):
        merge(clinic, kept, elsewhere)
    both = Scope.staff(
        "staff", "Pat", {clinic.shop.pharmacy_id: Role.PHARMACIST, other.pharmacy_id: Role.PHARMACIST}
    )
    with clinic.database.transaction(both, clinic.clock) as tx, pytest.raises(Invalid, match="two locations"):
        merge_patients(tx, kept, elsewhere, reason="The same.")


def test_only_a_pharmacist_merges_and_never_a_record_with_itself(clinic: Clinic) -> None:
    kept, dropped = twin(clinic), twin(clinic)
    technician = Shop(clinic.shop.pharmacy_id, clinic.shop.organization_id, Role.TECHNICIAN).scope
    with clinic.database.transaction(technician, clinic.clock) as tx, pytest.raises(Forbidden):
        merge_patients(tx, kept, dropped, reason="The same.")
    with pytest.raises(Invalid, match="the same one"):
        merge(clinic, kept, kept)
    with clinic.writing() as tx, pytest.raises(Invalid, match="Say why"):
        merge_patients(tx, kept, dropped, reason=" ")


def test_a_task_that_both_records_have_is_open_once(clinic: Clinic) -> None:
    kept, dropped = twin(clinic), twin(clinic)
    with clinic.writing() as tx:
        for patient_id in (kept, dropped):
            open_exception(
                tx, pharmacy_id=clinic.shop.pharmacy_id, kind=ExceptionKind.CONTACT,
                cause_key=Cause.OPTED_OUT.of(patient_id), summary="Wants no messages.", owner_role=Role.TECHNICIAN,
                due_at=tx.now, patient_id=patient_id,
            )  # fmt: skip
    merge(clinic, kept, dropped)
    (task,) = open_tasks(clinic)
    assert (task.cause_key, task.patient_id) == (Cause.OPTED_OUT.of(kept), kept)


def test_the_channel_of_a_number_stays_its_own(clinic: Clinic) -> None:
    kept = make_patient(clinic.database, clinic.shop, phone="+14045550177")
    dropped = make_patient(clinic.database, clinic.shop, phone="+14045550188", basis=ContactBasis.DECLINED)
    merge(clinic, kept, dropped)
    with clinic.reading() as tx:
        points = tx.session.scalars(select(ContactPoint).order_by(ContactPoint.rank)).all()  # type: ignore[arg-type]
        assert [(p.address, p.channel, p.basis) for p in points] == [
            ("+14045550177", Channel.SMS, ContactBasis.EXPRESS),
            ("+14045550188", Channel.SMS, ContactBasis.DECLINED),
        ]
