"""The state of a cycle, derived from its items and how far it has come: the only place that decides it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from medsync_app.domain.states import CycleState, ItemState

#: The whole batch has left the pharmacy: closed once the cycle after it is open, picked up until then (a paused
#: patient, or no date that can be planned). A correction may reopen either.
PICKED_UP = frozenset({CycleState.PICKED_UP, CycleState.CLOSED})
#: Nothing more is filled or sent for these by itself.
ENDED = PICKED_UP | {CycleState.CANCELLED, CycleState.MISSED, CycleState.RETURNED}
#: Still ahead, nothing of the batch has been filled as far as the programme knows.
NOT_STARTED = frozenset({CycleState.PROPOSED, CycleState.PLANNED, CycleState.REQUESTING})
#: The patient can fetch at least part of it.
FETCHABLE = frozenset({CycleState.READY, CycleState.PARTLY_READY, CycleState.PARTLY_PICKED_UP})
OPEN = frozenset(CycleState) - ENDED

#: Items whose fill exists or is being made: a new plan leaves them as they are.
CLAIMED_ITEMS = frozenset({ItemState.FILLING, ItemState.READY, ItemState.PICKED_UP, ItemState.RETURNED})
#: Items that still have to come to the patient.
PENDING_ITEMS = frozenset({ItemState.PLANNED, ItemState.WAITING, ItemState.FILLING, ItemState.READY})
#: Of those, what is still to be filled: the patient's word, a refill or the stock may yet decide.
UNFILLED = frozenset({ItemState.PLANNED, ItemState.WAITING})
#: And what is filled, or being filled, and has not been fetched.
AT_THE_PHARMACY = PENDING_ITEMS - UNFILLED

#: Problem of an item whose drug waits for "replaces or together?": it is not prepared before.
SAME_DRUG = "same_drug"
#: Problem of an item that waits for nothing but the patient's request (fill on request).
NOT_REQUESTED = "not_requested"
OUT_OF_STOCK = "out_of_stock"
#: Problems that end by what somebody does, not by a date.
_UNTIL_SETTLED = frozenset({NOT_REQUESTED, SAME_DRUG, "on_hold", "no_refills"})


class Waiting(Protocol):
    """An item, or what is read of one."""

    @property
    def state(self) -> ItemState: ...
    @property
    def problem(self) -> str: ...
    @property
    def expected_on(self) -> date | None: ...


def is_missing_on(item: Waiting, day: date) -> bool:
    """Whether an item is known not to be there on a day, as far as anybody can tell now."""
    if item.state is not ItemState.WAITING:
        return False
    if item.problem == OUT_OF_STOCK:
        return item.expected_on is None or item.expected_on > day
    return item.problem in _UNTIL_SETTLED


_STAGES = frozenset({CycleState.PLANNED, CycleState.REQUESTING, CycleState.PREPARING})


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of a cycle besides its items.

    `stage` is how far the pharmacy has come with it (planned, requesting, preparing), `ended` how a person or a
    rule ended it, `unapproved` that a pharmacist has not yet approved its plan.
    """

    stage: CycleState = CycleState.PLANNED
    unapproved: bool = False
    ended: CycleState | None = None


def derive_state(progress: Progress, items: Iterable[ItemState]) -> CycleState:
    """The state these items give: an end stands, then what the patient took, what is ready, then the stage."""
    if progress.ended is not None:
        return progress.ended
    live = [item for item in items if item is not ItemState.SKIPPED]
    taken = sum(item is ItemState.PICKED_UP for item in live)
    pending = [item for item in live if item in PENDING_ITEMS]
    if taken:
        return CycleState.PARTLY_PICKED_UP if pending else CycleState.PICKED_UP
    if live and not pending:
        return CycleState.RETURNED
    if progress.unapproved:
        return CycleState.PROPOSED
    ready = sum(item is ItemState.READY for item in pending)
    if ready:
        return CycleState.READY if ready == len(pending) else CycleState.PARTLY_READY
    if ItemState.FILLING in pending:
        return CycleState.PREPARING
    return progress.stage if progress.stage in _STAGES else CycleState.PLANNED


def readiness(items: Iterable[ItemState]) -> str | None:
    """The event that tells what is ready of a batch: "ready" when all that is still to come is there, "partly_ready".

    None when nothing waits to be fetched, also after a part was.
    """
    pending = [item for item in items if item in PENDING_ITEMS]
    ready = sum(item is ItemState.READY for item in pending)
    if not ready:
        return None
    return "ready" if ready == len(pending) else "partly_ready"


def progress_of(state: CycleState, *, unapproved: bool) -> Progress:
    """The progress a stored state stands for; states that items alone explain give the stage they imply."""
    if state in ENDED:
        return Progress(unapproved=unapproved, ended=state)
    if state in (CycleState.PROPOSED, CycleState.PLANNED):
        return Progress(CycleState.PLANNED, unapproved)
    if state is CycleState.REQUESTING:
        return Progress(CycleState.REQUESTING, unapproved)
    return Progress(CycleState.PREPARING, unapproved)
