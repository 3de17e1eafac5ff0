"""Queries of workflow versions, and of what they apply to."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlmodel import col

from medsync_app.domain.cycle import OPEN
from medsync_app.errors import NotFound
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    Cycle,
    ScheduledAction,
    Template,
    TrialRun,
    WorkflowDraft,
    WorkflowVersion,
)


def versions_of(tx: Tx, pharmacy_id: str) -> Sequence[WorkflowVersion]:
    """Every version of a pharmacy's workflow, the newest first."""
    return tx.session.scalars(
        select(WorkflowVersion)
        .where(col(WorkflowVersion.pharmacy_id) == pharmacy_id)
        .order_by(col(WorkflowVersion.number).desc())
    ).all()


def version_numbered(tx: Tx, pharmacy_id: str, number: int) -> WorkflowVersion:
    """One version by its number; NotFound when there is none."""
    found = tx.session.scalars(
        select(WorkflowVersion).where(
            col(WorkflowVersion.pharmacy_id) == pharmacy_id, col(WorkflowVersion.number) == number
        )
    ).one_or_none()
    if found is None:
        raise NotFound(f"There is no version {number} of this pharmacy's workflow. List the versions first.")
    return found


def cycles_by_version(tx: Tx, cycle_ids: Sequence[str]) -> dict[str | None, int]:
    """Version id -> how many of these cycles run under it."""
    rows = tx.session.execute(
        select(col(Cycle.workflow_version_id), func.count())
        .where(col(Cycle.id).in_(list(cycle_ids)))
        .group_by(col(Cycle.workflow_version_id))
    )
    return {row[0]: row[1] for row in rows}


def template_names(tx: Tx, pharmacy_id: str) -> frozenset[str]:
    """The names of a pharmacy's own templates."""
    return frozenset(
        tx.session.scalars(select(col(Template.name)).where(col(Template.pharmacy_id) == pharmacy_id))
    )


def template(tx: Tx, pharmacy_id: str, name: str, language: str, channel: str) -> Template | None:
    """A pharmacy's own wording."""
    return tx.session.scalars(
        select(Template).where(
            col(Template.pharmacy_id) == pharmacy_id, col(Template.name) == name,
            col(Template.language) == language, col(Template.channel) == channel,
        )
    ).one_or_none()  # fmt: skip


def actions_of(tx: Tx, cycle_id: str) -> Sequence[ScheduledAction]:
    """Everything that was ever queued for a cycle."""
    return tx.session.scalars(
        select(ScheduledAction)
        .where(col(ScheduledAction.cycle_id) == cycle_id)
        .order_by(col(ScheduledAction.id))
    ).all()


def versions_in_use(tx: Tx, pharmacy_id: str) -> list[str]:
    """Ids of the versions under which a pharmacy's open cycles run."""
    rows = tx.session.scalars(
        select(col(Cycle.workflow_version_id))
        .where(col(Cycle.pharmacy_id) == pharmacy_id, col(Cycle.state).in_(sorted(OPEN)))
        .distinct()
    )
    return sorted(version for version in rows if version is not None)


def draft_of(tx: Tx, pharmacy_id: str) -> WorkflowDraft | None:
    """The changes of a pharmacy's workflow that are not published."""
    return tx.session.scalars(
        select(WorkflowDraft).where(col(WorkflowDraft.pharmacy_id) == pharmacy_id)
    ).one_or_none()


def trial_of(tx: Tx, pharmacy_id: str) -> TrialRun | None:
    """The last dry run of a pharmacy's workflow."""
    return tx.session.scalars(select(TrialRun).where(col(TrialRun.pharmacy_id) == pharmacy_id)).one_or_none()
