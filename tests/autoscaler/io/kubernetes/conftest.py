"""One cluster for all tests that want one, a namespace for each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.autoscaler.io.kubernetes import real


@pytest.fixture(scope="session")
def place() -> Iterator[real.Place]:
    """Where kwok plays nodes and pods."""
    found = real.require(real.start("--kwok"))
    try:
        yield found
    finally:
        real.stop(found)


@pytest_asyncio.fixture
async def fleet(place: real.Place, tmp_path: Path) -> AsyncIterator[real.Real]:
    """An empty namespace."""
    async with real.Real(place, tmp_path) as found:
        await found.nodes()
        await found.cordon(unschedulable=False)
        yield found
