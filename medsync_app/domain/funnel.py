"""The funnel of the programme: how far patients have come, and at which end it narrows most.

House rule: a step is counted over those of the step before for whom it is decided. Whoever still thinks about the offer
(asked less than 30 days ago, no answer), or whose first date lies ahead, is not held against the programme.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from medsync_app.domain.adherence_indicators import ACCEPTANCE_DAYS, Rate
from medsync_app.domain.states import EnrollmentState

#: A step over fewer patients says nothing about the programme.
FEWEST: Final = 5
_NOT_BY_CHOICE: Final = (EnrollmentState.DECEASED, EnrollmentState.TRANSFERRED)


class Step(StrEnum):
    """How far a patient has come, in this order."""

    ELIGIBLE = "eligible"
    ASKED = "asked"
    ENROLLED = "enrolled"
    FIRST_SYNC = "first_sync"
    LAST_COMPLETE = "last_complete"


#: The steps that win patients; the rest keeps them.
_BEGINNING: Final = (Step.ASKED, Step.ENROLLED)


@dataclass(frozen=True, slots=True)
class Journey:
    """One eligible patient: `asked_on` the day of the newest offer, `first_due` the first sync date ever planned.

    `last_complete` is whether the whole of the newest batch that has ended was picked up, None while none has;
    `left` is how the last enrollment ended, None for who takes part or never did.
    """

    asked_on: date | None = None
    declined: bool = False
    enrolled: bool = False
    first_due: date | None = None
    synced: bool = False
    last_complete: bool | None = None
    left: EnrollmentState | None = None

    @property
    def asked(self) -> bool:
        """Whoever is enrolled has been asked, noted or not."""
        return self.asked_on is not None or self.enrolled


@dataclass(frozen=True, slots=True)
class Funnel:
    """Patients who came to each step; of the step before, those for whom it is decided; how enrollments ended."""

    reached: Mapping[Step, int]
    rates: Mapping[Step, Rate]
    fell_out: Mapping[EnrollmentState, int]
    declined: int

    @property
    def narrowest(self) -> Step | None:
        """The step that most patients are lost before, None while no step has five to judge by."""
        judged = [(rate.value, step) for step, rate in self.rates.items() if rate.denominator >= FEWEST]
        worst = min(judged, key=lambda one: one[0] or 0.0, default=(1.0, None))
        return worst[1] if (worst[0] or 0.0) < 1 else None

    @property
    def limited_at_the_beginning(self) -> bool:
        """Whether patients are won too rarely, rather than lost too often."""
        return self.narrowest in _BEGINNING


def funnel(journeys: Iterable[Journey], today: date) -> Funnel:
    """The funnel of these patients, everyone of them eligible once."""
    everyone = list(journeys)
    asked = [one for one in everyone if one.asked]
    enrolled = [one for one in asked if one.enrolled]
    synced = [one for one in enrolled if one.synced]
    complete = [one for one in synced if one.last_complete and one.left is None]
    thinking_since = today - timedelta(days=ACCEPTANCE_DAYS)
    answered = sum(
        one.enrolled or one.declined or (one.asked_on is not None and one.asked_on <= thinking_since)
        for one in asked
    )
    had_their_date = sum(
        one.synced or (one.left not in _NOT_BY_CHOICE and (one.left is not None or _passed(one, today)))
        for one in enrolled
    )
    could_stay = sum(one.left not in _NOT_BY_CHOICE for one in synced)
    return Funnel(
        reached={
            Step.ELIGIBLE: len(everyone),
            Step.ASKED: len(asked),
            Step.ENROLLED: len(enrolled),
            Step.FIRST_SYNC: len(synced),
            Step.LAST_COMPLETE: len(complete),
        },
        rates={
            Step.ASKED: Rate(len(asked), len(everyone)),
            Step.ENROLLED: Rate(len(enrolled), answered),
            Step.FIRST_SYNC: Rate(len(synced), had_their_date),
            Step.LAST_COMPLETE: Rate(len(complete), could_stay),
        },
        fell_out=Counter(one.left for one in enrolled if one.left is not None),
        declined=sum(one.declined and not one.enrolled for one in asked),
    )


def _passed(one: Journey, today: date) -> bool:
    return one.first_due is not None and one.first_due < today
