"""The workers of `moorage up`: processes of this machine, scaled by an autoscaler of its own between two numbers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from autoscaler.io.leading import StoreLeader
from autoscaler.io.local.recipe import Recipe
from autoscaler.io.local.target import LocalProcesses
from autoscaler.io.loop import Autoscaler, Makers
from autoscaler.io.memories import name_of
from autoscaler.io.metrics import AutoscalerMetrics
from autoscaler.io.signals import NoSignals
from autoscaler.policy import LocalTarget, PoolPolicy
from moorage.cli import running
from moorage.cli.settings import PREFIX, WorkersGroup
from moorage.cli.sources import WrongSetting
from scheduler.store import Store

LOOK_EVERY = 1.0
LEAD_SECONDS = 3.0  # of a Python process, until it was measured here
DOWN_EVERY = 10.0
SETTLE_SECONDS = 10.0
REVERSALS = 1000  # a process costs a second to start: nothing to be saved up
NAME = "example"


@dataclass(frozen=True, slots=True, repr=False)
class Doors:
    """How a worker gets in."""

    link: str
    join_key: str
    certificate: str | None = None  # PEM to trust on the link


class Crew:
    """Started once. `hold` before the drain, `stop` after it, `end` in any case."""

    def __init__(self, group: WorkersGroup, recipe: Recipe, changed: Callable[[], None]) -> None:
        """`changed` is called when a process starts or ends. Raises WrongSetting."""
        self.policy = crew_policy(group, recipe.command)
        self._recipe = recipe
        self._changed = changed
        self._target: LocalProcesses | None = None
        self._autoscaler: Autoscaler | None = None

    @property
    def processes(self) -> tuple[running.Process, ...]:
        """Those alive now."""
        lives = self._target.lives if self._target is not None else ()
        return tuple(running.Process(life.name, life.pid) for life in lives)

    @property
    def is_looked_after(self) -> bool:
        """Whether somebody looks after them, here or in another process."""
        return self._autoscaler is None or self._autoscaler.is_looking

    async def start(self, store: Store, registry: CollectorRegistry) -> None:
        """Starts as many as are wanted at least, and from then on what is needed."""
        metrics = AutoscalerMetrics(registry)
        if self.policy.maximum == 0:
            return
        target = self._target = LocalProcesses(self._recipe, self.policy.minimum, store.now, self._changed)
        place = (self.policy.region, self.policy.pool)
        makers = Makers(lambda _: StoreLeader(store, name_of(place)), lambda *_: target)
        self._autoscaler = Autoscaler(store, makers, NoSignals(), metrics)
        await self._autoscaler.start([self.policy])

    async def hold(self) -> None:
        """From now on nothing is scaled, and another process may."""
        if self._autoscaler is not None:
            await self._autoscaler.stop()

    async def stop(self) -> None:
        """Asks all to drain, and kills what does not leave."""
        if self._autoscaler is not None:
            await self._autoscaler.close()

    async def end(self) -> None:
        """At once."""
        if self._target is not None:
            self._target.kill()
        await self.stop()


def crew_recipe(group: WorkersGroup, doors: Doors, log_level: str) -> Recipe:
    """Its environment is ours less the settings; the key goes there, since arguments show in `ps`."""
    options = {
        "--slots": str(group.slots),
        "--pool": group.pool,
        "--region": group.region,
        "--link": doors.link,
        "--log-level": log_level,
        "--drain-seconds": "0",  # the gateway has moved the clients by then
    }
    flat = [text for pair in options.items() for text in pair]
    command = (sys.executable, "-m", "moorage.cli", "worker", group.target, *flat, "--stop-with-stdin")
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    kept["MOORAGE_JOIN_KEY"] = doors.join_key
    if doors.certificate:
        kept["SSL_CERT_FILE"] = doors.certificate
    return Recipe(NAME, command, kept)


def crew_policy(group: WorkersGroup, command: tuple[str, ...] = ()) -> PoolPolicy:
    """Fixed where neither minimum nor maximum is said. Raises WrongSetting."""
    minimum, maximum = crew_size(group)
    return PoolPolicy(
        region=group.region,
        pool=group.pool,
        target=LocalTarget(command),
        slots=group.slots,
        minimum=minimum,
        maximum=maximum,
        every=LOOK_EVERY,
        buffer_slots=group.free_slots,
        lead_seconds=LEAD_SECONDS,
        down_window=group.shrink_after_seconds,
        down_every=min(DOWN_EVERY, group.shrink_after_seconds),
        settle_seconds=min(SETTLE_SECONDS, group.shrink_after_seconds),
        reversals_per_day=REVERSALS,
    )


def crew_size(group: WorkersGroup) -> tuple[int, int]:
    """Minimum and maximum. Raises WrongSetting where the one is over the other.

    >>> crew_size(WorkersGroup(count=3)), crew_size(WorkersGroup(maximum=6)), crew_size(WorkersGroup(minimum=4))
    ((3, 3), (2, 6), (4, 4))
    """
    least, most = group.minimum, group.maximum
    minimum = least if least is not None else group.count if most is None else min(group.count, most)
    maximum = most if most is not None else max(group.count, minimum) if least is not None else group.count
    if minimum > maximum:
        raise WrongSetting(
            f"workers.minimum (--min-workers) is {minimum}: it may be at most {maximum}, workers.maximum (--max-workers)"
        )
    return minimum, maximum
