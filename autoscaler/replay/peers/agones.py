"""Agones' FleetAutoscaler: the Buffer policy and the Counter policy, as in the examples of its documentation.

https://agones.dev/site/docs/reference/fleetautoscaler/: a look every 30 s. Buffer: replicas = Allocated + bufferSize. Counter:
so many that the fleet's capacity less its count is bufferSize. A pod is a GameServer with a Counter of its slots; it is
Allocated from its first session to its last, and is Ready again then. A GameServer that is Allocated is never taken away:
where replicas are fewer, its GameServerSet waits until others are free. No metrics take part, only the API server.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil

from autoscaler.replay.engine import Pool
from autoscaler.replay.faults import View
from autoscaler.replay.peers.victims import of_agones
from autoscaler.replay.pods import Pod

SYNC = 30.0
RECONCILE = 5.0  # a GameServerSet sees that a GameServer is Ready again
BUFFER = 5  # bufferSize of the documentation's examples, in GameServers; of the Counter policy as many pods' slots


def buffer_replicas(allocated: int, buffer: int) -> int:
    """The Buffer policy."""
    return allocated + buffer


def counter_replicas(replicas: int, free: int, slots: int, buffer: int, in_order: Iterable[int]) -> int:
    """The Counter policy. `free` slots of the fleet; `in_order`: free slots of each GameServer in the order they would go."""
    if free < buffer:
        return replicas + ceil((buffer - free) / slots)
    for room in in_order:
        if free == buffer:
            break
        if free - room < buffer:
            break
        free -= room
        replicas -= 1
    return max(1, replicas)


@dataclass(slots=True)
class _Fleet(ABC):
    view: View = field(default_factory=View)
    buffer: int = BUFFER  # GameServers
    _synced_at: float | None = None

    @property
    def every(self) -> float:
        """The GameServerSet's; every sixth time the FleetAutoscaler looks too."""
        return RECONCILE

    @abstractmethod
    def replicas(self, pool: Pool) -> int:
        """What the policy asks for."""

    def step(self, pool: Pool) -> None:
        """Reconciles, and maybe syncs."""
        view, now = self.view, pool.now
        if not view.can_scale(now):
            return
        if self._synced_at is None or now - self._synced_at >= SYNC:
            self._synced_at = now
            pool.ask(self.replicas(pool))
        many = len(pool.pods)
        if many < pool.replicas:
            pool.create(pool.replicas - many)
        elif many > pool.replicas:
            pool.take_away(of_agones(pool.pods.values(), many - pool.replicas), grace=0.0)


class AgonesBuffer(_Fleet):
    """The Buffer policy."""

    __slots__ = ()

    def replicas(self, pool: Pool) -> int:
        return buffer_replicas(sum(pod.used > 0 for pod in pool.pods.values()), self.buffer)


class AgonesCounter(_Fleet):
    """The Counter policy."""

    __slots__ = ()

    def replicas(self, pool: Pool) -> int:
        pods = list(pool.pods.values())
        free = sum(pod.slots - pod.used for pod in pods)
        slots = pool.setting.slots
        return counter_replicas(
            len(pods), free, slots, self.buffer * slots, [_room(pod) for pod in of_agones(pods, len(pods))]
        )


def _room(pod: Pod) -> int:
    return pod.slots - pod.used
