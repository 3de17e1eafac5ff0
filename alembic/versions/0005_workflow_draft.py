"""Unpublished changes of a workflow, and its dry runs."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0005_workflow_draft"
down_revision = "0004_drug_questions"
branch_labels = None
depends_on = None

_DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def _create(name: str, *columns: sa.Column) -> None:
    op.create_table(
        name,
        sa.Column("pharmacy_id", sa.String(length=26), nullable=False),
        sa.Column("id", sa.String(length=26), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["pharmacy_id"], ["pharmacy.id"], name=op.f(f"fk_{name}_pharmacy_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sa.UniqueConstraint("pharmacy_id", name=op.f(f"uq_{name}_pharmacy_id")),
    )
    op.create_index(op.f(f"ix_{name}_pharmacy_id"), name, ["pharmacy_id"], unique=False)


def upgrade() -> None:
    _create(
        "workflow_draft",
        sa.Column("base_number", sa.Integer(), nullable=False),
        sa.Column("document", _DOCUMENT, nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
    )
    _create(
        "trial_run",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("result", _DOCUMENT, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("trial_run")
    op.drop_table("workflow_draft")
