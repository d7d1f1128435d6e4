"""How many client connections a process may hold: each relayed session takes two descriptors."""

from __future__ import annotations

RESERVE = 200  # listeners, links, the database, logs


def connections_for(configured: int, descriptors: int) -> int:
    """The configured bound, or half of what the descriptor limit leaves; never more than that, never under one.

    >>> connections_for(0, 20_000)
    9900
    """
    most = max(1, (descriptors - RESERVE) // 2)
    return min(configured, most) if configured else most
