"""Tells drugs of one patient apart that share an ingredient: the older waits for "replaces or together?"."""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import date, timedelta

from medsync_app.domain import supply
from medsync_app.domain.participation import waiting_duplicates
from medsync_app.domain.plan_model import Medication
from medsync_app.services.rules import Rules
from medsync_app.store.tables import Therapy


def duplicates(
    medications: Iterable[Medication],
    rows: Iterable[Therapy],
    rules: Rules,
    today: date,
    together: Collection[frozenset[str]] = (),
) -> dict[str, tuple[str, ...]]:
    """Active drugs that wait because a newer one shares an ingredient, whoever ticked them in: id -> newer ids.

    `together` are pairs that a pharmacist says are both taken.
    """
    ingredients = _shared(rows)
    if not ingredients:
        return {}
    lapsed = today - timedelta(days=rules.lapsed_after_days)
    active: list[tuple[str, frozenset[str], date]] = []
    for medication in medications:
        if medication.id not in ingredients or medication.status != "active" or medication.as_needed:
            continue
        counted = [fill for fill in medication.fills if fill.counts]
        if not counted:
            continue
        known = supply.summarise(counted, today=today, usual_days=medication.usual_days)
        # A lapsed drug takes no part by itself; one that was ticked in does.
        if known is None or known.run_out >= lapsed or medication.include is True:
            active.append((medication.id, ingredients[medication.id], counted[-1].date))
    return waiting_duplicates(active, together)


def _shared(rows: Iterable[Therapy]) -> dict[str, frozenset[str]]:
    """The ingredients of the drugs that have one in common with another drug."""
    ingredients = {row.id: frozenset(row.ingredients) for row in rows}
    times = Counter(name for own in ingredients.values() for name in own)
    return {key: own for key, own in ingredients.items() if any(times[name] > 1 for name in own)}
