"""One small fleet for each test that asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.moorage.io.harbour import Harbour, a_harbour


@pytest_asyncio.fixture
async def harbour() -> AsyncIterator[Harbour]:
    async with a_harbour() as harbour:
        yield harbour
