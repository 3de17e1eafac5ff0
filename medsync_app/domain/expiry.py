"""When an Rx stops being fillable: 12 months, or 6 months and 5 refills if controlled (21 CFR 1306.22)."""

from datetime import date

from dateutil.relativedelta import relativedelta

MONTHS = 12
CONTROLLED_MONTHS = 6
CONTROLLED_REFILLS = 5


def expires_on(written_on: date, schedule: int | None, *, state_months: int | None = None) -> date:
    """Last day to fill the Rx; schedule V counts like III-IV, `state_months` is the rule of the state."""
    months = CONTROLLED_MONTHS if schedule in (3, 4, 5) else MONTHS
    return written_on + relativedelta(months=months if state_months is None else state_months)


def refills_allowed(schedule: int | None, authorised: int) -> int:
    """Refills that count of those authorised: none for schedule II, at most 5 for III-V."""
    if schedule == 2:
        return 0
    return min(authorised, CONTROLLED_REFILLS) if schedule in (3, 4, 5) else authorised
