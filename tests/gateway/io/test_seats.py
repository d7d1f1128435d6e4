"""Gateways on one socket: whoever has more than the others lets them accept, and takes what nobody takes."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest
import uvloop

from gateway.io.engine import make_wire, pump
from gateway.io.seats import ABSENT, LOOK_AWAY, Board, Seat, new_board
from gateway.io.sockets import listening_socket
from gateway.io.wire import Listener, Stream
from tests.connections import a_connection, connections
from tests.flows.system import until

A_LONG_LOOK = 0.1
"""The acceptors share a loop: after a stall as long as a look, one that looks takes what the others had no turn to take."""


def pytest_asyncio_loop_factories() -> dict[str, object]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(params=["compiled", "pure"])
def wire(request: pytest.FixtureRequest) -> str:
    if request.param == "compiled" and pump is None:
        pytest.skip("the extension is not built")
    return str(request.param)


@dataclass
class Acceptor:
    """What a gateway does with its seat."""

    seat: Seat
    held: list[Stream] = field(default_factory=list)
    door: Listener | None = None

    def accept(self, stream: Stream) -> None:
        self.held.append(stream)
        self.seat.accepted()


@asynccontextmanager
async def acceptors(
    sock: socket.socket, board: Board, count: int, wire: str, look_away: float = LOOK_AWAY
) -> AsyncIterator[list[Acceptor]]:
    """Each with an engine of its own, on one loop."""
    async with AsyncExitStack() as stack:
        found = []
        for number in range(count):
            engine = make_wire(asyncio.get_running_loop(), wire)
            stack.callback(engine.close)
            acceptor = Acceptor(Seat(board, number, look_away))
            own = sock.dup()
            acceptor.door = engine.listen(own, acceptor.accept)
            acceptor.seat.take(acceptor.door, own, acceptor.held.__len__)
            stack.callback(acceptor.seat.leave)
            found.append(acceptor)
        yield found


def port_of(sock: socket.socket) -> int:
    port: int = sock.getsockname()[1]
    return port


@pytest.fixture
def board() -> Iterator[Board]:
    descriptor = new_board(3)
    board = Board(descriptor)
    os.close(descriptor)
    yield board
    board.close()


def all_hold(acceptors: list[Acceptor], count: int) -> bool:
    return sum(len(each.held) for each in acceptors) == count


async def test_connections_are_shared_out_evenly(board: Board, wire: str) -> None:
    with listening_socket("127.0.0.1", 0) as sock:
        async with acceptors(sock, board, 3, wire, A_LONG_LOOK) as three, AsyncExitStack() as stack:
            for opened in range(90):
                await stack.enter_async_context(a_connection(port_of(sock)))
                await until(partial(all_hold, three, opened + 1))

            counts = [len(each.held) for each in three]
            assert max(counts) - min(counts) <= 10


async def test_what_the_one_with_room_does_not_take_is_taken_by_the_others(board: Board, wire: str) -> None:
    board.write(2, 0)  # hangs, and has all the room

    with listening_socket("127.0.0.1", 0) as sock:
        async with acceptors(sock, board, 2, wire) as two, connections(port_of(sock), 40):
            await until(lambda: all_hold(two, 40))


async def test_who_left_counts_no_more_but_may_still_accept(board: Board, wire: str) -> None:
    board.write(2, 0)

    with listening_socket("127.0.0.1", 0) as sock:
        async with acceptors(sock, board, 1, wire) as (one,), connections(port_of(sock), 10):
            await until(lambda: len(one.held) > 4)  # it looks away between them

            one.seat.leave()
            one.seat.leave()

            await until(lambda: len(one.held) == 10)
            assert board.others(1) == [0]


def test_a_board_is_one_memory_for_all_who_have_its_descriptor() -> None:
    descriptor = new_board(2)
    here, there = Board(descriptor), Board(descriptor)
    os.close(descriptor)

    before = there.others(1)
    here.write(0, 7)

    assert (before, there.others(1)) == ([], [7])
    here.write(0, ABSENT)
    assert there.others(1) == []
    here.close()
    there.close()
