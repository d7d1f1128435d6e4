"""A session on its way from one region to another, and a process that dies at a step of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
import pytest_asyncio

from moorage.ids import SessionId, WorkerId
from scheduler.io.redis.ground import FLEET, Ground, region_tag
from scheduler.io.redis.message import unpack
from scheduler.io.redis.store import RedisStore
from scheduler.io.redis.words import request_word
from scheduler.policy import SchedulerPolicy
from scheduler.store import Store
from scheduler.storeurl import parse_store_url
from scheduler.values import (
    Claimed,
    ClaimRequest,
    Wanted,
)
from tests.redis_server import RedisServer
from tests.scheduler.builders import a_request, a_worker
from tests.scheduler.world import Clock, World, a_world, closed, opened

EU_US = Wanted(regions=("eu", "us"))
_prefixes = count(1)


@dataclass
class Place:
    """A session in eu that lost its worker, room for it in us, and two processes: `ground` dies, `other` goes on."""

    world: World
    other: RedisStore
    held: Claimed
    request: ClaimRequest
    eu: WorkerId
    us: WorkerId

    @property
    def session(self) -> SessionId:
        return self.held.session

    @property
    def ground(self) -> Ground:
        return ground_of(self.world.store)

    async def crash_after(self, last: str) -> str | bytes:
        """The steps up to this one; answers the parcel. The next sweep has something to do."""
        self.world.clock.seconds += 0.3
        word = request_word(self.request, "us", waits=False) | {"ticket": self.request.request, "carried": "eu"}
        assert (await self.ground.in_region("welcome", "us", word))[0] == "expected"
        if last == "welcome":
            return b""
        packed, raw = await self.ground.in_region("pack_up", "eu", [word, "us", word["ticket"], False])
        assert packed == "packed"
        if last != "pack_up":
            arrived = await self.ground.in_region("arrive", "us", [raw])
            assert arrived[0] == "claimed"
            if last == "moved":
                await self.ground.run("moved", FLEET, [self.session, "us", arrived[4]])
        parcel: str | bytes = raw
        return parcel

    async def copies(self) -> list[str]:
        """Regions that have it."""
        return [region for region in ("asia", "eu", "us") if await self._has(region)]

    async def _has(self, region: str) -> bool:
        return bool(await self.ground.command(region_tag(region), "EXISTS", f":s:{self.session}"))

    async def left_over(self) -> list[Any]:
        """Parcels and slots that wait for somebody."""
        names = [(region, key) for region in ("asia", "eu", "us") for key in (":away", ":guests")]
        return [name for name in names if await self.ground.command(region_tag(name[0]), "HLEN", name[1])]

    async def named(self) -> str:
        """The region that the fleet's shard names."""
        region: str = unpack(await self.ground.command(FLEET, "HGET", ":s", self.session))[0]
        return region

    async def used(self) -> tuple[int, int]:
        return (await self.world.view(self.eu)).used, (await self.world.view(self.us)).used

    async def ends(self) -> list[int]:
        """Their numbers in the session's events, which have no gap."""
        events = sorted(await self.world.events(self.session), key=lambda event: event.seq)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        return [event.seq for event in events if event.end is not None]


def ground_of(store: Store) -> Ground:
    assert isinstance(store, RedisStore)
    return store._ground


@pytest_asyncio.fixture(params=[False, True], ids=["near", "far"])
async def place(request: pytest.FixtureRequest, server: RedisServer) -> AsyncIterator[Place]:
    url = parse_store_url(f"{server.url}?prefix=c{next(_prefixes)}")

    def make(clock: Clock, policy: SchedulerPolicy) -> RedisStore:
        return RedisStore(url, policy, clock=clock, is_split=request.param)

    async with a_world(make) as world:
        eu = await world.worker(a_worker(region="eu"))
        us = await world.worker(a_worker(region="us", slots=1))
        held = await world.held(a_request(wanted=EU_US, resume_seconds=300))
        world.silence(eu.worker)
        await world.advance(6)
        other = make(world.clock, SchedulerPolicy())
        await opened(other)
        again = a_request(held.session, wanted=EU_US, resume_seconds=300, now=world.now)
        yield Place(world, other, held, again, eu.worker, us.worker)
        await closed(other)
