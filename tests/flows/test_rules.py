"""A pool that follows a rule, real gateways that a real Prometheus scrapes, and what becomes of the pool when it is away."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from autoscaler.io.leading import StoreLeader
from autoscaler.io.local.recipe import Recipe
from autoscaler.io.local.target import LocalProcesses
from autoscaler.io.loop import Autoscaler, Makers
from autoscaler.io.metrics import AutoscalerMetrics
from autoscaler.io.prometheus.client import Access, Prometheus
from autoscaler.io.prometheus.rules import Rules
from autoscaler.policy import LocalTarget, PoolPolicy, Rule
from moorage.cli.settings import Settings, StoreGroup
from moorage.cli.stores import open_store
from tests.flows.whole import a_client, api
from tests.moorage.cli.fleet import Fleet, clean, up
from tests.prometheus_server import PrometheusServer
from tests.redis_server import RedisServer

SESSIONS = 8
PER_WORKER = 2
AWAY_SECONDS = 12.0  # longer than `lost_after`
BACK_SECONDS = 3.0
RULE = Rule("relayed", "sum(moorage_gateway_sessions)", per_worker=PER_WORKER, stale_after=3.0, lost_after=8.0)
POOL = PoolPolicy(
    region="local",
    pool="spare",
    target=LocalTarget(()),
    slots=4,
    minimum=1,
    maximum=6,
    every=1.0,
    lead_seconds=3.0,
    down_window=3.0,
    down_every=1.0,
    settle_seconds=2.0,
    reversals_per_day=1000,
    buffer_slots=0,
    rules=(RULE,),
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass
class Scaled:
    """A pool of real worker processes, and the fewest there were since somebody looked last."""

    target: LocalProcesses
    fewest: int = 1_000

    @property
    def workers(self) -> int:
        return len(self.target.lives)

    async def watch(self) -> None:
        while True:
            seen = await self.target.look()
            assert seen is not None
            self.fewest = min(self.fewest, seen.replicas)
            await asyncio.sleep(0.05)

    async def until(self, workers: int) -> None:
        async with asyncio.timeout(60):
            while self.workers != workers:  # noqa: ASYNC110 - other processes
                await asyncio.sleep(0.05)


@asynccontextmanager
async def a_pool(fleet: Fleet, store_url: str, prometheus: str) -> AsyncIterator[Scaled]:
    """What `moorage autoscaler` would run, in this process."""
    serve = (sys.executable, "-m", "moorage.cli", "worker", "moorage.examples.echo:echo")
    place = ("--slots", "4", "--pool", POOL.pool, "--region", POOL.region, "--link", fleet.running.link)
    command = (*serve, *place, "--drain-seconds", "0", "--stop-with-stdin")
    keys = {"MOORAGE_JOIN_KEY": (fleet.data / "join.key").read_text().strip()}
    registry = CollectorRegistry()
    async with open_store(Settings(store=StoreGroup(url=store_url)), registry) as store:
        target = LocalProcesses(Recipe("spare", command, {**clean(), **keys}), 1, store.now)
        signals = Rules(Prometheus(Access((prometheus,), timeout=1.0)), store.now, every=1.0)
        makers = Makers(target=lambda policy, leader: target, leader=lambda _: StoreLeader(store, "autoscaler/spare"))
        autoscaler = Autoscaler(store, makers, signals, AutoscalerMetrics(registry))
        scaled = Scaled(target)
        watching = asyncio.create_task(scaled.watch())
        await autoscaler.start([POOL])
        try:
            yield scaled
        finally:
            watching.cancel()
            await autoscaler.close()


@asynccontextmanager
async def sessions(fleet: Fleet) -> AsyncIterator[None]:
    async with api(fleet) as http, AsyncExitStack() as open_things:
        for number in range(SESSIONS):
            await a_client(http, f"u{number}", open_things)
        yield


async def endure(fleet: Fleet, prometheus: PrometheusServer, pool: Scaled) -> None:
    """Paused, killed, and back with an empty database, while the sessions go on."""
    async with sessions(fleet):
        await pool.until(SESSIONS // PER_WORKER)
        pool.fewest = pool.workers

        prometheus.pause()
        await asyncio.sleep(AWAY_SECONDS)
        prometheus.resume()
        await asyncio.sleep(BACK_SECONDS)
        await prometheus.kill()
        await asyncio.sleep(AWAY_SECONDS)
        prometheus.forget()
        await prometheus.start()
        await asyncio.sleep(AWAY_SECONDS)

        assert pool.fewest == SESSIONS // PER_WORKER
    await pool.until(POOL.minimum)  # the rule is heard: with its sessions gone the pool shrinks


async def test_a_prometheus_that_is_away_never_costs_a_worker(tmp_path: Path) -> None:
    async with RedisServer(tmp_path) as store:
        with up(tmp_path, "--gateways", "2", "--store", store.url) as fleet:
            scraped = fleet.running.observe.removeprefix("http://")
            async with (
                PrometheusServer(tmp_path, (scraped,)) as prometheus,
                a_pool(fleet, store.url, prometheus.url) as pool,
            ):
                await endure(fleet, prometheus, pool)
