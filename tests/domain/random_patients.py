"""Random patients and policies for the property tests of the planner; `MEDSYNC_PROPERTY_EXAMPLES` says how many."""

import os
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from medsync_app.domain.sync_plan import Fill, Medication, MedicationId, Policy

EXAMPLES = int(os.environ.get("MEDSYNC_PROPERTY_EXAMPLES", "100"))
TODAY = date(2026, 10, 3)

lengths = st.sampled_from([7, 14, 28, 30, 30, 30, 60, 84, 90, 90, 100])
thresholds = st.sampled_from([None, "0.75", "0.75", "0.75", "0.85", "0.5", "1", "0", "0.8"])
units = st.sampled_from(["1", "2", "1.5", "0.5", "0.107", "4"])
near = st.integers(-20, 60).map(lambda days: TODAY + timedelta(days=days))
forms = st.sampled_from(
    ["", "tablet", "capsule", "tablet", "inhaler", "insulin pen", "eye drops", "cream", "oral solution"]
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Fill, ...]:
    """One to four fills; the last leaves the patient at most 20 days out, so that most drugs take part."""
    days = draw(lengths)
    day = TODAY - timedelta(days=draw(st.integers(0, days + 20)))
    fills = [Fill(day, days, kind=draw(st.sampled_from(["full", "full", "full", "short"])))]
    for gap in draw(st.lists(st.integers(1, 45), max_size=3)):
        day -= timedelta(days=gap)
        fills.append(Fill(day, draw(lengths)))
    if draw(st.booleans()):
        return tuple(fills)
    spoiled = draw(st.integers(0, len(fills) - 1))
    fill = fills[spoiled]
    late = min(fill.date + timedelta(days=draw(st.integers(0, 9))), TODAY)
    fills[spoiled] = draw(
        st.sampled_from(
            [
                Fill(fill.date, fill.days_supply, kind=fill.kind, picked_up_on=late),
                Fill(fill.date, fill.days_supply, kind=fill.kind, waiting=spoiled == 0),
                Fill(fill.date, fill.days_supply, kind=fill.kind, reversed=True),
                Fill(fill.date, fill.days_supply, Decimal(0), fill.kind),
                Fill(fill.date, None, kind=fill.kind),
            ]
        )
    )
    return tuple(fills)


@st.composite
def medications(draw: st.DrawFn, number: int) -> Medication:
    ordinary = draw(st.integers(0, 3))
    return Medication(
        id=MedicationId(str(number)),
        fills=draw(histories()),
        units_per_day=Decimal(draw(units)),
        usual_days=draw(st.none() | lengths),
        splittable=draw(st.sampled_from([True, True, True, False, None])),
        threshold=None if (share := draw(thresholds)) is None else Decimal(share),
        cost_per_fill=draw(st.sampled_from([None, None, Decimal(10), Decimal("99.50")])),
        refills_left=draw(st.none() | st.integers(0, 3)),
        quantity_left=draw(st.none() | st.integers(0, 200).map(Decimal)),
        expires_on=draw(st.none() | near),
        renewal_possible=draw(st.sampled_from([True, True, False, None])),
        form=draw(forms),
        include=True if ordinary else draw(st.sampled_from([None, True, False])),
        status="active"
        if ordinary
        else draw(st.sampled_from(["active", "active", "discontinued", "expired"])),
        schedule=None if ordinary > 1 else draw(st.sampled_from([None, 2, 3, 4, 5])),
        as_needed=not ordinary and draw(st.integers(0, 5)) == 0,
        maintenance=bool(ordinary) or draw(st.integers(0, 5)) > 0,
    )


@st.composite
def patients(draw: st.DrawFn) -> tuple[Medication, ...]:
    return tuple(draw(medications(number)) for number in range(draw(st.integers(1, 5))))


weekday_sets = st.sampled_from(
    [frozenset(range(7)), frozenset(range(5)), frozenset(range(6)), frozenset({1, 4})]
)
policies = st.builds(
    Policy,
    today=st.just(TODAY),
    cycle_days=st.sampled_from([28, 30, 30, 84, 90]),
    horizon_days=st.sampled_from([10, 30, 45, 45, 60]),
    min_lead_days=st.sampled_from([0, 0, 3]),
    open_weekdays=weekday_sets,
    closed_dates=st.frozensets(near, max_size=6),
    daily_capacity=st.none() | st.just(3),
    planned_load=st.dictionaries(near, st.integers(0, 4), max_size=8),
    preferred_weekdays=st.sampled_from(
        [frozenset[int](), frozenset[int](), frozenset({1}), frozenset({2, 5})]
    ),
    requested_date=st.none() | st.integers(0, 60).map(lambda days: TODAY + timedelta(days=days)),
    buffer_days=st.sampled_from([0, 0, 3, 7]),
    accumulation=st.sampled_from([True, True, False]),
    lapsed_after_days=st.sampled_from([30, 30, 5]),
    short_fill_uses_refill=st.booleans(),
    in_sync=st.sampled_from([False, False, True]),
)
