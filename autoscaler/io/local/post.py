"""A place that one worker process fills after another: who dies is replaced, later after each death in a row."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterator
from contextlib import suppress

import structlog

from autoscaler.io.local.recipe import Recipe, new_member
from autoscaler.observation import MemberSeen, Phase
from moorage.restarts import Restarts

FAILING_DEATHS = 3  # in a row: then it is no longer on its way to serving
_log = structlog.get_logger("moorage.workers.local")


class Post:
    """One. A member is one life in it, and known before its process is."""

    def __init__(
        self, names: Iterator[str], recipe: Recipe, now: Callable[[], float], changed: Callable[[], None]
    ) -> None:
        """`names`: one for each life, so that a list of workers tells the dead from the living."""
        self._names = names
        self._recipe = recipe
        self._now = now
        self._changed = changed
        self._restarts = Restarts()
        self._process: Process | None = None
        self._leaving = asyncio.Event()
        self._over = asyncio.Event()
        self._begin()

    @property
    def seen(self) -> MemberSeen:
        """The life that it has, or will have next."""
        is_running = self.pid is not None
        is_failing = self._restarts.deaths >= FAILING_DEATHS and not is_running
        phase = Phase.TERMINATING if self._leaving.is_set() else Phase.RUNNING if is_running else Phase.PENDING
        return MemberSeen(self.member, self.name, Phase.FAILING if is_failing else phase, is_running, self._made_at)

    @property
    def was(self) -> str | None:
        """The member before this one, until the new one has a process: who removes the old one means this place."""
        return self._was if self._process is None else None

    @property
    def pid(self) -> int | None:
        """Of the living process."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def run(self) -> None:
        """Until `leave`; each life to its end."""
        clock = asyncio.get_running_loop().time
        try:
            while not self._leaving.is_set():
                began_at = clock()
                status = await self._live()
                if self._leaving.is_set():
                    return
                await self._rest(status, clock() - began_at)
        finally:
            self.kill()
            self._over.set()
            self._changed()

    async def leave(self, within: float) -> None:
        """Asks the process to drain, kills it after so long, and returns when it has ended."""
        self._leaving.set()
        with suppress(ProcessLookupError):
            if self._process is not None:
                self._process.terminate()
        try:
            async with asyncio.timeout(within):
                await self._over.wait()
        except TimeoutError:
            _log.warning("worker_killed", name=self.name, waited_seconds=within)
            self.kill()
            await self._over.wait()

    def kill(self) -> None:
        """At once."""
        self._leaving.set()
        with suppress(ProcessLookupError):
            if self._process is not None:
                self._process.kill()

    def _begin(self) -> None:
        self.name = next(self._names)
        self.member = new_member()
        self._made_at = self._now()
        self._was: str | None = None

    async def _live(self) -> int | str:
        """One life, and how it ended: an exit status, or why there was none."""
        environment = self._recipe.environment_of(self.name, self.member)
        try:
            process = await asyncio.create_subprocess_exec(
                *self._recipe.command, stdin=PIPE, env=environment, start_new_session=True
            )
        except OSError as error:  # no memory, no descriptors, no such program: as good as a death
            return str(error)
        self._process = process
        if self._leaving.is_set():  # meanwhile
            self.kill()
        self._changed()
        try:
            return await process.wait()
        finally:
            if process.stdin is not None:
                process.stdin.close()

    async def _rest(self, status: int | str, lived: float) -> None:
        self._restarts, wait = self._restarts.after(lived)
        deaths = self._restarts.deaths
        _log.warning("worker_died", name=self.name, status=status, deaths=deaths, again_in_seconds=wait)
        was, self._process = self.member, None
        self._begin()
        self._was = was
        self._changed()
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._leaving.wait()
