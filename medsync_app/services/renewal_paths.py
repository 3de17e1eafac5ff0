"""Sets how renewal requests reach prescribers, and which payers' fills need the patient's word (DOMAIN.md 4)."""

from collections.abc import Collection
from dataclasses import dataclass

from medsync_app.domain.states import OutsideKind, Role
from medsync_app.errors import Invalid
from medsync_app.services.audit import audit
from medsync_app.services.contact_input import email_address, phone_number
from medsync_app.services.planning_rules import set_rule
from medsync_app.services.rules import RENEWAL_PATHS, THRESHOLDS
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy, Prescriber

_FAXED = (OutsideKind.FAX, OutsideKind.EMAIL_TO_FAX)


@dataclass(frozen=True, slots=True)
class PrescriberWay:
    """How one prescriber is reached: a path of `RENEWAL_PATHS`, "" for the pharmacy's usual one, and where to."""

    path: str
    fax: str = ""
    email: str = ""


def set_renewal_path(tx: Tx, pharmacy_id: str, path: str) -> bool:
    """Set the usual way of renewal requests (one of `RENEWAL_PATHS`); owners only. False when it was so."""
    tx.scope.require(pharmacy_id, Role.OWNER)
    _check_path(path)
    pharmacy = tx.get(Pharmacy, pharmacy_id, lock=True)
    return set_rule(tx, pharmacy, "renewal_path", path, {"path": path})


def set_fill_on_request(tx: Tx, pharmacy_id: str, payers: Collection[str]) -> bool:
    """Set the kinds of payers (of `THRESHOLDS`) whose items are filled only on request; owners only."""
    tx.scope.require(pharmacy_id, Role.OWNER)
    chosen = sorted(set(payers))
    if not set(chosen) <= set(THRESHOLDS):
        raise Invalid(f"Choose among: {', '.join(THRESHOLDS)}.", "payers")
    pharmacy = tx.get(Pharmacy, pharmacy_id, lock=True)
    return set_rule(tx, pharmacy, "fill_on_request", chosen, {"payers": chosen})


def change_prescriber(tx: Tx, prescriber_id: str, way: PrescriberWay) -> bool:
    """Set one prescriber's own path, fax number and e-mail address; owners and pharmacists. False when it was so.

    Requests made from now on take it. Invalid names the field: a path needs the number or address it goes to.
    """
    row = tx.get(Prescriber, prescriber_id, lock=True)
    tx.scope.require(row.pharmacy_id, Role.OWNER, Role.PHARMACIST)
    if way.path:
        _check_path(way.path)
    # A number of the pharmacy system stays as it is written there.
    fax = row.fax if way.fax.strip() == row.fax else phone_number(way.fax, "fax")
    email = email_address(way.email, "email")
    if way.path in _FAXED and not fax:
        raise Invalid("Give the fax number for this path.", "fax")
    if way.path == OutsideKind.EMAIL and not email:
        raise Invalid("Give the e-mail address for this path.", "email")
    before, after = (row.renewal_path, row.fax, row.email), (way.path, fax, email)
    if before == after:
        return False
    row.renewal_path, row.fax, row.email = after
    changed = [
        name for name, old, new in zip(("path", "fax", "email"), before, after, strict=True) if old != new
    ]
    audit(
        tx, pharmacy_id=row.pharmacy_id, act="change_prescriber", subject_kind="prescriber", subject_id=row.id,
        detail={"changed": changed, "path": way.path},
    )  # fmt: skip
    return True


def _check_path(path: str) -> None:
    if path not in RENEWAL_PATHS:
        raise Invalid(f"Choose one of: {', '.join(RENEWAL_PATHS)}.", "path")
