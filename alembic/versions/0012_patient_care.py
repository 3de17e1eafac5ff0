"""Hospice, kidney failure, stays and disenrolment of patients."""

import sqlalchemy as sa

from alembic import op

revision = "0012_patient_care"
down_revision = "0011_outside_job"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "patient_care",
        sa.Column("pharmacy_id", sa.String(length=26), nullable=False),
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("patient_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_patient_care_patient_id_patient")
        ),
        sa.ForeignKeyConstraint(
            ["pharmacy_id"], ["pharmacy.id"], name=op.f("fk_patient_care_pharmacy_id_pharmacy")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_care")),
    )
    for column in ("patient_id", "pharmacy_id"):
        op.create_index(op.f(f"ix_patient_care_{column}"), "patient_care", [column], unique=False)


def downgrade() -> None:
    op.drop_table("patient_care")
