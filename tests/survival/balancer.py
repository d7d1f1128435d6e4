"""The load balancer in front of the gateways: passes TCP on to one that says it is ready, as a Service of Kubernetes does."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass
from ssl import SSLContext
from types import TracebackType
from typing import Protocol, Self

from tests.survival.programs import answers

LOOKS_EVERY = 0.5
CONNECT_WITHIN = 1.0


@dataclass(frozen=True, slots=True)
class Door:
    """One gateway."""

    name: str
    port: int
    ready: str  # URL that answers 200


class Entrance(Protocol):
    """Where clients come in, and which gateway one of their connections reached."""

    ssl: SSLContext | None

    @property
    def url(self) -> str:
        """ws:// or wss://."""

    def gateway_of(self, port: int) -> str:
        """Its name, by the port that the connection came from; "" where it went nowhere."""


class Balancer:
    """Listens on `port`; `gateway_of` tells where a connection went, by the port it came from."""

    ssl: SSLContext | None = None

    def __init__(self, doors: list[Door], draw: random.Random) -> None:
        self._doors = doors
        self._draw = draw
        self._ready: set[str] = set()
        self._went: dict[int, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        for door in self._doors:
            self._keep(asyncio.create_task(self._look(door)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """Of clients."""
        return f"ws://127.0.0.1:{self.port}/"

    def gateway_of(self, port: int) -> str:
        """Its name; "" where the connection went nowhere."""
        return self._went.get(port, "")

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, door: Door) -> None:
        while True:
            is_ready = await asyncio.to_thread(answers, door.ready)
            (self._ready.add if is_ready else self._ready.discard)(door.name)
            await asyncio.sleep(LOOKS_EVERY)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._keep(task)
        try:
            reached = await self._reach(writer.get_extra_info("peername")[1])
            if reached is None:
                return
            far_reader, far_writer = reached
            try:
                await asyncio.gather(_carry(reader, far_writer), _carry(far_reader, writer))
            finally:
                far_writer.transport.abort()
        finally:
            writer.transport.abort()

    async def _reach(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Ready ones first, in random order; where none is, any."""
        doors = sorted(self._doors, key=lambda door: (door.name not in self._ready, self._draw.random()))
        for door in doors:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_WITHIN):
                    reached = await asyncio.open_connection("127.0.0.1", door.port)
                self._went[port] = door.name
                return reached
        return None


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until its end; a reset on one side resets the other."""
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()
