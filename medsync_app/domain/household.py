"""How long a notice that a batch is ready waits for the batches of others at the same number."""

from datetime import date, datetime, timedelta

#: Left of the contact window, or of the use of a notice, when its waiting ends: enough for it to go out.
MARGIN = timedelta(minutes=5)


def waits_until(
    now: datetime, since: datetime, wait: timedelta, *, closes: datetime, useful_until: datetime | None
) -> datetime | None:
    """Until when a notice waits that could go since `since`; None when it goes now.

    Never past the end of the contact window (`closes`) or of its use (DOMAIN.md section 5: a household's messages of
    one day are merged; how long is a house rule).
    """
    ends = [since + wait, closes - MARGIN]
    if useful_until is not None:
        ends.append(useful_until - MARGIN)
    until = min(ends)
    return until if until > now else None


def same_pickup(one: date, other: date, today: date) -> bool:
    """Whether batches of two sync dates are fetched on one day: what is late is fetched today."""
    return max(one, today) == max(other, today)
