"""`moorage database`: the schema, for whoever migrates apart from a control plane's start (a Job before an upgrade, a person)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from moorage.cli.config import config_option, loaded_or_exit
from moorage.cli.extras import server_extra
from moorage.cli.launch import first_line
from moorage.cli.report import json_option, show_fields

if TYPE_CHECKING:
    from controlplane.io.database import Database
    from controlplane.io.migrate import Revisions

BEHIND, NEWER = 2, 3
"""Exit codes of `status`, beside 0 (up to date) and 1 (cannot be asked)."""
ASK_AGAIN = 1.0
SPARE_SECONDS = 10.0  # of the whole command, beyond its waits

_F = TypeVar("_F", bound=Callable[..., None])


@click.group()
def database() -> None:
    """Bring the database's schema up to date, or say where it is."""


def _options(command: _F) -> _F:
    for option in (
        json_option,
        click.option(
            "--wait", type=click.FloatRange(min=0), metavar="SECONDS", help="For a database that is away.  [0]"
        ),
        click.option("--data", metavar="DIR", help="Folder of SQLite, where there is no URL.  [./data]"),
        click.option(
            "--database", "url", metavar="URL", help="postgresql://user@host/name.  [SQLite in the data folder]"
        ),
        config_option,
    ):
        command = option(command)
    return command


@database.command()
@_options
def migrate(config: Path | None, *, as_json: bool, **options: Any) -> None:
    """Bring the schema up to what this Moorage wants. Does nothing where it is.

    One at a time does it, others wait. A failed migration leaves the schema as it was.
    """
    before, after = _run(config, options, _migrated, makes_file=True)
    said = {"revision": after.here, "was": before.here, "wanted": after.wanted, "migrated": not before.is_current}
    show_fields(said, as_json=as_json)


@database.command()
@_options
def status(config: Path | None, *, as_json: bool, **options: Any) -> None:
    """Say which revision the schema has and which one is wanted; changes nothing.

    Exit code 0: up to date, or newer and this Moorage works with it. 2: it must be migrated. 3: it is too new. 1: it cannot
    be asked.
    """
    found = _run(config, options, lambda database: database.revisions())
    code, state = _state(found)
    show_fields({"revision": found.here, "wanted": found.wanted, "state": state}, as_json=as_json)
    if code:
        raise SystemExit(code)


def _state(found: Revisions) -> tuple[int, str]:
    if found.is_current:
        return 0, "up to date"
    if found.is_known:
        return BEHIND, "to be migrated"
    if found.is_usable_newer:
        return 0, "of a newer Moorage, and this one works with it"
    return NEWER, "of a newer Moorage"


_T = TypeVar("_T")


def _run(
    config: Path | None,
    options: dict[str, Any],
    work: Callable[[Database], Awaitable[_T]],
    *,
    makes_file: bool = False,
) -> _T:
    """With the database of the settings in force. Anything wrong is the command's error: a sentence."""
    with server_extra("database"):
        from controlplane.io.app import DATABASE_FILE, embedded_database
        from controlplane.io.reasons import DatabaseUnusable
        from moorage.cli.policies import control_plane_policy
        from moorage.cli.sources import WrongSetting

    flags = {"controlplane.database_url": options["url"], "data": options["data"]}
    try:
        policy = control_plane_policy(loaded_or_exit(flags, config).settings)
        path = policy.data_folder / DATABASE_FILE
        if not policy.database_url and not makes_file and not path.exists():
            raise click.ClickException(f"there is no database at {path}: `moorage database migrate` makes one")
        url = policy.database_url or embedded_database(policy.data_folder)
        return asyncio.run(_asked(url, policy.database_limits, work, options["wait"] or 0.0))
    except (DatabaseUnusable, WrongSetting, ValueError, OSError) as error:
        raise click.ClickException(first_line(error)) from error


async def _asked(url: str, limits: Any, work: Callable[[Database], Awaitable[_T]], wait: float) -> _T:
    from controlplane.io.database import Database
    from controlplane.io.reasons import DatabaseUnusable, explained

    clock = asyncio.get_running_loop().time
    until = clock() + wait
    database = Database(url, limits)
    try:
        async with explained(url), asyncio.timeout(wait + limits.migrate_seconds + SPARE_SECONDS):
            while True:
                try:
                    async with explained(url):
                        return await work(database)
                except DatabaseUnusable as error:
                    if not error.is_passing or clock() >= until:
                        raise
                    click.echo(f"waiting: {error}", err=True)
                await asyncio.sleep(ASK_AGAIN)
    finally:
        await database.close()


async def _migrated(database: Database) -> tuple[Revisions, Revisions]:
    before = await database.revisions()
    if not before.is_current:
        await database.migrate()
    return before, await database.revisions()
