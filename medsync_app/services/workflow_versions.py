"""Publishes a pharmacy's workflow, brings an old version back, and moves running cycles to a version."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from medsync_app.domain.states import Role
from medsync_app.domain.workflow_diff import Change, differences
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.services.check_workflow import check_workflow
from medsync_app.services.ensure_workflow import workflow_for
from medsync_app.services.move_to_workflow import move_to_workflow
from medsync_app.store.repositories import cycles, workflows
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, WorkflowVersion

_MAX_NOTE = 500
_LEADING = (Role.OWNER, Role.PHARMACIST)


@dataclass(frozen=True, slots=True)
class Published:
    """The version in force; `changes` since the one before, none when the document was in force already."""

    version_id: str
    number: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class MovedCycles:
    """How many cycles changed their version, and what was withdrawn and queued for them."""

    cycles: int
    withdrawn: int
    queued: int


def publish_workflow(
    tx: Tx,
    pharmacy_id: str,
    document: Mapping[str, Any],
    *,
    expected_number: int | None = None,
    note: str = "",
) -> Published:
    """Put a document in force for new cycles; running ones stay on their version until `move_cycles`.

    Owners and pharmacists only. Invalid names the step and the field. Conflict when the newest version is no
    longer `expected_number` (None: whichever it is). A document that is in force already changes nothing.
    """
    newest = newest_version(tx, pharmacy_id)
    if expected_number is not None and newest.number != expected_number:
        raise Conflict(
            f"Version {newest.number} was published meanwhile by {newest.created_by}: look at it, then publish again."
        )
    if len(note) > _MAX_NOTE:
        raise Invalid(f"Keep the note to {_MAX_NOTE} characters.", "note")
    check_workflow(tx, pharmacy_id, document)
    changes = differences(newest.document, document)
    if not changes:
        return Published(newest.id, newest.number, ())
    version = tx.add(
        WorkflowVersion(
            pharmacy_id=pharmacy_id, number=newest.number + 1, document=deepcopy(dict(document)),
            created_at=tx.now, created_by=tx.scope.actor_name, note=note.strip(),
        )
    )  # fmt: skip
    tx.session.flush()
    audit(
        tx, pharmacy_id=pharmacy_id, act="publish_workflow", subject_kind="workflow_version",
        subject_id=version.id,
        detail={"number": version.number, "fields": [f"{c.step}.{c.field}".rstrip(".") for c in changes]},
    )  # fmt: skip
    return Published(version.id, version.number, changes)


def roll_back_workflow(
    tx: Tx, pharmacy_id: str, number: int, *, expected_number: int | None = None
) -> Published:
    """Put an old version's document in force again, as a new version. Raises what publishing raises."""
    old = workflows.version_numbered(tx, pharmacy_id, number)
    return publish_workflow(
        tx, pharmacy_id, old.document, expected_number=expected_number, note=f"Back to version {number}."
    )


def move_cycles(tx: Tx, pharmacy_id: str, *, only: Sequence[str] | None = None) -> MovedCycles:
    """Let running cycles (`only` those with these ids) go on under the newest version, in this transaction.

    Pending actions of steps that differ are withdrawn and queued anew; what was sent or done is not repeated.
    """
    newest = newest_version(tx, pharmacy_id)
    chosen = [
        cycle_id
        for cycle_id in cycles.open_ids_of_pharmacy(tx, pharmacy_id)
        if only is None or cycle_id in set(only)
    ]
    moved, withdrawn, queued = 0, 0, 0
    for cycle_id in chosen:
        cycle = tx.get(Cycle, cycle_id, lock=True)
        if cycle.workflow_version_id == newest.id:
            continue
        one = move_to_workflow(tx, cycle, newest.id, newest.number)
        moved, withdrawn, queued = moved + 1, withdrawn + one.withdrawn, queued + one.queued
    if moved:
        audit(
            tx, pharmacy_id=pharmacy_id, act="move_cycles", subject_kind="workflow_version",
            subject_id=newest.id, detail={"number": newest.number, "cycles": moved},
        )  # fmt: skip
    return MovedCycles(moved, withdrawn, queued)


def only_versions_up_to(tx: Tx, pharmacy_id: str, number: int) -> None:
    """Take later versions than `number` out of force: for copies in which an old one is tried. NotFound without it."""
    workflows.version_numbered(tx, pharmacy_id, number)
    for version in workflows.versions_of(tx, pharmacy_id):
        version.published = version.number <= number


def newest_version(tx: Tx, pharmacy_id: str) -> WorkflowVersion:
    """The version in force, when the caller may change it (Forbidden else): nobody else does meanwhile."""
    tx.scope.require(pharmacy_id, *_LEADING)
    tx.take_turn(pharmacy_id)
    return tx.get(WorkflowVersion, workflow_for(tx, pharmacy_id)[0])
