"""A gateway process of the claims bench: `python -m bench.cycler --store URL --way moorage|redis-py|floor --in-flight N`.

It says who it is as one line of JSON, {"gateway": ...}. An order {"seconds": S} lets N sessions at once be claimed, confirmed
and ended over and over for so long; the answer is {"cycles", "seconds", "cpu_seconds", "p50", "p99"} of the slice, times in s.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import logging
import os
import sys
import time
from collections import deque
from contextlib import AsyncExitStack, suppress
from typing import Any

import structlog
import uvloop

from bench.cycles import Cycle, Floor, Ours, RedisPy, Requests
from bench.herd import POLICY
from moorage import ids
from moorage.deadlines import HEARTBEAT_EVERY
from moorage.ids import GatewayId
from moorage.io.runtime import settle
from scheduler.io.redis.client.shards import Shards
from scheduler.io.redis.store import RedisStore
from scheduler.storeurl import parse_store_url
from scheduler.values import ClaimRequest

MOST_PER_SECOND = 40_000  # requests are made before the slice begins


class Gateway:
    """Joins, renews and reads its notices as a gateway does."""

    def __init__(self, store: RedisStore) -> None:
        self.id = GatewayId(ids.make("gtw", store.now(), os.urandom))
        self._store = store

    async def keep(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            tasks.create_task(self._renew())

    async def _watch(self) -> None:
        async for _ in self._store.watch(self.id):
            pass

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_EVERY)
            await self._store.renew(self.id)


class Slice:
    """So many at once, until the time is up."""

    def __init__(self, way: Cycle, requests: deque[ClaimRequest]) -> None:
        self._way = way
        self._requests = requests
        self._taken: list[float] = []

    async def run(self, in_flight: int, seconds: float) -> dict[str, Any]:
        """The answer."""
        cpu, started = time.process_time(), time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(in_flight):
                tasks.create_task(self._over_and_over(started + seconds))
        elapsed, used = time.monotonic() - started, time.process_time() - cpu
        taken = sorted(self._taken)
        return {
            "cycles": len(taken),
            "seconds": elapsed,
            "cpu_seconds": used,
            "p50": taken[len(taken) // 2],
            "p99": taken[len(taken) * 99 // 100],
        }

    async def _over_and_over(self, until: float) -> None:
        clock, go, requests, note = time.monotonic, self._way.go, self._requests, self._taken.append
        started = clock()
        while started < until and requests:
            await go(requests.popleft())
            ended = clock()
            note(ended - started)
            started = ended


async def _main(options: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        url = parse_store_url(options.store)
        store = RedisStore(url, POLICY)
        await store.open()
        stack.push_async_callback(store.close)
        gateway = Gateway(store)
        await store.join(gateway.id, "ws://bench")
        keeping = asyncio.create_task(gateway.keep())
        way: Cycle
        match options.way:
            case "redis-py":
                way = RedisPy(url, int(options.store.rpartition(":")[2]), options.in_flight)
                stack.push_async_callback(way.close)
            case "floor":
                shards = Shards(url)
                await shards.open()
                stack.push_async_callback(shards.close)
                way = Floor(shards)
            case _:
                way = Ours(store)
        _say({"gateway": gateway.id})
        await _obey(options, store, way, Requests(gateway.id))
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


async def _obey(options: argparse.Namespace, store: RedisStore, way: Cycle, requests: Requests) -> None:
    profile = cProfile.Profile() if options.profile else None
    ready: deque[ClaimRequest] = deque()
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        now = store.now()
        while len(ready) < order["seconds"] * MOST_PER_SECOND:
            ready.append(requests.make(now))
        if profile is not None:
            profile.enable()
        answer = await Slice(way, ready).run(options.in_flight, order["seconds"])
        if profile is not None:
            profile.disable()
            profile.dump_stats(options.profile)
        _say(answer)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.cycler")
    parser.add_argument("--store", required=True)
    parser.add_argument("--way", choices=("moorage", "redis-py", "floor"), required=True)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--profile", default="", help="where a profile of all slices is written")
    quiet = structlog.make_filtering_bound_logger(logging.WARNING)
    structlog.configure(wrapper_class=quiet, logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    settle()
    uvloop.run(_main(parser.parse_args()))
