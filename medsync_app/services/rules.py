"""The rules a pharmacy may set, read from its `rules` document with the defaults of DOMAIN.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from medsync_app.domain.cadence import SILENT_DAYS
from medsync_app.domain.cost import PRORATING_STATES
from medsync_app.domain.expiry import expires_on
from medsync_app.domain.supply import CONTROLLED_THRESHOLD, DEFAULT_THRESHOLD
from medsync_app.store.tables import Pharmacy

#: Share of a supply that must be used before a refill is paid, by payer (DOMAIN.md section 1).
THRESHOLDS: Mapping[str, Decimal] = {
    "commercial": DEFAULT_THRESHOLD,
    "part_d": DEFAULT_THRESHOLD,
    "medicaid": Decimal("0.85"),
    "cash": Decimal("0.5"),
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds at one pharmacy; days are whole days, weekdays count from Monday = 0."""

    cycle_days: int = 30
    horizon_days: int = 45
    #: Proposed by the wizard: days a pharmacy needs before the first sync date.
    min_lead_days: int = 3
    #: Proposed by the wizard: days of supply in hand when a fill is due.
    buffer_days: int = 3
    lapsed_after_days: int = 30
    return_to_stock_days: int = 10
    pa_warning_days: int = 30
    #: Days after a sync date without any readiness or pickup until the cycle counts as missed.
    missed_after_days: int = 10
    #: Days without a fill after which an enrollment is reviewed.
    inactive_after_days: int = SILENT_DAYS
    #: Hours without dispensing data after which a patient's silence says nothing.
    data_stale_hours: int = 36
    #: Messages a day to a number with express consent; ready notices and answers come on top.
    messages_per_day: int = 1
    #: Minutes for which a ready notice waits for the batches of others at its number: one message tells of all.
    household_wait_minutes: int = 20
    accumulation: bool = True
    short_fill_uses_refill: bool = False
    #: A stop word ends texts and calls alike, not only what it was an answer to.
    stop_ends_all: bool = True
    #: Texts and calls cost nothing to whoever gets them (the FCC's exemption for healthcare needs that).
    free_to_end_user: bool = False
    preferred_weekdays: frozenset[int] = frozenset()
    #: Payers whose items are prepared only after a recorded request of the patient.
    fill_on_request: frozenset[str] = frozenset({"medicaid"})
    #: How renewal requests go out where a prescriber has no path of their own: task, fax, email_to_fax, email, portal.
    renewal_path: str = "task"
    #: States that oblige commercial plans to charge a short fill by the day.
    prorating_states: frozenset[str] = PRORATING_STATES
    #: By kind of payer, or by the name of a plan in lower case: the plan's goes first.
    thresholds: Mapping[str, Decimal] = field(default_factory=lambda: THRESHOLDS)
    #: Months an Rx may be filled where the state says otherwise: "5" for schedule V, "none" for what is not controlled.
    expiry_months: Mapping[str, int] = field(default_factory=dict[str, int])


#: No state lets an Rx be filled for longer than this.
MOST_EXPIRY_MONTHS = 36
#: The ways of a renewal request to a prescriber.
RENEWAL_PATHS = ("task", "fax", "email_to_fax", "email", "portal")
_DAYS = (
    "cycle_days", "horizon_days", "min_lead_days", "buffer_days", "lapsed_after_days", "return_to_stock_days",
    "pa_warning_days", "missed_after_days", "inactive_after_days", "data_stale_hours",
    "messages_per_day", "household_wait_minutes",
)  # fmt: skip


def rules_of(pharmacy: Pharmacy) -> Rules:
    """The rules in force; a value that makes no sense leaves the default."""
    found: dict[str, Any] = {}
    for name in _DAYS:
        value = pharmacy.rules.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 730:
            found[name] = value
    if found.get("cycle_days") == 0:
        del found["cycle_days"]
    for name in ("accumulation", "short_fill_uses_refill", "stop_ends_all", "free_to_end_user"):
        if isinstance(pharmacy.rules.get(name), bool):
            found[name] = pharmacy.rules[name]
    weekdays = _list(pharmacy.rules.get("preferred_weekdays"))
    found["preferred_weekdays"] = frozenset(d for d in weekdays if isinstance(d, int) and 0 <= d <= 6)
    if isinstance(pharmacy.rules.get("fill_on_request"), list):
        payers = _list(pharmacy.rules["fill_on_request"])
        found["fill_on_request"] = frozenset(str(payer) for payer in payers)
    if pharmacy.rules.get("renewal_path") in RENEWAL_PATHS:
        found["renewal_path"] = pharmacy.rules["renewal_path"]
    if isinstance(pharmacy.rules.get("prorating_states"), list):
        found["prorating_states"] = frozenset(
            str(s).upper() for s in _list(pharmacy.rules["prorating_states"])
        )
    found["expiry_months"] = _months(pharmacy.rules.get("expiry_months"))
    return Rules(**found, thresholds=_thresholds(pharmacy.rules.get("thresholds")))


def data_is_stale(pharmacy: Pharmacy, now: datetime) -> bool:
    """True when a pharmacy that imports has not done so for a while: a pickup may be unknown to us."""
    hours = rules_of(pharmacy).data_stale_hours
    return pharmacy.data_as_of is not None and now - pharmacy.data_as_of > timedelta(hours=hours)


def threshold_for(rules: Rules, payer: str, schedule: int | None, plan: str = "") -> Decimal:
    """Share of the supply to be used before this plan or payer pays again; schedule III-V at least 0.85."""
    share = rules.thresholds.get(plan.casefold(), rules.thresholds.get(payer, DEFAULT_THRESHOLD))
    return max(share, CONTROLLED_THRESHOLD) if schedule in (3, 4, 5) else share


def rx_expires_on(rules: Rules, written_on: date, schedule: int | None) -> date:
    """Last day to fill an Rx under the rule of the pharmacy's state."""
    months = rules.expiry_months.get("none" if schedule is None else str(schedule))
    return expires_on(written_on, schedule, state_months=months)


def open_weekdays(pharmacy: Pharmacy) -> frozenset[int]:
    """Weekdays with opening hours; every day while no hours are set."""
    days = frozenset(int(day) for day, hours in pharmacy.hours.items() if day.isdigit() and hours)
    return (days & frozenset(range(7))) or frozenset(range(7))


def _thresholds(value: object) -> Mapping[str, Decimal]:
    shares = dict(THRESHOLDS)
    if isinstance(value, dict):
        for payer, share in cast("dict[object, object]", value).items():
            try:
                number = Decimal(str(share))
            except InvalidOperation:
                continue
            if 0 <= number <= 1:
                shares[str(payer).casefold()] = number
    return shares


def _months(value: object) -> Mapping[str, int]:
    """Schedule III and IV stand in federal law (21 CFR 1306.22): no state lengthens them."""
    given = cast("dict[object, object]", value) if isinstance(value, dict) else {}
    return {
        key: months
        for key in ("5", "none")
        if isinstance(months := given.get(key), int)
        and not isinstance(months, bool)
        and 1 <= months <= MOST_EXPIRY_MONTHS
    }


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []
