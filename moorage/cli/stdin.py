"""Lines of standard input for an event loop, from a terminal, a pipe or a file alike (epoll takes no files)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from threading import Thread

CHUNK_BYTES = 65536
MOST_WAITING = 1000  # lines read and not yet taken; then reading waits


async def lines(descriptor: int = 0) -> AsyncIterator[str]:
    """Each line without its end, until the input ends.

    Read with os.read in a daemon thread: a buffered reader's lock would hang the interpreter's exit while the thread
    waits for a terminal.
    """
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[bytes | None] = asyncio.Queue(MOST_WAITING)

    def hand_over(line: bytes | None) -> None:
        asyncio.run_coroutine_threadsafe(waiting.put(line), loop).result()

    def read() -> None:
        rest = b""
        try:
            while chunk := os.read(descriptor, CHUNK_BYTES):
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    hand_over(line)
            if rest:
                hand_over(rest)
            hand_over(None)
        except (OSError, RuntimeError):  # the descriptor or the loop is closed: nobody listens any more
            return

    Thread(target=read, name="stdin", daemon=True).start()
    while (line := await waiting.get()) is not None:
        yield line.decode(errors="replace").removesuffix("\r")
