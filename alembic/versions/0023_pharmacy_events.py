"""Events of the pharmacy system wait, are worked and shown one by one; payloads are emptied after their time."""

import sqlalchemy as sa

from alembic import op

revision = "0023_pharmacy_events"
down_revision = "0019_patient_merge"
branch_labels = None
depends_on = None

_TEXTS = ("kind", "waits_for", "problem")


def upgrade() -> None:
    with op.batch_alter_table("inbound_event") as table:
        for name in _TEXTS:
            table.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("signed", sa.String(), nullable=True))
        table.add_column(sa.Column("emptied_at", sa.DateTime(timezone=True), nullable=True))
        table.create_unique_constraint(op.f("uq_inbound_event_signed"), ["signed"])
    op.create_index(
        "ix_inbound_event_unused", "inbound_event", ["pharmacy_id", "waits_for"],
        sqlite_where=sa.text("problem <> ''"), postgresql_where=sa.text("problem <> ''"),
    )  # fmt: skip
    op.create_index(
        "ix_inbound_event_full", "inbound_event", ["processed_at"],
        sqlite_where=sa.text("emptied_at is null and problem = ''"),
        postgresql_where=sa.text("emptied_at is null and problem = ''"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_inbound_event_full", table_name="inbound_event")
    op.drop_index("ix_inbound_event_unused", table_name="inbound_event")
    with op.batch_alter_table("inbound_event") as table:
        table.drop_constraint(op.f("uq_inbound_event_signed"), type_="unique")
        for name in ("emptied_at", "signed", *reversed(_TEXTS)):
            table.drop_column(name)
