"""Why a database cannot be used, said by real ones."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from controlplane.io.database import Database
from controlplane.io.reasons import DatabaseUnusable, explained
from controlplane.policy import DatabaseLimits
from tests.controlplane.io.databases import Postgresql


async def why(url: str, migrate_seconds: float = 300.0) -> str:
    database = Database(url, DatabaseLimits(connect_seconds=2.0, migrate_seconds=migrate_seconds))
    try:
        with pytest.raises(DatabaseUnusable) as caught:
            async with explained(url):
                await database.migrate()
    finally:
        await database.close()
    return str(caught.value)


@pytest.fixture
async def server(postgresql: Postgresql, tmp_path: Path) -> str:
    """A database of its own, by URL."""
    return await postgresql.empty(tmp_path)


async def said_to(url: str, *statements: str) -> None:
    database = Database(url, DatabaseLimits())
    for statement in statements:
        async with database.write() as connection:
            await connection.execute(text(statement))
    await database.close()


def with_user(url: str, user: str) -> str:
    return make_url(url).set(username=user, password="hunter2").render_as_string(hide_password=False)


async def test_a_database_that_was_never_made(server: str) -> None:
    url = make_url(server).set(database="nowhere").render_as_string(hide_password=False)

    sentence = await why(url)

    assert "there is no database 'nowhere' at" in sentence
    assert "create it (createdb nowhere), or correct controlplane.database_url" in sentence


async def test_a_user_that_is_not_let_in(server: str) -> None:
    assert "does not let user 'nobody_here' in" in await why(with_user(server, "nobody_here"))


async def test_a_wrong_password(server: str) -> None:
    await said_to(server, "DROP ROLE IF EXISTS locked", "CREATE ROLE locked LOGIN PASSWORD 'right'")
    hba = Path(str(make_url(server).query["host"])) / "data" / "pg_hba.conf"
    before = hba.read_text()
    hba.write_text(f"local all locked scram-sha-256\n{before}")
    await said_to(server, "SELECT pg_reload_conf()")

    sentence = await why(with_user(server, "locked"))

    hba.write_text(before)
    await said_to(server, "SELECT pg_reload_conf()", "DROP ROLE locked")
    assert "refused the password of user 'locked': correct controlplane.database_url" in sentence
    assert "hunter2" not in sentence


async def test_a_user_that_may_make_no_tables(server: str) -> None:
    await said_to(
        server,
        "DROP ROLE IF EXISTS reader",
        "CREATE ROLE reader LOGIN",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    )

    sentence = await why(with_user(server, "reader"))

    await said_to(server, "GRANT CREATE ON SCHEMA public TO PUBLIC", "DROP ROLE reader")
    assert "user 'reader' lacks a right" in sentence
    assert "GRANT CREATE, USAGE ON SCHEMA public TO reader" in sentence


async def test_a_migration_of_somebody_else_that_takes_too_long(server: str) -> None:
    holder = Database(server, DatabaseLimits())
    async with holder.write("migrations"):
        sentence = await why(server, migrate_seconds=0.3)
    await holder.close()

    assert "in the way at" in sentence or "took longer than" in sentence


async def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    assert "there is no socket of a database at" in await why(f"postgresql://u@/b?host={tmp_path}")


async def test_a_host_that_drops_what_is_sent_to_it() -> None:
    sentence = await why("postgresql://u@192.0.2.1/b")  # TEST-NET-1, RFC 5737

    assert "192.0.2.1:5432/b" in sentence


async def test_a_file_of_sqlite_that_may_not_be_written(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere")
    path = tmp_path / "moorage.db"
    sqlite3.connect(path).close()
    path.touch(0o600)
    path.chmod(0o400)
    tmp_path.chmod(0o500)

    sentence = await why(f"sqlite:///{path}")

    tmp_path.chmod(0o700)
    assert f"may not write {path}" in sentence or f"cannot open {path}" in sentence


async def test_a_file_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "moorage.db"
    path.write_bytes(b"no database at all" * 100)

    assert await why(f"sqlite:///{path}") == (
        f"{path} is no SQLite database, or a broken one: name another data folder, or bring a backup back"
    )


async def test_a_full_volume_is_named(tmp_path: Path) -> None:
    path = tmp_path / "moorage.db"
    full = sqlite3.OperationalError("database or disk is full")

    assert f"no room is left for {path}" in await _told(full, f"sqlite:///{path}")


async def _told(error: Exception, url: str) -> str:
    from sqlalchemy.exc import OperationalError

    with pytest.raises(DatabaseUnusable) as caught:
        async with explained(url):
            raise OperationalError("INSERT", {}, error)
    return str(caught.value)
