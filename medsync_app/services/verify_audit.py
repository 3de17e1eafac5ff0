"""Checks whether the audit log of a pharmacy is whole, and notes that it was checked."""

from medsync_app.services.audit import audit
from medsync_app.store.audit import ChainReport, verify
from medsync_app.store.audit_key import audit_key
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy


def verify_audit(tx: Tx, pharmacy_id: str) -> ChainReport:
    """What checking every row of the pharmacy's chain finds. Long: in a transaction that only reads, nobody waits."""
    tx.get(Pharmacy, pharmacy_id)
    return next(iter(verify(tx, audit_key(), only=pharmacy_id)), ChainReport(pharmacy_id, 0, ""))


def note_check(tx: Tx, pharmacy_id: str, found: ChainReport) -> None:
    """Write into the log that it was checked, and what was found."""
    audit(
        tx, pharmacy_id=pharmacy_id, act="verify_audit", subject_kind="pharmacy", subject_id=pharmacy_id,
        detail={"rows": found.rows, "ok": found.ok},
    )  # fmt: skip
