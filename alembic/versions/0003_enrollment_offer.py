"""Patients who were asked to take part."""

import sqlalchemy as sa

from alembic import op

revision = "0003_enrollment_offer"
down_revision = "0002_fill_figures"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "enrollment_offer",
        sa.Column("pharmacy_id", sa.String(length=26), nullable=False),
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("patient_id", sa.String(length=26), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("declined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("declined_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_enrollment_offer_patient_id_patient")
        ),
        sa.ForeignKeyConstraint(
            ["pharmacy_id"], ["pharmacy.id"], name=op.f("fk_enrollment_offer_pharmacy_id_pharmacy")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrollment_offer")),
    )
    for column in ("patient_id", "pharmacy_id"):
        op.create_index(op.f(f"ix_enrollment_offer_{column}"), "enrollment_offer", [column], unique=False)


def downgrade() -> None:
    op.drop_table("enrollment_offer")
