"""A TCP proxy that does harm: between gateway and worker, or between client and gateway."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from types import TracebackType
from typing import Self

STEPS_TO_ARRIVE = 5  # of the loop, from a socket that was accepted to the task that owns it


@dataclass
class Harm:
    """What happens to the bytes of one direction. May be changed while connections are open."""

    delay: float = 0.0  # before each piece
    piece_bytes: int = 1 << 16  # largest piece that is passed on at once
    cut_after_bytes: int | None = None  # then the connection is reset on both sides
    is_silent: bool = False  # bytes are taken and never passed on


class Strait:
    """Listens on `port` and passes connections on to another one. Use as a context manager."""

    def __init__(self, to_port: int, *, there: Harm | None = None, back: Harm | None = None) -> None:
        self.to_port = to_port
        self.there = there or Harm()  # from whoever connects
        self.back = back or Harm()
        self.connections = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for _ in range(STEPS_TO_ARRIVE):
            await asyncio.sleep(0)
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Resets everything that is open."""
        for writer in self._writers:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.to_port)
        except (OSError, asyncio.CancelledError):  # only this proxy's end cancels it
            writer.transport.abort()
            return
        self._writers.add(far_writer)
        pair = (writer, far_writer)
        try:
            await asyncio.gather(
                _carry(reader, far_writer, self.there, pair), _carry(far_reader, writer, self.back, pair)
            )
        except asyncio.CancelledError:
            return  # only this proxy's end cancels it
        finally:
            for either in pair:
                either.close()


async def _carry(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    harm: Harm,
    pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
) -> None:
    carried = 0
    try:
        while data := await reader.read(1 << 16):
            while data and not harm.is_silent:
                allowed = len(data) if harm.cut_after_bytes is None else harm.cut_after_bytes - carried
                piece, data = data[: min(harm.piece_bytes, allowed)], data[min(harm.piece_bytes, allowed) :]
                if harm.delay:
                    await asyncio.sleep(harm.delay)
                writer.write(piece)
                await writer.drain()
                carried += len(piece)
                if harm.piece_bytes < 1 << 16:
                    await asyncio.sleep(0)  # so that each piece is a segment of its own
                if harm.cut_after_bytes is not None and carried >= harm.cut_after_bytes:
                    for either in pair:
                        either.transport.abort()
                    return
        writer.write_eof()
    except (OSError, RuntimeError):  # uvloop's word for a transport that is closing
        for either in pair:
            either.transport.abort()
