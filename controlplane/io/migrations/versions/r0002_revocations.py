"""Revocations of sessions, users, API keys and workspaces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_UNAPPLIED = sa.text("applied_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "revocations",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("target", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=256), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("before", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("applied_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["by"], ["api_keys.id"], name=op.f("fk_revocations_by")),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name=op.f("fk_revocations_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revocations")),
    )
    op.create_index(
        "ix_revocations_unapplied", "revocations", ["id"], sqlite_where=_UNAPPLIED, postgresql_where=_UNAPPLIED
    )
    op.create_index("ix_revocations_applied_at", "revocations", ["applied_at"])
    op.create_index("ix_revocations_until", "revocations", ["until"])
    op.create_index("ix_revocations_workspace_id", "revocations", ["workspace", "id"])


def downgrade() -> None:
    op.drop_table("revocations")
