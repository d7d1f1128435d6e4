"""How a worker is emptied: when its sessions are told to move, how fast, and how far it is.

Before the deadline sessions end or leave by themselves. From the deadline on those still attached are told to
reconnect, at the drain's rate, and are placed elsewhere; who does not leave is told again.
"""

from __future__ import annotations

from moorage.ids import Draw
from scheduler.values import Drain, DrainProgress

BURST_SECONDS = 1.0  # a sweep that came late tells at most so much at once
TOLD_AGAIN_AFTER = 10.0  # a session that was told and is still attached


class Draining:
    """One drain as it runs. Mutable: it counts."""

    __slots__ = ("drain", "moved", "next_at", "sessions_at_start", "started_at")

    def __init__(self, drain: Drain, now: float, sessions: int) -> None:
        self.drain = drain
        self.started_at = now
        self.sessions_at_start = sessions
        self.moved = 0  # sessions that went to another worker
        self.next_at = max(now, drain.deadline)

    def is_over(self, now: float) -> bool:
        """Whether the deadline has passed: who returns now is placed elsewhere."""
        return now >= self.drain.deadline

    def take(self, now: float, attached: int) -> int:
        """How many of `attached` sessions may be told now; they count as told."""
        pace = 1.0 / self.drain.rate_per_second
        self.next_at = max(self.next_at, now - BURST_SECONDS)
        told = 0
        while told < attached and self.next_at <= now:
            self.next_at += pace
            told += 1
        return told

    def progress(self, left: int) -> DrainProgress:
        """As it stands, with so many sessions left."""
        return DrainProgress(
            self.started_at,
            self.drain.deadline,
            self.drain.rate_per_second,
            self.sessions_at_start,
            left,
            self.moved,
        )


def retry_after(draw: Draw) -> float:
    """Seconds until a moved client should be back: 0.2 to 1.2, so that they do not come in one wave."""
    return 0.2 + int.from_bytes(draw(2), "big") / 65536
