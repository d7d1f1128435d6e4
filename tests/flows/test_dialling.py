"""From a reserved slot to a worker that answers: bad candidates are passed over, a worker's own word is the client's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http import HTTPStatus
from ipaddress import ip_network

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request, Response

from gateway.io import dial
from gateway.policy import GatewayPolicy, Trust
from moorage.errors import Code
from scheduler.values import ClaimState, End, Outcome, WorkerState
from tests.builders import a_request, a_session, an_answer
from tests.flows.system import SOON, System, until

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(answer: Answer) -> AsyncIterator[int]:
    """Something that is no worker, on a port of loopback."""
    open_ones: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await answer(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in open_ones:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        await server.wait_closed()


def saying(data: bytes, *, stays: bool = False) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()
        if stays:
            await reader.read()
        writer.close()

    return answer


async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def cutting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        pytest.param(saying(b"SSH-2.0-x\r\n"), "garbage", id="another protocol"),
        pytest.param(saying(b"\x00" * 100_000, stays=True), "garbage", id="100 KB of zeros"),
        pytest.param(saying(an_answer(Sec_WebSocket_Accept="x" * 28), stays=True), "garbage", id="a wrong accept key"),
        pytest.param(saying(an_answer(Sec_WebSocket_Accept=None)), "garbage", id="no accept key"),
        pytest.param(saying(an_answer()[:-2]), "garbage", id="half an answer"),
        pytest.param(saying(b""), "garbage", id="no answer"),
        pytest.param(saying(b"HTTP/1.1 100 Continue\r\n\r\n", stays=True), "garbage", id="continue"),
        pytest.param(cutting, "garbage", id="a reset"),
        pytest.param(
            saying(b"HTTP/1.1 503 Full\r\nContent-Length: 0\r\n\r\n", stays=True),
            "unavailable",
            id="a worker with no room",
        ),
    ],
)
async def test_a_bad_candidate_is_passed_over(system: System, bad: Answer, why: str) -> None:
    async with listening(bad) as port:
        await system.register(port, slots=1)
        connecting = asyncio.create_task(_entered(system))
        good = await system.worker()
        heard = await asyncio.wait_for(connecting, SOON)

    assert heard == "served"
    assert len(good.requests) == 1
    assert system.metric("moorage_gateway_dial_failures_total", why=why) == 1
    assert system.gateway.sessions == 0


async def _entered(system: System) -> str | bytes:
    await until(lambda: len(system.workers) == 1)
    async with system.connect() as client:
        await client.send("served")
        return await client.recv()


async def test_a_candidate_that_is_not_there_is_passed_over(system: System) -> None:
    async with listening(nothing) as port:
        pass
    await system.register(port, slots=1)
    await system.worker(slots=2)

    heard = await _entered(system)

    assert heard == "served"


async def test_a_silent_candidate_is_passed_over_in_time(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial, "DIAL", 0.3)
    async with listening(nothing) as port:
        await system.register(port, slots=1)
        await system.worker(slots=2)

        heard = await asyncio.wait_for(_entered(system), SOON)

    assert heard == "served"
    assert system.metric("moorage_gateway_dial_failures_total", why="timeout") == 1


async def test_after_three_candidates_the_client_is_told_and_the_slot_is_free(system: System) -> None:
    async with listening(cutting) as first, listening(cutting) as second, listening(cutting) as third:
        for port in (first, second, third):
            await system.register(port)
        with pytest.raises(InvalidStatus) as refused:
            async with system.connect():
                pass
    await system.reported()

    assert refused.value.response.status_code == 502
    assert json.loads(refused.value.response.body)["code"] == "WORKER_LOST"
    assert [worker.used for worker in await system.store.workers()] == [0, 0, 0]
    assert await system.session() is None


async def test_one_bad_client_does_not_make_a_worker_suspect_but_three_do(system: System) -> None:
    async with listening(cutting) as port:
        bad = await system.register(port)
        seen = []
        for number in (0, 0, 0, 1, 2):
            with pytest.raises(InvalidStatus):
                async with system.connect(number):
                    pass
            await system.reported()
            worker = await system.store.worker(bad.worker)
            assert worker is not None
            seen.append(worker.state)

    assert seen == [WorkerState.SERVING] * 4 + [WorkerState.SUSPECT]


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


async def test_a_worker_outside_the_allowed_networks_is_not_dialled() -> None:
    policy = GatewayPolicy(trust=Trust(worker_networks=(ip_network("10.0.0.0/8"),)))
    async with System(policy) as system:
        worker = await system.worker()
        with pytest.raises(InvalidStatus):
            async with system.connect():
                pass

        assert worker.requests == []
        assert system.metric("moorage_gateway_dial_failures_total", why="connect") == 1


async def test_a_session_that_ends_while_its_worker_is_dialled_is_not_relayed(system: System) -> None:
    dialled, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(connection: ServerConnection, request: Request) -> None:
        dialled.set()
        await go_on.wait()

    worker = await system.worker(answer=slowly)
    connecting = asyncio.create_task(_status(system))
    await asyncio.wait_for(dialled.wait(), SOON)
    await system.store.end(End(a_session(), Outcome.COMPLETED, Code.SESSION_ENDED, "by the API", "api"))
    go_on.set()

    assert await asyncio.wait_for(connecting, SOON) == 410
    assert system.gateway.sessions == 0
    await until(lambda: worker.connections[0].close_code)


async def test_a_session_that_ends_before_a_bad_candidate_is_passed_over_has_ended(system: System) -> None:
    dialled, go_on = asyncio.Event(), asyncio.Event()

    async def failing_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        dialled.set()
        await go_on.wait()
        writer.close()

    async with listening(failing_late) as port:
        await system.register(port)
        connecting = asyncio.create_task(_status(system))
        await asyncio.wait_for(dialled.wait(), SOON)
        await system.store.end(End(a_session(), Outcome.COMPLETED, Code.SESSION_ENDED, "by the API", "api"))
        go_on.set()

        assert await asyncio.wait_for(connecting, SOON) == 410


async def test_a_gateway_without_descriptors_says_so_and_blames_no_worker(system: System) -> None:
    await system.worker()
    request = a_request(Authorization=f"Bearer {system.token()}")
    async with system.raw() as (reader, writer):
        writer.write(request[:-2])
        await until(lambda: system.metric("moorage_gateway_handshakes") == 1)
        with no_descriptors_left():
            writer.write(request[-2:])
            answer = await asyncio.wait_for(reader.read(), SOON)

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b'"code":"NO_CAPACITY"' in answer
    assert system.metric("moorage_gateway_dial_failures_total", why="connect") == 0


@contextlib.contextmanager
def no_descriptors_left() -> Iterator[None]:
    """This process can open nothing; what is open stays."""
    lowest_free = os.dup(0)
    os.close(lowest_free)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_client_that_goes_while_its_worker_is_dialled_leaves_a_session_to_resume(system: System) -> None:
    dialled, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(connection: ServerConnection, request: Request) -> None:
        dialled.set()
        await go_on.wait()

    await system.worker(answer=slowly)
    async with system.raw() as (_, writer):
        writer.write(a_request(Authorization=f"Bearer {system.token()}"))
        await asyncio.wait_for(dialled.wait(), SOON)
        writer.transport.abort()
    go_on.set()

    await system.settled(0, ClaimState.SUSPENDED)


async def _status(system: System) -> int:
    with pytest.raises(InvalidStatus) as refused:
        async with system.connect():
            pass
    return refused.value.response.status_code
