"""The worker SDK through its link and the client SDK through the gateway: the whole road, with nothing of ours left out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from hashlib import sha256

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

import moorage
from moorage.errors import Code, MoorageError, SessionOver
from scheduler.values import Drain, End, JoinKey, Outcome, WorkerState
from tests.builders import a_session, a_token
from tests.flows.system import SOON, System, until

JOIN_KEY = "jk_of_these_tests"


async def echo(session: moorage.Session) -> None:
    async for message in session:
        await session.send(message)


@contextlib.asynccontextmanager
async def linked(system: System, handler: object = echo, **options: object) -> AsyncIterator[moorage.Worker]:
    """An SDK worker in this loop, registered over the link."""
    await system.store.set_join_keys([JoinKey(sha256(JOIN_KEY.encode()).hexdigest(), "*", "*")])
    worker = moorage.Worker(
        handler,  # type: ignore[arg-type]
        gateways=[f"ws://127.0.0.1:{system.gateway.link_port}/link"],
        join_key=JOIN_KEY,
        region="here",
        drain_seconds=0.5,
        grace_seconds=0.5,
        **options,  # type: ignore[arg-type]
    )
    serving = asyncio.create_task(worker.serve())
    try:
        await asyncio.wait_for(worker.ready(), SOON)
        yield worker
    finally:
        worker.leave()
        worker.leave()
        await asyncio.wait_for(serving, SOON)


async def test_a_session_of_both_sdks(system: System) -> None:
    told: list[tuple[str, object, object]] = []

    async def greet(session: moorage.Session) -> None:
        told.append((session.user, session.metadata, session.quality))
        await echo(session)

    async with linked(system, greet):
        token = system.token(context={"quality": "high", "metadata": {"name": "Ada"}})
        async with moorage.connect(system.url(), token) as ws:
            await ws.send("hello")
            heard = await ws.recv()
        await system.settled(0, Outcome.COMPLETED)

    assert heard == "hello"
    assert told == [(a_token().user, {"name": "Ada"}, "high")]


async def test_a_cut_connection_comes_back_to_the_same_handler(system: System) -> None:
    handlers = []

    async def count(session: moorage.Session) -> None:
        handlers.append(session.id)
        async for message in session:
            await session.send(f"{len(handlers)}:{message!r}")

    async with linked(system, count), moorage.connect(system.url(), system.token()) as ws:
        await ws.send("one")
        first = await ws.recv()
        for attachment in system.gateway._attachments:
            assert attachment.relay is not None
            attachment.relay.abort()
        await until(lambda: ws.attaches == 2)
        second = await _asked(ws, "two")

    assert (first, second) == ("1:'one'", "1:'two'")
    assert ws.attaches == 2


async def _asked(ws: moorage.Connection, text: str) -> str | bytes:
    async with asyncio.timeout(SOON):
        while True:
            with contextlib.suppress(MoorageError):
                await ws.send(text)
                return await ws.recv()


async def test_a_moved_session_goes_on_at_another_worker(system: System) -> None:
    async with linked(system, slots=1) as first, moorage.connect(system.url(), system.token()) as ws:
        await _asked(ws, "here")
        async with linked(system, slots=1) as second:
            assert first.worker_id is not None
            await system.store.drain(first.worker_id, Drain(system.store.now(), 100))
            await system.store.move_away(first.worker_id, 1)
            await until(lambda: ws.attaches == 2)
            heard = await _asked(ws, "there")
            async with asyncio.timeout(SOON):
                while second.in_use == 0:  # noqa: ASYNC110 - the worker's own count
                    await asyncio.sleep(0.01)
            await ws.close()

    assert heard == "there"


async def test_a_terminated_session_is_over_for_both(system: System) -> None:
    ended = asyncio.Event()

    async def note(session: moorage.Session) -> None:
        try:
            await echo(session)
        finally:
            ended.set()

    async with linked(system, note), moorage.connect(system.url(), system.token()) as ws:
        await ws.send("x")
        await ws.recv()
        await system.store.end(End(a_session(), Outcome.COMPLETED, Code.SESSION_ENDED, "by the API", "api"))
        with pytest.raises(SessionOver) as over:
            await asyncio.wait_for(ws.recv(), SOON)
        await asyncio.wait_for(ended.wait(), SOON)

    assert over.value.code is Code.SESSION_ENDED


async def test_who_bypasses_the_gateway_is_refused_by_the_worker(system: System) -> None:
    async with linked(system) as worker:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(f"ws://127.0.0.1:{worker.port}/", proxy=None):
                pass

    assert refused.value.response.status_code in (401, 403)


async def test_a_worker_that_leaves_is_gone_from_the_fleet(system: System) -> None:
    async with linked(system):
        before = [worker.state for worker in await system.store.workers()]
    after = [worker.state for worker in await system.store.workers()]

    assert before == [WorkerState.SERVING]
    assert WorkerState.SERVING not in after
