"""Where keys live in a Redis Cluster: a map of slots, asked for again whenever a node says that it is out of date.

Decides where a call goes that was sent to the wrong node. The map comes from any node that answers.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

import structlog

from scheduler.hashslots import NoMap, SlotMap, parse_redirect, parse_slots, slot_of
from scheduler.io.redis.client.asking import ask_once
from scheduler.io.redis.client.connection import Asked, Connection, Owner
from scheduler.io.redis.client.dialing import Terms, dial
from scheduler.io.redis.client.failures import Failure, Kind, StoreFailed
from scheduler.io.redis.client.node import Node
from scheduler.io.redis.client.schema import check_schema, schema_key_of
from scheduler.io.redis.client.servers import OnFailure
from scheduler.storeurl import Address, StoreUrl

MAP_PAUSE = 0.2  # at least, between two askings for the map
MOST_NODES = 1000

log = structlog.get_logger(__name__)


class Cluster:
    """See the module. `forget` is called when keys have moved to another node."""

    def __init__(self, url: StoreUrl, terms: Terms, on_failure: OnFailure, forget: Callable[[], None]) -> None:
        self._prefix = url.prefix
        self._seeds = url.addresses
        self._terms = terms
        self._on_failure = on_failure
        self._forget = forget
        self._slots = SlotMap((), (), ())
        self._moved: dict[int, Address] = {}
        self._nodes: dict[Address, Node] = {}
        self._retired: list[tuple[float, Node]] = []
        self._is_stale = asyncio.Event()
        self._refreshing = asyncio.Lock()
        self._keeping: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """See Servers."""
        if self._keeping is None:
            self._is_stale.set()
            self._keeping = asyncio.create_task(self._keep_map())
        await self.refresh()
        for node in list(self._nodes.values()):
            await node.connected()

    async def close(self) -> None:
        """See Servers."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        for node in [*self._nodes.values(), *(node for _, node in self._retired)]:
            await node.close()

    def node(self, key: bytes) -> Node:
        """Whoever has the key's slot; where nobody has, any node, which will say CLUSTERDOWN."""
        slot = slot_of(key)
        address = self._moved.get(slot) or self._slots.primary(slot)
        return self._node(address or next(iter(self._nodes), self._seeds[0]))

    def _node(self, address: Address) -> Node:
        if address not in self._nodes:
            self._nodes[address] = self._make(address)
            self._nodes[address].start()
        return self._nodes[address]

    def _make(self, address: Address) -> Node:
        async def check(connection: Connection) -> None:
            if key := schema_key_of(self._prefix, self._slots, address):
                await check_schema(connection, key)

        async def dial_it(owner: Owner) -> Connection:
            return await dial(address, self._terms, owner, check)

        return Node(str(address), dial_it, self._terms.bounds, self._terms.connect_seconds, self)

    # the map

    async def refresh(self) -> None:
        """Asks for the map, and takes it. Raises StoreFailed."""
        async with self._refreshing:
            slots = await self._ask_anyone()
            self._is_stale.clear()
            self._take(slots)

    async def _ask_anyone(self) -> SlotMap:
        reasons: list[str] = []
        for address in self._informants():
            try:
                return parse_slots(await ask_once(address, self._terms, b"CLUSTER", b"SLOTS"), address)
            except StoreFailed as error:
                if error.kind is Kind.AUTH:
                    raise
                reasons.append(str(error))
            except NoMap as error:
                reasons.append(str(error))
        raise StoreFailed(
            Failure(Kind.CLUSTERDOWN, f"no node of the cluster says who has what: {'; '.join(reasons[:3])}")
        )

    def _informants(self) -> list[Address]:
        """Everybody we know of in random order, those that we are connected to first."""
        known = list({*self._nodes, *self._slots.replicas, *self._seeds})
        random.shuffle(known)
        return sorted(known, key=lambda address: address not in self._nodes or not self._nodes[address].is_connected)

    def _take(self, slots: SlotMap) -> None:
        self._slots = slots
        self._moved.clear()
        gone = [address for address in self._nodes if address not in slots.primaries]
        retired = [self._nodes.pop(address) for address in gone]
        for address in slots.primaries:
            self._node(address)
        self._forget()
        now = asyncio.get_running_loop().time()
        for node in retired:
            self._retired.append((now + self._terms.bounds.answer_seconds, node))
            for asked in node.waiting():
                self.node(asked.key).send(asked)

    async def _keep_map(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._terms.bounds.answer_seconds):
                    await self._is_stale.wait()
            if self._is_stale.is_set():
                await self._try_refresh()
            await self._close_retired()
            await asyncio.sleep(MAP_PAUSE * (1 + random.random()))

    async def _try_refresh(self) -> None:
        try:
            await self.refresh()
        except StoreFailed as error:
            log.warning("cluster_map_unknown", detail=str(error))

    async def _close_retired(self) -> None:
        """Once what they still had in flight is answered or has failed."""
        now = asyncio.get_running_loop().time()
        over = [node for until, node in self._retired if until <= now]
        self._retired = [(until, node) for until, node in self._retired if until > now]
        for node in over:
            await node.close()

    # what nodes tell

    def astray(self, node: Node, asked: Asked, reply: str) -> bool:
        """Sends a call on to the node that MOVED or ASK names."""
        at = next((address for address, known in self._nodes.items() if known is node), Address())
        redirect = parse_redirect(reply, at)
        if redirect is None or not redirect.address.host or len(self._nodes) >= MOST_NODES:
            return False
        target = self._node(redirect.address)
        if not redirect.is_for_good:
            target.send_guest(asked)
        else:
            asked.is_guest = False
            self._moved[redirect.slot] = redirect.address
            self._is_stale.set()
            self._forget()
            target.send(asked)
        return True

    def failed(self, kind: Kind) -> None:
        """For the metric."""
        self._on_failure(kind.value)

    def down(self, node: Node) -> None:
        """Perhaps another one serves its slots by now."""
        self._is_stale.set()
