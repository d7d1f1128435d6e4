"""How a worker joins, which settings it takes, and which upgrades it lets in."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from moorage.errors import Code, MoorageError
from moorage.examples.echo import echo
from moorage.io.session import Session
from moorage.io.worker import Worker
from tests.connections import a_connection
from tests.moorage.io.harbour import (
    BEAT,
    JOIN_KEY,
    WAIT,
    Harbour,
    a_worker,
    ended,
    eventually,
    headers_for,
    session_id,
    upgrade,
)

A, B, C = session_id("a"), session_id("b"), session_id("c")


async def test_a_worker_that_is_never_let_in_says_why(harbour: Harbour) -> None:
    worker = Worker(echo, gateways=harbour.links, join_key="wrong")
    worker.options = replace(worker.options, let_in_seconds=0.3)

    with pytest.raises(MoorageError) as caught:
        await asyncio.wait_for(worker.serve(), WAIT)

    assert caught.value.code is Code.INVALID_JOIN_KEY


async def test_a_handler_that_blocks_does_not_lose_its_worker(harbour: Harbour) -> None:
    def block() -> None:
        time.sleep(10 * BEAT)

    async def blocking(session: Session) -> None:
        async for _ in session:
            block()
            await session.send("done")

    worker = Worker(blocking, gateways=harbour.links, join_key=JOIN_KEY, drain_seconds=0.0)
    thread = threading.Thread(target=asyncio.run, args=(worker.serve(),))
    thread.start()
    await eventually(harbour.is_serving)
    socket = await harbour.attach(A)
    before = harbour.count("moorage_gateway_link_heartbeats_total")
    await socket.send("block")
    await socket.recv()

    assert harbour.count("moorage_gateway_link_heartbeats_total") - before >= 5
    await socket.close()
    await ended(harbour, A)
    (view,) = await harbour.store.workers()
    await harbour.store.retire(view.worker)
    await asyncio.to_thread(thread.join, WAIT)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"slots": 0}, "slots is from 1 to 20000"),
        ({"slots": 20_001}, "slots is from 1 to 20000"),
        ({"join_key": ""}, "needs a join key"),
        ({"gateways": ["http://gateway"]}, "a gateway is ws://"),
        ({"gateways": [" "]}, "needs at least one gateway"),
        ({"labels": {str(number): "" for number in range(65)}}, "at most 64 labels"),
        ({"pool": "x" * 300}, "at most 256 characters"),
    ],
)
def test_a_wrong_setting_is_named(options: dict[str, object], why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOORAGE_JOIN_KEY", raising=False)

    with pytest.raises(ValueError, match=why):
        Worker(echo, **{"join_key": JOIN_KEY} | options)  # type: ignore[arg-type] # that is the point


async def test_two_upgrades_at_once_for_one_slot_let_one_in(harbour: Harbour) -> None:
    async with a_worker(harbour, echo, slots=1) as worker:
        claimed = await harbour.claim(A)
        upgrades = [upgrade(claimed.address, headers_for(claimed._replace(session=session))) for session in (A, B, C)]
        answers = await asyncio.gather(*upgrades, return_exceptions=True)

        let_in = [answer for answer in answers if not isinstance(answer, BaseException)]
        assert worker.in_use == 1
        assert len(let_in) == 1
        for socket in let_in:
            await socket.close()


async def test_a_client_that_never_finishes_its_request_disturbs_nobody(harbour: Harbour) -> None:
    async with a_worker(harbour, echo) as worker, a_connection(worker.port) as (_, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost:")
        async with await harbour.attach(A) as socket:
            await socket.send("hello")
            assert await socket.recv() == "hello"


async def test_the_end_of_iteration_is_an_error_for_who_asks_for_one_more(harbour: Harbour) -> None:
    caught: list[MoorageError] = []

    async def asking(session: Session) -> None:
        try:
            while True:
                await session.recv()
        except MoorageError as error:
            caught.append(error)

    async with a_worker(harbour, asking):
        await (await harbour.attach(A)).close()
        await eventually(lambda: caught)

    assert caught[0].code is Code.SESSION_ENDED


async def test_an_unclaimed_socket_is_not_kept(harbour: Harbour) -> None:
    async with a_worker(harbour, echo) as worker:
        with pytest.raises((InvalidStatus, ConnectionClosed)):
            await connect(f"ws://127.0.0.1:{worker.port}/", proxy=None)
