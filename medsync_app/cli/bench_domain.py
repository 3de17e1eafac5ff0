"""Measures the planner and the PDC walk, each beside a plain reference in the same run."""

import random
import time
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from medsync_app.domain.adherence import Period
from medsync_app.domain.adherence_batch import FillLedger
from medsync_app.domain.plan_model import Medication, MedicationId, Policy
from medsync_app.domain.supply import Fill
from medsync_app.domain.sync_plan import plan

_TODAY = date(2026, 10, 3)
_YEAR = Period(date(2025, 1, 1), date(2025, 12, 31))
_DRUGS_EACH = 5
_Claims = list[tuple[int, int, int, int, int]]


def measure_planner(patients: int) -> dict[str, Any]:
    """Plan so many patients of five drugs over 45 days.

    Gives patients, us_per_patient, reference_us_per_patient (bare date arithmetic: one division for each drug and
    candidate day) and the ratio.
    """
    policy = Policy(today=_TODAY, open_weekdays=frozenset(range(6)))
    drugs = _invented_drugs(patients)
    began = time.perf_counter()
    for chosen in drugs:
        plan(policy, chosen)
    took = time.perf_counter() - began
    began = time.perf_counter()
    for chosen in drugs:
        _bare_plan(policy, chosen)
    bare = time.perf_counter() - began
    return {
        "patients": patients,
        "us_per_patient": round(took / patients * 1e6),
        "reference_us_per_patient": round(bare / patients * 1e6),
        "ratio": round(took / bare, 1),
    }


def _invented_drugs(patients: int) -> list[tuple[Medication, ...]]:
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


def measure_pdc(fills: int) -> dict[str, Any]:
    """PDC of so many fills in a measurement year.

    Gives fills, fills_per_s, reference_fills_per_s (a set of covered days for each patient and drug, the textbook's
    way, for the same claims), the ratio, and how many covered days both found.
    """
    claims = _invented_claims(fills)
    began = time.perf_counter()
    ledger = FillLedger(_YEAR)
    ledger.extend(claims)
    covered = sum(
        found.figures.period_days - found.figures.uncovered
        for found in ledger.tallies(units=True, groups=False)
    )
    took = time.perf_counter() - began
    began = time.perf_counter()
    plain = _textbook_covered_days(claims)
    textbook = time.perf_counter() - began
    return {
        "fills": fills,
        "fills_per_s": round(fills / took),
        "reference_fills_per_s": round(fills / textbook),
        "ratio": round(textbook / took, 2),
        "covered_days": covered,
        "reference_covered_days": plain,
    }


def _invented_claims(fills: int) -> _Claims:
    """Twelve fills of each of five drugs, in date order: patient, group, unit, ordinal day, days supply."""
    order = random.Random(1)  # noqa: S311 (the same claims each time)
    first = _YEAR.start.toordinal()
    each = 12
    return sorted(
        (
            (
                number // each // _DRUGS_EACH,
                1,
                1 + number // each % _DRUGS_EACH,
                first + min(number % each * 30 + order.randrange(12), 364),
                30,
            )
            for number in range(fills)
        ),
        key=lambda claim: claim[3],
    )


def _textbook_covered_days(claims: _Claims) -> int:
    end = _YEAR.end.toordinal()
    covered: dict[tuple[int, int], set[int]] = {}
    run_out: dict[tuple[int, int], int] = {}
    for patient, _, unit, day, days in claims:
        key = (patient, unit)
        start = max(day, run_out.get(key, day))
        run_out[key] = start + days
        covered.setdefault(key, set()).update(range(start, min(start + days, end + 1)))
    return sum(len(days) for days in covered.values())
