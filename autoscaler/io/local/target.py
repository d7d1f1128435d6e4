"""One pool of worker processes. Replicas are places; who removes a member takes its place away too."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from autoscaler.decision import Frozen, Removal
from autoscaler.io.local.post import Post
from autoscaler.io.local.recipe import Recipe
from autoscaler.io.target import Failed, Lost, Written
from autoscaler.observation import TargetSeen
from autoscaler.policy import MOST_PROCESSES

STOP_WITHIN = 10.0  # from SIGTERM to SIGKILL


@dataclass(frozen=True, slots=True)
class Life:
    """A process that runs."""

    name: str
    pid: int


class LocalProcesses:
    """An autoscaler.io.target.Target. It begins with `replicas` places, which are filled once it runs."""

    def __init__(
        self, recipe: Recipe, replicas: int, now: Callable[[], float], changed: Callable[[], None] = lambda: None
    ) -> None:
        """`now` is the store's clock, `changed` is called when a process starts or ends."""
        self._recipe = recipe
        self._now = now
        self._changed = changed
        self._names: dict[int, Iterator[str]] = {}
        self._posts: dict[int, Post] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._runs = False
        self._is_closed = False
        self._fill(min(replicas, MOST_PROCESSES))

    @property
    def lives(self) -> tuple[Life, ...]:
        """By place."""
        return tuple(Life(post.name, pid) for _, post in sorted(self._posts.items()) if (pid := post.pid) is not None)

    async def look(self) -> TargetSeen | None:
        """Always known: these are our children."""
        return TargetSeen(len(self._posts), tuple(post.seen for _, post in sorted(self._posts.items())))

    async def raise_to(self, replicas: int, *, was: int) -> Written | Lost | Failed:
        """New places, lowest numbers first."""
        if was != len(self._posts):
            return Lost(f"there are {len(self._posts)} processes, not {was}")
        if self._is_closed or replicas > MOST_PROCESSES:
            return Failed("this Moorage stops" if self._is_closed else f"{MOST_PROCESSES} processes are the most here")
        self._fill(replicas)
        return Written(len(self._posts))

    async def remove(self, victims: Sequence[Removal], *, was: int) -> Written | Lost | Failed:
        """Ends their processes and gives their places up, all at the same time. One that had died meanwhile is gone too."""
        if was != len(self._posts):
            return Lost(f"there are {len(self._posts)} processes, not {was}")
        found = [(victim, number) for victim in victims if (number := self._place_of(victim.member)) is not None]
        await asyncio.gather(*(self._end(number) for _, number in found))
        return Written(len(self._posts), tuple(victim for victim, _ in found))

    async def protect(self, busy: Sequence[str], idle: Sequence[str]) -> None:
        """Nobody but us removes processes."""

    def announce(self, frozen: Sequence[Frozen]) -> None:
        """A process is no place to look for words."""

    async def run(self) -> None:
        """Fills the places, until cancelled; then what still runs is killed."""
        self._runs = True
        self._fill(len(self._posts))
        try:
            await asyncio.Event().wait()
        finally:
            self._runs = False
            self.kill()
            if self._tasks:
                await asyncio.wait(self._tasks.values())

    async def close(self) -> None:
        """Asks all processes to drain, and kills what has not left after STOP_WITHIN."""
        self._is_closed = True
        await asyncio.gather(*(self._end(number) for number in list(self._posts)))

    def kill(self) -> None:
        """At once."""
        self._is_closed = True
        for post in self._posts.values():
            post.kill()

    def _fill(self, replicas: int) -> None:
        free = (number for number in itertools.count(1) if number not in self._posts)
        while len(self._posts) < replicas:
            number = next(free)
            names = self._names.setdefault(number, _names(f"{self._recipe.name}-{number}"))
            self._posts[number] = Post(names, self._recipe, self._now, self._changed)
        if self._runs:
            for number in self._posts.keys() - self._tasks.keys():
                task = asyncio.create_task(self._posts[number].run(), name=f"{self._recipe.name}-{number}")
                self._tasks[number] = task

    def _place_of(self, member: str) -> int | None:
        return next((number for number, post in self._posts.items() if member in (post.member, post.was)), None)

    async def _end(self, number: int) -> None:
        if number in self._tasks:
            await self._posts[number].leave(STOP_WITHIN)
            await asyncio.wait({self._tasks.pop(number)})
        del self._posts[number]


def _names(place: str) -> Iterator[str]:
    """`example-1`, `example-1.2`, …"""
    yield place
    yield from (f"{place}.{life}" for life in itertools.count(2))
