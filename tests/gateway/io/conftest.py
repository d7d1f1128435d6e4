"""Both wires, with and without TLS, on uvloop as in production."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from gateway.io.engine import make_wire, pump
from gateway.io.wire import Wire
from tests.gateway.io.quay import Quay, a_quay
from tests.gateway.io.rig import Certificates, Rig
from tests.moorage.io.conftest import harbour as harbour


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session", autouse=True)
def libuv_has_started() -> None:
    """libuv opens a pipe for signals with its first loop and keeps it: no test's leak."""
    uvloop.new_event_loop().close()


@pytest.fixture(params=["compiled", "pure"])
async def wire(request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    if request.param == "compiled" and pump is None:
        pytest.skip("the extension is not built")
    wire = make_wire(asyncio.get_running_loop(), request.param)
    yield wire
    assert wire.relays() == 0
    wire.close()


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


@pytest.fixture
async def quay() -> AsyncIterator[Quay]:
    async with a_quay() as quay:
        yield quay
