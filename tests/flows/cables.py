"""A connection that can be cut: between one process and its Redis, a port of loopback that carries bytes both ways."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Self, cast


class Cable:
    """From a port of its own to a unix socket. Cut, it resets what it carried and whoever comes; mended, it carries anew."""

    def __init__(self, to: Path) -> None:
        self.port = 0
        self._to = to
        self._is_cut = False
        self._is_deaf = False
        self._ends: set[_End] = set()
        self._joining: set[asyncio.Task[None]] = set()

    async def lay(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(self._arrive, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def cut(self) -> None:
        """Nothing gets through."""
        self._is_cut = True
        self.shake()

    def mend(self) -> None:
        """New connections get through."""
        self._is_cut = self._is_deaf = False

    def deafen(self) -> None:
        """What is asked arrives, what is answered does not; until it is mended, and for these connections for ever."""
        self._is_deaf = True

    def shake(self) -> None:
        """What it carries now is reset, and what comes gets through."""
        for end in list(self._ends):
            end.transport.abort()

    async def close(self) -> None:
        self.cut()
        self._server.close()
        for task in self._joining:
            task.cancel()
        await asyncio.gather(*self._joining, return_exceptions=True)

    def _arrive(self) -> _End:
        return _End(self)

    def came(self, end: _End) -> None:
        """Somebody dialled: the other end is dialled too."""
        self._ends.add(end)
        if self._is_cut:
            end.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._join(end))
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    async def _join(self, end: _End) -> None:
        try:
            _, other = await asyncio.get_running_loop().create_unix_connection(lambda: _End(self, end), str(self._to))
        except OSError:
            end.transport.abort()
            return
        self._ends.add(other)
        if end.transport.is_closing() or self._is_cut:
            other.transport.abort()
            end.transport.abort()
        else:
            end.joined(other)

    def carried(self, end: _End) -> bool:
        """Whether bytes from this end arrive."""
        return not (self._is_deaf and end.is_far)

    def went(self, end: _End) -> None:
        """One end is gone, and with it the other."""
        self._ends.discard(end)
        if end.other is not None:
            end.other.transport.abort()


class _End(asyncio.Protocol):
    """One of the two sockets of a connection; the far one was dialled for the other."""

    transport: asyncio.Transport

    def __init__(self, cable: Cable, other: _End | None = None) -> None:
        self._cable = cable
        self.other = other
        self.is_far = other is not None
        self._early: list[bytes] = []  # said before the other end was there

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if not self.is_far:
            self._cable.came(self)

    def joined(self, other: _End) -> None:
        self.other = other
        other.transport.write(b"".join(self._early))
        self._early.clear()

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._early.append(data)
        elif self._cable.carried(self):
            self.other.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._cable.went(self)
