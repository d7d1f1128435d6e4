"""The pulse goes on, whatever a sweep does."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from scheduler.io.memory import MemoryStore
from scheduler.io.sweeper import sweep_forever
from scheduler.store import Unavailable


class Failing(MemoryStore):
    """Its first sweeps fail."""

    def __init__(self, *failures: Exception) -> None:
        super().__init__()
        self.failures = list(failures)
        self.swept, self.swept_again = asyncio.Event(), asyncio.Event()

    async def sweep(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
        await super().sweep()
        if self.swept.is_set():
            self.swept_again.set()
        self.swept.set()


async def test_it_outlives_failures_and_measures_its_lag() -> None:
    store = Failing(Unavailable("away"), RuntimeError("a bug"))
    lags: list[float] = []

    task = asyncio.create_task(sweep_forever(store, lags.append))
    async with asyncio.timeout(10):
        await store.swept.wait()
        await store.swept_again.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert len(lags) >= 3
    assert all(lag >= 0 for lag in lags)


async def test_it_needs_nobody_who_records() -> None:
    store = Failing()

    task = asyncio.create_task(sweep_forever(store))
    async with asyncio.timeout(10):
        await store.swept.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_outage_is_logged_once() -> None:
    store = Failing(*[Unavailable("away")] * 3)

    with capture_logs() as logs:
        task = asyncio.create_task(sweep_forever(store))
        async with asyncio.timeout(10):
            await store.swept.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert [line["event"] for line in logs] == ["store_unavailable"]
