"""A PIN for each person, and until when it opens a session at the workstation of a full sign-in."""

import sqlalchemy as sa

from alembic import op

revision = "0017_quick_switch"
down_revision = "0015_renewal_path"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("staff", sa.Column("pin_hash", sa.String(), nullable=True))
    op.add_column("staff_session", sa.Column("station_hash", sa.String(), nullable=True))
    op.add_column("staff_session", sa.Column("pin_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "staff_session", sa.Column("pin_failures", sa.Integer(), nullable=False, server_default="0")
    )
    op.create_index("ix_staff_session_station_hash", "staff_session", ["station_hash"])


def downgrade() -> None:
    op.drop_index("ix_staff_session_station_hash", "staff_session")
    for name in ("pin_failures", "pin_until", "station_hash"):
        op.drop_column("staff_session", name)
    op.drop_column("staff", "pin_hash")
