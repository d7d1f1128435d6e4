"""Whether a client tries again, and when. Pure: time and chance are arguments.

A session that is over is never tried again. What has no room or breaks a limit is the caller's to know about when it first
connects; once the session has begun, whatever may pass is waited out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from moorage.backoff import Backoff, Chance
from moorage.errors import Code, Fault, MoorageError

WAITS = Backoff(first=0.25, most=5.0)
ELSEWHERE = (Code.WEBSOCKET_CONNECTION_FAILED, Code.DRAINING)
"""What says nothing of the session, only of the gateway: the next one is tried at once."""
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


class Rounds:
    """Which of several gateways is tried next: the one that worked, until it is left; then the others, it last."""

    def __init__(self, gateways: Sequence[str]) -> None:
        self._gateways = list(dict.fromkeys(gateways))

    def __len__(self) -> int:
        return len(self._gateways)

    def one(self) -> tuple[str, ...]:
        """Each of them once."""
        return tuple(self._gateways)

    def prefer(self, gateway: str) -> None:
        """It answered: first from now on."""
        self._gateways.remove(gateway)
        self._gateways.insert(0, gateway)

    def leave(self, shuffle: Callable[[list[str]], None]) -> None:
        """The first one lost its connection: last from now on, and the others in an order of this client's own, so that a
        gateway's clients spread over all that are left."""
        first, others = self._gateways[0], self._gateways[1:]
        shuffle(others)
        self._gateways = [*others, first]
