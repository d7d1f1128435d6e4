"""Which gateway address a client is told to connect to."""

from __future__ import annotations

from collections.abc import Collection
from zlib import crc32

from moorage.ids import SessionId


def node_for(session: SessionId, live: Collection[str], preset: str, current: str | None = None) -> str | None:
    """The preset address (a balancer's), else the current one while it lives, else one chosen evenly by the session's id."""
    if preset:
        return preset
    if current in live or not live:
        return current
    nodes = sorted(live)
    return nodes[crc32(session.encode()) % len(nodes)]
