"""All pools of one process, each in a task of its own: one that fails, hangs or is taken away does not touch the others.

What is opened here is closed here: `stop` ends the looks and gives every office back at once, `close` lets go of targets,
which may be later: a drain still needs the processes of a local one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from autoscaler.io.leading import Leader
from autoscaler.io.metrics import AutoscalerMetrics
from autoscaler.io.pool import Pool, Surroundings
from autoscaler.io.registry import Registry
from autoscaler.io.signals import Signals
from autoscaler.io.target import Target
from autoscaler.observing import Place
from autoscaler.policy import PoolPolicy
from scheduler.store import Store

AGAIN_AFTER = 5.0  # a pool whose task broke
CLOSE_WITHIN = 15.0
_log = structlog.get_logger("moorage.autoscaler")


@dataclass(frozen=True, slots=True)
class Makers:
    """How a pool gets what is its own; the leader first, since a target's writes ask for it too."""

    leader: Callable[[PoolPolicy], Leader]
    target: Callable[[PoolPolicy, Leader], Target]


class Autoscaler:
    """`start` it, then `follow` policies as often as they change."""

    def __init__(self, store: Store, makers: Makers, signals: Signals, metrics: AutoscalerMetrics) -> None:
        self._makers = makers
        self._signals = signals
        self._pools: dict[Place, Pool] = {}
        self._tasks: dict[Place, asyncio.Task[None]] = {}
        self._targets: dict[Place, asyncio.Task[None]] = {}  # what they do beside being asked
        self._shared: list[asyncio.Task[None]] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._around = Surroundings(store, Registry(store, self._nudge), signals, metrics)

    @property
    def pools(self) -> tuple[Place, ...]:
        """Those that are looked after."""
        return tuple(sorted(self._pools))

    @property
    def is_looking(self) -> bool:
        """Whether every pool was looked at not long ago; one that another process leads counts."""
        return all(pool.is_looking for pool in self._pools.values())

    async def start(self, policies: Sequence[PoolPolicy]) -> None:
        """Raises what a target that cannot be made raises."""
        for name, work in (("registry", self._around.registry.run), ("signals", self._signals.run)):
            self._shared.append(asyncio.create_task(_for_ever(work, name), name=name))
        self.follow(policies)

    def follow(self, policies: Sequence[PoolPolicy]) -> None:
        """Only these from now on. A pool whose target is another is closed and opened anew, any other change is taken over
        between two looks."""
        wanted = {(policy.region, policy.pool): policy for policy in policies}
        for place, pool in list(self._pools.items()):
            if place not in wanted or wanted[place].target != pool.policy.target:
                self._drop(place)
        self._signals.follow(policies)
        for place, policy in wanted.items():
            if place in self._pools:
                self._pools[place].policy = policy
                self._pools[place].nudge()
            else:
                self._begin(policy)

    async def stop(self) -> None:
        """No look goes on, and every office is free."""
        tasks = [*self._tasks.values(), *self._shared]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_WITHIN)
        self._tasks.clear()
        self._shared.clear()

    async def close(self) -> None:
        """After `stop`: lets go of targets and of what signals come through."""
        await self.stop()
        for place in list(self._pools):
            self._drop(place)
        await asyncio.gather(*self._closing)
        await self._signals.close()

    def _nudge(self, place: Place) -> None:
        if place in self._pools:
            self._pools[place].nudge()

    def _begin(self, policy: PoolPolicy) -> None:
        leader = self._makers.leader(policy)
        target = self._makers.target(policy, leader)
        pool = Pool(policy, target, leader, self._around)
        name = "/".join(pool.place)
        self._pools[pool.place] = pool
        self._targets[pool.place] = asyncio.create_task(_for_ever(target.run, f"target of {name}"))
        self._tasks[pool.place] = asyncio.create_task(_for_ever(pool.run, name))

    def _drop(self, place: Place) -> None:
        pool, task, beside = self._pools.pop(place), self._tasks.pop(place, None), self._targets.pop(place)
        closing = asyncio.create_task(_ended(pool.target, task, beside), name=f"drop {'/'.join(place)}")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


async def _ended(target: Target, looks: asyncio.Task[None] | None, beside: asyncio.Task[None]) -> None:
    if looks is not None:
        looks.cancel()
        await asyncio.wait({looks}, timeout=CLOSE_WITHIN)
    try:
        async with asyncio.timeout(CLOSE_WITHIN):
            await target.close()
    except TimeoutError:
        _log.error("target_not_closed", waited_seconds=CLOSE_WITHIN)
    except Exception:
        _log.exception("target_not_closed")
    beside.cancel()
    await asyncio.wait({beside}, timeout=CLOSE_WITHIN)


async def _for_ever(work: Callable[[], Awaitable[None]], name: str) -> None:
    """It survives what it touches; should it break all the same, it begins anew."""
    while True:
        try:
            await work()
        except Exception:
            _log.exception("broke", part=name, again_in_seconds=AGAIN_AFTER)
        await asyncio.sleep(AGAIN_AFTER)
