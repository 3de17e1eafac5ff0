"""The fault tests prove themselves by failing: each promise is broken in a copy of the program, and they go red."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.faults import LONG
from tests.support.mutations import Change, broken_copy, run_tests

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Mutation:
    """A promise that is broken: texts of a file are replaced; each of these tests must then fail."""

    name: str
    changes: tuple[Change, ...]
    #: Quick ones, which run with every `make test`.
    tests: tuple[str, ...]
    #: With killed and stopped processes, or waits for what never comes: only with the long forms.
    long: tuple[str, ...] = ()


_SETTLE, _BATCH = "medsync_app/outbox/settle.py", "medsync_app/outbox/batch.py"
_CLAIM, _RETRY = "medsync_app/outbox/claim.py", "medsync_app/domain/retry.py"


def _open(guard: str) -> tuple[str, str]:
    """A guard that lets everything through, and still takes its value."""
    return guard, f'({guard}) | (ACTION.c.id != "")'


_ANY_OWNER = (_SETTLE, *_open('ACTION.c.lease_owner == bindparam("held_by")'))
_ROW_5 = "tests/outbox/test_claim_and_settle.py -k"
_ROW_5_TOGETHER = "tests/engine/test_batch.py -k come_after_the_lease and sqlite"
_ROW_6 = "tests/faults/test_answers.py -k lost_after_acceptance and reset"
_KILL = "tests/engine/test_kill.py -k"
_ROW_1, _ROW_4 = f"{_KILL} random_moments and sqlite", f"{_KILL} longer_than_its_lease"
_ROW_2 = f"{_KILL} at_each_step and answered"

MUTATIONS = (
    Mutation(
        "no guard of the owner",
        (_ANY_OWNER,),
        (f"{_ROW_5} guard_of_the_owner",),
    ),
    Mutation(
        "no guard of the state",
        (
            (_SETTLE, *_open('ACTION.c.state == bindparam("held_state")')),
            _ANY_OWNER,
            (_BATCH, "        if row.state == ActionState.CALLING\n", "        if row.state\n"),
            (_BATCH, "        and row.lease_owner == ours[row.id].claim.owner\n", ""),
            (_BATCH, "        ACTION.c.state == state,\n", ""),
            (_BATCH, "        ACTION.c.lease_owner == value", "        '' != value"),
        ),
        (f"{_ROW_5} late_worker", _ROW_5_TOGETHER),
        (_ROW_4,),
    ),
    Mutation(
        "sent is written before the call",
        (
            (_SETTLE, '"state": ActionState.CALLING, "attempts"', '"state": ActionState.SENT, "attempts"'),
            (_BATCH, "state=ActionState.CALLING, attempts", "state=ActionState.SENT, attempts"),
        ),
        (f"{_ROW_5} late_worker",),
        (_ROW_1, _ROW_2, _ROW_4, _ROW_6),
    ),
    Mutation(
        "what was being called is sent again",
        ((_CLAIM, "state=ActionState.IN_DOUBT", "state=ActionState.QUEUED"),),
        (_ROW_5_TOGETHER,),
        (_ROW_1, _ROW_2, _ROW_4),
    ),
    Mutation(
        "an answer that is lost is a failure like any other",
        ((_RETRY, "return FindOut()", "return TryAgain(0.0)"),),
        (),
        (_ROW_6,),
    ),
)


@pytest.mark.parametrize(
    "mutation", [one for one in MUTATIONS if LONG or one.tests], ids=lambda mutation: mutation.name
)
def test_a_broken_promise_turns_the_tests_red(tmp_path: Path, mutation: Mutation) -> None:
    folder = broken_copy(tmp_path, mutation.changes)
    for tests in mutation.tests + (mutation.long if LONG else ()):
        path, _, which = tests.partition(" -k ")
        red, _ = run_tests(folder, "-x", path, *(["-k", which] if which else []))
        assert red, f"{tests} stays green"
