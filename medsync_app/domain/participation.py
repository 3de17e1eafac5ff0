"""Who takes part in a sync plan: the reason that keeps a drug out, and how source data is classified.

Choices where the rules leave room: reasons nobody can lift come first; an Rx whose expiry date has passed
counts as expired unless the caller knows that it can be renewed; a drug taken out by hand (`include` False)
keeps its own reason when it has one, else `taken_out`.
"""

import re
from collections.abc import Collection, Iterable
from datetime import date, timedelta

from medsync_app.domain.plan_model import ExclusionReason, Medication, Policy
from medsync_app.domain.supply import Supply

UNBREAKABLE_FORMS = frozenset(
    {
        "inhaler",
        "inh",
        "insulin",
        "pen",
        "drops",
        "drp",
        "drop",
        "cream",
        "crm",
        "ointment",
        "oin",
        "gel",
        "lotion",
        "patch",
        "ptc",
        "spray",
        "pack",
        "blister",
        "dosepack",
        "kit",
        "tube",
        "vial",
        "syringe",
        "suppository",
    }
)
_LIQUID_WORDS = frozenset(
    {"liquid", "solution", "sol", "suspension", "susp", "syrup", "syr", "elixir", "elx", "liq"}
)
_DROP_WORDS = frozenset({"drops", "drop", "drp", "ophthalmic"})
_INHALER_WORDS = frozenset({"inhaler", "inh", "hfa", "diskus", "inhalation"})
_SPECIALTY_WORDS = frozenset({"specialty", "limited"})
_WORD = re.compile(r"[a-z]+")


def exclusion(policy: Policy, medication: Medication, supply: Supply | None) -> ExclusionReason | None:
    """Why the drug takes no part, None when it does; `supply` None means that it cannot be computed."""
    reason = _lasting_reason(policy, medication, supply)
    if reason is not None:
        return reason
    if medication.include is True:
        return None
    reason = _tick_in_reason(policy, medication, supply)
    if reason is None and medication.include is False:
        return "taken_out"
    return reason


def form_group(form: str, name: str = "") -> ExclusionReason | None:
    """The tick-in group of a dosage form or code (INH, DRP ...), None for tablets and the like."""
    words = frozenset(_WORD.findall(form.lower()))
    if "insulin" in words or "insulin" in name.lower():
        return "insulin"
    if words & _SPECIALTY_WORDS:
        return "specialty"
    if words & _DROP_WORDS:
        return "drops"
    if words & _INHALER_WORDS:
        return "inhaler"
    if words & _LIQUID_WORDS:
        return "liquid"
    return None


def is_splittable(medication: Medication) -> bool:
    """Whether a short fill is possible: as stated, else no for unit-of-use forms."""
    if medication.splittable is not None:
        return medication.splittable
    return splits(medication.form)


def splits(form: str) -> bool:
    """False for unit-of-use forms: their container is given whole."""
    return not frozenset(_WORD.findall(form.lower())) & UNBREAKABLE_FORMS


def looks_like_maintenance(
    *, days_supply: int, refills_authorised: int, fills: int, acute_drug: bool
) -> bool:
    """Whether a drug is taken on and on, when the source does not say (DOMAIN.md section 2)."""
    return days_supply >= 28 and (refills_authorised > 0 or fills >= 2) and not acute_drug


def waiting_duplicates(
    drugs: Iterable[tuple[str, frozenset[str], date]], together: Collection[frozenset[str]] = ()
) -> dict[str, tuple[str, ...]]:
    """Drugs that share an ingredient and are active together: the id that waits for a review -> the newer ids.

    Each drug is (id, its ingredients, date of its last fill or written date). A combination meets its parts:
    lisinopril beside lisinopril with hydrochlorothiazide is one too many until somebody has decided. A drug that
    waits itself makes no other wait. No ingredient, no match. `together` are pairs of ids answered as taken together.
    """
    waiting: dict[str, tuple[str, ...]] = {}
    kept: list[tuple[str, frozenset[str]]] = []
    for drug_id, ingredients, _ in sorted(drugs, key=lambda drug: (drug[2], drug[0]), reverse=True):
        newer = tuple(
            other
            for other, taken in kept
            if taken & ingredients and frozenset((other, drug_id)) not in together
        )
        if newer:
            waiting[drug_id] = newer
        else:
            kept.append((drug_id, ingredients))
    return waiting


def _lasting_reason(policy: Policy, medication: Medication, supply: Supply | None) -> ExclusionReason | None:
    if medication.status == "discontinued":
        return "discontinued"
    past_expiry = medication.expires_on is not None and medication.expires_on < policy.today
    if medication.status == "expired" or (past_expiry and not medication.renewal_possible):
        return "expired"
    if medication.schedule == 2:
        return "schedule_ii"
    if medication.as_needed:
        return "as_needed"
    if not medication.maintenance:
        return "not_maintenance"
    if supply is None:
        return "unknown_days_supply"
    return None


def _tick_in_reason(policy: Policy, medication: Medication, supply: Supply | None) -> ExclusionReason | None:
    if supply is not None and policy.today - supply.run_out > timedelta(days=policy.lapsed_after_days):
        return "lapsed"
    if medication.schedule in (3, 4, 5):
        return "schedule_iii_v"
    return form_group(medication.form, medication.name)
