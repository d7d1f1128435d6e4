"""The door to the servers: runs a script, or one command, on the server where the keys of a tag live.

A tag is a shard's name (a region, a workspace). All its keys start with KEYS[1] of its scripts, "{<prefix>:<tag>}", so
that a cluster keeps them on one node and several fleets fit into one Redis.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from scheduler.io.redis.connection import Asked, Bounds, Connection, Owner
from scheduler.io.redis.dialing import Greeting, dial, tls_context
from scheduler.io.redis.failures import Kind
from scheduler.io.redis.node import Node, Patience
from scheduler.io.redis.packing import Part, pack
from scheduler.io.redis.scripts import Script
from scheduler.storeurl import StoreUrl

MOST_PLACES = 100_000  # remembered tags; then they are computed anew

OnFailure = Callable[[str], None]
"""Gets the kind of each failed call and of each failed try to connect: the label of a counter."""


class Place(NamedTuple):
    """Where a tag lives: KEYS[1], and the node that has it."""

    key: bytes
    node: Node


class Shards:
    """See the module. One per process and event loop; `open` before use, `close` at the end."""

    def __init__(self, url: StoreUrl, on_failure: OnFailure = lambda _: None) -> None:
        self._url = url
        self._on_failure = on_failure
        bounds = Bounds(answer_seconds=url.answer_seconds)
        self._patience = Patience(bounds, url.connect_seconds)
        self._places: dict[str, Place] = {}

    async def open(self) -> None:
        """Connects. Raises StoreFailed (an Unavailable) with what to do."""
        greeting = Greeting(self._url.login, self._url.database, tls_context(self._url.tls))
        address, bounds = self._url.addresses[0], self._patience.bounds

        async def dial_it(owner: Owner) -> Connection:
            return await dial(address, greeting, bounds, owner)

        self._node = Node(str(address), dial_it, self._patience, self)
        self._node.start()
        try:
            await self._node.connected()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """What still waits for an answer fails."""
        await self._node.close()

    # asking

    def run(self, script: Script, tag: str, *args: Part) -> asyncio.Future[Any]:
        """The script's answer; ARGV are `args`. Fails with StoreFailed (an Unavailable)."""
        place = self._places.get(tag) or self._find(tag)
        packed = pack((b"EVALSHA", script.sha, b"1", place.key, *args))
        return place.node.ask(packed, script, script.is_idempotent)

    def command(self, tag: str, *parts: Part, is_idempotent: bool = False) -> asyncio.Future[Any]:
        """One command on the tag's node; keys come from `key`. Never one that blocks: the connection is shared."""
        place = self._places.get(tag) or self._find(tag)
        return place.node.ask(pack(parts), None, is_idempotent)

    def key(self, tag: str, suffix: str = "") -> str:
        """A key of this tag: KEYS[1] and the suffix."""
        return f"{{{self._url.prefix}:{tag}}}{suffix}"

    def _find(self, tag: str) -> Place:
        if len(self._places) >= MOST_PLACES:
            self._places.clear()
        place = self._places[tag] = Place(self.key(tag).encode(), self._node)
        return place

    # what nodes tell

    def astray(self, node: Node, asked: Asked, reply: str) -> bool:
        """One server alone sends nobody elsewhere."""
        return False

    def failed(self, kind: Kind) -> None:
        """For the metric."""
        self._on_failure(kind.value)
