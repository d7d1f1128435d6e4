"""Bare TCP connections of a test, closed whichever way the test ends."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

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
