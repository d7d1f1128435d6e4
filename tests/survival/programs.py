"""Processes of the fleet: started, killed, stopped and continued by name, each with a log of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

READY_WITHIN = 40.0
GONE_WITHIN = 10.0
LOOKS_EVERY = 0.1


class Program:
    """One process; after `kill` it may be started again with the same words."""

    def __init__(self, name: str, words: list[str], environment: dict[str, str], folder: Path) -> None:
        self.name = name
        self._words = words
        self._environment = environment
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None, f"{self.name} does not run"
        return self._process.pid

    def start(self) -> None:
        """Does not wait."""
        clean = {name: value for name, value in os.environ.items() if not name.upper().startswith("MOORAGE_")}
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=clean | self._environment,
                start_new_session=True,
            )

    async def ready(self, url: str) -> None:
        """Waits until it answers 200 there. Raises AssertionError with its log's end."""
        deadline = asyncio.get_running_loop().time() + READY_WITHIN
        while not await asyncio.to_thread(answers, url):
            assert self._process is not None
            assert self._process.poll() is None, f"{self.name} ended: {self.log()}"
            assert asyncio.get_running_loop().time() < deadline, f"{self.name} is not ready: {self.log()}"
            await asyncio.sleep(LOOKS_EVERY)

    async def line(self) -> str:
        """The next line of its stdout. Raises TimeoutError."""
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(READY_WITHIN):
            return await asyncio.to_thread(self._process.stdout.readline)

    def say(self, line: str) -> None:
        """On its stdin."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def signal(self, number: signal.Signals) -> None:
        """Any signal."""
        os.kill(self.pid, number)

    async def gone(self, within: float = GONE_WITHIN) -> int:
        """Waits for its end. Raises TimeoutExpired."""
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait, within)

    def kill(self) -> None:
        """kill -9, also of a stopped one; nothing happens where none runs."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait(GONE_WITHIN)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def log(self) -> str:
        """Its end."""
        return self._log.read_text(errors="replace")[-3000:]


def answers(url: str) -> bool:
    """Whether it is 200."""
    try:
        with urlopen(url, timeout=1.0) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
