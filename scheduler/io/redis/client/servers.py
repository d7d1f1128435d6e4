"""Where keys live, when one server has them all: the one in the URL, or the primary that Sentinel names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from scheduler.io.redis.client.connection import Asked, Connection, Owner
from scheduler.io.redis.client.dialing import Check, Terms, dial
from scheduler.io.redis.client.failures import Failure, Kind, StoreFailed
from scheduler.io.redis.client.node import Node
from scheduler.io.redis.client.schema import check_schema, schema_key
from scheduler.io.redis.client.sentinel import Sentinels, verify_primary
from scheduler.storeurl import StoreUrl, Topology

LOOK_EVERY = 1.0  # at the sentinels, for a primary that was replaced and does not know it

OnFailure = Callable[[str], None]
"""Gets the kind of each failed call and of each failed connection: the label of a counter."""


class Servers(Protocol):
    """One server, or many."""

    async def open(self) -> None:
        """Connects to all. Raises StoreFailed, WrongSchema, and goes on trying; may be called again."""

    async def close(self) -> None:
        """Everything that still waits fails."""

    def node(self, key: bytes) -> Node:
        """Who has this key."""

    async def refresh(self) -> None:
        """Looks again who has what. Raises StoreFailed."""


class OneServer:
    """All keys on one node."""

    def __init__(self, url: StoreUrl, terms: Terms, on_failure: OnFailure) -> None:
        self._terms = terms
        self._schema_key = schema_key(url.prefix)
        self._on_failure = on_failure
        self._address = url.addresses[0]
        self._sentinels = Sentinels(url, terms) if url.topology is Topology.SENTINEL else None
        where = f"the primary {url.master_name!r}" if self._sentinels else str(self._address)
        self._node = Node(where, self._dial, terms.bounds, terms.connect_seconds, self)
        self._watching: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """See Servers."""
        self._node.start()
        if self._sentinels is not None and self._watching is None:
            self._watching = asyncio.create_task(self._watch(self._sentinels))
        await self._node.connected()

    async def close(self) -> None:
        """See Servers."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self._node.close()

    def node(self, key: bytes) -> Node:
        """The one."""
        return self._node

    async def refresh(self) -> None:
        """Nothing to look at."""

    async def _dial(self, owner: Owner) -> Connection:
        checks: list[Check] = [self._check_schema]
        if self._sentinels is not None:
            checks.insert(0, verify_primary)
            self._address = await self._sentinels.primary()
        return await dial(self._address, self._terms, owner, *checks)

    async def _check_schema(self, connection: Connection) -> None:
        await check_schema(connection, self._schema_key)

    async def _watch(self, sentinels: Sentinels) -> None:
        """A primary that was replaced behind a cut network still answers: the sentinels know better."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                now_primary = await sentinels.primary()
            except StoreFailed:
                continue  # without sentinels there is no fail-over either
            if self._node.is_connected and now_primary != self._address:
                self._node.leave(Failure(Kind.READONLY, f"{self._address} is no longer the primary: {now_primary} is"))

    # what the node tells

    def astray(self, node: Node, asked: Asked, reply: str) -> bool:
        """There is nobody else."""
        return False

    def failed(self, kind: Kind) -> None:
        """For the metric."""
        self._on_failure(kind.value)

    def down(self, node: Node) -> None:
        """It connects again by itself."""
