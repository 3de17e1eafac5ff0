"""What goes to other programs: mirrored tasks, renewal requests, signed events."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0011_outside_job"
down_revision = "0010_dispensing_revision"
branch_labels = None
depends_on = None

_DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
_OPEN = sa.text("state in ('queued', 'calling')")


def upgrade() -> None:
    name = "outside_job"
    refs = {"exception_id": "exception_case", "renewal_id": "renewal_request", "cycle_id": "cycle"}
    op.create_table(
        name,
        sa.Column("pharmacy_id", sa.String(length=26), nullable=False),
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("op", sa.String(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        *(sa.Column(column, sa.String(length=26), nullable=True) for column in refs),
        sa.Column("payload", _DOCUMENT, nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_ref", sa.String(), nullable=False),
        sa.Column("external_url", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_{name}_{column}_{table}"))
            for column, table in {**refs, "pharmacy_id": "pharmacy"}.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sa.UniqueConstraint("idempotency_key", name=op.f(f"uq_{name}_idempotency_key")),
    )
    for column in (*refs, "pharmacy_id"):
        op.create_index(op.f(f"ix_{name}_{column}"), name, [column], unique=False)
    op.create_index(
        "ix_outside_job_due", name, ["due_at"], unique=False, sqlite_where=_OPEN, postgresql_where=_OPEN
    )


def downgrade() -> None:
    op.drop_table("outside_job")
