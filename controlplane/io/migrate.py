"""Alembic on a connection that is already in a transaction."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_MIGRATIONS = Path(__file__).parent / "migrations"


class NewerSchema(ValueError):
    """The database was migrated by a newer Moorage than this one."""


def upgrade(connection: Connection, revision: str) -> None:
    """Raises NewerSchema; Alembic's errors for a revision that does not exist."""
    config = _config(connection)
    _refuse_newer(connection, config)
    command.upgrade(config, revision)


def downgrade(connection: Connection, revision: str) -> None:
    """Down to a revision; "base" removes everything."""
    command.downgrade(_config(connection), revision)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _refuse_newer(connection: Connection, config: Config) -> None:
    at = MigrationContext.configure(connection).get_current_revision()
    script = ScriptDirectory.from_config(config)
    known = {revision.revision for revision in script.walk_revisions()}
    if at is not None and at not in known:
        newest = script.get_current_head()
        raise NewerSchema(
            f"the database is at revision {at}, this Moorage knows revisions up to {newest}: run a newer one"
        )
