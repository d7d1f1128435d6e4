"""The door to the servers: runs a script, or one command, on the server where the keys of a tag live.

A tag is a shard's name (a region, a workspace). All its keys start with KEYS[1] of its scripts, "{<prefix>:<tag>}", so
that a cluster keeps them on one node and several fleets fit into one Redis.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from scheduler.io.redis.client.cluster import Cluster
from scheduler.io.redis.client.dialing import terms
from scheduler.io.redis.client.failures import Failure, Kind, StoreFailed
from scheduler.io.redis.client.functions import Script
from scheduler.io.redis.client.listening import Broken, Ears, Listening, Take
from scheduler.io.redis.client.node import Node
from scheduler.io.redis.client.packing import Part, pack
from scheduler.io.redis.client.servers import OneServer, OnFailure, Servers
from scheduler.storeurl import StoreUrl, Topology, WrongStoreUrl

__all__ = ["Listening", "OnFailure", "Shards"]

MOST_PLACES = 100_000  # remembered tags; then they are computed anew
LISTEN_TRIES = 3  # a channel whose slot has moved is looked for so often


class Place(NamedTuple):
    """Where a tag lives: KEYS[1], and the node that has it."""

    key: bytes
    node: Node


class Shards:
    """See the module. One per process and event loop, which runs when it is made; `open` before use, `close` after."""

    def __init__(self, url: StoreUrl, on_failure: OnFailure = lambda _: None) -> None:
        self._url = url
        self._places: dict[str, Place] = {}
        self._servers = self._choose_servers(on_failure)
        self._ears = Ears(on_failure)

    def _choose_servers(self, on_failure: OnFailure) -> Servers:
        try:
            agreed = terms(self._url)
        except OSError as error:
            raise WrongStoreUrl(f"the store's URL: its TLS files cannot be used: {error}") from error
        if self._url.topology is Topology.CLUSTER:
            return Cluster(self._url, agreed, on_failure, self._places.clear)
        return OneServer(self._url, agreed, on_failure)

    @property
    def is_one_node(self) -> bool:
        """Whether one script may touch the keys of several tags."""
        return self._url.topology is not Topology.CLUSTER

    async def open(self) -> None:
        """Connects. Raises StoreFailed (an Unavailable) or WrongSchema (a ValueError), which say what to do.

        After a failure it goes on trying by itself until `close`; calling again waits again.
        """
        await self._servers.open()

    async def close(self) -> None:
        """What still waits for an answer fails."""
        await self._ears.close()
        await self._servers.close()

    # asking

    def run(self, script: Script, tag: str, *args: Part) -> asyncio.Future[Any]:
        """The script's answer; ARGV are `args`. Fails with StoreFailed (an Unavailable)."""
        place = self._places.get(tag) or self._find(tag)
        key = place.key
        packed = pack((b"FCALL", script.function, b"1", key, *args))
        return place.node.ask(packed, key, script, script.is_idempotent)

    def command(self, tag: str, *parts: Part, is_idempotent: bool = False) -> asyncio.Future[Any]:
        """One command on the tag's node; keys come from `key`. Never one that blocks: the connection is shared."""
        place = self._places.get(tag) or self._find(tag)
        return place.node.ask(pack(parts), place.key, None, is_idempotent)

    def key(self, tag: str, suffix: str = "") -> str:
        """A key of this tag: KEYS[1] and the suffix."""
        return f"{{{self._url.prefix}:{tag}}}{suffix}"

    async def listen(self, tag: str, channel: str, take: Take, broken: Broken) -> Listening:
        """Gets what is published (SPUBLISH) to KEYS[1] .. channel from now on. `take` and `broken` must not wait.

        `broken` is called once when messages may have been lost; then listen anew. Raises StoreFailed.
        """
        full = self.key(tag, channel).encode()
        for _ in range(LISTEN_TRIES):
            ear = await self._ears.of(self._servers.node(full))
            try:
                return await ear.listen(full, take, broken)
            except StoreFailed as error:
                if error.kind is not Kind.MOVED:
                    raise
                await self._servers.refresh()
        raise StoreFailed(Failure(Kind.MOVED, f"the cluster does not say who has the channel of {tag!r}"))

    def _find(self, tag: str) -> Place:
        if len(self._places) >= MOST_PLACES:
            self._places.clear()
        key = self.key(tag).encode()
        place = self._places[tag] = Place(key, self._servers.node(key))
        return place
