"""`simulate --patients N --days N --seed S [--faults LEVEL]`: months of the programme on a virtual clock.

The figures go to stdout as JSON; the comparison of staff time with the work by hand is a message on stderr.
"""

import argparse
import json
from collections.abc import Mapping
from typing import Any, TextIO

from medsync_app.domain.staff_time import ALSO_WITHOUT, StaffTime, staff_time
from medsync_app.settings import get_settings
from medsync_app.simulate.count import Counted
from medsync_app.simulate.faults import MOST
from medsync_app.simulate.run import STEADY_AFTER, simulate

_MOST_PATIENTS, _MOST_DAYS = 5_000, 3_660
#: What a pharmacist can do about the work that costs most.
_ADVICE = {
    "call_patient": "Call only on the day the task is due: many answer the text by then; ask for express consent "
    "and a mobile number at the counter, so that the text reaches them.",
    "not_picked_up": "Call on the day the task is due, not before: the text has just gone out. Offer delivery, or "
    "another weekday, to those who come late twice.",
    "chase_prescriber": "Ask for a year of refills at enrollment, and phone one prescriber once for all drugs.",
    "renewal": "Send renewals electronically from the pharmacy system, with a year of refills.",
    "prepare": "Work the batch sheets in one go; mark ready by the pharmacy system's event.",
    "enroll": "It is done once for each patient; let patients fill in the form themselves.",
    "board_item": "Turn off the steps of the workflow whose tasks nobody needs.",
    "board": "Open Today once, in the morning; the rest of the day is in its tasks.",
}


def run(argv: list[str], _stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Simulate, print the figures as JSON, and the answer about staff time on stderr."""
    parser = argparse.ArgumentParser(prog="python -m medsync_app simulate", description=__doc__)
    parser.add_argument("--patients", type=_up_to(_MOST_PATIENTS), default=200, help="all take part (200)")
    parser.add_argument("--days", type=_up_to(_MOST_DAYS), default=365, help="days of the programme (365)")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another year of other people")
    parser.add_argument("--faults", type=int, choices=range(MOST + 1), default=0, metavar="0-3",
                        help="how much goes wrong: providers, the loop, files, prescribers (0: nothing)")  # fmt: skip
    options = parser.parse_args(argv)
    minutes = get_settings().medsync_staff_minutes
    staff_time({}, {}, days=1, minutes=minutes)  # refused before the work, not after it
    found = simulate(patients=options.patients, days=options.days, seed=options.seed, faults=options.faults)
    staff = staff_time(found.done, found.by_hand, days=options.days, minutes=minutes)
    print(json.dumps(document(found, staff, options.days, options.seed)), file=stdout)
    steady_days = options.days - STEADY_AFTER
    if steady_days > 0:
        steady = staff_time(found.steady_done, found.steady_by_hand, days=steady_days, minutes=minutes)
        print(answer(steady, f"{options.patients} patients from day {STEADY_AFTER + 1} on"), file=stderr)
    print(answer(staff, f"{options.patients} patients, all {options.days} days"), file=stderr)
    return 0


def document(found: Counted, staff: StaffTime, days: int, seed: int) -> dict[str, Any]:
    """The figures as DESIGN.md section 5 lists them; days without supply are per patient's drug and year."""
    cycles = {key: value for key, value in sorted(found.cycles.items()) if key != "on_the_day"}
    return {
        "messages": {
            "sent": found.sent, "sent_twice": found.sent_twice, "lost": found.lost,
            "outside_window": found.outside_window, "by_step": _sorted(found.by_step),
        },
        "exceptions": {
            "opened": found.exceptions.total(), "closed": found.exceptions_closed,
            "by_kind": _sorted(found.exceptions),
        },
        "staff": {
            "minutes_per_month": round(staff.minutes, 1),
            "by_kind": _rounded(staff.by_kind),
        },
        "cycles": {"on_time": _share(found.cycles["on_the_day"], found.cycles["due"]), **cycles},
        "adherence": {
            "gap_days_with": _per_year(found.gap_with, found.drugs, days),
            "gap_days_without": _per_year(found.gap_without, found.drugs, days),
            "pdc_before": _share(found.pdc_before, found.pdc_patients),
            "pdc_after": _share(found.pdc_after, found.pdc_patients),
        },
        "seed": seed,
    }  # fmt: skip


def answer(staff: StaffTime, what: str) -> str:
    """Staff time with MedSync and by hand, by step in hours a month, the dearest first, and what it comes to."""
    kinds = sorted({*staff.by_kind, *staff.by_hand}, key=lambda kind: (-staff.by_kind.get(kind, 0.0), kind))
    ours, hand = staff.of_programme
    rest, rest_by_hand = staff.minutes - ours, staff.minutes_by_hand - hand
    most = staff.costs_most
    return "\n".join([
        f"{what}: {staff.minutes_by_hand / 60:.1f} hours a month by hand, {staff.minutes / 60:.1f} with MedSync. "
        f"Of these {hand / 60:.1f} and {ours / 60:.1f} because patients are synchronised, "
        f"{rest_by_hand / 60:.1f} and {rest / 60:.1f} for what comes with any prescription. "
        f"{most.replace('_', ' ').capitalize()} costs most. {_ADVICE.get(most, '')}".strip(),
        f"{'hours a month':<22}{'MedSync':>8}{'by hand':>9}",
        *_lines(staff, [kind for kind in kinds if kind not in ALSO_WITHOUT]),
        _line("because of sync", ours, hand),
        *_lines(staff, [kind for kind in kinds if kind in ALSO_WITHOUT]),
        _line("with any prescription", rest, rest_by_hand),
        _line("sum", staff.minutes, staff.minutes_by_hand),
    ])  # fmt: skip


def _lines(staff: StaffTime, kinds: list[str]) -> list[str]:
    rows = [(kind, staff.by_kind.get(kind, 0.0), staff.by_hand.get(kind, 0.0)) for kind in kinds]
    return [_line(f"  {kind.replace('_', ' ')}", ours, hand) for kind, ours, hand in rows if ours or hand]


def _line(name: str, ours: float, hand: float) -> str:
    return f"{name:<22}{ours / 60:>8.1f}{hand / 60:>9.1f}"


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def _rounded(minutes: Mapping[str, float]) -> dict[str, float]:
    return {kind: round(value, 1) for kind, value in sorted(minutes.items(), key=lambda pair: -pair[1])}


def _share(part: float, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _per_year(gap_days: int, drugs: int, days: int) -> float | None:
    return round(gap_days / drugs * 365 / days, 2) if drugs else None


def _up_to(most: int) -> Any:
    def number(text: str) -> int:
        value = int(text)
        if not 1 <= value <= most:
            raise argparse.ArgumentTypeError(f"give a number from 1 to {most}")
        return value

    return number
