"""How a policy takes part: it looks at a pool every so often and gives orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from autoscaler.replay.engine import Pool


class Controller(Protocol):
    """Ours, a peer's, or a reference's. It keeps what it remembers of one pool: one controller for each run."""

    @property
    def every(self) -> float:
        """Seconds between two looks."""

    def step(self, pool: Pool) -> None:
        """One look at `pool.now`. May give orders."""
