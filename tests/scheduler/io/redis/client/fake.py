"""A server that is wrong in one way: it greets as Redis does, and answers EVALSHA with what the test says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from hiredis import Reader

from scheduler.io.redis.client.functions import Script, library
from scheduler.io.redis.client.schema import VERSION

Answer = Callable[[list[bytes], asyncio.StreamWriter], Awaitable[None]]


class Fake:
    """`answer` deals with everything but the greeting; `seen` counts commands, `connects` connections."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.seen: Counter[bytes] = Counter()
        self.connects = 0
        self.port = 0
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connects += 1
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._serving.discard(task)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser: Any = Reader()
        while received := await reader.read(65536):
            parser.feed(received)
            while (command := parser.gets()) is not False:
                self.seen[command[0]] += 1
                await self._reply(command, writer)
                await writer.drain()

    async def _reply(self, command: list[bytes], writer: asyncio.StreamWriter) -> None:
        match command[0]:
            case b"HELLO":
                writer.write(b"%1\r\n+proto\r\n:3\r\n")
            case b"PING":
                writer.write(b"+PONG\r\n")
            case b"GET":
                writer.write(b"$1\r\n%d\r\n" % VERSION)
            case b"FUNCTION":
                writer.write(b"+sha\r\n")
            case _:
                await self.answer(command, writer)

    async def stop(self) -> None:
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)


def a_script(name: str, body: str, *, is_idempotent: bool = False) -> Script:
    """A library of one operation."""
    return library({name: body}).script(name, is_idempotent=is_idempotent)


@asynccontextmanager
async def faked(answer: Answer) -> AsyncIterator[Fake]:
    """Serving on loopback."""
    fake = Fake(answer)
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        await fake.stop()
        await server.wait_closed()


def saying(reply: bytes) -> Answer:
    """Always this."""

    async def answer(_: list[bytes], writer: asyncio.StreamWriter) -> None:
        writer.write(reply)

    return answer
