"""The public form by which patients ask to be enrolled, and what they wrote."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0009_join"
down_revision = "0008_caregiver_allowed"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "join_link",
        sa.Column("pharmacy_id", sa.String(length=26), nullable=False),
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["pharmacy_id"], ["pharmacy.id"], name=op.f("fk_join_link_pharmacy_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_join_link")),
        sa.UniqueConstraint("pharmacy_id", name=op.f("uq_join_link_pharmacy_id")),
        sa.UniqueConstraint("token", name=op.f("uq_join_link_token")),
    )
    op.create_index(op.f("ix_join_link_pharmacy_id"), "join_link", ["pharmacy_id"], unique=False)
    op.create_table(
        "join_request",
        sa.Column("pharmacy_id", sa.String(length=26), nullable=False),
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("first_name", sa.String(), nullable=False),
        sa.Column("last_name", sa.String(), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("consent_wording", sa.String(), nullable=False),
        sa.Column("medicines", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("source_hash", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handled_by", sa.String(), nullable=False),
        sa.Column("patient_id", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_join_request_patient_id")),
        sa.ForeignKeyConstraint(["pharmacy_id"], ["pharmacy.id"], name=op.f("fk_join_request_pharmacy_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_join_request")),
    )
    for columns in (["pharmacy_id"], ["pharmacy_id", "received_at"], ["source_hash", "received_at"]):
        op.create_index(op.f(f"ix_join_request_{'_'.join(columns)}"), "join_request", columns, unique=False)


def downgrade() -> None:
    op.drop_table("join_request")
    op.drop_table("join_link")
