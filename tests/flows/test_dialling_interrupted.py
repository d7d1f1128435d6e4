"""A session, a client or the descriptors end while the worker is dialled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
from collections.abc import Iterator

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request, Response

from moorage.errors import Code
from scheduler.values import ClaimState, End, Outcome
from tests.builders import a_request, a_session
from tests.flows.strangers import listening
from tests.flows.system import SOON, System, until


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


async def test_a_session_whose_newer_claim_was_given_up_meanwhile_has_not_ended(system: System) -> None:
    dialled, go_on = asyncio.Event(), asyncio.Event()

    async def slowly_then_never(connection: ServerConnection, request: Request) -> Response | None:
        if dialled.is_set():
            return connection.respond(404, "")
        dialled.set()
        await go_on.wait()
        return None

    await system.worker(answer=slowly_then_never)
    older = asyncio.create_task(_status(system))
    await asyncio.wait_for(dialled.wait(), SOON)
    newer = await _status(system)
    await system.reported()
    go_on.set()

    assert (newer, await asyncio.wait_for(older, SOON)) == (404, 409)


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
