"""The world of the contract tests, and what must be true after each of them. `make` is in the folder above."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from moorage.ids import WorkerId
from tests.scheduler.world import Make, World, a_world

pytest.register_assert_rewrite("tests.scheduler.contract.life", "tests.scheduler.contract.truths")


@pytest_asyncio.fixture
async def world(make: Make) -> AsyncIterator[World]:
    """A new store with two gateways and no workers."""
    async with a_world(make) as made:
        yield made
        await _check(made)


async def _check(world: World) -> None:
    """After every test: slots are exact, and every live session is on one of them."""
    live = await world.store.sessions()
    known: set[WorkerId] = set()
    for view in await world.store.workers():
        known.add(view.worker)
        assert 0 <= view.used <= view.slots
        assert view.used == sum(session.worker == view.worker for session in live)
