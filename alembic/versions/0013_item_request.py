"""Who asked when for an item, and how many doses the patient had left."""

import sqlalchemy as sa

from alembic import op

revision = "0013_item_request"
down_revision = "0012_patient_care"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cycle_item", sa.Column("requested_at", sa.DateTime(timezone=True), nullable=True))
    for name in ("requested_how", "requested_by"):
        op.add_column("cycle_item", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.add_column("cycle_item", sa.Column("doses_left", sa.Integer(), nullable=True))


def downgrade() -> None:
    for name in ("doses_left", "requested_by", "requested_how", "requested_at"):
        op.drop_column("cycle_item", name)
