"""Checks whether the audit log of a pharmacy is whole, and notes that it was checked."""

from medsync_app.services.audit import audit
from medsync_app.store.audit import ChainReport, verify
from medsync_app.store.audit_key import audit_key
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy


def verify_audit(tx: Tx, pharmacy_id: str) -> ChainReport:
    """What checking every row of the pharmacy's chain found; the check is recorded in it afterwards."""
    tx.get(Pharmacy, pharmacy_id)
    found = next(iter(verify(tx, audit_key(), only=pharmacy_id)), ChainReport(pharmacy_id, 0, ""))
    audit(
        tx, pharmacy_id=pharmacy_id, act="verify_audit", subject_kind="pharmacy", subject_id=pharmacy_id,
        detail={"rows": found.rows, "ok": found.ok},
    )  # fmt: skip
    return found
