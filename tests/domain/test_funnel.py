"""The funnel: each step over those for whom it is decided, and the end that limits the programme."""

from datetime import date, timedelta

import pytest

from medsync_app.domain.adherence_indicators import Rate
from medsync_app.domain.funnel import Funnel, Journey, Step, funnel
from medsync_app.domain.programme_words import (
    COUNTED_OF,
    STEP_NAMES,
    WORK_NAMES,
    fell_out_words,
    funnel_words,
    staff_words,
)
from medsync_app.domain.staff_time import BY_HAND, WITH_MEDSYNC, staff_time
from medsync_app.domain.states import EnrollmentState

TODAY = date(2026, 11, 23)
AGO, SOON = TODAY - timedelta(days=40), TODAY + timedelta(days=9)
NEVER_ASKED = Journey()
STAYS = Journey(AGO, enrolled=True, first_due=AGO, synced=True, last_complete=True)
MISSED_LAST = Journey(AGO, enrolled=True, first_due=AGO, synced=True, last_complete=False)
LEFT = Journey(
    AGO, enrolled=True, first_due=AGO, synced=True, last_complete=True, left=EnrollmentState.WITHDRAWN
)
DIED = Journey(
    AGO, enrolled=True, first_due=AGO, synced=True, last_complete=True, left=EnrollmentState.DECEASED
)


def of(*journeys: Journey) -> Funnel:
    return funnel(journeys, TODAY)


def test_every_step_holds_those_who_came_so_far() -> None:
    found = of(NEVER_ASKED, Journey(AGO), Journey(AGO, declined=True), STAYS, MISSED_LAST, LEFT)
    assert found.reached == {
        Step.ELIGIBLE: 6, Step.ASKED: 5, Step.ENROLLED: 3, Step.FIRST_SYNC: 3, Step.LAST_COMPLETE: 1,
    }  # fmt: skip
    assert found.rates == {
        Step.ASKED: Rate(5, 6), Step.ENROLLED: Rate(3, 5), Step.FIRST_SYNC: Rate(3, 3),
        Step.LAST_COMPLETE: Rate(1, 3),
    }  # fmt: skip
    assert (found.declined, found.fell_out) == (1, {EnrollmentState.WITHDRAWN: 1})


def test_who_still_thinks_about_it_or_waits_for_the_first_date_is_not_held_against_the_programme() -> None:
    thinks = Journey(TODAY - timedelta(days=29))
    waits = Journey(AGO, enrolled=True, first_due=SOON)
    found = of(STAYS, thinks, waits)
    assert found.rates[Step.ENROLLED] == Rate(2, 2)
    assert found.rates[Step.FIRST_SYNC] == Rate(1, 1)
    silent = of(STAYS, Journey(TODAY - timedelta(days=30)), Journey(AGO, enrolled=True, first_due=AGO))
    assert silent.rates[Step.ENROLLED] == Rate(2, 3)
    assert silent.rates[Step.FIRST_SYNC] == Rate(1, 2)


def test_who_died_or_went_elsewhere_did_not_leave_the_programme() -> None:
    found = of(STAYS, DIED)
    assert found.rates[Step.LAST_COMPLETE] == Rate(1, 1)
    early = Journey(AGO, enrolled=True, left=EnrollmentState.TRANSFERRED)
    assert of(STAYS, early).rates[Step.FIRST_SYNC] == Rate(1, 1)
    left_early = Journey(AGO, enrolled=True, left=EnrollmentState.WITHDRAWN)
    assert of(STAYS, left_early).rates[Step.FIRST_SYNC] == Rate(1, 2)


def test_an_enrolled_patient_was_asked_whether_that_was_noted_or_not() -> None:
    assert of(Journey(enrolled=True, first_due=SOON)).reached[Step.ASKED] == 1


@pytest.mark.parametrize(
    ("journeys", "words"),
    [
        (
            [NEVER_ASKED] * 15 + [STAYS] * 5,
            "What limits the programme is its beginning: 5 of 20 eligible were asked (25 %).",
        ),
        (
            [Journey(AGO, declined=True)] * 3 + [STAYS] * 6,
            "What limits the programme is its beginning: 6 of 9 who have answered enrolled (66 %).",
        ),
        (
            [MISSED_LAST] * 4 + [STAYS] * 4,
            "What limits the programme is its end: 4 of 8 who have begun are still in and picked up all of "
            "their last batch (50 %).",
        ),
        ([STAYS] * 5, "Nothing limits the programme: everybody was asked, joined and stays."),
        ([STAYS] * 4, "No step has 5 patients to judge by yet."),
        ([], "Nobody takes two or more medicines on and on yet, so there is nobody to ask."),
    ],
)
def test_a_sentence_says_which_end_limits_the_programme(journeys: list[Journey], words: str) -> None:
    assert funnel_words(of(*journeys)) == words


def test_who_fell_out_is_said_with_the_reason() -> None:
    assert fell_out_words(of(STAYS)) == ""
    found = of(LEFT, LEFT, DIED, Journey(AGO, declined=True))
    assert fell_out_words(found) == "Fell out: 1 said no; 2 left the programme; 1 died."


def test_every_step_and_kind_of_work_has_its_words() -> None:
    assert set(STEP_NAMES) == set(Step)
    assert set(COUNTED_OF) == set(of(STAYS).rates)
    assert set(WORK_NAMES) == {work.name for work in (*WITH_MEDSYNC, *BY_HAND)}


def test_hours_saved_are_those_of_the_programme() -> None:
    assert (
        staff_words(staff_time({}, {}, days=30, minutes={}))
        == "No work for enrolled patients in the last 30 days."
    )
    less = staff_time({"prepare": 60, "renewal": 900}, {"call_patient": 60}, days=30, minutes={})
    assert staff_words(less).endswith("by hand it would have been 3.6 hours: an estimated 2.5 hours saved.")
    more = staff_time({"prepare": 2}, {}, days=30, minutes={})
    assert staff_words(more).endswith("by hand it would have been 0 minutes: an estimated 2 minutes more.")
