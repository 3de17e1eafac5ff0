"""Sets the rules of planning that are no plain number: when payers pay again, how long an Rx is good, preferred days.

Each of them stands in the `rules` document of the pharmacy; None goes back to the default of DOMAIN.md. New rules hold
for plans made from now on: a date that stands is not moved by them.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, cast

from medsync_app.domain.cost import US_STATES
from medsync_app.errors import Invalid
from medsync_app.services.audit import audit
from medsync_app.services.change_drugs import replan_current
from medsync_app.services.rules import MOST_EXPIRY_MONTHS, rules_of, rx_expires_on
from medsync_app.services.versions import bump
from medsync_app.store.repositories import enrollments, therapies
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy, Therapy

#: What a state may decide about: an Rx of a drug that is not controlled, or of schedule V (21 CFR 1306.22).
ExpiryKind = Literal["none", "5"]
EXPIRY_KINDS: Final[Mapping[ExpiryKind, int | None]] = {"none": None, "5": 5}
_MAX_PLAN_NAME: Final = 80
_MOST_PLANS: Final = 500


def typed_share(percent: str, field: str = "share") -> Decimal | None:
    """The share of a supply as a person types it ("85", "85 %"), None when empty; Invalid names `field`."""
    text = percent.strip().removesuffix("%").strip()
    if not text:
        return None
    try:
        share = Decimal(text) / 100
    except InvalidOperation:
        share = Decimal(-1)
    if not share.is_finite() or not 0 <= share <= 1 or share != round(share, 4):
        raise Invalid("Give a percentage from 0 to 100, such as 85.", field)
    return share


def typed_months(months: str, field: str = "months") -> int | None:
    """Whole months as a person types them, None when empty; Invalid names `field`."""
    text = months.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= MOST_EXPIRY_MONTHS):
        raise Invalid(f"Give the months as a whole number from 1 to {MOST_EXPIRY_MONTHS}.", field)
    return int(text)


def set_threshold(tx: Tx, pharmacy_id: str, payer_or_plan: str, share: Decimal | None) -> bool:
    """Set the share to be used before this payer (`THRESHOLDS`) or plan, by its name, pays again; False if it was so.

    The name counts in any case; a plan's own share goes before that of its payer. Schedule III-V keeps at least 0.85.
    """
    name = " ".join(payer_or_plan.split()).casefold()
    if not 0 < len(name) <= _MAX_PLAN_NAME or not name.isprintable():
        raise Invalid(f"Name the plan, in at most {_MAX_PLAN_NAME} characters.", "plan")
    _check_share(share)
    pharmacy = tx.get(Pharmacy, pharmacy_id, lock=True)
    given: object = pharmacy.rules.get("thresholds")
    entries = cast("dict[str, Any]", given).items() if isinstance(given, dict) else ()
    kept = {key: value for key, value in entries if key.casefold() != name}
    if share is not None:
        kept[name] = str(share)
        if len(kept) > _MOST_PLANS:
            raise Invalid(f"At most {_MOST_PLANS} plans can have a rule of their own.", "plan")
    return set_rule(tx, pharmacy, "thresholds", kept, {"plan": name})


def set_drug_threshold(tx: Tx, therapy_id: str, share: Decimal | None) -> bool:
    """Set the share for one drug of a patient, before any rule of plan or payer; plans the coming batch anew.

    False when it was so already.
    """
    _check_share(share)
    therapy = tx.get(Therapy, therapy_id, lock=True)
    if therapy.threshold == share:
        return False
    therapy.threshold, therapy.updated_at = share, tx.now
    enrollment = enrollments.open_of_patient(tx, therapy.patient_id)
    if enrollment is not None:
        bump(tx, enrollment)
        replan_current(tx, enrollment, "What a payer expects was changed.")
    audit(
        tx, pharmacy_id=therapy.pharmacy_id, act="set_drug_threshold", subject_kind="patient",
        subject_id=therapy.patient_id, detail={"therapy": therapy.id, "share": _text(share)},
    )  # fmt: skip
    return True


def set_each_expiry(tx: Tx, pharmacy_id: str, wanted: Mapping[ExpiryKind, int | None]) -> int:
    """Set them all or, when one is refused, none; gives how many known Rx numbers end on another day."""
    return sum(set_expiry_months(tx, pharmacy_id, kind, months) for kind, months in wanted.items())


def set_expiry_months(tx: Tx, pharmacy_id: str, kind: ExpiryKind, months: int | None) -> int:
    """Set how long an Rx may be filled by the rule of the state; gives how many known Rx numbers end on another day."""
    if months is not None and not 1 <= months <= MOST_EXPIRY_MONTHS:
        raise Invalid(f"Give the months as a whole number from 1 to {MOST_EXPIRY_MONTHS}.", "months")
    pharmacy = tx.get(Pharmacy, pharmacy_id, lock=True)
    before = rules_of(pharmacy)
    kept = {key: value for key, value in before.expiry_months.items() if key != kind}
    if months is not None:
        kept[kind] = months
    if not set_rule(tx, pharmacy, "expiry_months", kept, {"schedule": kind}):
        return 0
    after, schedule, moved = rules_of(pharmacy), EXPIRY_KINDS[kind], 0
    for rx in therapies.written_prescriptions(tx, pharmacy_id, schedule):
        assert rx.written_on is not None  # noqa: S101 - the query asks for it
        ends = rx_expires_on(after, rx.written_on, schedule)
        # An end that somebody else gave stays.
        if rx.expires_on == rx_expires_on(before, rx.written_on, schedule) != ends:
            rx.expires_on, rx.updated_at = ends, tx.now
            moved += 1
    return moved


def set_prorating_states(tx: Tx, pharmacy_id: str, states: Collection[str] | None) -> bool:
    """Set the states (two letters) that oblige commercial plans to charge a short fill by the day."""
    codes = sorted({state.strip().upper() for state in states or ()})
    wrong = [code for code in codes if code not in US_STATES]
    if wrong:
        raise Invalid(f"{wrong[0]} is no state: give two letters, such as NY.", "states")
    pharmacy = tx.get(Pharmacy, pharmacy_id, lock=True)
    return set_rule(tx, pharmacy, "prorating_states", None if states is None else codes, {"states": codes})


def set_preferred_weekdays(tx: Tx, pharmacy_id: str, weekdays: Collection[int]) -> bool:
    """Set the weekdays (Monday = 0) on which sync dates fall whenever one of them is feasible; none: all are alike."""
    if any(isinstance(day, bool) or not 0 <= day <= 6 for day in weekdays):
        raise Invalid("Choose days of the week.", "preferred_weekdays")
    days = sorted(set(weekdays))
    pharmacy = tx.get(Pharmacy, pharmacy_id, lock=True)
    return set_rule(tx, pharmacy, "preferred_weekdays", days or None, {"weekdays": days})


def _check_share(share: Decimal | None) -> None:
    if share is not None and not (share.is_finite() and 0 <= share <= 1):
        raise Invalid("Give the share as a percentage from 0 to 100.", "share")


def set_rule(tx: Tx, pharmacy: Pharmacy, name: str, value: Any, detail: Mapping[str, Any]) -> bool:
    """Keep one rule, or drop it when it says nothing; False when nothing changes."""
    before, document = rules_of(pharmacy), pharmacy.rules
    others = {key: kept for key, kept in document.items() if key != name}
    # A new document: a change inside the old one would not be written.
    pharmacy.rules = others if value is None or value == {} else {**others, name: value}
    if rules_of(pharmacy) == before:
        pharmacy.rules = document
        return False
    tx.session.flush()
    audit(
        tx, pharmacy_id=pharmacy.id, act="set_planning_rule", subject_kind="pharmacy", subject_id=pharmacy.id,
        detail={"rule": name, **detail},
    )  # fmt: skip
    return True


def _text(share: Decimal | None) -> str | None:
    return None if share is None else str(share)
