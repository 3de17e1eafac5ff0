"""Changes of a workflow before they are published: kept, taken back, and put in force."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Literal

from medsync_app.domain.workflow_diff import differences
from medsync_app.domain.workflow_edit import copied_step
from medsync_app.errors import NotFound
from medsync_app.services.check_workflow import check_workflow
from medsync_app.services.workflow_versions import (
    MovedCycles,
    Published,
    move_cycles,
    newest_version,
    publish_workflow,
    roll_back_workflow,
)
from medsync_app.store.repositories import workflows
from medsync_app.store.session import Tx
from medsync_app.store.tables import WorkflowDraft, WorkflowVersion

Part = Literal["steps", "segments"]
Document = dict[str, Any]


def working_document(tx: Tx, pharmacy_id: str) -> Document:
    """A copy of the document with the changes made so far (the one in force when there are none)."""
    draft = workflows.draft_of(tx, pharmacy_id)
    return deepcopy(draft.document if draft else newest_version(tx, pharmacy_id).document)


def part_of(document: Mapping[str, Any], part: Part, item_id: str) -> Document:
    """One step or segment of a document; NotFound when it is not in it."""
    found = next((item for item in document.get(part, ()) if item["id"] == item_id), None)
    if found is None:
        raise NotFound("This step is no longer in the workflow. Look at the list again.")
    return dict(found)


def put_in_draft(tx: Tx, pharmacy_id: str, part: Part, changed: Mapping[str, Any]) -> None:
    """Let a step or segment be as given, by its id. Invalid names step and field, Forbidden for other roles."""
    newest = newest_version(tx, pharmacy_id)
    document = working_document(tx, pharmacy_id)
    part_of(document, part, str(changed["id"]))
    document[part] = [dict(changed) if item["id"] == changed["id"] else item for item in document[part]]
    _keep(tx, newest, document)


def copy_step(tx: Tx, pharmacy_id: str, step_id: str) -> str:
    """Put a copy of a step behind it, for a step of the pharmacy's own; gives the copy's id."""
    newest = newest_version(tx, pharmacy_id)
    document = working_document(tx, pharmacy_id)
    ids = [item["id"] for item in document["steps"]]
    made = copied_step(part_of(document, "steps", step_id), ids)
    document["steps"].insert(ids.index(step_id) + 1, made)
    _keep(tx, newest, document)
    return str(made["id"])


def leave_out(tx: Tx, pharmacy_id: str, part: Part, item_id: str) -> None:
    """Take a step or segment out."""
    newest = newest_version(tx, pharmacy_id)
    document = working_document(tx, pharmacy_id)
    part_of(document, part, item_id)
    document[part] = [item for item in document[part] if item["id"] != item_id]
    _keep(tx, newest, document)


def take_back(tx: Tx, pharmacy_id: str, part: Part, item_id: str) -> None:
    """Undo the changes of one step or segment: as it is in the version that the changes were begun from."""
    newest = newest_version(tx, pharmacy_id)
    draft = workflows.draft_of(tx, pharmacy_id)
    base = workflows.version_numbered(tx, pharmacy_id, draft.base_number if draft else newest.number)
    document = working_document(tx, pharmacy_id)
    before = {item["id"]: item for item in document.get(part, ())}
    before.pop(item_id, None)
    kept = [item for item in base.document.get(part, ()) if item["id"] == item_id or item["id"] in before]
    known = {item["id"] for item in kept}
    # In the order of the version; what only the changes hold stays at the end.
    document[part] = [before.get(item["id"], item) for item in kept] + [
        item for key, item in before.items() if key not in known
    ]
    _keep(tx, newest, deepcopy(document))


def discard_draft(tx: Tx, pharmacy_id: str) -> None:
    """Drop every change that is not published."""
    newest_version(tx, pharmacy_id)
    draft = workflows.draft_of(tx, pharmacy_id)
    if draft is not None:
        tx.session.delete(draft)


def publish_draft(
    tx: Tx, pharmacy_id: str, *, note: str = "", move: bool = False
) -> tuple[Published, MovedCycles]:
    """Put the changes in force; with `move` running cycles go on under them.

    Conflict when somebody published meanwhile.
    """
    newest_version(tx, pharmacy_id)
    draft = workflows.draft_of(tx, pharmacy_id)
    if draft is None:
        raise NotFound("There is no change to publish.")
    done = publish_workflow(tx, pharmacy_id, draft.document, expected_number=draft.base_number, note=note)
    tx.session.delete(draft)
    return done, move_cycles(tx, pharmacy_id) if move else MovedCycles(0, 0, 0)


def go_back_to(
    tx: Tx, pharmacy_id: str, number: int, *, expected_number: int, move: bool
) -> tuple[Published, MovedCycles]:
    """Put an old version in force again, without the changes that are not published."""
    done = roll_back_workflow(tx, pharmacy_id, number, expected_number=expected_number)
    discard_draft(tx, pharmacy_id)
    return done, move_cycles(tx, pharmacy_id) if move else MovedCycles(0, 0, 0)


def _keep(tx: Tx, newest: WorkflowVersion, document: Document) -> None:
    """Keep a document as the changes made so far; none are kept when it says what is in force."""
    check_workflow(tx, newest.pharmacy_id, document)
    draft = workflows.draft_of(tx, newest.pharmacy_id)
    if not differences(newest.document, document):
        if draft is not None:
            tx.session.delete(draft)
        return
    if draft is None:
        draft = tx.add(
            WorkflowDraft(
                pharmacy_id=newest.pharmacy_id, base_number=newest.number, changed_at=tx.now, changed_by=""
            )
        )  # fmt: skip
    draft.document, draft.changed_at, draft.changed_by = document, tx.now, tx.scope.actor_name
