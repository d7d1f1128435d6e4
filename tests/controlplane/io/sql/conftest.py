"""A database with one workspace, one API key and one user."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controlplane.io.database import Database
from controlplane.io.sql import keys, users
from controlplane.keys import ApiKey
from tests.controlplane.builders import KEY, NOW, USER, WORKSPACE


@pytest.fixture
async def database(tmp_path: Path, migrated: Path) -> AsyncIterator[Database]:
    shutil.copy(migrated, tmp_path / "copy.db")
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'copy.db'}", busy_seconds=1.0)
    async with database.write() as connection:
        await users.add_workspace(connection, WORKSPACE, "default", NOW)
        await keys.add(connection, ApiKey(KEY, WORKSPACE, "k", "d", "h", ("admin:all",), NOW))
        await users.user_or_new(connection, USER, WORKSPACE, "u1", NOW)
    yield database
    await database.close()
