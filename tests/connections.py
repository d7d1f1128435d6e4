"""Bare TCP connections of a test, closed whichever way the test ends."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

from tests.deadlines import SOON

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def a_connection(port: int, host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Wire]:
    """One."""
    reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    try:
        yield reader, writer
    finally:
        await closed([writer])


@contextlib.asynccontextmanager
async def connections(port: int, count: int, host: str = "127.0.0.1") -> AsyncIterator[list[Wire]]:
    """Many, opened one after the other."""
    opened: list[Wire] = []
    try:
        for _ in range(count):
            opened.append(await asyncio.open_connection(host, port))  # noqa: PERF401 - those that are open are known
        yield opened
    finally:
        await closed([writer for _, writer in opened])


async def closed(writers: list[asyncio.StreamWriter]) -> None:
    """Whatever became of them."""
    for writer in writers:
        writer.close()
    for writer in writers:
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def http_get(port: int, path: str) -> tuple[int, str]:
    """Status and body, from a server that closes behind its answer."""
    async with a_connection(port) as (reader, writer):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: w\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.read(), SOON)
    head, _, body = answer.decode().partition("\r\n\r\n")
    return int(head.split()[1]), body
