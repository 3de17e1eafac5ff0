"""Requests to take part by forms of other providers and from the pharmacy system, also those that lack something."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0020_forms"
down_revision = "0014_item_picked_up"
branch_labels = None
depends_on = None

_DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    # What is there came by our own form, and was said when it came.
    with op.batch_alter_table("join_request") as table:
        table.alter_column("birth_date", existing_type=sa.Date(), nullable=True)
        table.add_column(sa.Column("origin", sa.String(length=32), nullable=False, server_default="form"))
        table.add_column(sa.Column("email", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("extra", _DOCUMENT, nullable=False, server_default="[]"))
        table.add_column(sa.Column("source_id", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE join_request SET told_at = received_at")
    with op.batch_alter_table("join_request") as table:
        table.alter_column("told_at", existing_type=sa.DateTime(timezone=True), nullable=False)
    op.create_table(
        "form_source",
        sa.Column("pharmacy_id", sa.String(length=26), nullable=False),
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("origin", sa.String(length=32), nullable=False),
        sa.Column("mapping", _DOCUMENT, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refusal", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["pharmacy_id"], ["pharmacy.id"], name=op.f("fk_form_source_pharmacy_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_form_source")),
        sa.UniqueConstraint("pharmacy_id", "origin", name=op.f("uq_form_source_pharmacy_id_origin")),
    )
    op.create_index(op.f("ix_form_source_pharmacy_id"), "form_source", ["pharmacy_id"], unique=False)


def downgrade() -> None:
    op.drop_table("form_source")
    # The older schema has no request without a date of birth: it cannot show them, and nobody could work them.
    op.execute("DELETE FROM join_request WHERE birth_date IS NULL")
    with op.batch_alter_table("join_request") as table:
        for name in ("told_at", "source_id", "extra", "email", "origin"):
            table.drop_column(name)
        table.alter_column("birth_date", existing_type=sa.Date(), nullable=False)
