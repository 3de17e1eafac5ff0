"""A drug that starts while a cycle is running: a short fill to the existing date, or a pharmacist's task.

Choice where the rules leave room: a drug that was never filled is planned as due today.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from medsync_app.domain.participation import exclusion
from medsync_app.domain.plan_cases import Drug, Setting
from medsync_app.domain.plan_model import ExclusionReason, Medication, MedicationPlan, Policy
from medsync_app.domain.plan_options import body_of
from medsync_app.domain.plan_search import work_out
from medsync_app.domain.supply import Supply
from medsync_app.domain.sync_plan import supply_of

ReviewReason = Literal["unbreakable", "left_out", "clinically_flagged"]


@dataclass(frozen=True, slots=True)
class NewDrug:
    """What a new drug does for the existing sync date; with a `review` a pharmacist decides first.

    Without a `plan` the drug cannot meet that date, or is `excluded` from synchronization altogether.
    """

    plan: MedicationPlan | None
    review: ReviewReason | None
    excluded: ExclusionReason | None = None


def join_existing_date(
    policy: Policy, medication: Medication, sync_date: date, *, clinically_flagged: bool = False
) -> NewDrug:
    """How a new drug joins a patient whose next sync date stands."""
    supply = supply_of(policy, medication)
    if supply is None and not any(fill.counts for fill in medication.fills) and medication.usual_days:
        supply = Supply(policy.today, policy.today, medication.usual_days, policy.today)
    reason = exclusion(policy, medication, supply)
    if reason is not None or supply is None:
        return NewDrug(None, None, reason or "unknown_days_supply")
    setting = Setting.of(policy)
    drugs = [Drug.of(setting, medication, supply)]
    dated = work_out(setting, drugs, sync_date.toordinal())
    if dated is None:
        return NewDrug(None, "unbreakable")
    plan = body_of(setting, drugs, dated).medications[0]
    if clinically_flagged:
        return NewDrug(plan, "clinically_flagged")
    return NewDrug(plan, "left_out" if plan.case == "left_out" else None)
