"""A gateway that is alive while the store takes no beat through it: the worker looks for a better one, and keeps what it has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from moorage.deadlines import SUSPECT_AFTER, WORKER_LOST_AFTER
from moorage.errors import Code
from moorage.examples.echo import echo
from moorage.ids import WorkerId
from moorage.io.conversation import UNTAKEN_SECONDS
from moorage.io.worker import Worker
from moorage.link import Ack, Goodbye, Heartbeat, LinkRefused, Register, Registered
from moorage.link_wire import decode, encode
from tests.moorage.io.harbour import JOIN_KEY, WAIT, eventually

PLACE = Registered(WorkerId("wrk_" + "0" * 26), b"k" * 32, "e", heartbeat_every=0.1)
REFUSED = LinkRefused(Code.STORE_UNAVAILABLE, "the store is away", 1.0)


@pytest.fixture(autouse=True)
def first_things_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moorage.io.gateways.random.sample", lambda all_, number: list(all_))


class Gate:
    """A gateway: what it answers a registration, and whether the store takes beats through it."""

    def __init__(self, *, takes: bool, lets_in: bool = True) -> None:
        self.takes = takes
        self.lets_in = lets_in
        self.registrations: list[Register] = []
        self.beats: list[int] = []
        self.goodbyes = 0
        self.open = 0

    async def converse(self, socket: ServerConnection) -> None:
        self.open += 1
        taken = 0
        try:
            async for data in socket:
                match decode(data):
                    case Register() as said:
                        self.registrations.append(said)
                        await socket.send(encode(PLACE if self.lets_in else REFUSED))
                    case Heartbeat(seq):
                        self.beats.append(seq)
                        taken = seq if self.takes else taken
                        await socket.send(encode(Ack(taken)))
                    case Goodbye():
                        self.goodbyes += 1
        finally:
            self.open -= 1


@asynccontextmanager
async def a_worker_at(*gates: Gate, same_port: bool = False) -> AsyncIterator[Worker]:
    """Registered at the first; with one port, connections come to one gate after the other."""
    async with AsyncExitStack() as stack:
        handlers = [_in_turn(gates)] if same_port else [gate.converse for gate in gates]
        urls = []
        for handler in handlers:
            server = await stack.enter_async_context(
                serve(handler, "127.0.0.1", 0, subprotocols=[Subprotocol("moorage.link.v1")], close_timeout=0.1)
            )
            urls.append(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        worker = Worker(echo, gateways=urls, join_key=JOIN_KEY, drain_seconds=0.0)
        serving = asyncio.ensure_future(worker.serve())
        try:
            await eventually(lambda: gates[0].beats)
            yield worker
        finally:
            worker.leave()
            await asyncio.wait_for(serving, WAIT)


def _in_turn(gates: tuple[Gate, ...]) -> Callable[[ServerConnection], Awaitable[None]]:
    came = 0

    async def converse(socket: ServerConnection) -> None:
        nonlocal came
        came += 1
        await gates[(came - 1) % len(gates)].converse(socket)

    return converse


@pytest.mark.parametrize("same_port", [False, True], ids=["several addresses", "one address of several processes"])
async def test_the_link_moves_to_where_beats_are_taken_before_the_worker_is_suspect(same_port: bool) -> None:
    first, second = Gate(takes=True), Gate(takes=True)
    async with a_worker_at(first, second, same_port=same_port) as worker:
        await worker.ready()
        first.takes = False
        cut_at = time.monotonic()
        await eventually(lambda: second.beats)
        took = time.monotonic() - cut_at
        await eventually(lambda: first.open == 0)

        assert UNTAKEN_SECONDS * 0.9 < took < SUSPECT_AFTER
        assert second.registrations[0].again == PLACE.worker_id
    assert (first.goodbyes, second.goodbyes) == (0, 1)


async def test_a_gateway_that_refuses_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    gates = Gate(takes=False), Gate(takes=True, lets_in=False), Gate(takes=True)
    async with a_worker_at(*gates):
        registered_at = time.monotonic()
        await eventually(lambda: gates[2].beats)

        assert time.monotonic() - registered_at < WORKER_LOST_AFTER
    assert [record.message for record in caplog.records if "refused" in record.message] == []


async def test_where_no_gateway_is_better_the_link_stays_and_tries_grow_rare() -> None:
    first, second = Gate(takes=True), Gate(takes=True, lets_in=False)
    async with a_worker_at(first, second) as worker:
        await worker.ready()
        first.takes = False
        await eventually(lambda: second.registrations, WORKER_LOST_AFTER)
        beats = len(first.beats)
        await eventually(lambda: len(first.beats) >= beats + 30)

        assert first.open == 1
        assert len(first.registrations) + len(second.registrations) <= 1 + 6
        first.takes = True
        await eventually(lambda: second.open == 0)


async def test_a_worker_stops_though_nothing_is_taken_anywhere() -> None:
    first, second = Gate(takes=False), Gate(takes=False)

    async with a_worker_at(first, second):
        await eventually(lambda: second.beats)  # a registration was taken there, beats are not
        stopped_at = time.monotonic()

    assert time.monotonic() - stopped_at < WAIT / 2
    assert first.goodbyes + second.goodbyes == 1
