"""The tables. Times are Unix seconds; JSON columns hold small bounded documents. Portable types only.

Migrations make them (controlplane/io/migrations); a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID = String(32)
_TEXT = String(256)  # as long as forms and links allow: SQLite does not look, PostgreSQL refuses

WORKSPACES = Table(
    "workspaces",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("name", _TEXT, nullable=False, unique=True),
    Column("created_at", Double, nullable=False),
)

API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("workspace", _ID, ForeignKey("workspaces.id"), nullable=False, index=True),
    Column("name", _TEXT, nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("hint", String(16), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("revoked_at", Double),
    Column("last_used_at", Double),
    Column("is_bootstrap", Boolean, nullable=False),
    Column("sessions_per_key", Integer),
    Column("requests_per_minute", Integer),
    Column("requests_per_hour", Integer),
)

JOIN_KEYS = Table(
    "join_keys",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("name", _TEXT, nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("hint", String(16), nullable=False),
    Column("pool", _TEXT, nullable=False),
    Column("region", _TEXT, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("is_bootstrap", Boolean, nullable=False),
    Column("source", _TEXT),
)

USERS = Table(
    "users",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("workspace", _ID, ForeignKey("workspaces.id"), nullable=False),
    Column("external_id", String(256), nullable=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("workspace", "external_id"),
)

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("workspace", _ID, ForeignKey("workspaces.id"), nullable=False),
    Column("user", _ID, ForeignKey("users.id"), nullable=False),
    Column("end_user_id", String(256), nullable=False),
    Column("key", _ID, ForeignKey("api_keys.id"), nullable=False),
    Column("status", String(16), nullable=False),
    Column("connection_type", String(64), nullable=False),
    Column("quality", String(64), nullable=False),
    Column("jti", String(64), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("connect_by", Double, nullable=False),
    Column("features", JSON, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("regions", JSON, nullable=False),
    Column("pools", JSON, nullable=False),
    Column("region", _TEXT),
    Column("pool", _TEXT),
    Column("worker", _ID),
    Column("node", String(512)),
    Column("started_at", Double),
    Column("ended_at", Double),
    Column("end_code", String(64)),
    Column("end_reason", String(512)),
    Column("end_by", String(32)),
    Column("held_seconds", Double, nullable=False),
    Column("bytes_in", BigInteger, nullable=False),
    Column("bytes_out", BigInteger, nullable=False),
    Column("messages_in", BigInteger, nullable=False),
    Column("messages_out", BigInteger, nullable=False),
    Column("is_usage_estimated", Boolean, nullable=False, server_default=false()),
    Column("quality_score", Double),
    Column("error_count", Integer),
    Column("event_at", Double, nullable=False),
    Column("event_seq", BigInteger, nullable=False),
    Column("end_wanted", String(512)),
)

# Ended sessions pile up, live ones do not. Statements use the same words, or SQLite does not see that the index fits.
LIVE_ROWS = text("status IN ('PENDING', 'ACTIVE')")
Index("ix_sessions_workspace_id", SESSIONS.c.workspace, SESSIONS.c.id)
Index("ix_sessions_user_id", SESSIONS.c.user, SESSIONS.c.id)
Index(
    "ix_sessions_live_status_id", SESSIONS.c.status, SESSIONS.c.id, sqlite_where=LIVE_ROWS, postgresql_where=LIVE_ROWS
)
for _column in ("user", "key", "workspace"):  # `status` makes SQLite prefer them to the indexes over all that ever was
    Index(
        f"ix_sessions_live_{_column}",
        SESSIONS.c[_column],
        SESSIONS.c.status,
        sqlite_where=LIVE_ROWS,
        postgresql_where=LIVE_ROWS,
    )
Index("ix_sessions_expires_at", SESSIONS.c.expires_at)

ANSWERS = Table(
    "idempotent_answers",
    METADATA,
    Column("key", _ID, ForeignKey("api_keys.id"), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("session", _ID, ForeignKey("sessions.id"), nullable=False),
    Column("node", String(512)),
    Column("at", Double, nullable=False, index=True),
)

REVOCATIONS = Table(
    "revocations",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("workspace", _ID, ForeignKey("workspaces.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("target", _ID, nullable=False),
    Column("reason", String(256), nullable=False),
    Column("by", _ID, ForeignKey("api_keys.id"), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("before", Double, nullable=False),
    Column("until", Double, nullable=False, index=True),
    Column("applied_at", Double, index=True),
)

# Few are not applied at any time, and every control plane looks for them twice a second.
UNAPPLIED_ROWS = text("applied_at IS NULL")
Index("ix_revocations_unapplied", REVOCATIONS.c.id, sqlite_where=UNAPPLIED_ROWS, postgresql_where=UNAPPLIED_ROWS)
Index("ix_revocations_workspace_id", REVOCATIONS.c.workspace, REVOCATIONS.c.id)

EARLY_EVENTS = Table(
    "early_events",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("session", _ID, nullable=False, index=True),  # no foreign key: its row is what is missing
    Column("at", Double, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("body", Text, nullable=False),  # the event as JSON
    Column("seen_at", Double, nullable=False, index=True),
)

AUDIT_LOG = Table(
    "audit_log",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("workspace", _ID, ForeignKey("workspaces.id"), nullable=False),
    Column("at", Double, nullable=False),
    Column("key", _ID, ForeignKey("api_keys.id"), nullable=False),
    Column("action", String(64), nullable=False),
    Column("target", _TEXT, nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
    Column("once", _ID, unique=True),
    Column("fingerprint", String(64)),
)
Index("ix_audit_log_workspace_id", AUDIT_LOG.c.workspace, AUDIT_LOG.c.id)

# One row.
SCHEMA_USE = Table(
    "schema_use",
    METADATA,
    Column("works_with", String(32), primary_key=True),  # the oldest revision whose program can use the schema
)
