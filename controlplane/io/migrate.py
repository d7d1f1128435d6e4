"""Alembic on a connection that is already in a transaction, and which programs can use the schema that it leaves.

A migration that only adds says so (`works_with`, the oldest revision whose program can use what it leaves). The schema keeps the
newest of these, so that a program that is older than the schema knows whether it may run: a roll-back needs no migration then.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, delete, insert, inspect, select

from controlplane.io.sql.tables import SCHEMA_USE

_MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Revisions:
    """Of the schema: what the database has (None: nothing yet), and what this Moorage wants."""

    here: str | None
    wanted: str
    is_known: bool  # False: a newer Moorage migrated it
    works_with: str | None = None  # the oldest revision whose program can use the schema; None where it does not say

    @property
    def is_current(self) -> bool:
        """Nothing is to be migrated."""
        return self.here == self.wanted

    @property
    def is_usable_newer(self) -> bool:
        """A newer Moorage migrated it, and this one works with what it left."""
        return not self.is_known and self.works_with is not None and self.works_with <= self.wanted


class NewerSchema(ValueError):
    """The database was migrated by a newer Moorage than this one."""


def upgrade(connection: Connection, revision: str) -> None:
    """Nothing happens to a newer schema that this program can use. Raises NewerSchema; Alembic's errors for a revision that
    does not exist."""
    found = revisions(connection)
    if found.is_usable_newer:
        return
    if not found.is_known:
        raise NewerSchema(
            f"the database is at revision {found.here}, this Moorage knows revisions up to {found.wanted}: run a newer one"
        )
    command.upgrade(_config(connection), revision)
    _say_what_it_works_with(connection)


def downgrade(connection: Connection, revision: str) -> None:
    """Down to a revision; "base" removes everything."""
    command.downgrade(_config(connection), revision)
    _say_what_it_works_with(connection)


def revisions(connection: Connection) -> Revisions:
    """Changes nothing."""
    script = ScriptDirectory.from_config(_config(connection))
    here = MigrationContext.configure(connection).get_current_revision()
    is_known = here is None or here in {revision.revision for revision in script.walk_revisions()}
    works_with = connection.scalar(select(SCHEMA_USE.c.works_with)) if _says_its_use(connection) else None
    return Revisions(here, script.get_current_head() or "", is_known=is_known, works_with=works_with)


def _say_what_it_works_with(connection: Connection) -> None:
    """The newest that any of the migrations so far asks for; one that says nothing asks for its own program."""
    if not _says_its_use(connection):
        return
    script = ScriptDirectory.from_config(_config(connection))
    here = MigrationContext.configure(connection).get_current_revision()
    asked = [str(getattr(each.module, "works_with", each.revision)) for each in script.iterate_revisions(here, "base")]
    connection.execute(delete(SCHEMA_USE))
    connection.execute(insert(SCHEMA_USE).values(works_with=max(asked)))


def _says_its_use(connection: Connection) -> bool:
    return inspect(connection).has_table(SCHEMA_USE.name)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config
