"""Which programs can use the schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
works_with = "0006"


def upgrade() -> None:
    op.create_table(
        "schema_use",
        sa.Column("works_with", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("works_with", name=op.f("pk_schema_use")),
    )


def downgrade() -> None:
    op.drop_table("schema_use")
