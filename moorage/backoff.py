"""How long to wait before the next try, so that a thousand clients that lost one peer do not come back as one.

Pure: chance is an argument. Full jitter, as AWS's "Exponential Backoff And Jitter" measured it to load a server least.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Chance = Callable[[], float]
"""A number in [0, 1): `random.random` in the shell."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits grow from `first` to `most` seconds, doubling each time."""

    first: float = 0.25
    most: float = 5.0

    def wait(self, attempt: int, chance: Chance, retry_after: float | None = None) -> float:
        """Seconds before try number `attempt` (0 is the first after a loss).

        A peer's `retry_after` is never undercut; what is added to it spreads those who were told the same.

        >>> Backoff(first=0.25, most=5.0).wait(3, lambda: 0.5)
        1.0
        >>> Backoff(first=0.25, most=5.0).wait(0, lambda: 0.5, retry_after=2.0)
        2.25
        """
        ceiling = min(self.most, self.first * (1 << min(attempt, 30)))
        if retry_after is None:
            return ceiling * chance()
        return retry_after + max(ceiling, retry_after / 4) * chance()
