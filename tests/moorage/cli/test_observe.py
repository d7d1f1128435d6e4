"""The port for machines: metrics, health, and how late the loop runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from controlplane.io import listener
from moorage.cli import observe
from moorage.cli.observe import ObserveApp, ObserveServer, watch_loop_lag
from moorage.cli.sockets import bound


async def test_metrics_are_refreshed_and_then_shown() -> None:
    registry = CollectorRegistry()
    asked = Counter("moorage_test_asked", "Refreshes.", registry=registry)

    async def refresh() -> None:
        asked.inc()

    async with served(ObserveApp(registry, refresh, {})) as http:
        answer = await http.get("/metrics")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "moorage_test_asked_total 1.0" in answer.text


async def test_ready_only_when_every_part_is() -> None:
    ready = {"gateway": True, "store": False}
    checks = {"gateway": lambda: ready["gateway"], "store": lambda: ready["store"]}

    async with served(ObserveApp(CollectorRegistry(), nothing, checks)) as http:
        before = await http.get("/readyz")
        ready["store"] = True
        after = await http.get("/readyz")

    assert (before.status_code, before.json()["parts"]) == (503, {"gateway": True, "store": False})
    assert (after.status_code, after.json()["status"]) == (200, "ok")


async def test_alive_is_alive_whatever_is_ready() -> None:
    async with served(ObserveApp(CollectorRegistry(), nothing, {"gateway": lambda: False})) as http:
        alive = await http.get("/livez")
        head = await http.head("/livez")
        other = await http.get("/other")

    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert (head.status_code, head.text) == (200, "")
    assert other.status_code == 404


async def test_a_silent_caller_is_cut_and_a_crowd_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(listener, "SPARE", 0)
    monkeypatch.setattr(observe, "CONNECTIONS", 2)
    async with served(ObserveApp(CollectorRegistry(), nothing, {})) as http:
        opened = [await asyncio.open_connection("127.0.0.1", http.base_url.port) for _ in range(4)]

        said = await asyncio.wait_for(
            asyncio.gather(*(reader.read() for reader, _ in opened), return_exceptions=True), 5
        )
        alive = await http.get("/livez")

        for _, writer in opened:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in opened), return_exceptions=True)

    assert all(answer == b"" or isinstance(answer, ConnectionError) for answer in said)
    assert alive.status_code == 200


async def test_a_loop_that_is_held_up_shows() -> None:
    registry = CollectorRegistry()
    watching = asyncio.create_task(watch_loop_lag(registry, "test"))
    await asyncio.sleep(0)

    time.sleep(0.3)  # noqa: ASYNC251 - holding the loop up is what is measured
    async with asyncio.timeout(5):
        while True:
            if sample(registry, "moorage_test_loop_lag_seconds_count"):
                break
            await asyncio.sleep(0)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)

    assert sample(registry, "moorage_test_loop_lag_seconds_sum") > 0.15


def sample(registry: CollectorRegistry, name: str) -> float:
    return registry.get_sample_value(name) or 0.0


async def nothing() -> None:
    """A refresh of nothing."""


@asynccontextmanager
async def served(app: ObserveApp) -> AsyncIterator[httpx.AsyncClient]:
    server = ObserveServer(app, bound("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve())
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as http:
            yield http
    finally:
        server.close()
        await serving
