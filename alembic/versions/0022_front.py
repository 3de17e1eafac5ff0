"""What is taken before other messages that are due, and the line of those that missed their turn at a provider."""

import sqlalchemy as sa

from alembic import op

revision = "0022_front"
down_revision = "0023_pharmacy_events"
branch_labels = None
depends_on = None

_LONG_AGO = sa.text("'2000-01-01 00:00:00.000000'")
_IN_FRONT = sa.text("state = 'queued' and front_since is not null")


def upgrade() -> None:
    op.add_column("scheduled_action", sa.Column("front_since", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_scheduled_action_front",
        "scheduled_action",
        ["due_at", "id"],
        unique=False,
        sqlite_where=_IN_FRONT,
        postgresql_where=_IN_FRONT,
    )
    op.execute("UPDATE scheduled_action SET front_since = due_at WHERE state = 'queued' AND kind = 'reply'")
    # With a default for what runs on the version before beside this one.
    op.add_column(
        "provider_status",
        sa.Column("late_until", sa.DateTime(timezone=True), nullable=False, server_default=_LONG_AGO),
    )


def downgrade() -> None:
    op.drop_column("provider_status", "late_until")
    op.drop_index("ix_scheduled_action_front", table_name="scheduled_action")
    op.drop_column("scheduled_action", "front_since")
