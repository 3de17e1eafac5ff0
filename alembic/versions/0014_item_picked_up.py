"""The day on which an item was fetched, where a batch is fetched in parts; empty: the day of its batch."""

import sqlalchemy as sa

from alembic import op

revision = "0014_item_picked_up"
down_revision = "0017_quick_switch"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cycle_item", sa.Column("picked_up_on", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("cycle_item", "picked_up_on")
