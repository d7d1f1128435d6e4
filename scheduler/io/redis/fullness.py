"""How full the servers are: of those that hold this fleet, the fullest."""

from __future__ import annotations

import asyncio

from scheduler.io.redis.client.shards import Shards


async def fullest(shards: Shards, tags: list[str]) -> tuple[int, int]:
    """Bytes used and maxmemory of the server that has least left, of those where the tags live; 0 is no limit. Raises
    Unavailable, also where this user may not ask."""
    asked = [shards.command(tag, "INFO", "memory", is_idempotent=True) for tag in tags]
    return max([said_memory(bytes(text)) for text in await asyncio.gather(*asked)], key=_filled)


def said_memory(info: bytes) -> tuple[int, int]:
    """Of INFO's text; what a server does not say is 0.

    >>> said_memory(b"# Memory\\r\\nused_memory:1024\\r\\nmaxmemory:4096\\r\\n")
    (1024, 4096)
    """
    fields = dict(line.split(b":", 1) for line in info.splitlines() if b":" in line)
    return int(fields.get(b"used_memory", 0)), int(fields.get(b"maxmemory", 0))


def _filled(memory: tuple[int, int]) -> float:
    used, limit = memory
    return used / limit if limit else 0.0
