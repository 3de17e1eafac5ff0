"""The rules of planning that a pharmacy may set, as they stand: thresholds, expiry, states that prorate, weekdays."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from medsync_app.services.planning_rules import EXPIRY_KINDS, ExpiryKind
from medsync_app.services.rules import THRESHOLDS, rules_of, threshold_for
from medsync_app.store.repositories import therapies
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy, Therapy


@dataclass(frozen=True, slots=True)
class ShareRule:
    """From which share of a supply on a payer or plan pays again; `default` None: a plan, which has none of its own."""

    name: str
    share: Decimal
    default: Decimal | None


@dataclass(frozen=True, slots=True)
class PlanningRules:
    """Kinds of payers first, then plans by name; `plan_names` are those of the data that have no rule.

    `expiry_months` has both kinds, None where no state rule is set.
    """

    shares: tuple[ShareRule, ...]
    plan_names: tuple[str, ...]
    expiry_months: Mapping[ExpiryKind, int | None]
    prorating_states: tuple[str, ...]
    preferred_weekdays: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DrugTerms:
    """What a person may set of one drug: dose, usual days supply, and its own share of a supply to be used before
    it is paid again (None: `usual_share`, that of its plan or payer, holds).
    """

    units_per_day: Decimal | None
    usual_days: int | None
    own_share: Decimal | None
    usual_share: Decimal
    name: str
    patient_id: str


def planning_rules(tx: Tx, pharmacy_id: str) -> PlanningRules:
    """The rules of one pharmacy; NotFound outside the scope."""
    rules = rules_of(tx.get(Pharmacy, pharmacy_id))
    plans = sorted(name for name in rules.thresholds if name not in THRESHOLDS)
    return PlanningRules(
        shares=tuple(
            ShareRule(name, rules.thresholds[name], THRESHOLDS.get(name)) for name in (*THRESHOLDS, *plans)
        ),
        plan_names=tuple(n for n in therapies.plan_names(tx, pharmacy_id) if n.casefold() not in plans),
        expiry_months={kind: rules.expiry_months.get(kind) for kind in EXPIRY_KINDS},
        prorating_states=tuple(sorted(rules.prorating_states)),
        preferred_weekdays=tuple(sorted(rules.preferred_weekdays)),
    )


def drug_terms(tx: Tx, therapy_id: str) -> DrugTerms:
    """The terms of one drug of a patient; NotFound outside the scope."""
    therapy = tx.get(Therapy, therapy_id)
    rules = rules_of(tx.get(Pharmacy, therapy.pharmacy_id))
    usual = threshold_for(rules, therapy.payer, therapy.schedule, therapy.plan_name)
    return DrugTerms(
        therapy.units_per_day,
        therapy.usual_days,
        therapy.threshold,
        usual,
        therapy.drug_name,
        therapy.patient_id,
    )
