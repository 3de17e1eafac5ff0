"""The daily dose is read from plain directions and from nothing else."""

from decimal import Decimal

import pytest

from medsync_app.domain.directions import daily_units


@pytest.mark.parametrize(
    ("sig", "units"),
    [
        ("Take 1 unit(s) daily", "1"), ("Take 0.3 unit(s) daily", "0.3"),
        ("Take 2 tablets by mouth twice daily", "4"),
        ("TAKE ONE TABLET BY MOUTH EVERY DAY.", "1"), ("Take 1/2 tablet daily", "0.5"),
        ("Take 1 capsule every 8 hours", "3"), ("take 1 tablet by mouth 3 times a day", "3"),
    ],
)  # fmt: skip
def test_plain_directions_give_units_a_day(sig: str, units: str) -> None:
    assert daily_units(sig) == Decimal(units)


@pytest.mark.parametrize(
    "sig",
    ["", "Apply as directed", "Take 1 unit(s) daily as needed", "Take 1-2 tablets daily",
    "Take 0 tablets daily",
     "Take 1 tablet daily for 5 days then 2 tablets daily", "Inject 10 units daily"],
)  # fmt: skip
def test_anything_else_stays_unknown(sig: str) -> None:
    assert daily_units(sig) is None
