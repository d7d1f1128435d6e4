"""What every part of the Redis store stands on: the shards, the scripts, which regions there are, where sessions live.

A region is a shard; what spans regions is the fleet's shard. Where one server has both, the fleet's part of a step is
done in the same script. On a cluster it comes before (`enter`) or after (`depart`), and the sweep repairs what a crash
between the two left behind.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from functools import lru_cache
from time import monotonic
from typing import Any
from urllib.parse import quote, unquote

from moorage.ids import Draw, GatewayId, SessionId
from scheduler.io.redis.client.functions import Script, library
from scheduler.io.redis.client.shards import Shards
from scheduler.io.redis.gathering import TOGETHER, Gathering
from scheduler.io.redis.message import pack, unpack
from scheduler.io.redis.prelude import prelude
from scheduler.io.redis.scripts import packaged
from scheduler.policy import SchedulerPolicy
from scheduler.store import Unavailable

FLEET = "fleet"
SETTLE_SECONDS = 2.0  # as long as a call waits for its answer
WHERE = 200_000  # sessions whose region is remembered; others are looked up
_NOT_TWICE = frozenset(
    {"register", "move", "move_away"}
)  # everything else answers a repetition as it did the first time


@lru_cache(maxsize=4096)
def region_tag(region: str) -> str:
    """The tag of a region's shard; quoted, since a brace would end a hash tag."""
    return f"region:{quote(region, safe='')}"


def region_of(tag: str) -> str:
    return unquote(tag.removeprefix("region:"))


class Ground:
    """Shared by the modules beside this one. Raises Unavailable wherever it asks a server."""

    def __init__(
        self,
        shards: Shards,
        policy: SchedulerPolicy,
        clock: Callable[[], float] | None,
        draw: Draw,
        *,
        is_split: bool,
    ) -> None:
        self.shards = shards
        self.policy = policy
        self.draw = draw
        self.regions: list[str] = []
        self.joined: dict[GatewayId, str] = {}  # gateways of this process, with their nodes
        self.on_region: list[Callable[[str], Awaitable[None]]] = []  # told of each region that turns up
        self._clock = clock
        self._offset = 0.0
        operations, shared = packaged()
        self._library = library(operations, [prelude(policy), *shared])
        self._scripts: dict[str, Script] = {}
        self._gathering = Gathering(self._send)
        self._where: OrderedDict[SessionId, str] = OrderedDict()
        self._fleet = shards.key(FLEET) if shards.is_one_node and not is_split else ""
        self.is_one_node = bool(self._fleet)  # whether one script may touch a region and the fleet's shard
        self.settling: set[asyncio.Future[Any]] = set()  # watches under way: what is asked after them waits for them

    def now(self) -> float:
        """The store's clock, as last known."""
        return self._clock() if self._clock is not None else self._offset + monotonic()

    async def set_clock(self) -> None:
        """Looks at the server's clock."""
        before = monotonic()
        seconds, micros = await self.shards.command(FLEET, "TIME")
        self._offset = int(seconds) + int(micros) / 1e6 - (before + monotonic()) / 2

    async def run(self, name: str, tag: str, args: Any) -> Any:
        """One script on one shard."""
        if self.settling:
            await self._settle()
        if name in TOGETHER:
            reply = unpack(await self._gathering.ask(name, tag, pack(args)))
        else:
            self._gathering.flush()
            reply = unpack(await self._send(name, tag, (pack(args),)))
        if len(reply) > 1:
            await self.depart(tag, reply[1])
        return reply[0]

    def in_region(self, name: str, region: str, args: Any) -> Coroutine[Any, Any, Any]:
        """One script on a region's shard."""
        return self.run(name, region_tag(region), args)

    async def depart(self, tag: str, gone: list[Any]) -> None:
        """The fleet's shard hears which sessions left a region."""
        await self.run("depart", FLEET, gone)
        await self.run("departed", tag, [one[0] for one in gone])

    async def command(self, tag: str, name: str, suffix: str, *parts: Any) -> Any:
        """One plain command on a key of a shard."""
        if self.settling:
            await self._settle()
        self._gathering.flush()
        return await self.shards.command(tag, name, self.shards.key(tag, suffix), *parts)

    async def _settle(self) -> None:
        """What is asked after a watch was opened is heard by it. Raises Unavailable where it does not get open."""
        _, late = await asyncio.wait(set(self.settling), timeout=SETTLE_SECONDS)
        if late:
            raise Unavailable(f"the channel of notices is not open after {SETTLE_SECONDS:g} s")

    async def epoch(self) -> str:
        """Changes when the store lost its data."""
        fresh = self.draw(8).hex()
        await self.command(FLEET, "SET", ":epoch", fresh, "NX")
        raw: bytes = await self.command(FLEET, "GET", ":epoch")
        return raw.decode()

    def remember(self, session: SessionId, region: str) -> None:
        """Where a session lives."""
        self._where[session] = region
        if len(self._where) > WHERE:
            self._where.popitem(last=False)

    def forget(self, session: SessionId) -> None:
        self._where.pop(session, None)

    def known(self, session: SessionId) -> str | None:
        """The region where this process last saw a session."""
        return self._where.get(session)

    async def where(self, session: SessionId) -> str | None:
        """The region of a live or waiting session; None for one that is in none."""
        return self._where.get(session) or await self.look_up(session)

    async def look_up(self, session: SessionId) -> str | None:
        """As the fleet's shard has it."""
        raw = await self.command(FLEET, "HGET", ":s", session)
        if raw is None:
            self.forget(session)
            return None
        region: str = unpack(raw)[0]
        self.remember(session, region)
        return region

    async def refresh_regions(self) -> None:
        """Regions that other processes brought; this process's gateways join them."""
        found = sorted(name.decode() for name in await self.command(FLEET, "SMEMBERS", ":regions"))
        for region in found:
            if region not in self.regions:
                await self.add_region(region)

    async def found_region(self, region: str) -> None:
        """A region that somebody names. One that the fleet never had is as old as the fleet; one that it had, and whose shard
        knows nothing, has lost its data. Said also of a region that is known here: the fleet may have forgotten it."""
        born = repr(self.now())
        await self.command(FLEET, "SET", ":born", born, "NX")
        if await self.command(FLEET, "SADD", ":regions", region):
            born = await self.command(FLEET, "GET", ":born")
            await self.command(region_tag(region), "SET", ":born", born, "NX")
            await self.command(region_tag(region), "SET", ":swept", repr(self.now()), "NX")
        if region not in self.regions:
            await self.add_region(region)

    async def add_region(self, region: str) -> None:
        """One more."""
        for gateway, node in list(self.joined.items()):
            await self.in_region("join", region, [gateway, node])
        if region not in self.regions:
            self.regions = sorted([*self.regions, region])
            for tell in list(self.on_region):
                await tell(region)

    def _send(self, name: str, tag: str, parts: tuple[str | bytes, ...]) -> asyncio.Future[Any]:
        script = self._scripts.get(name) or self._script(name)
        now = repr(self._clock()) if self._clock is not None else b""
        return self.shards.run(script, tag, now, self._fleet, *parts)

    def _script(self, name: str) -> Script:
        script = self._scripts[name] = self._library.script(name, is_idempotent=name not in _NOT_TWICE)
        return script
