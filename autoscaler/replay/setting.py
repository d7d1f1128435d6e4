"""What a run is given besides its sessions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setting:
    """Of one run. Times are Unix seconds, as the trace's."""

    start: float
    begin: float  # where the warm-up ends and counting begins
    end: float
    slots: int = 8
    wait: float = 10.0
    pod_start: float = 60.0
    pod_spread: float = 0.2  # pods start within pod_start x (1 - spread .. 1 + spread)
    initial: int = 1  # pods that serve from `start` on

    def start_seconds(self, drawn: float) -> float:
        """Of one pod, for a number from 0 to 1."""
        return self.pod_start * (1.0 + self.pod_spread * (2.0 * drawn - 1.0))
