"""The patient's authorization of a caregiver; who was recorded before had it: the form asked."""

import sqlalchemy as sa

from alembic import op

revision = "0008_caregiver_allowed"
down_revision = "0007_overdue_told"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "contact_point", sa.Column("caregiver_allowed_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "contact_point", sa.Column("caregiver_allowed_by", sa.String(), nullable=False, server_default="")
    )
    op.execute(
        "UPDATE contact_point SET caregiver_allowed_at = coalesce(basis_at, created_at), "
        "caregiver_allowed_by = basis_by WHERE caregiver_name <> ''"
    )


def downgrade() -> None:
    op.drop_column("contact_point", "caregiver_allowed_by")
    op.drop_column("contact_point", "caregiver_allowed_at")
