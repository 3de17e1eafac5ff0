"""The rules of the random lives prove themselves by failing: a promise is broken in a copy, and a life tells which."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.faults import LONG
from tests.support.mutations import Change, broken_copy, run_tests

pytestmark = pytest.mark.slow

_LIVES = "tests/scenario/test_random_lives.py"
_RULES = "medsync_app/domain/contact_rules.py"
_CHECK, _TEXT = "medsync_app/services/fire_check.py", "medsync_app/services/message_text.py"
_CYCLE, _QUEUE = "medsync_app/services/schedule_cycle.py", "medsync_app/outbox/queue.py"
_NEXT, _PAUSE = "medsync_app/services/confirm_pickup.py", "medsync_app/services/pause.py"
_WITHDRAW, _READY = "medsync_app/services/withdraw.py", "medsync_app/services/mark_ready.py"


@dataclass(frozen=True, slots=True)
class Broken:
    """What a rule of the lives says when these texts are replaced."""

    rule: str
    changes: tuple[Change, ...]
    #: Each life meets it: quick enough for every `make test`.
    quick: bool = False


def _off(file: str, condition: str) -> Change:
    return file, f"if {condition}:", "if False:"


#: What withdraws everything when an enrollment is paused or ends.
_STOP = (_PAUSE, "    withdraw_messages(tx, enrollment_id=enrollment.id, reason=reason)\n", "")
_MOVED = "    supersede(tx, pharmacy_id=cycle.pharmacy_id, cycle_id=cycle_id, reason=reason)\n"
_NOT_READY = (
    "    supersede(tx, pharmacy_id=cycle.pharmacy_id, cycle_id=cycle.id, only_steps=steps, reason=reason)\n"
)
_USABLE = "not may_use(reach.channel, reach.basis, free_to_end_user=rules.free_to_end_user)"
_NAMED = "names = express and patient is not None and patient.drug_names_wanted"
_DAY_CAP = "reach.sent_today >= (rules.per_day_express if express else rules.per_day_given)"
_OTHER_DATE = "planned is not None and date.fromisoformat(planned) != cycle.sync_date"
_SINCE = "since=local_day(about.ready_at, pharmacy.zone) if about.ready_at else today"
_UNTIL, _DAY = "timedelta(days=return_days(pharmacy))", "say_day(about.sync_date, language)"
_KEY = "idempotency_key=ACTION.c.idempotency_key"

BROKEN = (
    Broken(
        "has fallen out", ((_NEXT, "following = close_for_next(tx, cycle)", "following = None"),), quick=True
    ),
    Broken(
        "on which there is no pickup",
        ((_TEXT, _DAY, "say_day(about.sync_date + timedelta(days=1), language)"),),
    ),
    Broken(
        "a message after STOP",
        (
            (_RULES, "return reach.opted_out or reach.basis is ContactBasis.REVOKED", "return False"),
            (_RULES, 'return "no consent"', "pass"),
        ),
    ),
    Broken("outside the contact window", ((_RULES, "_window(facts, rules) or _cap(", "_cap("),)),
    Broken("a message nobody agreed to", (_off(_RULES, _USABLE),)),
    Broken("a message to a wrong number", (_off(_RULES, "reach.wrong"),)),
    Broken("a message while a reply waits", ((_RULES, "elif held:", "elif False:"),)),
    Broken("not in the language", ((_TEXT, 'wanted if wanted in LANGUAGES else "en"', '"en"'),)),
    Broken("names a medicine without the wish", ((_TEXT, _NAMED, "names = True"),)),
    Broken("two messages on one day", (_off(_RULES, _DAY_CAP),)),
    Broken("nothing is ready to fetch", ((_CYCLE, _NOT_READY, ""),)),
    Broken("the plan is", ((_CYCLE, _MOVED, ""), _off(_CHECK, _OTHER_DATE))),
    Broken("ready since a day to come", ((_TEXT, _SINCE, "since=today + timedelta(days=1)"),)),
    Broken("which has passed", ((_TEXT, _UNTIL, _UNTIL.replace("(pharmacy)", "(pharmacy) - 30")),)),
    Broken("waits until after its return", ((_TEXT, _UNTIL, _UNTIL.replace("=", "=1 + ")),)),
    Broken(
        "nothing says why",
        ((_RULES, 'return _until(opening, facts, "Outside the contact window.")', 'return Hold(None, "")'),),
    ),
    Broken("is failed:", ((_TEXT, '"hours": _hours(', '"hours_": _hours('),)),
    Broken("is ready without a return clock", ((_READY, "    mind_return(tx, cycle)\n", ""),)),
    Broken(
        "is open while its batch is",
        ((_NEXT, '    close_cycle_tasks(tx, cycle, "The batch was picked up.")\n', ""),),
    ),
    Broken(
        "has no reminder",
        ((_QUEUE, f'{_KEY} + "~" + ACTION.c.id,', f"{_KEY},"),),
    ),
    Broken(
        "is queued after death",
        (
            _STOP,
            (
                _WITHDRAW,
                'withdraw_messages(tx, patient_id=patient.id, reason="The patient has died.")',
                "pass",
            ),
        ),
    ),
    Broken(
        "is open after death",
        ((_WITHDRAW, 'close_row(tx, row, outcome="The patient has died.")', "pass"),),
    ),
)


@pytest.mark.parametrize("broken", [one for one in BROKEN if LONG or one.quick], ids=lambda one: one.rule)
def test_a_broken_promise_is_told_by_the_rule_that_is_for_it(tmp_path: Path, broken: Broken) -> None:
    folder = broken_copy(tmp_path, broken.changes)
    lives = "1" if broken.quick else "15"
    red, said = run_tests(folder, _LIVES, "-k", "any_acts", MEDSYNC_PROPERTY_EXAMPLES=lives)
    assert red, "the lives go on as if nothing were broken"
    assert broken.rule in said
