"""A process that dies while it carries a session to another region: whatever it left, there is one live copy and one end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
import pytest_asyncio

from moorage.ids import GatewayId, SessionId, WorkerId
from scheduler.io.redis.carrying import deliver
from scheduler.io.redis.ground import FLEET, Ground, region_tag
from scheduler.io.redis.message import inner, unpack
from scheduler.io.redis.store import RedisStore
from scheduler.io.redis.words import request_word
from scheduler.policy import SchedulerPolicy
from scheduler.store import Store
from scheduler.storeurl import parse_store_url
from scheduler.values import (
    Claimed,
    ClaimRequest,
    ClaimState,
    Concurrency,
    End,
    Ended,
    Outcome,
    Queued,
    Refused,
    Revocation,
    SessionView,
    Stale,
    Usage,
    Wanted,
)
from tests.redis_server import RedisServer
from tests.scheduler.builders import NEAR, START, a_request, a_worker
from tests.scheduler.world import Clock, World, a_world, closed, opened

EU_US = Wanted(regions=("eu", "us"))
STEPS = ("welcome", "pack_up", "arrive", "moved")
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


def remembers(place: Place) -> None:
    """The other process saw the session in eu."""
    ground_of(place.other).remember(place.session, "eu")


@pytest.mark.parametrize("last", STEPS)
async def test_the_sweep_leaves_one_copy_and_nothing_else(place: Place, last: str) -> None:
    await place.crash_after(last)

    await place.other.sweep()
    await place.world.advance(11)

    where = "eu" if last == "welcome" else "us"
    assert await place.copies() == [where]
    assert await place.named() == where
    assert await place.left_over() == []
    assert await place.used() == ((1, 0) if where == "eu" else (0, 1))
    view = await place.other.session(place.session)
    assert isinstance(view, SessionView)
    assert (view.region, view.state) == (where, ClaimState.SUSPENDED)
    assert await place.ends() == []


@pytest.mark.parametrize("last", STEPS)
async def test_an_outage_longer_than_a_reservation_changes_nothing(place: Place, last: str) -> None:
    await place.crash_after(last)

    place.world.clock.seconds += 60
    for region in ("us", "eu"):  # the slot lapses before the parcel is seen
        await ground_of(place.other).in_region("sweep", region, [False])
    await place.other.sweep()
    place.world.clock.seconds += 0.3
    await place.other.sweep()

    assert await place.copies() == ["eu" if last == "welcome" else "us"]
    assert await place.left_over() == []
    record = await place.world.end(place.session)
    assert record.session == place.session
    assert len(await place.ends()) == 1
    assert await place.used() == (0, 0)


@pytest.mark.parametrize("last", STEPS)
async def test_where_the_room_is_gone_meanwhile_it_waits_for_its_client_without_a_slot(place: Place, last: str) -> None:
    await place.crash_after(last)
    place.world.clock.seconds += 11
    await ground_of(place.other).in_region("sweep", "us", [False])
    taken = await place.other.claim(a_request(wanted=Wanted(regions=("us",)), now=place.world.now))

    await place.other.sweep()

    assert isinstance(taken, Claimed) is (last in ("welcome", "pack_up"))
    assert len(await place.copies()) == 1
    assert await place.left_over() == []
    assert (await place.world.view(place.us)).used == 1
    if isinstance(taken, Claimed):
        await place.world.end(taken.session)
        back = await place.other.claim(a_request(place.session, wanted=EU_US, now=place.world.now))
        assert isinstance(back, Claimed)
        assert (back.worker, back.is_resumed) == (place.us, True)
        assert await place.used() == (0, 1)


@pytest.mark.parametrize("last", STEPS)
@pytest.mark.parametrize("has_seen_it", [True, False])
async def test_an_end_before_the_sweep_is_the_only_one(place: Place, last: str, has_seen_it: bool) -> None:
    await place.crash_after(last)
    if has_seen_it:
        remembers(place)

    first = await place.other.end(End(place.session, Outcome.COMPLETED, None, "API", "api"))
    second = await place.other.end(End(place.session, Outcome.FAILED, None, "LATER", "api"))
    await place.other.sweep()
    await place.world.advance(400)

    assert isinstance(first, Ended)
    assert first.is_first
    assert second == Ended(first.record, False)
    assert first.record.held_seconds > 0
    assert await place.copies() == []
    assert await place.left_over() == []
    assert await place.used() == (0, 0)
    assert len(await place.ends()) == 1
    assert isinstance(await place.other.claim(place.request), Refused)


@pytest.mark.parametrize("last", STEPS)
@pytest.mark.parametrize("has_seen_it", [True, False])
async def test_its_client_comes_again_before_the_sweep(place: Place, last: str, has_seen_it: bool) -> None:
    await place.crash_after(last)
    if has_seen_it:
        remembers(place)

    same = await place.other.claim(place.request)
    later = await place.other.claim(a_request(place.session, wanted=EU_US, now=place.world.now))

    assert isinstance(same, Claimed)
    assert isinstance(later, Claimed)
    assert same.worker == later.worker == place.us
    assert later.fence > same.fence > place.held.fence
    await place.other.confirm(later.session, later.fence)
    await place.other.sweep()
    assert await place.copies() == ["us"]
    assert await place.named() == "us"
    assert await place.left_over() == []
    assert await place.used() == (0, 1)


@pytest.mark.parametrize("last", STEPS)
async def test_what_its_last_attach_carried_is_counted(place: Place, last: str) -> None:
    await place.crash_after(last)
    remembers(place)
    carried = Usage(1, 2, 3, 4)

    late = await place.other.suspend(place.session, place.held.fence, carried, is_worker_lost=True)
    await place.other.sweep()
    answer = await place.other.end(End(place.session, Outcome.COMPLETED, None, "API", "api"))

    assert isinstance(late, Stale) is (last != "welcome")
    assert isinstance(answer, Ended)
    assert answer.record.usage == carried
    assert not answer.record.is_estimated


@pytest.mark.parametrize("last", STEPS)
async def test_a_revocation_finds_it(place: Place, last: str) -> None:
    await place.crash_after(last)

    ended = await place.other.revoke(Revocation("user", "usr_one", START + 3600, place.world.now + 1, "R"))

    assert ended == 1
    await place.other.sweep()
    await place.world.advance(11)
    assert len(await place.ends()) == 1
    assert await place.copies() == []
    assert await place.used() == (0, 0)


@pytest.mark.parametrize("last", STEPS)
async def test_limits_count_it_once(place: Place, last: str) -> None:
    await place.crash_after(last)
    await place.other.sweep()
    wanted, limits = Wanted(regions=("asia",)), Concurrency(per_user=1)
    await place.world.worker(a_worker(region="asia"))

    before = await place.other.claim(a_request(wanted=wanted, limits=limits, now=place.world.now))
    await place.world.end(place.session)
    after = await place.other.claim(a_request(wanted=wanted, limits=limits, now=place.world.now))

    assert isinstance(before, Refused)
    assert isinstance(after, Claimed)


async def test_a_process_that_was_stopped_brings_nobody_back_who_has_ended(place: Place) -> None:
    parcel = await place.crash_after("pack_up")
    await place.other.sweep()
    await place.world.end(place.session)

    assert await deliver(place.ground, "eu", parcel) is None

    assert await place.copies() == []
    assert await place.left_over() == []
    assert await place.used() == (0, 0)


async def test_nor_whoever_went_on_to_another_region(place: Place) -> None:
    parcel = await place.crash_after("pack_up")
    await place.other.sweep()
    there = await place.other.claim(place.request)
    assert isinstance(there, Claimed)
    await place.other.confirm(there.session, there.fence)
    eu = await place.world.worker(a_worker(region="eu"))
    await place.other.suspend(there.session, there.fence, Usage(), is_worker_lost=True)
    back = await place.other.claim(a_request(place.session, wanted=EU_US, now=place.world.now))
    assert isinstance(back, Claimed)
    assert back.worker == eu.worker

    await deliver(place.ground, "eu", parcel)
    await place.ground.run("moved", FLEET, [place.session, "us", there.fence])  # said late

    assert await place.copies() == ["eu"]
    assert await place.named() == "eu"
    assert await place.left_over() == []


async def test_nor_with_the_slot_that_waits_for_its_next_coming(place: Place) -> None:
    parcel = await place.crash_after("pack_up")
    await place.other.sweep()
    await place.world.end(place.session)
    again = request_word(place.request, "us", waits=False) | {"ticket": "another", "carried": "eu"}
    await place.ground.in_region("welcome", "us", again)

    assert await place.ground.in_region("arrive", "us", [parcel]) == ["lapsed"]

    assert await place.copies() == []


async def test_nor_who_is_on_the_way_to_a_third_region(place: Place) -> None:
    parcel = await place.crash_after("arrive")
    await place.world.worker(a_worker(region="asia"))
    place.ground.remember(place.session, "us")
    there = await place.world.session(place.session)
    await place.ground.in_region("confirm", "us", [place.session, there.fence])
    await place.ground.in_region("suspend", "us", [place.session, there.fence, False, True])
    third = a_request(place.session, wanted=Wanted(regions=("us", "asia")), resume_seconds=300, now=place.world.now)
    word = request_word(third, "asia", waits=False) | {"ticket": third.request, "carried": "us"}
    await place.ground.in_region("welcome", "asia", word)
    assert (await place.ground.in_region("pack_up", "us", [word, "asia", word["ticket"], False]))[0] == "packed"

    assert await deliver(place.ground, "eu", parcel) is None
    await place.other.sweep()

    assert await place.copies() == ["asia"]
    assert await place.named() == "asia"
    assert await place.left_over() == []
    assert await place.used() == (0, 0)


async def test_an_end_that_asks_where_it_only_waits_finds_it_where_it_is(place: Place) -> None:
    await place.world.held(a_request(wanted=Wanted(regions=("us",)), now=place.world.now))
    assert isinstance(await place.other.claim(place.request._replace(wait_seconds=60)), Queued)
    ground_of(place.other).remember(place.session, "us")

    answer = await place.other.end(End(place.session, Outcome.COMPLETED, None, "API", "api"))

    assert isinstance(answer, Ended)
    assert answer.record.held_seconds > 0
    assert len(await place.ends()) == 1
    assert await place.used() == (0, 1)


async def test_two_processes_carry_it_at_once_while_both_sweep(place: Place) -> None:
    place.world.clock.seconds += 0.3
    second = a_request(place.session, wanted=EU_US, resume_seconds=300, now=place.world.now)

    one, _, two, _ = await asyncio.gather(
        place.world.store.claim(place.request),
        place.other.sweep(),
        place.other.claim(second),
        place.world.store.sweep(),
    )

    assert isinstance(one, Claimed) or isinstance(two, Claimed)
    place.world.clock.seconds += 0.3
    await place.other.sweep()
    assert await place.copies() == ["us"]
    assert await place.named() == "us"
    assert await place.left_over() == []
    assert await place.used() == (0, 1)
    view = await place.other.session(place.session)
    assert isinstance(view, SessionView)
    assert view.fence == max(answer.fence for answer in (one, two) if isinstance(answer, Claimed))
    await place.world.end(place.session)
    assert len(await place.ends()) == 1


async def test_an_old_ticket_lets_nobody_in(place: Place) -> None:
    old = await place.crash_after("pack_up")
    place.world.clock.seconds += 11
    await ground_of(place.other).in_region("sweep", "us", [False])
    await place.other.sweep()

    assert await place.ground.in_region("arrive", "us", [old]) != ["lapsed"]  # it is there by now
    await place.world.end(place.session)
    assert await place.ground.in_region("arrive", "us", [old]) == ["lapsed"]
    assert inner(old)[3] == place.request.request
    assert await place.copies() == []


async def test_a_slot_that_was_kept_for_a_waiter_whose_gateway_is_deaf_goes_to_the_next(place: Place) -> None:
    deaf = GatewayId("gtw_deaf")
    await place.other.join(deaf, "wss://deaf")
    place.world.renewing.add(deaf)
    [taken] = [await place.world.held(a_request(wanted=Wanted(regions=("us",)), now=place.world.now))]
    waits = place.request._replace(gateway=deaf, wait_seconds=120)
    assert isinstance(await place.other.claim(waits), Queued)
    second = a_request(wanted=Wanted(regions=("us",)), wait_seconds=120, gateway=NEAR, now=place.world.now)
    assert isinstance(await place.other.claim(second), Queued)

    await place.world.end(taken.session)
    assert (await place.other.session(place.session)) is not None
    await place.world.advance(11)

    assert await place.copies() == ["eu"]
    assert await place.left_over() == []
    got = await place.other.session(second.session)
    assert isinstance(got, SessionView)
    assert got.worker == place.us
    assert await place.other.queue(place.session) is not None
