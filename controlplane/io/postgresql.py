"""PostgreSQL through asyncpg, directly or behind PgBouncer in transaction mode (`?pgbouncer=1` in the URL).

Behind PgBouncer two statements outside a transaction may meet two servers. So there nothing lives longer than a
transaction: time-outs are set inside each one, statements are prepared without a name (a name would stay behind on a
server that others use), and what asyncpg asks on connecting is wrapped in a transaction as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from time import monotonic
from typing import Any

from sqlalchemy import URL, Connection, event, text
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from controlplane.io.dialect import Engines
from controlplane.io.troubles import Away
from controlplane.policy import DatabaseLimits

RECYCLE_SECONDS = 1800.0  # after a fail-over no connection stays with the old primary for longer
PING_AFTER = 1.0  # a connection that rested for so long may be dead: a ping is three round trips, so not for each
SILENCE = 2.0  # beyond the server's own time-outs, before the network is at fault
_DRIVERS = ("postgresql", "postgres", "postgresql+asyncpg")
_LOCK = text("SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(:keys AS bigint[])) AS key")


class Bounced(PGDialect_asyncpg):
    """asyncpg's dialect for connections that change servers between transactions."""

    supports_statement_cache = True

    async def setup_asyncpg_json_codec(self, conn: Any) -> None:
        """It looks the type up: both round trips on one server."""
        async with conn.driver_connection.transaction():
            await super().setup_asyncpg_json_codec(conn)  # type: ignore[no-untyped-call]

    async def setup_asyncpg_jsonb_codec(self, conn: Any) -> None:
        """No table has the type."""


registry.register("postgresql.asyncpg_bounced", __name__, Bounced.__name__)


def postgresql_engines(url: URL, limits: DatabaseLimits) -> Engines:
    """One pool; reads see one snapshot and can change nothing. Raises ValueError where asyncpg is missing."""
    if url.drivername not in _DRIVERS:
        raise ValueError(f"controlplane.database_url: {url.drivername} is not supported, postgresql+asyncpg is")
    is_bounced = url.query.get("pgbouncer", "0") not in ("0", "false", "")
    try:
        engine = _bounced(_plain(url), limits) if is_bounced else _direct(_plain(url), limits)
    except ModuleNotFoundError as error:
        detail = "PostgreSQL needs asyncpg, which the [postgres] extra brings: pip install 'moorage[server,postgres]'"
        raise ValueError(detail) from error
    event.listen(engine.sync_engine, "handle_error", _named)
    event.listen(engine.sync_engine, "checkin", _rested)
    event.listen(engine.sync_engine, "checkout", _checked(engine))
    reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return Engines(reader, engine, _lock)


def _plain(url: URL) -> URL:
    """As asyncpg has it: `sslmode`, which everybody writes, is its `ssl`."""
    mode = url.query.get("sslmode")
    url = url.difference_update_query(["pgbouncer", "sslmode"])
    return url if mode is None else url.update_query_dict({"ssl": mode})


def _direct(url: URL, limits: DatabaseLimits) -> AsyncEngine:
    settings = {"application_name": "moorage", **_timeouts(limits)}
    return _engine(url.set(drivername="postgresql+asyncpg"), limits, {"server_settings": settings})


def _bounced(url: URL, limits: DatabaseLimits) -> AsyncEngine:
    unnamed = {
        "statement_cache_size": 0,
        "prepared_statement_cache_size": 0,
        "prepared_statement_name_func": str,  # "": gone with the next one
    }
    engine = _engine(url.set(drivername="postgresql+asyncpg_bounced"), limits, unnamed)
    timeouts = _timeouts(limits)
    said = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in timeouts.items())

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(f"SELECT {said}")

    return engine


def _engine(url: URL, limits: DatabaseLimits, arguments: dict[str, Any]) -> AsyncEngine:
    slowest = max(limits.statement_seconds, limits.busy_seconds)
    return create_async_engine(
        url,
        pool_size=limits.connections,
        max_overflow=0,
        pool_timeout=limits.busy_seconds,
        pool_recycle=RECYCLE_SECONDS,
        pool_use_lifo=True,  # what a burst opened can rest
        connect_args={"timeout": limits.connect_seconds, "command_timeout": slowest + SILENCE, **arguments},
    )


def _timeouts(limits: DatabaseLimits) -> dict[str, str]:
    """The server's, in milliseconds."""
    seconds = {
        "statement_timeout": limits.statement_seconds,
        "lock_timeout": limits.busy_seconds,
        "idle_in_transaction_session_timeout": limits.idle_seconds,
    }
    return {name: str(max(1, round(value * 1000))) for name, value in seconds.items()}


async def _lock(connection: AsyncConnection, names: Sequence[str]) -> None:
    """In one order for everybody, so that two never wait for each other."""
    keys = sorted(int.from_bytes(sha256(name.encode()).digest()[:8], signed=True) for name in names)
    await connection.execute(_LOCK, {"keys": keys})


def _named(context: ExceptionContext) -> None:
    """A time-out of ours and a broken socket are no errors of the driver's, and would leave the connection in the pool."""
    error = context.original_exception
    if isinstance(error, OSError):
        context.is_disconnect = True
        raise Away(f"the database did not answer: {error!r}") from error


def _rested(connection: object, record: Any) -> None:
    record.info["rests_since"] = monotonic()


def _checked(engine: AsyncEngine) -> Any:
    def check(connection: Any, record: Any, fairy: object) -> None:
        rests_since = record.info.get("rests_since")
        if rests_since is None or monotonic() - rests_since < PING_AFTER:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            raise DisconnectionError("the connection died while it rested") from error

    return check
