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
from moorage.cli.observe import ObserveApp, ObserveServer, Readiness, page_of, watch_loop_lag
from moorage.cli.sockets import bound
from tests.connections import connections

BEFORE_THE_USUAL = listener.HEAD_SECONDS - 1


async def test_metrics_are_refreshed_and_then_shown() -> None:
    registry = CollectorRegistry()
    asked = Counter("moorage_test_asked", "Refreshes.", registry=registry)

    async def refresh() -> None:
        asked.inc()

    async with served(ObserveApp(page_of(registry, refresh), ready)) as http:
        answer = await http.get("/metrics")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "moorage_test_asked_total 1.0" in answer.text


async def test_ready_is_what_the_program_says_and_its_parts_are_shown() -> None:
    said = [Readiness(False, {"gateway": False, "store": True}), Readiness(True, {"gateway": True, "store": False})]

    async def readiness() -> Readiness:
        return said.pop(0)

    async with served(ObserveApp(page_of(CollectorRegistry(), nothing), readiness)) as http:
        before = await http.get("/readyz")
        after = await http.get("/readyz")

    assert (before.status_code, before.json()["parts"]) == (503, {"gateway": False, "store": True})
    assert (after.status_code, after.json()) == (200, {"status": "ok", "parts": {"gateway": True, "store": False}})


async def test_alive_is_alive_whatever_is_ready() -> None:
    async with served(ObserveApp(page_of(CollectorRegistry(), nothing), not_ready)) as http:
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
    async with served(ObserveApp(page_of(CollectorRegistry(), nothing), ready)) as http:
        assert http.base_url.port is not None
        async with connections(http.base_url.port, 4) as opened:
            said = await asyncio.wait_for(
                asyncio.gather(*(reader.read() for reader, _ in opened), return_exceptions=True), BEFORE_THE_USUAL
            )
            alive = await http.get("/livez")

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


async def ready() -> Readiness:
    return Readiness(True, {})


async def not_ready() -> Readiness:
    return Readiness(False, {})


@asynccontextmanager
async def served(app: ObserveApp) -> AsyncIterator[httpx.AsyncClient]:
    server = ObserveServer(app, bound("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve())
    try:
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
            yield http
    finally:
        server.close()
        await serving
