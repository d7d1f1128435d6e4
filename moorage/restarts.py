"""How long to wait before a process that died is started again. Pure."""

from __future__ import annotations

from dataclasses import dataclass

FIRST = 1.0  # by then its sessions are at other workers, which have room now
MOST = 15.0
PROVEN = 10.0  # a process that lived so long counts as healthy: its next death starts over


@dataclass(frozen=True, slots=True)
class Restarts:
    """Deaths in a row."""

    deaths: int = 0

    def after(self, lived_seconds: float) -> tuple[Restarts, float]:
        """The next state and the wait, in seconds.

        >>> Restarts(3).after(lived_seconds=0.1)
        (Restarts(deaths=4), 8.0)
        >>> Restarts(3).after(lived_seconds=60)
        (Restarts(deaths=1), 1.0)
        """
        deaths = 1 if lived_seconds >= PROVEN else self.deaths + 1
        return Restarts(deaths), min(MOST, FIRST * 2 ** min(deaths - 1, 10))
