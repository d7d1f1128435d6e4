"""Whether a client tries again, and when. Pure: time and chance are arguments.

A session that is over is never tried again. What has no room or breaks a limit is the caller's to know about when it first
connects; once the session has begun, whatever may pass is waited out.
"""

from __future__ import annotations

from dataclasses import dataclass

from moorage.backoff import Backoff, Chance
from moorage.errors import Fault, MoorageError

WAITS = Backoff(first=0.25, most=5.0)
_OURS = (Fault.SERVER, Fault.WORKER)


@dataclass(frozen=True, slots=True)
class Outage:
    """From the moment the connection was lost, or first wanted."""

    limit: float  # seconds it may last in all
    elapsed: float = 0.0
    attempt: int = 0  # tries that failed so far
    is_first: bool = False  # the session has not begun


def next_try(error: MoorageError, outage: Outage, chance: Chance) -> float | None:
    """Seconds until the next try; None gives up."""
    if not error.is_retryable:
        return None
    if outage.is_first and error.row.fault not in _OURS:
        return None
    wait = WAITS.wait(outage.attempt, chance, error.retry_after)
    return wait if outage.elapsed + wait <= outage.limit else None
