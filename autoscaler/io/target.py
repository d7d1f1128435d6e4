"""What a target can be asked. Two make it: autoscaler.io.kubernetes and autoscaler.io.local."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from autoscaler.decision import Frozen, Removal
from autoscaler.observation import TargetSeen


@dataclass(frozen=True, slots=True)
class Written:
    """The target has `replicas` now."""

    replicas: int
    removed: tuple[Removal, ...] = ()


@dataclass(frozen=True, slots=True)
class Lost:
    """Somebody else moved the replicas first: look again."""

    detail: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing is known to have been written. The next look tells."""

    detail: str
    retry_after: float | None = None  # as the API server asked


class Target(Protocol):
    """One pool's replicas and members."""

    async def look(self) -> TargetSeen | None:
        """None: it cannot be read now, or what is known is too old to act on."""

    async def raise_to(self, replicas: int, *, was: int) -> Written | Lost | Failed:
        """Compare-and-swap: only where it still asks for `was`."""

    async def remove(self, victims: Sequence[Removal], *, was: int) -> Written | Lost | Failed:
        """Takes exactly these retired members away and lowers replicas by as many. Members that could not be removed, or
        that were replaced by a wrong victim, are not in `removed`; the next look shows a problem."""

    async def protect(self, busy: Sequence[str], idle: Sequence[str]) -> None:
        """Tells the platform which members carry sessions (safe-to-evict=false, do-not-disrupt) and which do not."""

    def announce(self, frozen: Sequence[Frozen]) -> None:
        """The freezes in force, at each decision: told where people look at the target, when one begins. Returns at once."""

    async def run(self) -> None:
        """What it does beside being asked: watching members, keeping processes alive. From before the first look until it is
        cancelled, after `close`. Survives every failure of what it watches."""

    async def close(self) -> None:
        """Lets go of connections and, where they are its own, of processes."""
