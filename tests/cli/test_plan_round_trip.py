"""What `plan` reads and writes is what the planner is given and gives back, on random patients."""

import json
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

from hypothesis import given, settings

from medsync_app.cli.plan_json import read_patient, write_plan
from medsync_app.domain.sync_plan import Fill, Medication, Policy, plan
from tests.domain.random_patients import EXAMPLES, patients, policies

#: Fields of the dataclasses that the command does not take.
INSIDE = {"accumulation", "lapsed_after_days", "short_fill_uses_refill", "in_sync", "today"}
INSIDE |= {"copay_prorated", "renewal_possible", "reversed", "waiting"}


def as_json(value: Any) -> Any:
    if isinstance(value, (Policy, Medication, Fill)):
        named = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: as_json(found) for name, found in named.items() if name not in INSIDE}
    if isinstance(value, (tuple, frozenset, list)):
        return [as_json(one) for one in value]
    if isinstance(value, dict):
        return {day.isoformat(): number for day, number in value.items()}
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


def told(policy: Policy, drugs: tuple[Medication, ...]) -> tuple[Policy, tuple[Medication, ...]]:
    """The patient as far as the command is told of it."""
    known = Policy(policy.today)
    policy = replace(policy, **{name: getattr(known, name) for name in INSIDE if hasattr(known, name)})
    return policy, tuple(
        replace(
            drug,
            copay_prorated=True,
            renewal_possible=None,
            fills=tuple(replace(fill, reversed=False, waiting=False) for fill in drug.fills),
        )
        for drug in drugs
    )


@settings(max_examples=EXAMPLES, deadline=None)
@given(policies, patients())
def test_a_patient_and_a_plan_come_through_json_unchanged(policy: Policy, drugs: tuple[Medication, ...]):
    policy, drugs = told(policy, drugs)
    text = json.dumps(
        {"today": policy.today.isoformat(), "policy": as_json(policy), "medications": as_json(drugs)}
    )
    assert read_patient(json.loads(text, parse_float=Decimal)) == (policy, drugs)
    found = plan(policy, drugs)
    written = write_plan(found)
    assert json.loads(json.dumps(written)) == written
    for option, out in zip(found.options, json.loads(json.dumps(written))["options"], strict=True):
        assert out["sync_date"] == (option.sync_date and option.sync_date.isoformat())
        for drug, drug_out in zip(option.medications, out["medications"], strict=True):
            assert [(fill.date.isoformat(), fill.quantity, fill.claim_code) for fill in drug.fills] == [
                (fill["date"], fill["quantity"], fill["claim_code"]) for fill in drug_out["fills"]
            ]
