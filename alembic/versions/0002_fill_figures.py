"""An index that holds all that figures over a whole pharmacy read of its fills."""

from alembic import op

revision = "0002_fill_figures"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_fill_figures",
        "fill",
        ["pharmacy_id", "therapy_id", "filled_on", "status", "days_supply", "picked_up_on"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_fill_figures", table_name="fill")
