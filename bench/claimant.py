"""A process of the contention bench: `python -m bench.claimant --store URL [--workers N --slots M]`.

With workers it is their host: it registers them, beats for them, sweeps, and takes the events away. Without, it is a gateway
that claims: it reads an order as a line of JSON on stdin, and writes what it took as one on stdout.

    {"do": "fill", "clients": 17}                                       claims and confirms until there is no room
    {"do": "pace", "clients": 17, "per_second": 1.7, "seconds": 30, "live": 97}   at a rate, ending the oldest beyond `live`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import time
from collections import deque
from typing import Any

import structlog
import uvloop

from moorage import ids
from moorage.deadlines import HEARTBEAT_EVERY
from moorage.errors import Code
from moorage.ids import GatewayId, KeyId, RequestId, SessionId, UserId, WorkerId, WorkspaceId
from scheduler.io.redis.store import RedisStore
from scheduler.io.sweeper import sweep_forever
from scheduler.storeurl import parse_store_url
from scheduler.values import (
    Claimed,
    ClaimRequest,
    Done,
    End,
    Ended,
    Heartbeat,
    Outcome,
    Refused,
    Registered,
    Registration,
    Wanted,
)

EVENTS = 10_000


class Claimant:
    """Claims as a gateway does."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        now = store.now()
        self._gateway = GatewayId(ids.make("gtw", now, os.urandom))
        self._user = UserId(ids.make("usr", now, os.urandom))
        self._workspace = WorkspaceId(ids.make("wsp", now, os.urandom))
        self._key = KeyId(ids.make("key", now, os.urandom))
        self._taken: list[dict[str, Any]] = []
        self._waits: list[float] = []

    async def obey(self) -> None:
        """Until stdin ends."""
        await self._store.join(self._gateway, "ws://bench")
        renewing = asyncio.create_task(self._renew())
        while line := await asyncio.to_thread(sys.stdin.readline):
            order = json.loads(line)
            self._taken, self._waits = [], []
            await (self._fill(order) if order["do"] == "fill" else self._pace(order))
            said = {"taken": self._taken, "waits": sorted(self._waits)}
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()
        renewing.cancel()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_EVERY)
            await self._store.renew(self._gateway)

    async def _fill(self, order: dict[str, Any]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(order["clients"]):
                tasks.create_task(self._fill_one())

    async def _fill_one(self) -> None:
        while await self._claim() is not None:
            pass

    async def _pace(self, order: dict[str, Any]) -> None:
        """Each claim at its time, however long the one before takes."""
        live: deque[tuple[Claimed, dict[str, Any]]] = deque()
        started, every = time.monotonic(), 1 / order["per_second"]
        for _ in range(order["live"]):
            await self._claim_into(live)
        async with asyncio.TaskGroup() as tasks:
            for number in range(round(order["seconds"] * order["per_second"])):
                await asyncio.sleep(max(0.0, started + number * every - time.monotonic()))
                tasks.create_task(self._claim_into(live))
                for _ in range(1 + number % 3 if len(live) > order["live"] else 0):
                    tasks.create_task(self._end(*live.popleft()))

    async def _claim_into(self, live: deque[tuple[Claimed, dict[str, Any]]]) -> None:
        claimed = await self._claim()
        if claimed is not None:
            live.append((claimed, self._taken[-1]))

    async def _claim(self) -> Claimed | None:
        """One slot; None where there is none."""
        started = time.monotonic()
        claimed = await self._store.claim(self._request())
        if isinstance(claimed, Refused) and claimed.code is Code.NO_CAPACITY:
            return None
        assert isinstance(claimed, Claimed), claimed
        self._taken.append({"worker": claimed.worker, "since": claimed.fence / 1e6, "until": None})
        self._waits.append(time.monotonic() - started)
        held = await self._store.confirm(claimed.session, claimed.fence)
        assert isinstance(held, Done), held
        return claimed

    async def _end(self, claimed: Claimed, entry: dict[str, Any]) -> None:
        end = End(claimed.session, Outcome.COMPLETED, None, "", "client", claimed.fence, workspace=self._workspace)
        ended = await self._store.end(end)
        assert isinstance(ended, Ended), ended
        entry["until"] = ended.record.ended_at

    def _request(self) -> ClaimRequest:
        now = self._store.now()
        return ClaimRequest(
            request=RequestId(ids.make("req", now, os.urandom)),
            session=SessionId(ids.make("ses", now, os.urandom)),
            workspace=self._workspace,
            user=self._user,
            key=self._key,
            gateway=self._gateway,
            wanted=Wanted(),
            expires_at=now + 3600,
            resume_seconds=30,
            wait_seconds=0,
        )


async def host(store: RedisStore, workers: int, slots: int) -> None:
    """Until it is ended."""
    joined: list[WorkerId] = []
    for number in range(workers):
        said = await store.register(
            Registration(f"worker-{number}", "bench", "bench", f"127.0.0.1:{1 + number}", slots)
        )
        assert isinstance(said, Registered), said
        joined.append(said.worker)
    sys.stdout.write(json.dumps(joined) + "\n")
    sys.stdout.flush()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sweep_forever(store))
        tasks.create_task(_beat(store, joined))
        tasks.create_task(_take_events(store))


async def _beat(store: RedisStore, workers: list[WorkerId]) -> None:
    seq = 0
    while True:
        seq += 1
        await asyncio.gather(*(store.heartbeat(Heartbeat(worker, seq, 0)) for worker in workers))
        await asyncio.sleep(HEARTBEAT_EVERY)


async def _take_events(store: RedisStore) -> None:
    while True:
        await asyncio.sleep(1.0)
        while events := await store.events("bench", EVENTS, 0):
            await store.acknowledge("bench", events)


async def _main(options: argparse.Namespace) -> None:
    store = RedisStore(parse_store_url(options.store))
    await store.open()
    if options.workers:
        await host(store, options.workers, options.slots)
    else:
        await Claimant(store).obey()
        await store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.claimant")
    parser.add_argument("--store", required=True)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--slots", type=int, default=100)
    quiet = structlog.make_filtering_bound_logger(logging.WARNING)
    structlog.configure(
        wrapper_class=quiet, logger_factory=structlog.PrintLoggerFactory(sys.stderr)
    )  # answers go to stdout
    uvloop.run(_main(parser.parse_args()))
