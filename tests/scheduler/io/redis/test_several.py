"""What comes together leaves what it would have left one by one: every answer, notice and event, and every key of the store.

On one node: on a cluster those that come together enter the fleet's shard before any of them is placed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from moorage.ids import SessionId, WorkerId
from scheduler.io.redis.ground import FLEET, region_tag
from scheduler.io.redis.message import unpack
from scheduler.io.redis.store import RedisStore
from scheduler.policy import SchedulerPolicy
from scheduler.storeurl import parse_store_url
from scheduler.values import (
    Claimed,
    ClaimRequest,
    Concurrency,
    Duplicates,
    End,
    Heartbeat,
    Notice,
    Outcome,
    Registered,
    SessionView,
    Usage,
    Wanted,
)
from tests.scheduler.builders import FAR, NEAR, a_request, a_worker
from tests.scheduler.told import told
from tests.scheduler.world import Clock

TURNS = 60
SEEDS = range(12)
POLICY = SchedulerPolicy(soft_cap=0.6, reservation=5.0)
LABELS = (frozenset[tuple[str, str]](), frozenset({("gpu", "l4")}))
Ask = Callable[[RedisStore], Coroutine[Any, Any, object]]

_prefixes = count(1)


class Pair:
    """Two stores with one clock: what one of them hears at once the other hears in turn."""

    def __init__(self, place: str) -> None:
        self.clock = Clock()
        self.prefixes = [f"pair{next(_prefixes)}" for _ in range(2)]
        self.stores = [
            RedisStore(
                parse_store_url(f"{place}?prefix={prefix}"),
                POLICY,
                clock=self.clock,
                draw=Random(1).randbytes,
            )
            for prefix in self.prefixes
        ]

    async def both(self, ask: Ask) -> object:
        """One operation, alone."""
        one, other = [await ask(store) for store in self.stores]
        assert one == other
        return one

    async def at_once(self, asks: list[Ask]) -> list[object]:
        """In one turn of the loop, and one after the other."""
        together = await asyncio.gather(*(ask(self.stores[0]) for ask in asks))
        alone = [await ask(self.stores[1]) for ask in asks]
        assert together == alone
        return alone

    async def left(self) -> list[dict[str, object]]:
        """All keys of both."""
        return [await _all_of(store, prefix) for store, prefix in zip(self.stores, self.prefixes, strict=True)]


async def _all_of(store: RedisStore, prefix: str) -> dict[str, object]:
    names = await store._shards.command(FLEET, "KEYS", f"{{{prefix}:*")
    found: dict[str, object] = {}
    for name in sorted(names):
        suffix = name.decode().removeprefix(f"{{{prefix}:")
        if suffix.endswith((":epoch", ":events")):
            continue
        what = await _content(store, name)
        if suffix == f"{region_tag('eu')}}}:state" and isinstance(what, dict):
            what.pop(b"more", None)
        if what:
            found[suffix] = what
    return found


async def _content(store: RedisStore, name: bytes) -> object:
    async def ask(*words: str | int) -> Any:
        return await store._shards.command(FLEET, words[0], name, *words[1:])

    match (await ask("TYPE")).decode():
        case "string":
            return _said(await ask("GET"))
        case "hash":
            raw = await ask("HGETALL")
            pairs = raw.items() if isinstance(raw, dict) else zip(raw[::2], raw[1::2], strict=True)
            return {key: _said(value) for key, value in pairs}
        case "set":
            return sorted(await ask("SMEMBERS"))
        case "zset":
            raw = await ask("ZRANGE", 0, -1, "WITHSCORES")
            return [tuple(one) if isinstance(one, list) else one for one in raw]
        case "list":
            return [_said(one) for one in await ask("LRANGE", 0, -1)]
        case kind:
            return kind


def _said(raw: bytes) -> object:
    """A message, where it is one: the order of what has names does not matter."""
    try:
        return unpack(raw)
    except ValueError:
        return raw


class History:
    """Of five users' sessions on five small workers that come and go, so that many wait."""

    def __init__(self, pair: Pair, seed: int) -> None:
        self.pair = pair
        self.chance = Random(seed)
        self.sessions = [SessionId(f"ses_{number:03}") for number in range(14)]
        self.fences: dict[SessionId, int] = {}
        self.workers: list[WorkerId] = []
        self.silent: set[WorkerId] = set()
        self.beats = 0

    async def begin(self) -> None:
        for gateway in (NEAR, FAR):
            await self.pair.both(lambda store, to=gateway: store.join(to, f"ws://{to}"))  # type: ignore[misc]
        for number, link in enumerate((NEAR, FAR, None, NEAR, NEAR)):
            labels = LABELS[number == 4]
            worker = a_worker(slots=3, name=f"w{number}", gateway=link, labels=labels)
            joined = await self.pair.both(lambda store, one=worker: store.register(one))  # type: ignore[misc]
            assert isinstance(joined, Registered)
            self.workers.append(joined.worker)

    async def beat(self) -> None:
        """Some are silent for a while, and are lost; a lost one is heard again without its sessions."""
        self.silent ^= {worker for worker in self.workers if self.chance.random() < 0.04}
        for worker in self.workers:
            if worker in self.silent:
                continue
            self.beats += 1
            beat = Heartbeat(worker, self.beats, 0)
            await self.pair.both(lambda store, said=beat: store.heartbeat(said))  # type: ignore[misc]

    async def turn(self) -> None:
        """Several of one kind at once, then time passes."""
        chance = self.chance
        make = chance.choice((self._claim, self._claim, self._report))
        answers = await self.pair.at_once([make() for _ in range(chance.randrange(2, 20))])
        for answer in answers:
            if isinstance(answer, Claimed):
                self.fences[answer.session] = answer.fence
        self.pair.clock.seconds += chance.choice((0.001, 0.01, 1.0))
        if chance.random() < 0.4:
            await self.beat()
            await self.pair.both(lambda store: store.sweep())
        if chance.random() < 0.1:
            self.sessions.append(SessionId(f"ses_{len(self.sessions):03}"))

    def _claim(self) -> Ask:
        chance = self.chance
        wanted = Wanted(labels=chance.choice(LABELS), is_spread=chance.random() < 0.1)
        request: ClaimRequest = a_request(
            chance.choice(self.sessions[-14:]),
            gateway=chance.choice((NEAR, NEAR, FAR)),
            wanted=wanted,
            user=f"usr_{chance.randrange(5)}",
            key=f"key_{chance.randrange(3)}",
            limits=Concurrency(per_user=chance.choice((0, 3))),
            wait_seconds=chance.choice((0.0, 8.0)),
            resume_seconds=4.0,
            duplicates=chance.choice((Duplicates.REPLACE, Duplicates.REPLACE, Duplicates.REJECT)),
            now=self.pair.clock.seconds,
        )
        return lambda store: store.claim(request)

    def _report(self) -> Ask:
        chance = self.chance
        session = chance.choice(self.sessions[-14:])
        fence = self.fences.get(session, 1) - (chance.random() < 0.1)
        usage = Usage(1, 2, 3, 4)
        match chance.choice(("confirm", "confirm", "confirm", "end", "release", "suspend", "checkpoint")):
            case "confirm":
                return lambda store: store.confirm(session, fence)
            case "end":
                end = End(session, Outcome.COMPLETED, None, "TEST", chance.choice(("client", "api")), fence, usage)
                return lambda store: store.end(end)
            case "release":
                return lambda store: store.release(session, fence)
            case "suspend":
                is_lost = chance.random() < 0.3
                return lambda store: store.suspend(session, fence, usage, is_worker_lost=is_lost)
            case _:
                return lambda store: store.checkpoint(session, fence, usage)


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_comes_at_once_leaves_what_it_would_one_by_one(redis_socket: Path, seed: int) -> None:
    pair = Pair(f"unix://{redis_socket}")
    for store in pair.stores:
        await store.open()
    history = History(pair, seed)
    try:
        await history.begin()
        heard = [store.watch(NEAR) for store in pair.stores]

        for _ in range(TURNS):
            await history.turn()
            one, other = await pair.left()
            assert one == other

        notices: list[list[Notice]] = [
            await told(store, NEAR, watch) for store, watch in zip(pair.stores, heard, strict=True)
        ]
        assert notices[0] == notices[1]
        events = [await store.events("test", 100_000, 0) for store in pair.stores]
        assert [_plain(one) for one in events[0]] == [_plain(one) for one in events[1]]
        views = [await store.sessions() for store in pair.stores]
        assert all(isinstance(view, SessionView) for view in views[0])
    finally:
        for store in pair.stores:
            await store.close()


def _plain(event: Any) -> tuple[object, ...]:
    return event.type, event.at, event.session, event.worker, event.seq, event.end, event.data
