"""The demo's own Moorage: `moorage up` in a process of its own, in a temporary folder, on free ports."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path

from moorage.cli import running
from moorage.cli.settings import PREFIX

READY_WITHIN = 40.0  # a cold machine compiles bytecode first
STOP_WITHIN = 20.0
LOG_LINES = 60


class House:
    """Opened once, closed once."""

    def __init__(self, folder: str, *options: str) -> None:
        self.data = Path(folder) / "data"
        self._log = Path(folder) / "up.log"
        self._options = options
        self._process: Process | None = None

    async def open(self) -> running.Running:
        """Raises TimeoutError, or RuntimeError when it does not start."""
        ports = [text for name in ("port", "rest-port", "metrics-port", "link-port") for text in (f"--{name}", "0")]
        command = [
            sys.executable,
            "-m",
            "moorage.cli",
            "up",
            "--json",
            "--data",
            str(self.data),
            *ports,
            *self._options,
        ]
        clean = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdout=PIPE, stderr=log, stdin=asyncio.subprocess.DEVNULL, env=clean, cwd=self._log.parent
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(READY_WITHIN):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("moorage up ended before it was ready")
        return running.from_document(json.loads(line))

    async def close(self) -> int | None:
        """Asks it to drain. Its exit status; None when it had to be killed."""
        process = self._process
        if process is None:
            return None
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_WITHIN):
                return await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            return None

    def log(self) -> str:
        """The end of what it logged."""
        try:
            lines = self._log.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-LOG_LINES:])
