"""Writes what a person did into the audit log of the pharmacy concerned."""

from collections.abc import Mapping
from typing import Any

from medsync_app.errors import NotFound
from medsync_app.logs import get_logger
from medsync_app.store.audit import SYSTEM_CHAIN, Act, append, heads
from medsync_app.store.audit_key import audit_key
from medsync_app.store.session import Tx


def audit(
    tx: Tx,
    *,
    pharmacy_id: str | None,
    act: str,
    subject_kind: str = "",
    subject_id: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Record one act of the person behind `tx.scope`; acts of system scopes (loop, imports) are not recorded.

    `act` is a verb in snake case ("enroll", "view_patient"), `subject_kind` a table ("patient", "cycle"),
    `detail` holds ids, codes, dates and names of changed fields: never names, drugs, addresses or free text
    of a patient.
    `pharmacy_id` None is for acts outside any pharmacy (sign-in). Needs a writing transaction, also for reads
    that are audited; writers of one pharmacy queue here until they commit, so call it last. NotFound outside
    the scope.
    """
    if tx.scope.is_system:
        return
    if pharmacy_id is not None and not tx.scope.sees(pharmacy_id):
        raise NotFound("There is no such pharmacy among yours.")
    record(
        tx,
        Act(
            chain=pharmacy_id or SYSTEM_CHAIN, actor_id=tx.scope.actor_id, actor_name=tx.scope.actor_name,
            act=act, subject_kind=subject_kind, subject_id=subject_id, detail=detail,
        ),
    )  # fmt: skip


def record(tx: Tx, act: Act) -> None:
    """Record an act whoever the scope is: failed sign-ins, accounts made on the command line."""
    append(tx, act, audit_key())


def log_heads(tx: Tx) -> int:
    """Write the end of every chain to the log, once a day: there a cut-off tail shows even to who lost the
    database.
    """
    found = heads(tx)
    for head in found:
        get_logger().info("audit_head", chain=head.chain, sequence=head.sequence, mac=head.mac)
    return len(found)
