"""A place that is always filled: a child process that dies is started again, and one may take over from another."""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import structlog

from moorage.cli.programs.child import Life, Recipe
from moorage.restarts import Restarts

END_WITHIN = 15.0  # from the end of its stdin to SIGKILL
_log = structlog.get_logger("moorage.up.children")


class Place:
    """One, under the name that its processes share."""

    def __init__(
        self, recipe: Recipe, parting: Callable[[Life], Awaitable[None]], changed: Callable[[Life], None]
    ) -> None:
        """`parting` is awaited when a life has drained, before it is let go; `changed` is called when one serves, and when
        it has ended."""
        self.recipe = recipe
        self.restarts = 0
        self.lives: list[Life] = []  # oldest first; two while one takes over from the other
        self._parting = parting
        self._changed = changed
        self._numbers = itertools.count(1)
        self._stopping = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None

    @property
    def is_ready(self) -> bool:
        """Whether its newest process serves."""
        return bool(self.lives) and self.lives[-1].ready.is_set() and not self.lives[-1].drained.is_set()

    async def run(self) -> None:
        """Until `stop`."""
        loop = asyncio.get_running_loop()
        restarts = Restarts()
        async with asyncio.TaskGroup() as self._tasks:
            while not self._stopping.is_set():
                began_at = loop.time()
                life = self._begin()
                await life.ended.wait()
                while self.lives:  # another has taken over
                    began_at = loop.time()
                    life = self.lives[-1]
                    await life.ended.wait()
                if self._stopping.is_set():
                    return
                restarts, wait = restarts.after(loop.time() - began_at)
                self.restarts += 1
                _log.warning("child_died", place=self.recipe.place, status=life.status, again_in_seconds=wait)
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._stopping.wait()

    async def replace(self, ready_within: float, drain_within: float) -> bool:
        """A new process takes over, then the old one drains and ends. False: the new one failed, the old one stays."""
        old = self.lives[-1] if self.lives else None
        if old is None or not old.ready.is_set() or self._stopping.is_set():
            return False
        new = self._begin()
        if not await new.until(new.ready, ready_within):
            _log.error("replacement_failed", place=self.recipe.place, why=new.said.get("failed", "it was not ready"))
            new.tell(signal.SIGKILL)
            return False
        old.drain(signal.SIGUSR2)
        if await old.until(old.drained, drain_within):
            await self._parting(old)
        old.let_go()
        await old.end(END_WITHIN)
        return True

    async def drain(self, within: float) -> None:
        """Asks it to drain, and returns when it has; it then waits for `stop`."""
        self._stopping.set()
        for life in self.lives:
            life.drain(signal.SIGTERM)
        await asyncio.gather(*(self._drained(life, within) for life in list(self.lives)))

    async def stop(self, within: float) -> None:
        """Ends what is drained, or was never asked to."""
        self._stopping.set()
        for life in self.lives:
            if not life.drained.is_set():
                life.tell(signal.SIGTERM)
            life.let_go()
        await asyncio.gather(*(life.end(within) for life in list(self.lives)))

    def kill(self) -> None:
        """At once."""
        self._stopping.set()
        for life in self.lives:
            life.tell(signal.SIGKILL)

    async def _drained(self, life: Life, within: float) -> None:
        if await life.until(life.drained, within):
            await self._parting(life)

    def _begin(self) -> Life:
        assert self._tasks is not None
        life = Life(self.recipe, next(self._numbers))
        self.lives.append(life)
        self._tasks.create_task(self._live(life), name=life.place)
        return life

    async def _live(self, life: Life) -> None:
        try:
            await life.run(partial(self._changed, life))
        finally:
            self.lives.remove(life)
            self._changed(life)
