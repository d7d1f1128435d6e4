"""Events that came before their session's row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "early_events",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("session", sa.String(length=32), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_early_events")),
    )
    op.create_index("ix_early_events_session", "early_events", ["session"])
    op.create_index("ix_early_events_seen_at", "early_events", ["seen_at"])


def downgrade() -> None:
    op.drop_table("early_events")
