"""What a short fill costs the patient extra (42 CFR 423.153(b)(4)): a daily share of the copay.

Choice where the rules leave room: a short fill of a month (30 days) or more costs the full copay.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

CENT = Decimal("0.01")
MONTH_DAYS = 30
#: States known to oblige commercial plans to prorate; a setting of the pharmacy may replace them.
PRORATING_STATES = frozenset({"NY", "NC", "OK", "ME"})
US_STATES = frozenset({
    "AK", "AL", "AR", "AZ", "CA", "CO", "CT", "DC", "DE", "FL", "GA", "HI", "IA",
    "ID", "IL", "IN", "KS", "KY", "LA", "MA", "MD", "ME", "MI", "MN", "MO", "MS",
    "MT", "NC", "ND", "NE", "NH", "NJ", "NM", "NV", "NY", "OH", "OK", "OR", "PA",
    "PR", "RI", "SC", "SD", "TN", "TX", "UT", "VA", "VT", "WA", "WI", "WV", "WY",
})  # fmt: skip
PayerKind = Literal["part_d", "medicaid", "commercial", "cash"]


def short_fill_copay(copay: Decimal, usual_days: int, short_days: int, *, prorated: bool = True) -> Decimal:
    """Dollars for a fill of `short_days`: daily rate rounded to the cent, half up; never above `copay`."""
    full = copay.quantize(CENT, ROUND_HALF_UP)
    if not prorated or short_days >= MONTH_DAYS:
        return full
    daily = (copay / usual_days).quantize(CENT, ROUND_HALF_UP)
    return min(full, daily * short_days)


def is_prorated(
    payer: PayerKind,
    state: str | None,
    *,
    solid_oral_antibiotic: bool = False,
    original_container: bool = False,
    prorating_states: frozenset[str] = PRORATING_STATES,
) -> bool:
    """Whether a short fill is charged by the day: commercial plans only where state law says so."""
    if solid_oral_antibiotic or original_container:
        return False
    return payer != "commercial" or (state or "").upper() in prorating_states
