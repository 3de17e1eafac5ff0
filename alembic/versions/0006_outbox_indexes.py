"""Indexes of the rows that the loop looks for at every tick: a tick without work reads no others."""

import sqlalchemy as sa

from alembic import op

revision = "0006_outbox_indexes"
down_revision = "0005_workflow_draft"
branch_labels = None
depends_on = None

_QUEUED = sa.text("state = 'queued'")
#: Name, table, columns, which rows.
_NEW = (
    ("ix_scheduled_action_stale", "scheduled_action", ["stale_at"], sa.text("state in ('queued', 'held')")),
    ("ix_scheduled_action_doubt", "scheduled_action", ["id"], sa.text("state = 'in_doubt'")),
    ("ix_inbound_event_waiting", "inbound_event", ["received_at", "id"], sa.text("processed_at is null")),
)


def upgrade() -> None:
    _replace_due("due_at", "id")
    for name, table, columns, rows in _NEW:
        op.create_index(name, table, columns, unique=False, sqlite_where=rows, postgresql_where=rows)


def downgrade() -> None:
    for name, table, _, _ in reversed(_NEW):
        op.drop_index(name, table_name=table)
    _replace_due("due_at")


def _replace_due(*columns: str) -> None:
    """With the id, many that are due at one instant are in the order in which they are claimed."""
    op.drop_index("ix_scheduled_action_due", table_name="scheduled_action")
    op.create_index(
        "ix_scheduled_action_due", "scheduled_action", list(columns), unique=False, sqlite_where=_QUEUED,
        postgresql_where=_QUEUED,
    )  # fmt: skip
