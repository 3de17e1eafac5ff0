"""A wrong number is a state of the number, and each patient's use of it is confirmed by itself.

Until now it was recorded as a "declined" of the patient who was rung; those stay as they were recorded.
"""

import sqlalchemy as sa

from alembic import op

revision = "0024_wrong_number"
down_revision = "0022_front"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("address_status", sa.Column("wrong_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("contact_point", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("contact_point", "confirmed_at")
    op.drop_column("address_status", "wrong_at")
