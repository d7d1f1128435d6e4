"""A real Prometheus with the chart's rules scrapes real programs: what it says while they are well, and when their store is
killed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from tests.deadlines import PROGRAM
from tests.helm.charts import NAMESPACE
from tests.helm.monitoring import files
from tests.moorage.cli.fleet import Program, program
from tests.prometheus_server import PrometheusServer
from tests.redis_server import RedisServer

Alerts = set[tuple[str, str]]
"""Name and pod."""
FREE = ("--metrics-port", "0")
AT_ONCE = "0s"
SCRAPE_SECONDS = 4  # a page waits 2 s for a store that is away; a scrape that is given up would look like a death

pytestmark = pytest.mark.timeout(180)


@dataclass
class House:
    """Gateway and control plane over a store, and who watches them."""

    store: RedisServer
    prometheus: PrometheusServer
    http: httpx.AsyncClient

    async def alerts(self) -> Alerts:
        """Those that fire."""
        answer = (await self.http.get(f"{self.prometheus.url}/api/v1/alerts")).raise_for_status().json()
        return {
            (each["labels"]["alertname"], each["labels"].get("pod", ""))
            for each in answer["data"]["alerts"]
            if each["state"] == "firing"
        }

    async def value(self, expression: str) -> float | None:
        """Of an instant query with one answer."""
        answer = await self.http.get(f"{self.prometheus.url}/api/v1/query", params={"query": expression})
        found = answer.raise_for_status().json()["data"]["result"]
        return float(found[0]["value"][1]) if found else None

    async def until(self, alerts: Callable[[Alerts], bool]) -> Alerts:
        """Those that fire then."""
        async with asyncio.timeout(PROGRAM):
            while not alerts(found := await self.alerts()):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)
        return found

    async def is_watched(self) -> None:
        """Everything was scraped and every rule evaluated."""
        asked = "min(moorage_gateway_store_up) + min(moorage_scheduler_store_up) + min(moorage:gateways_wanted)"
        async with asyncio.timeout(PROGRAM):
            while await self.value(asked) != 3:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(RedisServer(tmp_path / "redis", keeps_data=True))
        shared = ("--store", store.url, *FREE)
        control = stack.enter_context(
            program(tmp_path, "controlplane", *shared, "--rest-port", "0", "--data", str(tmp_path / "data"))
        )
        gateway = stack.enter_context(
            program(tmp_path, "gateway", *shared, "--port", "0", "--link-port", "0", "--drain-seconds", "0")
        )
        labels = {
            at(control): {"namespace": NAMESPACE, "pod": "c1"},
            at(gateway): {"namespace": NAMESPACE, "pod": "g1"},
        }
        watching = PrometheusServer(
            tmp_path, tuple(labels), scrape_seconds=SCRAPE_SECONDS, labels=labels, rules=rules(tmp_path)
        )
        yield House(
            store,
            await stack.enter_async_context(watching),
            await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=PROGRAM)),
        )


def at(running: Program) -> str:
    """host:port of its metrics."""
    return urlsplit(str(running.said["observe"])).netloc


def rules(folder: Path) -> Path:
    """The chart's, for one gateway and no autoscaler; what must last some time fires at once."""
    wanted = {"moorage:gateways_wanted": 1, "moorage:controlplanes_wanted": 1, "moorage:autoscalers_wanted": 0}
    groups = json.loads(json.dumps(files.groups()))
    for rule in (rule for group in groups for rule in group["rules"]):
        if rule.get("record") in wanted:
            rule["expr"] = f"vector({wanted[rule['record']]})"
        if "alert" in rule:
            rule["for"] = AT_ONCE
    path = folder / "rules.json"
    path.write_text(json.dumps({"groups": groups}))
    return path


async def test_a_killed_store_is_alerted_of_by_all_who_miss_it_and_no_more_once_it_is_back(house: House) -> None:
    missed = {("MoorageStoreUnreachable", "g1"), ("MoorageStoreUnreachable", "c1")}
    await house.is_watched()
    await house.until(lambda alerts: not alerts)  # nothing was there yet at the first evaluation

    house.store.kill()
    during = await house.until(lambda alerts: missed <= alerts)
    await house.store.start()
    await house.until(lambda alerts: not alerts & missed)

    consequences = {
        "MoorageNoGatewayReady",
        "MoorageGatewayDown",
        "MoorageControlPlaneDown",
        "MoorageDatabaseUnreachable",
    }
    assert {name for name, _ in during} & consequences == set()
