"""One cluster for all tests that want one, a namespace for each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.autoscaler.io.kubernetes import places
from tests.autoscaler.io.kubernetes.real import Real


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Here rather than in a fixture, so that all of them are skipped in one line."""
    if item.get_closest_marker("kubernetes") is not None:
        places.require_any()


@pytest.fixture(scope="session")
def place() -> Iterator[places.Place]:
    """Where kwok plays nodes and pods."""
    found = places.start("--kwok")
    try:
        yield found
    finally:
        places.stop(found)


@pytest_asyncio.fixture
async def fleet(place: places.Place, tmp_path: Path) -> AsyncIterator[Real]:
    """An empty namespace."""
    async with Real(place, tmp_path) as found:
        await found.nodes()
        if found.has_kwok:
            await found.cordon(unschedulable=False)
        yield found
