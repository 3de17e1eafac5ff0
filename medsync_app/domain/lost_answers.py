"""Which of a provider's messages is the call whose answer was lost: by number, time and words, never guessed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

#: Providers keep whole seconds, and their clocks are not ours.
CLOCK_SLACK = timedelta(seconds=5)
#: A request that left this machine is accepted within its lease (60 s), a call's time-out (10 s) and that slack.
WINDOW = timedelta(seconds=75)


@dataclass(frozen=True, slots=True)
class Found:
    """A message that the provider knows and that may be the one in doubt; `body` None where its list has no words."""

    provider_id: str
    created_at: datetime
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """A call to a number with nobody knowing how it ended."""

    attempt_id: str
    started_at: datetime
    body: str


class Unfound(StrEnum):
    """Why no message is the one in doubt."""

    #: The provider has none that it could be.
    ABSENT = "absent"
    #: It may be one of several: only a person can know.
    UNSURE = "unsure"


def find(attempt_id: str, lost: Sequence[Lost], free: Sequence[Found]) -> Found | Unfound:
    """The message of one of the calls that were `lost` to a number (the oldest first, this one among them).

    `free` are the provider's messages to that number that no call of ours holds. The words tell them apart. Calls
    with the same words are alike: when there are as many such messages, each went out, in the order of the calls.
    Words that no call had may have been changed on the way: they belong to what is left over when the numbers and the
    times agree, else nobody can say.
    """
    free = sorted(free, key=lambda message: message.created_at)
    could = [one for one in lost if any(_after(one, message) for message in free)]
    mine = next((one for one in could if one.attempt_id == attempt_id), None)
    if mine is None:
        return Unfound.ABSENT
    whole = {one.body for one in could if _count(could, one.body) == _count(free, one.body)}
    open_calls = [one for one in could if one.body not in whole]
    rest = [message for message in free if message.body not in whole]
    if mine.body in whole:
        alike = [one for one in could if one.body == mine.body]
        return [message for message in free if message.body == mine.body][alike.index(mine)]
    if all(message.body in {one.body for one in could} for message in rest):
        return Unfound.UNSURE if _count(rest, mine.body) else Unfound.ABSENT
    if len(rest) == len(open_calls) and all(map(_fits, open_calls, rest)):
        return rest[open_calls.index(mine)]
    return Unfound.UNSURE


def _count(these: Sequence[Lost] | Sequence[Found], body: str) -> int:
    return sum(one.body == body for one in these)


def _after(lost: Lost, message: Found) -> bool:
    return message.created_at >= lost.started_at - CLOCK_SLACK


def _fits(lost: Lost, message: Found) -> bool:
    """Inside the window of the call; lists without words (of telephone calls) hold nothing but our own."""
    return _after(lost, message) and (
        message.body in (None, lost.body) or message.created_at <= lost.started_at + WINDOW
    )
