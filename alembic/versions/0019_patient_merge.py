"""Records of one person that were merged into one."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0019_patient_merge"
down_revision = "0018_provider_status"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "patient_merge",
        sa.Column("pharmacy_id", sa.String(length=26), nullable=False),
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("kept_id", sa.String(length=26), nullable=False),
        sa.Column("dropped_id", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("merged_by", sa.String(), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("snapshot", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(
            ["kept_id"], ["patient.id"], name=op.f("fk_patient_merge_kept_id_patient")
        ),
        sa.ForeignKeyConstraint(
            ["pharmacy_id"], ["pharmacy.id"], name=op.f("fk_patient_merge_pharmacy_id_pharmacy")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_merge")),
        sa.UniqueConstraint("dropped_id", name=op.f("uq_patient_merge_dropped_id")),
        sa.UniqueConstraint(
            "pharmacy_id", "external_id", name=op.f("uq_patient_merge_pharmacy_id_external_id")
        ),
    )
    for column in ("kept_id", "pharmacy_id"):
        op.create_index(op.f(f"ix_patient_merge_{column}"), "patient_merge", [column], unique=False)


def downgrade() -> None:
    op.drop_table("patient_merge")
