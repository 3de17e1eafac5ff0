"""Run-out, next due and eligible dates of one drug."""

from datetime import date
from decimal import Decimal

import pytest

from medsync_app.domain.supply import (
    Fill,
    Supply,
    days_spare,
    days_used,
    default_threshold,
    run_out_after_dose_change,
    summarise,
)
from medsync_app.errors import Invalid

TODAY = date(2026, 10, 3)


def supply(
    *fills: Fill, threshold: str = "0.75", usual_days: int | None = None, accumulate: bool = True
) -> Supply:
    found = summarise(
        fills, today=TODAY, threshold=Decimal(threshold), usual_days=usual_days, accumulate=accumulate
    )
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("filled", "run_out", "eligible"),
    [
        (date(2026, 9, 20), date(2026, 10, 20), date(2026, 10, 13)),
        (date(2026, 9, 28), date(2026, 10, 28), date(2026, 10, 21)),
        (date(2026, 10, 2), date(2026, 11, 1), date(2026, 10, 25)),
    ],
)
def test_thirty_days_last_thirty_days_and_are_paid_again_after_23(
    filled: date, run_out: date, eligible: date
):
    found = supply(Fill(filled, 30))
    assert (found.next_due, found.eligible) == (run_out, eligible)


def controlled_fills() -> list[Fill]:
    return [Fill(date(2026, month, day), 30) for month, day in ((7, 1), (7, 24), (8, 16), (9, 8))]


def test_supply_in_hand_moves_the_eligible_date_of_a_controlled_drug():
    found = supply(*controlled_fills(), threshold="0.85")
    assert (found.run_out, found.eligible) == (date(2026, 10, 29), date(2026, 10, 25))


def test_without_accumulation_only_the_last_fill_decides():
    found = supply(*controlled_fills(), threshold="0.85", accumulate=False)
    assert (found.run_out, found.eligible) == (date(2026, 10, 29), date(2026, 10, 4))


def test_the_order_of_the_fills_does_not_matter():
    assert supply(*reversed(controlled_fills()), threshold="0.85") == supply(
        *controlled_fills(), threshold="0.85"
    )


def test_a_gap_between_fills_is_not_supply():
    assert supply(Fill(date(2026, 6, 1), 30), Fill(date(2026, 9, 20), 30)).run_out == date(2026, 10, 20)


def test_a_pickup_date_moves_the_run_out_but_not_the_eligible_date():
    found = supply(Fill(date(2026, 9, 20), 30, picked_up_on=date(2026, 9, 25)))
    assert (found.run_out, found.eligible) == (date(2026, 10, 25), date(2026, 10, 13))


def test_accumulation_counts_claim_dates_even_when_pickups_were_late():
    found = supply(
        Fill(date(2026, 8, 1), 30, picked_up_on=date(2026, 8, 11)),
        Fill(date(2026, 8, 28), 30, picked_up_on=date(2026, 9, 9)),
    )
    # By pickups the supply lasts to 10 Oct; by claims to 30 Sep, of which 7 days may overlap.
    assert (found.run_out, found.eligible) == (date(2026, 10, 10), date(2026, 9, 23))


@pytest.mark.parametrize(
    "void",
    [
        Fill(date(2026, 9, 30), 90, reversed=True),
        Fill(date(2026, 9, 30), 90, quantity=Decimal(0)),
        Fill(date(2026, 9, 30), 90, quantity=Decimal(-90)),
    ],
)
def test_a_reversed_or_empty_fill_does_not_count(void: Fill):
    assert supply(Fill(date(2026, 9, 20), 30), void) == supply(Fill(date(2026, 9, 20), 30))


def test_a_fill_waiting_in_will_call_is_supply_from_today_on_and_claimed_on_its_date():
    found = supply(Fill(date(2026, 8, 20), 30), Fill(date(2026, 9, 25), 30, waiting=True))
    assert (found.run_out, found.eligible) == (date(2026, 11, 2), date(2026, 10, 18))
    assert found.pickup_due == TODAY
    still_supplied = supply(Fill(date(2026, 9, 10), 30), Fill(date(2026, 10, 2), 30, waiting=True))
    assert still_supplied.pickup_due == date(2026, 10, 10)
    assert supply(Fill(date(2026, 9, 10), 30)).pickup_due is None


def test_the_first_of_two_waiting_fills_says_until_when_it_must_be_fetched():
    found = supply(
        Fill(date(2026, 9, 10), 30),
        Fill(date(2026, 9, 28), 8, waiting=True),
        Fill(date(2026, 10, 2), 30, waiting=True),
    )
    assert (found.pickup_due, found.run_out) == (date(2026, 10, 10), date(2026, 11, 17))


def test_usual_days_are_those_prescribed_else_of_the_last_full_fill():
    fills = (Fill(date(2026, 8, 20), 30), Fill(date(2026, 9, 19), 8, kind="short"))
    assert supply(*fills).usual_days == 30
    assert supply(*fills, usual_days=90).usual_days == 90


@pytest.mark.parametrize(
    "fills",
    [
        (),
        (Fill(date(2026, 9, 20), None),),
        (Fill(date(2026, 9, 20), 0),),
        (Fill(date(2026, 8, 20), 30), Fill(date(2026, 9, 20), None)),
        (Fill(date(2026, 9, 20), 8, kind="short"),),
        (Fill(date(2026, 9, 20), 30, reversed=True),),
    ],
)
def test_supply_is_unknown_without_a_usable_last_fill(fills: tuple[Fill, ...]):
    assert summarise(fills, today=TODAY) is None


def test_days_in_hand_are_never_negative():
    found = supply(Fill(date(2026, 9, 20), 30))
    assert found.days_in_hand(TODAY) == 17
    assert found.days_in_hand(date(2026, 12, 1)) == 0


@pytest.mark.parametrize(
    ("threshold", "days", "used", "spare"),
    [
        ("0.75", 30, 23, 7),
        ("0.85", 30, 26, 4),
        ("0.85", 20, 17, 3),
        ("0.7", 30, 21, 9),
        ("1", 30, 30, 0),
        ("0", 30, 0, 30),
    ],
)
def test_threshold_days_are_exact(threshold: str, days: int, used: int, spare: int):
    assert days_used(Decimal(threshold), days) == used
    assert days_spare(Decimal(threshold), days) == spare


def test_a_dose_change_spreads_the_remaining_units_over_the_new_dose():
    # 17 days of one a day are 17 tablets: at 1.5 a day they last 11 whole days.
    assert run_out_after_dose_change(TODAY, date(2026, 10, 20), Decimal(1), Decimal("1.5")) == date(
        2026, 10, 14
    )
    assert run_out_after_dose_change(TODAY, date(2026, 9, 1), Decimal(1), Decimal(2)) == TODAY
    with pytest.raises(Invalid):
        run_out_after_dose_change(TODAY, date(2026, 10, 20), Decimal(1), Decimal(0))


@pytest.mark.parametrize(
    ("schedule", "share"), [(None, "0.75"), (2, "0.75"), (3, "0.85"), (4, "0.85"), (5, "0.85")]
)
def test_controlled_drugs_are_paid_again_later(schedule: int | None, share: str):
    assert default_threshold(schedule) == Decimal(share)
