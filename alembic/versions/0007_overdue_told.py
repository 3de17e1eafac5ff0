"""When people were told of overdue tasks."""

import sqlalchemy as sa

from alembic import op

revision = "0007_overdue_told"
down_revision = "0006_outbox_indexes"
branch_labels = None
depends_on = None

_COLUMNS = ("told_at", "told_owner_at")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("exception_case", sa.Column(name, sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for name in reversed(_COLUMNS):
        op.drop_column("exception_case", name)
