"""How many connections each of several gateways holds that accept on one socket: a few numbers in memory they share.

The kernel gives a connection to whoever is there first, which may be the same one for hours. So one that has more than
the others looks away for a moment, and takes only what nobody else took meanwhile.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import select
import socket
from collections.abc import Callable

from gateway.crowding import is_crowded
from gateway.io.wire import Listener

ABSENT = -1
LOOK_AWAY = 0.005
TELL_EVERY = 0.1
_BYTES = 8


def new_board(seats: int) -> int:
    """A descriptor of the memory, for `Board` here and in the processes that inherit it; nobody accepts yet."""
    board = os.memfd_create("moorage-seats", os.MFD_CLOEXEC)
    os.write(board, ABSENT.to_bytes(_BYTES, "little", signed=True) * seats)
    return board


class Board:
    """All seats."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, 0)
        self._seats = memoryview(self._memory).cast("q")

    def write(self, seat: int, connections: int) -> None:
        """ABSENT for one that does not accept."""
        self._seats[seat] = connections

    def others(self, seat: int) -> list[int]:
        """Connections of those who accept, less one's own."""
        return [count for at, count in enumerate(self._seats) if at != seat and count != ABSENT]

    def close(self) -> None:
        """The memory stays for whoever else has it."""
        self._seats.release()
        self._memory.close()


class Seat:
    """One gateway's, from `take` to `leave`."""

    def __init__(self, board: Board, number: int, look_away: float = LOOK_AWAY) -> None:
        self._board = board
        self._number = number
        self._look_away = look_away
        self._timer: asyncio.TimerHandle | None = None
        self._is_away = False

    def take(self, door: Listener, sock: socket.socket, connections: Callable[[], int]) -> None:
        """Begins; `door` is the one that accepts on `sock`."""
        self._door, self._connections = door, connections
        self._queue = select.poll()
        self._queue.register(sock.fileno(), select.POLLIN)
        self._look()

    def accepted(self) -> None:
        """One connection more."""
        if self._timer is not None and not self._is_away and self._is_crowded():
            self._is_away = True
            self._door.pause()
            self._next(self._look_away)

    def leave(self) -> None:
        """It counts no more, whether it still accepts or not. May be called twice."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        self._board.write(self._number, ABSENT)
        if self._is_away:
            self._is_away = False
            self._door.resume()

    def close(self) -> None:
        """For one that was never taken, or is left."""
        self.leave()
        self._board.close()

    def _look(self) -> None:
        """What still waits after a moment is nobody's: one of them is taken, and then it is looked again."""
        if self._is_away and (not self._is_crowded() or self._queue.poll(0)):
            self._is_away = False
            self._door.resume()
        self._board.write(self._number, self._connections())
        self._next(self._look_away if self._is_away else TELL_EVERY)

    def _is_crowded(self) -> bool:
        mine = self._connections()
        self._board.write(self._number, mine)
        return is_crowded(mine, self._board.others(self._number))

    def _next(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)
