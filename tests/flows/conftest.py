"""The whole system in one process, on uvloop as in production."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest
import uvloop

from gateway.io.engine import pump
from tests.flows.fleet import Fleet, MakeFleet
from tests.flows.places import Place, a_place
from tests.flows.system import MakeSystem, System


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(params=["compiled", "pure"])
def wire(request: pytest.FixtureRequest) -> str:
    """Both wires, for tests that touch bytes."""
    if request.param == "compiled" and pump is None:
        pytest.skip("the extension is not built")
    return str(request.param)


@pytest.fixture
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """Where the truth lives: in memory, unless a test or its module says otherwise."""
    place = a_place(getattr(request, "param", "memory"), tmp_path / "redis")
    yield place
    await place.close()


@pytest.fixture
def a_system(place: Place) -> MakeSystem:
    """Makes systems over one place."""
    return partial(System, place=place)


@pytest.fixture
def a_fleet(place: Place) -> MakeFleet:
    """Makes a fleet over this place."""
    return partial(Fleet, place=place)


@pytest.fixture
async def system(a_system: MakeSystem) -> AsyncIterator[System]:
    """A gateway over a store, without workers."""
    async with a_system() as system:
        yield system
