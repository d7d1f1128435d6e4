"""Alembic on a connection that is already in a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Revisions:
    """Of the schema: what the database has (None: nothing yet), and what this Moorage wants."""

    here: str | None
    wanted: str
    is_known: bool  # False: a newer Moorage migrated it

    @property
    def is_current(self) -> bool:
        """Nothing is to be migrated."""
        return self.here == self.wanted


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


def revisions(connection: Connection) -> Revisions:
    """Changes nothing."""
    script = ScriptDirectory.from_config(_config(connection))
    here = MigrationContext.configure(connection).get_current_revision()
    is_known = here is None or here in {revision.revision for revision in script.walk_revisions()}
    return Revisions(here, script.get_current_head() or "", is_known=is_known)


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
