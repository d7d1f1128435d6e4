"""One database: reads beside each other, writes one after the other, migrations at start."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.io.dialect import engines_for

_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """Owns the engines. Errors are SQLAlchemy's; controlplane/io/dialect.py gives them codes."""

    def __init__(self, url: str, busy_seconds: float) -> None:
        self._engines = engines_for(url, busy_seconds)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A consistent view."""
        async with self._engines.reader.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction in the writer lane: all of it is committed, or none."""
        async with self._engines.writer.begin() as connection:
            yield connection

    async def ping(self) -> None:
        """Raises where the database cannot be reached."""
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def migrate(self, revision: str = "head") -> None:
        """Up to a revision, in one transaction."""
        async with self.write() as connection:
            await connection.run_sync(_upgrade, revision)

    async def downgrade(self, revision: str) -> None:
        """Down to a revision; "base" removes everything."""
        async with self.write() as connection:
            await connection.run_sync(_downgrade, revision)

    async def close(self) -> None:
        """Closes every connection."""
        await self._engines.dispose()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection, revision: str) -> None:
    command.upgrade(_config(connection), revision)


def _downgrade(connection: Connection, revision: str) -> None:
    command.downgrade(_config(connection), revision)
