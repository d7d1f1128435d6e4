"""What every bench is given: where it may write, who takes part, and what the contestants are started for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Arena:
    """`folder` holds the certificate and whatever the proxies write; `only` and `scenes` restrict, empty they mean all."""

    folder: Path
    is_quick: bool = False
    only: frozenset[str] = frozenset()
    scenes: frozenset[str] = frozenset()
    seeds: int = 5  # of simulated runs
    jobs: int = 2  # cores they may use

    def takes_part(self, name: str) -> bool:
        """Whether a contestant was asked for."""
        return not self.only or name in self.only

    def plays(self, scene: str) -> bool:
        """Whether one part of a bench was asked for."""
        return not self.scenes or scene in self.scenes


@dataclass(frozen=True, slots=True)
class Casting:
    """What the contestants are started for: where they relay to, in which form, for how many distinct sessions of ours."""

    worker_port: int
    tls: bool = False
    tokens: int = 0
    nginx_buffer: str = "4k"

    def at(self, worker_port: int) -> Casting:
        """The same in front of another worker."""
        return replace(self, worker_port=worker_port)
