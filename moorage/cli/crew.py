"""The worker processes of `moorage up`: started, started again when they die, and asked to drain at the stop."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import dataclass

import structlog

from moorage.cli import running
from moorage.cli.settings import PREFIX, WorkersGroup
from moorage.restarts import Restarts

STOP_WITHIN = 10.0  # from SIGTERM to SIGKILL
_log = structlog.get_logger("moorage.crew")


@dataclass(frozen=True, slots=True, repr=False)
class Doors:
    """How a worker gets in."""

    link: str
    join_key: str
    certificate: str | None = None  # PEM to trust on the link


class Crew:
    """`count` processes, each kept alive by a task of its own."""

    def __init__(self, plan: WorkersGroup, doors: Doors, log_level: str) -> None:
        self._plan = plan
        self._doors = doors
        self._log_level = log_level
        self._live: dict[str, Process] = {}
        self._stopping = asyncio.Event()

    @property
    def processes(self) -> tuple[running.Process, ...]:
        """Those alive now."""
        return tuple(running.Process(name, process.pid) for name, process in sorted(self._live.items()))

    async def run(self) -> None:
        """Until `stop`."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(1, self._plan.count + 1):
                tasks.create_task(self._keep(f"example-{number}"), name=f"crew-{number}")

    async def stop(self) -> None:
        """Asks all to drain, and kills what has not left after STOP_WITHIN."""
        self._stopping.set()
        for process in self._live.values():
            with suppress(ProcessLookupError):
                process.terminate()
        try:
            async with asyncio.timeout(STOP_WITHIN):
                await asyncio.gather(*(process.wait() for process in list(self._live.values())))
        except TimeoutError:
            self.kill()

    def kill(self) -> None:
        """At once."""
        self._stopping.set()
        for process in self._live.values():
            with suppress(ProcessLookupError):
                process.kill()

    async def _keep(self, place: str) -> None:
        """Each life has a name of its own, so that a list of workers tells the dead from the living."""
        loop = asyncio.get_running_loop()
        restarts = Restarts()
        lives = itertools.count(1)
        while not self._stopping.is_set():
            life = next(lives)
            name = place if life == 1 else f"{place}.{life}"
            started_at = loop.time()
            status = await self._once(name)
            if self._stopping.is_set():
                return
            restarts, wait = restarts.after(loop.time() - started_at)
            _log.warning("worker_died", name=name, status=status, deaths=restarts.deaths, again_in_seconds=wait)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._stopping.wait()

    async def _once(self, name: str) -> int | str:
        """One life, and how it ended: an exit status, or why there was none.

        The pipe on its stdin tells it when this process is gone, however it went.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command(name), stdin=PIPE, env=self._environment(), start_new_session=True
            )
        except OSError as error:  # no memory, no descriptors: as good as a death
            return str(error)
        self._live[name] = process
        try:
            return await process.wait()
        finally:
            del self._live[name]
            if process.stdin is not None:
                process.stdin.close()

    def _command(self, name: str) -> list[str]:
        options = {
            "--slots": str(self._plan.slots),
            "--pool": self._plan.pool,
            "--region": self._plan.region,
            "--link": self._doors.link,
            "--name": name,
            "--log-level": self._log_level,
            "--drain-seconds": "0",  # the gateway has moved the clients by then
        }
        flat = [text for pair in options.items() for text in pair]
        return [sys.executable, "-m", "moorage.cli", "worker", self._plan.target, *flat, "--stop-with-stdin"]

    def _environment(self) -> dict[str, str]:
        """Ours less the settings; the key goes here, since arguments show in `ps`."""
        kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
        kept["MOORAGE_JOIN_KEY"] = self._doors.join_key
        if self._doors.certificate:
            kept["SSL_CERT_FILE"] = self._doors.certificate
        return kept
