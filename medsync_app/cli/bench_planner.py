"""Measures the planner beside bare date arithmetic over the same candidates, in one run."""

import random
import time
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from medsync_app.domain.plan_model import Medication, MedicationId, Policy
from medsync_app.domain.supply import Fill
from medsync_app.domain.sync_plan import plan

_TODAY = date(2026, 10, 3)
_DRUGS_EACH = 6
#: The target of issue 3: a whole pharmacy group is planned anew in seconds.
_LIMIT_US = 1_000


def measure(patients: int) -> dict[str, Any]:
    """Plan so many patients of six drugs over 45 days, in time of the one core used.

    Gives patients, seconds, us_per_patient, limit_us and share_of_limit, reference_us_per_patient (bare date
    arithmetic: one division for each drug and candidate day) and the ratio.
    """
    policy = Policy(today=_TODAY, open_weekdays=frozenset(range(6)))
    drugs = invented_drugs(patients)
    began = time.process_time()
    for chosen in drugs:
        plan(policy, chosen)
    took = time.process_time() - began
    began = time.process_time()
    for chosen in drugs:
        _bare_plan(policy, chosen)
    bare = time.process_time() - began
    return {
        "patients": patients,
        "seconds": round(took, 2),
        "us_per_patient": round(took / patients * 1e6),
        "limit_us": _LIMIT_US,
        "share_of_limit": round(took / patients * 1e6 / _LIMIT_US, 2),
        "reference_us_per_patient": round(bare / patients * 1e6),
        "ratio": round(took / bare, 1),
    }


def invented_drugs(patients: int) -> list[tuple[Medication, ...]]:
    """The same six drugs of so many patients each time."""
    order = random.Random(1)  # noqa: S311 (the same patients each time)
    return [
        tuple(
            Medication(
                MedicationId(str(number)),
                (Fill(_TODAY - timedelta(days=order.randrange(1, 30)), order.choice((30, 30, 30, 90))),),
                form="tablet",
            )
            for number in range(_DRUGS_EACH)
        )
        for _ in range(patients)
    ]


def _bare_plan(policy: Policy, drugs: Sequence[Medication]) -> int:
    """The day with the smallest sum of remainders: what a plan costs at the very least."""
    facts = [(drug.fills[0].date, drug.fills[0].days_supply or 1) for drug in drugs]
    best = (10**9, 0)
    for ahead in range(policy.horizon_days + 1):
        day = policy.today + timedelta(days=ahead)
        best = min(best, (sum(divmod((day - filled).days, days)[1] for filled, days in facts), ahead))
    return best[1]
