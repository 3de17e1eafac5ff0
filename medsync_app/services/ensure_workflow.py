"""Finds a pharmacy's workflow, and gives a new pharmacy the default one as version 1."""

from functools import lru_cache

from medsync_app.domain.workflow import Workflow, default_document, parse
from medsync_app.store.repositories.messaging import newest_workflow
from medsync_app.store.session import Tx
from medsync_app.store.tables import WorkflowVersion

_KEPT = 64


def workflow_for(tx: Tx, pharmacy_id: str) -> tuple[str, Workflow]:
    """The id of the newest published version and the workflow it describes."""
    version = newest_workflow(tx, pharmacy_id)
    if version is None:
        version = tx.add(
            WorkflowVersion(
                pharmacy_id=pharmacy_id, number=1, document=default_document(), created_at=tx.now,
                created_by=tx.scope.actor_name, note="The default workflow.",
            )
        )  # fmt: skip
        tx.session.flush()
    return version.id, _parsed(version)


def workflow_of_version(tx: Tx, version_id: str) -> Workflow:
    """The workflow of one version; NotFound when it is not the caller's."""
    known = _cache().get(version_id)
    if known is not None and tx.scope.sees(known[0]):
        return known[1]  # the loop asks for each message: no query
    return _parsed(tx.get(WorkflowVersion, version_id))


def _parsed(version: WorkflowVersion) -> Workflow:
    known = _cache().get(version.id)
    if known is None:
        known = (version.pharmacy_id, parse(version.document))
        if len(_cache()) >= _KEPT:
            _cache().clear()
        _cache()[version.id] = known  # a published version never changes
    return known[1]


@lru_cache
def _cache() -> dict[str, tuple[str, Workflow]]:
    """Version -> its pharmacy and what it describes."""
    return {}
