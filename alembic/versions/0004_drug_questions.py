"""Answers about drugs that share an ingredient, and new drugs that wait for a pharmacist."""

import sqlalchemy as sa

from alembic import op

revision = "0004_drug_questions"
down_revision = "0003_enrollment_offer"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "duplicate_answer",
        sa.Column("pharmacy_id", sa.String(length=26), nullable=False),
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("patient_id", sa.String(length=26), nullable=False),
        sa.Column("first_id", sa.String(length=26), nullable=False),
        sa.Column("second_id", sa.String(length=26), nullable=False),
        sa.Column("replaced_id", sa.String(length=26), nullable=True),
        sa.Column("answered_by", sa.String(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{target}.id"], name=op.f(f"fk_duplicate_answer_{column}_{target}")
            )
            for column, target in (
                ("patient_id", "patient"),
                ("pharmacy_id", "pharmacy"),
                ("first_id", "therapy"),
                ("second_id", "therapy"),
                ("replaced_id", "therapy"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_answer")),
        sa.UniqueConstraint("first_id", "second_id", name=op.f("uq_duplicate_answer_first_id_second_id")),
    )
    for column in ("patient_id", "pharmacy_id"):
        op.create_index(op.f(f"ix_duplicate_answer_{column}"), "duplicate_answer", [column], unique=False)
    op.add_column("therapy", sa.Column("clinical_flag", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("therapy", "clinical_flag")
    op.drop_table("duplicate_answer")
