"""A database with one workspace, one API key and one user."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from controlplane.io.database import Database
from controlplane.io.sql import keys, users
from controlplane.keys import ApiKey
from controlplane.policy import DatabaseLimits
from tests.controlplane.builders import KEY, NOW, USER, WORKSPACE
from tests.deadlines import SOON


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, DatabaseLimits(busy_seconds=1.0, connect_seconds=SOON))
    async with database.write() as connection:
        await users.add_workspace(connection, WORKSPACE, "default", NOW)
        await keys.add(connection, ApiKey(KEY, WORKSPACE, "k", "d", "h", ("admin:all",), NOW))
        await users.user_or_new(connection, USER, WORKSPACE, "u1", NOW)
    yield database
    await database.close()
