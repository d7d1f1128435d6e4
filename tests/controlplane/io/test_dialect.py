"""Tests of controlplane/io/dialect.py and postgresql.py: which URLs are understood, and what is said of others."""

from __future__ import annotations

import sys

import pytest

from controlplane.io.dialect import engines_for
from controlplane.policy import DatabaseLimits


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
