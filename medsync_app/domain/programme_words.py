"""Says in words how far patients have come in the programme, and what it costs the staff."""

from collections.abc import Mapping
from typing import Final

from medsync_app.domain.funnel import FEWEST, Funnel, Step
from medsync_app.domain.staff_time import StaffTime
from medsync_app.domain.states import EnrollmentState

#: How each step is headed.
STEP_NAMES: Final[Mapping[Step, str]] = {
    Step.ELIGIBLE: "Eligible",
    Step.ASKED: "Asked",
    Step.ENROLLED: "Enrolled",
    Step.FIRST_SYNC: "First sync",
    Step.LAST_COMPLETE: "Last batch complete",
}
#: What a step is counted of.
COUNTED_OF: Final[Mapping[Step, str]] = {
    Step.ASKED: "eligible",
    Step.ENROLLED: "who have answered",
    Step.FIRST_SYNC: "whose first date has passed",
    Step.LAST_COMPLETE: "who have begun",
}
#: What patients do at a step, after their number.
_DID: Final[Mapping[Step, str]] = {
    Step.ASKED: "were asked",
    Step.ENROLLED: "enrolled",
    Step.FIRST_SYNC: "picked up on a first sync date",
    Step.LAST_COMPLETE: "are still in and picked up all of their last batch",
}
_LEFT: Final[Mapping[EnrollmentState, str]] = {
    EnrollmentState.WITHDRAWN: "left the programme",
    EnrollmentState.TRANSFERRED: "went to another pharmacy",
    EnrollmentState.DECEASED: "died",
    EnrollmentState.INACTIVE: "became inactive: no fill for long, or two batches not fetched",
}
#: How each kind of work is called, of both tables of staff_time.py.
WORK_NAMES: Final[Mapping[str, str]] = {
    "enroll": "Enroll",
    "plan_review": "Approve plans",
    "plan_next": "Plan the next date",
    "call_patient": "Call patients",
    "reply": "Answer replies",
    "refill_check": "Check refills",
    "renewal": "Ask for renewals",
    "renewal_answer": "Enter prescribers' answers",
    "chase_prescriber": "Phone prescribers",
    "prior_authorization": "Prior authorizations",
    "stock": "Find another source",
    "prepare": "Prepare batches",
    "pickup": "Confirm pickups",
    "ready_call": "Say that it is ready",
    "not_picked_up": "Call who did not come",
    "return_to_stock": "Return to stock",
    "contact": "Ask for another number",
    "note": "Note on a task",
    "other": "Other tasks",
    "board": "Open the board, load the file",
    "board_item": "Read new tasks",
}


def funnel_words(found: Funnel) -> str:
    """Which end limits the programme, in a sentence."""
    if not found.reached[Step.ELIGIBLE]:
        return "Nobody takes two or more medicines on and on yet, so there is nobody to ask."
    step = found.narrowest
    if step is None:
        if any(rate.denominator >= FEWEST for rate in found.rates.values()):
            return "Nothing limits the programme: everybody was asked, joined and stays."
        return f"No step has {FEWEST} patients to judge by yet."
    rate = found.rates[step]
    end = "beginning" if found.limited_at_the_beginning else "end"
    return (
        f"What limits the programme is its {end}: {rate.numerator:,} of {rate.denominator:,} {COUNTED_OF[step]} "
        f"{_DID[step]} ({rate.percent} %)."
    )


def fell_out_words(found: Funnel) -> str:
    """Who said no and who left, by reason; "" for nobody."""
    said = [f"{found.declined:,} said no"] if found.declined else []
    said += [
        f"{found.fell_out[state]:,} {words}" for state, words in _LEFT.items() if found.fell_out.get(state)
    ]
    return f"Fell out: {'; '.join(said)}." if said else ""


def staff_words(time: StaffTime) -> str:
    """Hours a month spent and saved, in a sentence."""
    ours, hand = time.of_programme
    if not ours and not hand:
        return "No work for enrolled patients in the last 30 days."
    change = hand - ours
    saved = f"{hours(abs(change))} {'saved' if change >= 0 else 'more'}"
    return (
        f"{hours(ours)} a month because patients are synchronized; by hand it would have been {hours(hand)}: "
        f"an estimated {saved}."
    )


def hours(minutes: float) -> str:
    """Said as "19.2 hours", below an hour as "12 minutes"."""
    if minutes >= 60:
        return f"{minutes / 60:.1f} hours"
    return "1 minute" if round(minutes) == 1 else f"{round(minutes)} minutes"
