"""A worker that knows several gateways: whatever becomes of the one it is linked to, it is linked to another in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from gateway.io.link_server import LinkServer
from moorage.deadlines import LINK_MOVE, SUSPECT_AFTER
from moorage.examples.echo import echo
from tests.adversity.strait import Strait
from tests.moorage.io.harbour import Harbour, a_worker, eventually, session_id
from tests.owntime import own_time


@pytest.fixture(autouse=True)
def first_things_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moorage.io.gateways.random.sample", lambda all_, number: list(all_))


@pytest.fixture
async def strait(harbour: Harbour) -> AsyncIterator[Strait]:
    """In front of the first gateway."""
    async with Strait(harbour.gateways[0].port) as strait:
        yield strait


async def killed(strait: Strait, server: LinkServer) -> None:
    for connection in list(server._keys):
        connection.transport.abort()
    assert server._server is not None
    server._server.close()


async def cut(strait: Strait, server: LinkServer) -> None:
    strait.to_port = 1  # nobody listens there
    strait.cut()


async def frozen(strait: Strait, server: LinkServer) -> None:
    strait.there.is_silent = strait.back.is_silent = True


@pytest.mark.parametrize("harm", [killed, cut, frozen], ids=lambda harm: harm.__name__)
async def test_a_worker_is_linked_to_another_gateway_in_time(
    harbour: Harbour, strait: Strait, harm: Callable[..., object]
) -> None:
    second = await harbour.gateway()
    links = [f"ws://127.0.0.1:{strait.port}", f"ws://127.0.0.1:{second.port}"]
    async with a_worker(harbour, echo, gateways=links) as worker:
        await eventually(lambda: worker.worker_id in harbour.gateways[0]._links)
        socket = await harbour.attach(session_id("a"))
        async with own_time() as own:
            await harm(strait, harbour.gateways[0])  # type: ignore[misc]
            await eventually(lambda: worker.worker_id in second._links)
        await socket.send("still here")

        assert own.seconds < LINK_MOVE < SUSPECT_AFTER
        assert await socket.recv() == "still here"
        await socket.close()


async def test_a_store_that_is_slow_keeps_no_worker_from_its_link(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Almost two seconds an answer, more than a worker bears of silence."""
    heartbeat = harbour.store.heartbeat
    answered = 0

    async def slowly(beat: object) -> object:
        nonlocal answered
        await asyncio.sleep(1.8)
        answered += 1
        return await heartbeat(beat)  # type: ignore[arg-type]

    async with a_worker(harbour, echo):
        monkeypatch.setattr(harbour.store, "heartbeat", slowly)
        await eventually(lambda: answered >= 2)

        assert harbour.count("moorage_gateway_link_registrations_total", result="registered") == 1
        monkeypatch.undo()
