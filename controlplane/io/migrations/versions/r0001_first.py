"""Workspaces, keys, users, sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_LIVE = sa.text("status IN ('PENDING', 'ACTIVE')")


def upgrade() -> None:
    op.create_table(
        "join_keys",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=16), nullable=False),
        sa.Column("pool", sa.String(length=256), nullable=False),
        sa.Column("region", sa.String(length=256), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("is_bootstrap", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_join_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_join_keys_digest")),
    )
    op.create_table(
        "workspaces",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspaces")),
        sa.UniqueConstraint("name", name=op.f("uq_workspaces_name")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=16), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.Column("revoked_at", sa.Double(), nullable=True),
        sa.Column("last_used_at", sa.Double(), nullable=True),
        sa.Column("is_bootstrap", sa.Boolean(), nullable=False),
        sa.Column("sessions_per_key", sa.Integer(), nullable=True),
        sa.Column("requests_per_minute", sa.Integer(), nullable=True),
        sa.Column("requests_per_hour", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name=op.f("fk_api_keys_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_keys_digest")),
    )
    op.create_index("ix_api_keys_workspace", "api_keys", ["workspace"])

    op.create_table(
        "users",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace", sa.String(length=32), nullable=False),
        sa.Column("external_id", sa.String(length=256), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name=op.f("fk_users_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("workspace", "external_id", name=op.f("uq_users_workspace_external_id")),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace", sa.String(length=32), nullable=False),
        sa.Column("user", sa.String(length=32), nullable=False),
        sa.Column("end_user_id", sa.String(length=256), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("connection_type", sa.String(length=64), nullable=False),
        sa.Column("quality", sa.String(length=64), nullable=False),
        sa.Column("jti", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("connect_by", sa.Double(), nullable=False),
        sa.Column("features", sa.JSON(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("regions", sa.JSON(), nullable=False),
        sa.Column("pools", sa.JSON(), nullable=False),
        sa.Column("region", sa.String(length=256), nullable=True),
        sa.Column("pool", sa.String(length=256), nullable=True),
        sa.Column("worker", sa.String(length=32), nullable=True),
        sa.Column("node", sa.String(length=512), nullable=True),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("end_code", sa.String(length=64), nullable=True),
        sa.Column("end_reason", sa.String(length=512), nullable=True),
        sa.Column("end_by", sa.String(length=32), nullable=True),
        sa.Column("held_seconds", sa.Double(), nullable=False),
        sa.Column("bytes_in", sa.BigInteger(), nullable=False),
        sa.Column("bytes_out", sa.BigInteger(), nullable=False),
        sa.Column("messages_in", sa.BigInteger(), nullable=False),
        sa.Column("messages_out", sa.BigInteger(), nullable=False),
        sa.Column("quality_score", sa.Double(), nullable=True),
        sa.Column("error_count", sa.Integer(), nullable=True),
        sa.Column("event_at", sa.Double(), nullable=False),
        sa.Column("event_seq", sa.BigInteger(), nullable=False),
        sa.Column("end_wanted", sa.String(length=512), nullable=True),
        sa.ForeignKeyConstraint(["key"], ["api_keys.id"], name=op.f("fk_sessions_key")),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_sessions_user")),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name=op.f("fk_sessions_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_index("ix_sessions_live_key", "sessions", ["key", "status"], sqlite_where=_LIVE, postgresql_where=_LIVE)
    op.create_index(
        "ix_sessions_live_status_id", "sessions", ["status", "id"], sqlite_where=_LIVE, postgresql_where=_LIVE
    )
    op.create_index("ix_sessions_live_user", "sessions", ["user", "status"], sqlite_where=_LIVE, postgresql_where=_LIVE)
    op.create_index(
        "ix_sessions_live_workspace", "sessions", ["workspace", "status"], sqlite_where=_LIVE, postgresql_where=_LIVE
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user", "id"])
    op.create_index("ix_sessions_workspace_id", "sessions", ["workspace", "id"])

    op.create_table(
        "idempotent_answers",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("session", sa.String(length=32), nullable=False),
        sa.Column("node", sa.String(length=512), nullable=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["key"], ["api_keys.id"], name=op.f("fk_idempotent_answers_key")),
        sa.ForeignKeyConstraint(["session"], ["sessions.id"], name=op.f("fk_idempotent_answers_session")),
        sa.PrimaryKeyConstraint("key", "name", name=op.f("pk_idempotent_answers")),
    )
    op.create_index("ix_idempotent_answers_at", "idempotent_answers", ["at"])


def downgrade() -> None:
    op.drop_table("idempotent_answers")
    op.drop_table("sessions")
    op.drop_table("users")
    op.drop_table("api_keys")
    op.drop_table("workspaces")
    op.drop_table("join_keys")
