"""What the programs really show: gateway, control plane and autoscaler on one real store, their registries looked into.

A registry knows the labels of a metric that nothing was counted for yet, which a scraped page does not.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from autoscaler.io.kubernetes.metrics import KubernetesMetrics
from gateway.policy import TlsFiles
from moorage.cli.programs.autoscaler import AutoscalerProgram
from moorage.cli.programs.controlplane import ControlPlaneProgram
from moorage.cli.programs.gateway import GatewayProgram
from moorage.cli.programs.lifecycle import Lifecycle
from moorage.cli.programs.start import Start
from moorage.cli.sources import load
from tests.builders import an_authority
from tests.deadlines import PROGRAM
from tests.redis_server import RedisServer

Known = Mapping[str, frozenset[str]]
"""A series' name, as Prometheus has it -> its labels, those that Prometheus adds left out."""

POOL = """
[[pools]]
region = "eu"
pool = "gpu"
slots = 4
minimum = 0
maximum = 1
target = {{ kind = "local", command = ["{python}", "-c", "pass"] }}
"""


async def programs(folder: Path) -> Known:
    """Of the three programs, started in this process and stopped again."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(RedisServer(folder / "redis"))
        runs = [kind(Start(load(said, None).settings)) for kind, said in _cast(folder, store.url)]
        for run in runs:
            await _started(stack, run)
            await _scraped(run)
        known = [of_registry(run.registry) for run in runs]
    kubernetes = CollectorRegistry()
    KubernetesMetrics(kubernetes)
    return {name: labels for each in [*known, of_registry(kubernetes)] for name, labels in each.items()}


def _cast(folder: Path, store: str) -> list[tuple[type[Lifecycle], dict[str, object]]]:
    policy = folder / "pools.toml"
    policy.write_text(POOL.format(python=sys.executable))
    tls: TlsFiles = an_authority(folder).files
    everybody: dict[str, object] = {"store.url": store, "observe.port": 0, "host": "127.0.0.1", "data": folder / "data"}
    doors = {"gateway.port": 0, "gateway.link_port": 0, "gateway.drain_seconds": 0}
    certificate = {"gateway.tls.certificate": tls.certificate, "gateway.tls.key": tls.key}
    return [
        (ControlPlaneProgram, {**everybody, "controlplane.port": 0}),
        (GatewayProgram, {**everybody, **doors, **certificate}),
        (AutoscalerProgram, {**everybody, "autoscaler.policy": policy}),
    ]


async def _started(stack: AsyncExitStack, run: Lifecycle) -> None:
    ready = asyncio.Event()
    serving = asyncio.create_task(run.serve(ready.set))

    async def stopped() -> None:
        run.stop()
        await asyncio.wait_for(serving, PROGRAM)
        run._observe._sock.close()  # type: ignore[attr-defined]  # a process that ends does so

    stack.push_async_callback(stopped)
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({serving, waiting}, timeout=PROGRAM, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    assert ready.is_set(), f"{run.name} did not get ready"


async def _scraped(run: Lifecycle) -> None:
    """Some gauges are there only after somebody asked."""
    async with httpx.AsyncClient(trust_env=False, timeout=PROGRAM) as http:
        (await http.get(f"{run._observe.url}/metrics")).raise_for_status()  # type: ignore[attr-defined]


def of_registry(registry: CollectorRegistry) -> Known:
    """Names of series, not of families: those of a histogram are three."""
    known: dict[str, frozenset[str]] = {}
    for collector in list(registry._collector_to_names):
        for family in _families(collector):
            for name, more in _series(family):
                known[name] = _labels(collector, family) | more
    return known


def _families(collector: Collector) -> Iterable[Metric]:
    return list(collector.collect())


def _labels(collector: Collector, family: Metric) -> frozenset[str]:
    if isinstance(collector, MetricWrapperBase):
        return frozenset(collector._labelnames)
    declared = frozenset(getattr(family, "_labelnames", ()))
    return declared | {label for sample in family.samples for label in sample.labels} - {"le"}


def _series(family: Metric) -> list[tuple[str, frozenset[str]]]:
    none: frozenset[str] = frozenset()
    match family.type:
        case "counter":
            return [(f"{family.name}_total", none)]
        case "histogram":
            return [
                (f"{family.name}_bucket", frozenset({"le"})),
                (f"{family.name}_sum", none),
                (f"{family.name}_count", none),
            ]
        case _:
            return [(family.name, none)]
