"""Reports: kept until the store has taken them, in spite of outages and of one that can never be written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gateway.io import reports
from gateway.io.metrics import GatewayMetrics
from gateway.io.reports import Reports
from scheduler.store import Unavailable
from tests.deadlines import SOON


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "_RETRY_SECONDS", 0.01)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def writer(registry: CollectorRegistry) -> AsyncIterator[Reports]:
    writer = Reports(GatewayMetrics(registry))
    writer.start()
    yield writer
    await writer.close()


async def test_everything_put_is_written(writer: Reports, registry: CollectorRegistry) -> None:
    written = []

    async def write(number: int) -> None:
        written.append(number)

    for number in range(100):
        writer.put(lambda number=number: write(number))  # type: ignore[misc]

    assert registry.get_sample_value("moorage_gateway_reports_pending") == 100
    assert await writer.flush(SOON)
    assert sorted(written) == list(range(100))
    assert registry.get_sample_value("moorage_gateway_reports_pending") == 0


async def test_an_outage_is_waited_out(writer: Reports, registry: CollectorRegistry) -> None:
    tries = []

    async def write() -> None:
        tries.append(1)
        if len(tries) < 4:
            raise Unavailable("away")

    writer.put(write)

    assert await writer.flush(SOON)
    assert len(tries) == 4
    assert registry.get_sample_value("moorage_gateway_store_retries_total") == 3


async def test_a_write_that_fails_otherwise_is_counted_and_holds_nobody_up(
    writer: Reports, registry: CollectorRegistry
) -> None:
    written = asyncio.Event()

    async def broken() -> None:
        raise ZeroDivisionError

    async def fine() -> None:
        written.set()

    for _ in range(20):
        writer.put(broken)
    writer.put(fine)

    assert await writer.flush(SOON)
    assert written.is_set()
    assert registry.get_sample_value("moorage_gateway_faults_total") == 20


async def test_a_flush_gives_up_at_its_deadline_and_says_what_is_lost(
    writer: Reports, registry: CollectorRegistry
) -> None:
    async def end() -> None:
        raise Unavailable("away")

    for _ in range(20):
        writer.put(end)
    with capture_logs() as logged:
        written = await writer.flush(0.05)

    assert not written
    assert registry.get_sample_value("moorage_gateway_reports_lost_total", {"kind": "end"}) == 20
    assert [(line["lost"], line["end"]) for line in logged if line["event"] == "reports_not_taken_by_the_store"] == [
        (20, 20)
    ]


async def test_nothing_goes_out_while_it_is_held(writer: Reports) -> None:
    written: list[int] = []

    async def write() -> None:
        written.append(1)

    writer.hold()
    writer.put(write)
    for _ in range(10):
        await asyncio.sleep(0)
    held = list(written)
    writer.go_on()

    assert await writer.flush(SOON)
    assert (held, written) == ([], [1])


async def test_whoever_put_it_hears_when_it_is_done_also_when_it_can_never_be(writer: Reports) -> None:
    done: list[int] = []

    async def broken() -> None:
        raise ZeroDivisionError

    writer.put(broken, lambda: done.append(1))

    assert await writer.flush(SOON)
    assert done == [1]


async def test_it_is_full_at_its_bound(registry: CollectorRegistry) -> None:
    async def write() -> None:
        pass

    reports = Reports(GatewayMetrics(CollectorRegistry()), most=2)
    reports.put(write)
    before = reports.is_full
    reports.put(write)

    assert not before
    assert reports.is_full
