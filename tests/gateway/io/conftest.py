"""Both wires, with and without TLS, on uvloop as in production."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from gateway.io.engine import make_wire, pump
from gateway.io.wire import Wire
from tests.gateway.io.rig import Certificates, Rig, open_descriptors


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


async def warm_up() -> None:
    """uvloop opens some descriptors of its own at its first server and connection."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await reader.read()
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()


@pytest.fixture(params=["compiled", "pure"])
async def wire(request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    if request.param == "compiled" and pump is None:
        pytest.skip("the extension is not built")
    await warm_up()
    before = open_descriptors()
    wire = make_wire(asyncio.get_running_loop(), request.param)
    yield wire
    assert wire.relays() == 0
    wire.close()
    async with asyncio.timeout(5):
        while len(open_descriptors()) > len(before):  # noqa: ASYNC110 -- the kernel sends no event for it
            await asyncio.sleep(0.01)


@pytest.fixture
async def rig(wire: Wire) -> AsyncIterator[Rig]:
    """Plain connections only."""
    async with Rig(wire, None) as rig:
        yield rig


@pytest.fixture(params=["plain", "tls"])
async def any_rig(request: pytest.FixtureRequest, wire: Wire, certificates: Certificates) -> AsyncIterator[Rig]:
    """The client's side plain and with TLS."""
    async with Rig(wire, certificates if request.param == "tls" else None) as rig:
        yield rig
