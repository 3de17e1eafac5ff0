"""The pharmacy's revision at which a patient's dispensing data last changed."""

import sqlalchemy as sa

from alembic import op

revision = "0010_dispensing_revision"
down_revision = "0009_join"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "patient", sa.Column("dispensing_revision", sa.Integer(), nullable=False, server_default="0")
    )
    op.create_index(
        op.f("ix_patient_pharmacy_id_dispensing_revision"), "patient", ["pharmacy_id", "dispensing_revision"]
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_patient_pharmacy_id_dispensing_revision"), table_name="patient")
    op.drop_column("patient", "dispensing_revision")
