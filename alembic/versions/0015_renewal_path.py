"""A prescriber without a path of their own says so: "task" is a path too, that a prescriber may want."""

from alembic import op

revision = "0015_renewal_path"
down_revision = "0013_item_request"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE prescriber SET renewal_path = '' WHERE renewal_path = 'task'")


def downgrade() -> None:
    op.execute("UPDATE prescriber SET renewal_path = 'task' WHERE renewal_path = ''")
