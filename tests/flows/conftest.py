"""The whole system in one process, on uvloop as in production."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from gateway.io.engine import pump
from tests.flows.system import System


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(params=["compiled", "pure"])
def wire(request: pytest.FixtureRequest) -> str:
    """Both wires, for tests that touch bytes."""
    if request.param == "compiled" and pump is None:
        pytest.skip("the extension is not built")
    return str(request.param)


@pytest.fixture
async def system() -> AsyncIterator[System]:
    """A gateway over a memory store, without workers."""
    async with System() as system:
        yield system
