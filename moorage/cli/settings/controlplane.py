"""Settings of the REST API: its listener, its database, what tenants may have, and what signs tokens."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from moorage.cli.settings.fields import Commas, Group, group, port_number, setting


class OfferGroup(Group):
    """What a quality or a feature asks of workers."""

    pools: tuple[str, ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)


class JoinKeyGroup(Group):
    """A file with the join key of one pool."""

    file: Path
    pool: str = Field(min_length=1)
    region: str = Field(default="*", min_length=1)


class ConcurrencyGroup(Group):
    """Live sessions at once; 0 is no limit."""

    per_user: int = setting(10, "of one user", "sessions", ge=0)
    per_key: int = setting(10, "made with one API key", "sessions", ge=0)
    per_workspace: int = setting(100, "of one workspace", "sessions", ge=0)


class RateLimitGroup(Group):
    """REST requests of one API key; 0 is no limit. The admin key has none."""

    per_minute: int = setting(100, "requests", "per minute", ge=0)
    per_hour: int = setting(1000, "requests", "per hour", ge=0)


class ControlPlaneGroup(Group):
    """The REST API."""

    host: str = setting("", "address of the API; empty is `host`")
    port: int = port_number(7401, "port of the API and its documentation")
    database_url: SecretStr | None = setting(  # it may hold a password
        None,
        "postgresql://user:password@host/database, with ?pgbouncer=1 behind PgBouncer; empty is SQLite in the data folder",
    )
    database_connections: int = setting(10, "to PostgreSQL at once, of each control plane", "connections", ge=2)
    database_connect_seconds: float = setting(3.0, "longest wait for a connection to open", "seconds", gt=0)
    database_statement_seconds: float = setting(10.0, "longest run of one statement on PostgreSQL", "seconds", gt=0)
    database_idle_seconds: float = setting(
        10.0, "PostgreSQL ends a transaction that does nothing for so long", "seconds", gt=0
    )
    database_migrate_seconds: float = setting(
        300.0, "longest run of a migration at start, and wait for another control plane's", "seconds", gt=0
    )
    node_url: str = setting("", "what clients are told to connect to; empty is the address of a live gateway")
    session_ttl_seconds: float = setting(3600.0, "a session's time to live unless asked otherwise", "seconds", gt=0)
    max_session_seconds: float = setting(86_400.0, "longest life, refreshes included", "seconds", gt=0)
    connect_within_seconds: float = setting(300.0, "a session nobody connects to expires", "seconds", gt=0)
    token_ttl_seconds: float = setting(3600.0, "for how long a token can connect", "seconds", gt=0)
    concurrency: ConcurrencyGroup = group(ConcurrencyGroup, "live sessions at once")
    rate_limit: RateLimitGroup = group(RateLimitGroup, "requests of one API key")
    body_bytes: int = setting(1 << 20, "largest request body", "bytes", ge=1024)
    body_seconds: float = setting(30.0, "longest wait for a whole body", "seconds", gt=0)
    connections: int = setting(1000, "HTTP connections at once", "connections", ge=1)
    busy_seconds: float = setting(5.0, "longest wait for the database: a lock, or a free connection", "seconds", gt=0)
    idempotency_seconds: float = setting(86_400.0, "answers are kept for their Idempotency-Key", "seconds", ge=0)
    qualities: dict[str, OfferGroup] = setting(
        {"standard": OfferGroup(), "high": OfferGroup(), "premium": OfferGroup()},
        "what each quality asks of workers: pools and labels",
    )
    features: dict[str, OfferGroup] = setting({}, "what each feature asks of workers; others are passed on")
    join_keys: dict[str, JoinKeyGroup] = setting(
        {}, "files with the join key of a pool each, looked at every 10 s; then none is made for all pools"
    )
    sweep_every_seconds: float = setting(1.0, "between two looks at overdue sessions", "seconds", gt=0)


class SigningGroup(Group):
    """What signs session tokens. Without a key of your own, a shared secret is made and kept in the data folder."""

    key: Path | None = setting(None, "PEM private key (Ed25519) that signs; its file's name is its kid")
    next_keys: Commas[Path] = setting((), "PEM keys published in the JWKS before they sign")
    retiring_keys: Commas[Path] = setting((), "PEM keys that signed before; their tokens are still good")
