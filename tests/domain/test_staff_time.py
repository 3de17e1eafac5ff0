"""Staff time: counts times minutes, a month of 30.4 days, and numbers that can be set."""

import pytest

from medsync_app.domain.staff_time import DAYS_PER_MONTH, Act, staff_time, works_of
from medsync_app.errors import Invalid


def test_minutes_of_a_month_are_counts_times_minutes_over_the_months() -> None:
    found = staff_time({"enroll": 10}, {"enroll": 10}, days=365, minutes={})
    months = 365 / DAYS_PER_MONTH
    assert found.minutes == pytest.approx(10 * 8 / months)
    assert found.minutes_by_hand == pytest.approx(10 * 20 / months)
    assert found.costs_most == "enroll"


def test_each_number_can_be_set_for_either_way_of_working() -> None:
    minutes = {"enroll": 1.0, "hand.enroll": 2.0}
    found = staff_time({"enroll": 1}, {"enroll": 1}, days=365, minutes=minutes)
    assert found.minutes_by_hand == pytest.approx(2 * found.minutes)


@pytest.mark.parametrize("minutes", [{"sleep": 1.0}, {"enroll": -1.0}, {"hand.board": 1.0}])
def test_an_unknown_kind_or_an_impossible_number_is_refused(minutes: dict[str, float]) -> None:
    with pytest.raises(Invalid, match=next(iter(minutes))):
        staff_time({}, {}, days=30, minutes=minutes)


def test_acts_become_work_by_what_they_are_about_and_whether_they_were_done_before() -> None:
    acts = {
        Act("comment_exception", "pa_ending"): 2, Act("comment_exception", "pa_ending", again=True): 3,
        Act("comment_exception", "workflow"): 1, Act("resolve_exception", "call"): 4, Act("view_patient"): 9,
    }  # fmt: skip
    works = works_of(acts, open_days=20, tasks=9)
    assert works == {
        "board": 20,
        "board_item": 9,
        "prior_authorization": 2,
        "note": 3,
        "other": 1,
        "call_patient": 4,
    }


def test_one_renewal_on_two_tasks_is_sent_once_noted_once_and_phoned_only_when_it_was_looked_at_again() -> (
    None
):
    acts = {
        Act("comment_exception", "no_refills"): 1, Act("comment_exception", "renewal"): 1,
        Act("record_renewal_answer"): 1,
    }  # fmt: skip
    assert works_of(acts, 0, 0) == {"board": 0, "board_item": 0, "note": 1, "renewal": 1, "renewal_answer": 1}
    again = {Act("comment_exception", "no_refills", again=True): 1}
    assert works_of(again, 0, 0) == {"board": 0, "board_item": 0, "chase_prescriber": 1}


def test_what_comes_with_any_prescription_is_told_apart_from_what_the_programme_costs() -> None:
    days = round(DAYS_PER_MONTH * 12)
    done = {"call_patient": 4, "not_picked_up": 2, "board": 3}
    found = staff_time(done, {"call_patient": 10, "renewal": 7}, days=days, minutes={})
    ours, hand = found.of_programme
    assert ours * 12 == pytest.approx(4 * 3 + 3 * 1, rel=0.01)
    assert hand * 12 == pytest.approx(10 * 3.5, rel=0.01)
    assert found.minutes * 12 == pytest.approx(4 * 3 + 3 * 1 + 2 * 3, rel=0.01)


def test_a_small_pharmacy_pays_for_a_small_board() -> None:
    small, large = (staff_time(works_of({}, 300, tasks), {}, days=365, minutes={}) for tasks in (1000, 5000))
    assert small.minutes < large.minutes / 2 + 30
