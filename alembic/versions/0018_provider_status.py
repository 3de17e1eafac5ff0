"""What all loops know of each provider: its pace, its pause and its circuit breaker."""

import sqlalchemy as sa

from alembic import op

revision = "0018_provider_status"
down_revision = "0020_forms"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "provider_status",
        sa.Column("channel", sa.String(length=32), nullable=False),
        *(
            sa.Column(name, sa.DateTime(timezone=True), nullable=False)
            for name in ("seen_at", "spent_until", "line_until", "paused_until")
        ),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("openings", sa.Integer(), nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probing_since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_provider_status")),
    )


def downgrade() -> None:
    op.drop_table("provider_status")
