"""Tests of controlplane/io/dialect.py and postgresql.py: which URLs are understood, and what is said of others."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from controlplane.io.database import Database
from controlplane.io.dialect import engines_for
from controlplane.policy import DatabaseLimits
from tests.deadlines import SOON


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
async def test_postgresql_has_many_names_and_one_pool(scheme: str) -> None:
    pytest.importorskip("asyncpg")

    engines = engines_for(f"{scheme}://u:p@host/moorage?sslmode=require", DatabaseLimits(connections=7))

    assert engines.reader.pool is engines.writer.pool
    assert engines.writer.url.render_as_string() == "postgresql+asyncpg://u:***@host/moorage?ssl=require"
    assert engines.writer.pool.size() == 7  # type: ignore[attr-defined]
    await engines.dispose()


@pytest.mark.parametrize(("said", "driver"), [("1", "asyncpg_bounced"), ("true", "asyncpg_bounced"), ("0", "asyncpg")])
async def test_pgbouncer_is_said_in_the_url(said: str, driver: str) -> None:
    pytest.importorskip("asyncpg")

    engines = engines_for(f"postgresql://host/moorage?pgbouncer={said}", DatabaseLimits())

    assert engines.writer.dialect.driver == "asyncpg"
    assert engines.writer.url.drivername == f"postgresql+{driver}"
    assert "pgbouncer" not in engines.writer.url.query
    await engines.dispose()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("no url", r"controlplane\.database_url is no URL"),
        ("mysql://u:secret@host/x", "mysql is not supported, postgresql and sqlite are"),
        ("postgresql+psycopg://u:secret@host/x", r"postgresql\+psycopg is not supported"),
        ("sqlite+pysqlite:///x", r"sqlite\+pysqlite is not supported"),
    ],
)
def test_another_database_is_refused_with_a_sentence_without_its_password(url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as refused:
        engines_for(url, DatabaseLimits())

    assert "secret" not in str(refused.value)


def test_a_missing_driver_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)

    with pytest.raises(ValueError, match=r"needs asyncpg, which the \[postgres\] extra brings: pip install"):
        engines_for("postgresql://host/x", DatabaseLimits())


async def test_a_new_file_that_another_program_writes_to_is_waited_for(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.db", DatabaseLimits(migrate_seconds=SOON))
    with closing(sqlite3.connect(tmp_path / "new.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(0.2, other.execute, "ROLLBACK")

        await database.migrate()

    await database.ping()
    await database.close()


async def test_a_new_file_that_another_program_keeps_is_locked_when_the_wait_is_over(tmp_path: Path) -> None:
    clock = asyncio.get_running_loop().time
    database = Database(f"sqlite:///{tmp_path}/new.db", DatabaseLimits(busy_seconds=0.2))
    with closing(sqlite3.connect(tmp_path / "new.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began_at = clock()

        with pytest.raises(OperationalError, match="database is locked"):
            await database.ping()

        assert clock() - began_at >= 0.2
    await database.close()
