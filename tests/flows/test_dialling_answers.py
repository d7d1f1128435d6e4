"""A worker's own answer to an upgrade is the client's, whole and bounded."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request, Response

from scheduler.values import WorkerState
from tests.flows.strangers import listening, saying
from tests.flows.system import SOON, System


@pytest.mark.parametrize(
    "refusal",
    [
        b"HTTP/1.1 404 Nope\r\nContent-Length: 4\r\nX-Why: gone\r\n\r\ngone",
        b"HTTP/1.1 404 Nope\r\nX-Why: gone\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ngo\r\n2\r\nne\r\n0\r\n\r\n",
        b"HTTP/1.1 404 Nope\r\nX-Why: gone\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\ngone",
    ],
)
async def test_a_workers_own_refusal_goes_to_the_client_and_frees_the_slot(system: System, refusal: bytes) -> None:
    async with listening(saying(refusal, stays=True)) as port:
        bad = await system.register(port)
        with pytest.raises(InvalidStatus) as refused:
            async with system.connect():
                pass
    await system.reported()

    response = refused.value.response
    assert (response.status_code, response.reason_phrase, response.body) == (404, "Nope", b"gone")
    assert response.headers["X-Why"] == "gone"
    worker = await system.store.worker(bad.worker)
    assert worker is not None
    assert (worker.used, worker.state) == (0, WorkerState.SERVING)
    assert system.metric("moorage_gateway_connects_total", result="declined") == 1


async def test_a_refusal_until_the_end_of_the_connection_is_read_to_its_end(system: System) -> None:
    async with listening(saying(b"HTTP/1.1 402 Pay\r\n\r\n" + b"p" * 10_000)) as port:
        await system.register(port)
        with pytest.raises(InvalidStatus) as refused:
            async with system.connect():
                pass

    assert (refused.value.response.status_code, len(refused.value.response.body)) == (402, 10_000)


async def test_a_huge_refusal_is_cut_and_still_a_whole_answer(system: System) -> None:
    async with listening(
        saying(b"HTTP/1.1 404 x\r\nContent-Length: 5000000\r\n\r\n" + b"p" * 200_000, stays=True)
    ) as port:
        await system.register(port)
        with pytest.raises(InvalidStatus) as refused:
            async with system.connect():
                pass

    assert (refused.value.response.status_code, len(refused.value.response.body)) == (404, 64 << 10)


async def test_the_worker_has_the_last_word_on_its_capacity(system: System) -> None:
    def full(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "full")

    first = await system.worker(slots=1, answer=full)
    second = await system.worker(slots=2)

    assert await asyncio.wait_for(_two(system), SOON) == ["0", "1"]
    assert len(second.requests) == 2
    state = await system.store.worker(first.id)
    assert state is not None
    assert state.state is WorkerState.SERVING


async def _two(system: System) -> list[str | bytes]:
    heard = []
    for number in (0, 1):
        async with system.connect(number) as client:
            await client.send(str(number))
            heard.append(await client.recv())
    return heard
