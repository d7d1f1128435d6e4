"""A fleet of several kinds of workers on one Redis, its users, and the process that keeps it:
`python -m bench.herd --store URL --workers N --gateways G,H`.

It registers the workers, linked to the gateways in turn, holds sessions on some of them, sweeps, and reads events as the control
plane does, less its database. Asked with a line on stdin it answers with one of JSON once no event is left: {}.

Workers do not beat: 10,000 of them are 10,000 more scripts a second, which are no part of a claim. Their lease is long instead.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import os
import random
import sys
from dataclasses import replace
from typing import NamedTuple

import structlog
import uvloop

from controlplane.io.consumer import BATCH
from moorage import ids
from moorage.deadlines import HEARTBEAT_EVERY
from moorage.ids import GatewayId, KeyId, RequestId, SessionId, UserId, WorkspaceId
from moorage.io.runtime import settle
from scheduler.io.redis.events import LOOK_EVERY
from scheduler.io.redis.store import RedisStore
from scheduler.io.sweeper import sweep_forever
from scheduler.policy import SchedulerPolicy
from scheduler.storeurl import parse_store_url
from scheduler.values import Claimed, ClaimRequest, Done, Registered, Registration, Wanted

REGION = "bench"
SLOTS = 100
HELD = 500  # sessions that stay, so that there is something to pack
AT_ONCE = 100
POLICY = replace(SchedulerPolicy(), suspect_after=600.0, worker_lost_after=900.0)

_POOLS = ("chat", "voice", "vision", "batch")
_LABELS = (
    frozenset[tuple[str, str]](),
    frozenset({("gpu", "l4")}),
    frozenset({("gpu", "h100"), ("zone", "a")}),
    frozenset({("gpu", "h100"), ("zone", "b")}),
)
KINDS = tuple(itertools.product(_POOLS, _LABELS))
"""Pool and labels of a worker; the workers have them in turn."""

DEMANDS = (
    Wanted(),
    Wanted((REGION,), ("chat",)),
    Wanted((REGION,), ("voice", "vision")),
    Wanted((), ("chat",), frozenset({("gpu", "l4")})),
    Wanted((REGION,), (), frozenset({("gpu", "h100")})),
    Wanted((REGION,), ("vision",), frozenset({("zone", "b")})),
)


class Person(NamedTuple):
    """Whose token it is."""

    workspace: WorkspaceId
    user: UserId
    key: KeyId


def _people() -> tuple[Person, ...]:
    """100 workspaces with 10 users and 10 keys each: so many that none is at its limit. The same in every process."""
    draw = random.Random("herd").randbytes
    found = []
    for _ in range(100):
        workspace = WorkspaceId(ids.make("wsp", 0, draw))
        found += [
            Person(workspace, UserId(ids.make("usr", 0, draw)), KeyId(ids.make("key", 0, draw))) for _ in range(10)
        ]
    return tuple(found)


PEOPLE = _people()


class Herd:
    """See the module."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._gateway = GatewayId(ids.make("gtw", store.now(), os.urandom))
        self._nothing_left = asyncio.Event()

    async def gather(self, workers: int, gateways: list[GatewayId]) -> None:
        """All of them join, and some are in use."""
        await self._store.join(self._gateway, "ws://bench")
        await self._register(0, gateways)  # the region, before all at once ask for it
        for start in range(1, workers, AT_ONCE):
            portion = range(start, min(workers, start + AT_ONCE))
            await asyncio.gather(*(self._register(number, gateways) for number in portion))
        for start in range(0, HELD, AT_ONCE):
            await asyncio.gather(
                *(self._hold(PEOPLE[number % len(PEOPLE)]) for number in range(start, start + AT_ONCE))
            )

    async def obey(self) -> None:
        """Until stdin ends."""
        async with asyncio.TaskGroup() as tasks:
            kept = [
                tasks.create_task(work) for work in (sweep_forever(self._store), self._take_events(), self._renew())
            ]
            sys.stdout.write("{}\n")
            sys.stdout.flush()
            while await asyncio.to_thread(sys.stdin.readline):
                self._nothing_left.clear()
                await self._nothing_left.wait()
                sys.stdout.write("{}\n")
                sys.stdout.flush()
            for task in kept:
                task.cancel()

    async def _register(self, number: int, gateways: list[GatewayId]) -> None:
        pool, labels = KINDS[number % len(KINDS)]
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}:80"
        gateway = gateways[number % len(gateways)]
        said = Registration(f"worker-{number}", REGION, pool, address, SLOTS, labels, gateway=gateway)
        joined = await self._store.register(said)
        assert isinstance(joined, Registered), joined

    async def _hold(self, person: Person) -> None:
        now = self._store.now()
        session, request = (ids.make(prefix, now, os.urandom) for prefix in ("ses", "req"))
        of = (SessionId(session), person.workspace, person.user, person.key, self._gateway)
        wish = ClaimRequest(RequestId(request), *of, random.choice(DEMANDS), now + 3600, 30, 0)
        claimed = await self._store.claim(wish)
        assert isinstance(claimed, Claimed), claimed
        assert isinstance(await self._store.confirm(claimed.session, claimed.fence), Done)

    async def _take_events(self) -> None:
        while True:
            events = await self._store.events("bench", BATCH, 0)
            if events:
                await self._store.acknowledge("bench", events)
                continue
            self._nothing_left.set()
            await asyncio.sleep(LOOK_EVERY)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_EVERY)
            await self._store.renew(self._gateway)


async def _main(options: argparse.Namespace) -> None:
    store = RedisStore(parse_store_url(options.store), POLICY)
    await store.open()
    herd = Herd(store)
    await herd.gather(options.workers, [GatewayId(one) for one in options.gateways.split(",")])
    await herd.obey()
    await store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.herd")
    parser.add_argument("--store", required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--gateways", required=True)
    quiet = structlog.make_filtering_bound_logger(logging.WARNING)
    structlog.configure(wrapper_class=quiet, logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    settle()
    uvloop.run(_main(parser.parse_args()))
