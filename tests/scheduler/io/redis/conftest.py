"""A real Valkey for every test of this folder that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.redis_server import RedisServer


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """Without persistence: killed and started again, it has lost everything."""
    async with RedisServer(tmp_path / "redis") as running:
        yield running
