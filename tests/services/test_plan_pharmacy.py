"""Planning a whole pharmacy: what levelling moves, what it leaves alone, and that nothing is half done."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from medsync_app.domain.states import ActionState, CycleState
from medsync_app.errors import Invalid, NotFound
from medsync_app.services.plan_pharmacy import (
    NOTICE_DAYS,
    LevelMove,
    LevelPreview,
    apply_moves,
    chosen_moves,
    preview_level,
    propose_all,
)
from medsync_app.services.reschedule import reschedule
from medsync_app.store.tables import AuditEvent, Cycle, Enrollment, Pharmacy, ScheduledAction
from tests.support.programme import (
    TODAY,
    Clinic,
    enroll_recommended,
    even_patient,
    make_clinic,
    reference_patient,
)

pytestmark = pytest.mark.slow


def crowded(clinic: Clinic, count: int = 3) -> list[str]:
    """So many patients enrolled on the same day, seventeen days ahead."""
    found: list[str] = []
    for _ in range(count):
        patient_id, _ = even_patient(clinic, days_ago=10)
        found.append(enroll_recommended(clinic, patient_id))
    return found


def preview(clinic: Clinic) -> LevelPreview:
    with clinic.reading() as tx:
        return preview_level(tx, clinic.shop.pharmacy_id)


def apply(clinic: Clinic, moves: Iterable[LevelMove]):
    return apply_moves(clinic.database, clinic.scope, clinic.clock, clinic.shop.pharmacy_id, tuple(moves))


def dates(clinic: Clinic) -> dict[str, date]:
    with clinic.reading() as tx:
        rows = tx.session.scalars(select(Cycle).where(Cycle.kind == "sync"))
        return {row.id: row.sync_date for row in rows}


def set_capacity(clinic: Clinic, capacity: int) -> None:
    with clinic.writing() as tx:
        tx.get(Pharmacy, clinic.shop.pharmacy_id).daily_capacity = capacity


def change(clinic: Clinic, cycle_id: str, **values: object) -> None:
    with clinic.writing() as tx:
        tx.session.execute(update(Cycle).where(Cycle.id == cycle_id).values(**values))


@pytest.mark.both_databases
def test_levelling_moves_dates_chains_and_messages_and_then_has_nothing_to_do(clinic: Clinic) -> None:
    crowded(clinic)
    set_capacity(clinic, 2)
    before = dates(clinic)
    found = preview(clinic)
    assert dates(clinic) == before, "a preview writes nothing"
    assert (found.before.over_capacity, found.after.over_capacity, found.after.squares) == (1, 0, 3)
    assert (len(found.moves), found.patients, found.kept) == (2, 3, {"level": 1})
    assert all(move.withdrawn and not move.needs_review for move in found.moves)
    done = apply(clinic, found.moves)
    assert (len(done.moved), done.refused) == (2, ())
    after = dates(clinic)
    assert {key: after[key] for key in done.moved} == {move.cycle_id: move.to_date for move in found.moves}
    assert Counter(after.values()) == Counter({day: n for day, n in found.load_after.items() if n})
    with clinic.reading() as tx:
        for move in found.moves:
            cycle = tx.get(Cycle, move.cycle_id)
            assert tx.get(Enrollment, cycle.enrollment_id).anchor == move.to_date
            queued = tx.session.scalars(
                select(ScheduledAction).where(
                    ScheduledAction.cycle_id == cycle.id, ScheduledAction.state == ActionState.QUEUED
                )
            ).all()
            dated = {row.payload["sync_date"] for row in queued if row.step != "welcome"}
            assert dated == {move.to_date.isoformat()}
        acts = tx.session.scalars(select(AuditEvent.act).where(AuditEvent.act.in_(["level", "reschedule"])))
        assert sorted(acts) == ["level", "reschedule", "reschedule"]
    assert preview(clinic).moves == ()


def test_a_stale_move_is_refused_with_who_changed_it_and_the_others_go_on(clinic: Clinic) -> None:
    crowded(clinic)
    first, second = preview(clinic).moves
    done = apply(clinic, [replace(first, version=first.version - 1), second])
    assert done.moved == (second.cycle_id,)
    assert [one.cycle_id for one in done.refused] == [first.cycle_id]
    assert "was changed by Pat Tester" in done.refused[0].reason
    assert dates(clinic)[first.cycle_id] == first.from_date


def test_a_day_that_is_full_by_now_is_refused(clinic: Clinic) -> None:
    crowded(clinic)
    move = preview(clinic).moves[0]
    change(clinic, preview(clinic).moves[1].cycle_id, sync_date=move.to_date)
    set_capacity(clinic, 1)
    done = apply(clinic, [move])
    assert done.moved == ()
    assert "breaks a rule" in done.refused[0].reason


def test_what_somebody_reckons_with_stays(clinic: Clinic) -> None:
    crowded(clinic, 5)
    held, confirmed, told, begun, free = sorted(dates(clinic))
    with clinic.writing() as tx:
        day = preview_level(tx, clinic.shop.pharmacy_id).moves[0].to_date
        reschedule(tx, held, day, expected_version=tx.get(Cycle, held).version)
        message = tx.session.scalars(
            select(ScheduledAction).where(
                ScheduledAction.cycle_id == told, ScheduledAction.step == "reminder_t7"
            )
        ).one()
        message.state = ActionState.SENT
    change(clinic, confirmed, confirmed_at=clinic.clock.now())
    change(clinic, begun, state=CycleState.PREPARING)
    case = reference_patient(clinic)
    enroll_recommended(clinic, case.patient_id)  # with a short fill: a pharmacist has not approved it
    found = preview(clinic)
    assert found.kept == {"begun": 1, "confirmed": 1, "held": 1, "review": 1, "told": 1}
    assert [move.cycle_id for move in found.moves] == [free]
    assert found.load_after[day] == 1, "a held batch counts as load"


def test_a_date_that_is_near_is_neither_moved_nor_moved_to(clinic: Clinic) -> None:
    crowded(clinic)
    assert min(move.to_date for move in preview(clinic).moves) >= TODAY + timedelta(days=NOTICE_DAYS)
    clinic.go_to(TODAY + timedelta(days=8))
    assert preview(clinic).kept == {"soon": 3}


def test_some_of_the_moves_can_be_chosen_and_no_other(clinic: Clinic) -> None:
    crowded(clinic)
    found = preview(clinic)
    assert chosen_moves(found, [found.moves[1].cycle_id]) == (found.moves[1],)
    with pytest.raises(Invalid, match="not offered any more"):
        chosen_moves(found, ["another"])


@pytest.mark.both_databases
def test_new_patients_get_level_dates_and_nothing_is_written(clinic: Clinic) -> None:
    crowded(clinic, 1)
    set_capacity(clinic, 1)
    new = [even_patient(clinic, days_ago=10)[0] for _ in range(3)]
    before = dates(clinic)
    with clinic.reading() as tx:
        found = propose_all(tx, clinic.shop.pharmacy_id, new)
    taken = set(before.values())
    assert [one.patient_id for one in found.dates] == sorted(new)
    assert len({one.sync_date for one in found.dates} | taken) == 4
    assert {one.recommended for one in found.dates} == taken
    assert found.score.without_date == 0
    assert dates(clinic) == before


def test_another_pharmacy_is_not_found(clinic: Clinic) -> None:
    other = make_clinic(clinic.database, "other")
    patient_id, _ = even_patient(other)
    with clinic.reading() as tx:
        with pytest.raises(NotFound):
            preview_level(tx, other.shop.pharmacy_id)
        assert propose_all(tx, clinic.shop.pharmacy_id, [patient_id]).dates == ()
    crowded(clinic)
    moves = preview(clinic).moves
    with pytest.raises(NotFound):
        apply_moves(other.database, other.scope, other.clock, clinic.shop.pharmacy_id, moves)
