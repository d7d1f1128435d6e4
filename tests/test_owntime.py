"""What counts as time of this process, and what does not."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.owntime import own_time, within


async def test_waiting_and_working_count() -> None:
    async with own_time() as own:
        await asyncio.sleep(0.2)
        waited = own.seconds
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
        await asyncio.sleep(0.05)

    assert waited > 0.1
    assert own.seconds - waited > 0.15


async def test_a_stall_does_not() -> None:
    async with own_time() as own:
        await asyncio.sleep(0.02)
        time.sleep(0.5)  # noqa: ASYNC251 - as a process that gets no processor
        await asyncio.sleep(0.02)

    assert own.seconds < 0.4


async def test_what_comes_too_late_fails() -> None:
    with pytest.raises(AssertionError):
        await within(0.05, asyncio.sleep(0.3))
