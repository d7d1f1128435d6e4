"""Deadlines of short waits: they end what lasts too long, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import looptime
import pytest

from gateway.io.deadlines import Deadlines

Story = Callable[[Deadlines], Coroutine[None, None, None]]


def in_virtual_time(story: Story) -> Callable[[], None]:
    """Runs a story on a loop whose clock jumps from one timer to the next."""

    async def told() -> None:
        deadlines = Deadlines()
        try:
            await story(deadlines)
        finally:
            deadlines.close()

    def run() -> None:
        with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
            runner.run(told())

    return run


@in_virtual_time
async def test_what_lasts_too_long_raises_time_out(deadlines: Deadlines) -> None:
    loop = asyncio.get_running_loop()
    began_at = loop.time()

    with pytest.raises(TimeoutError), deadlines.within(3):
        await asyncio.sleep(60)

    assert 3 <= loop.time() - began_at < 3.2
    assert len(deadlines) == 0


@in_virtual_time
async def test_what_ends_in_time_is_left_alone(deadlines: Deadlines) -> None:
    with deadlines.within(3):
        await asyncio.sleep(1)

    await asyncio.sleep(5)
    assert len(deadlines) == 0


@in_virtual_time
async def test_an_error_inside_passes(deadlines: Deadlines) -> None:
    with pytest.raises(KeyError), deadlines.within(3):
        raise KeyError


@in_virtual_time
async def test_a_cancellation_from_elsewhere_stays_one(deadlines: Deadlines) -> None:
    async def wait() -> None:
        with deadlines.within(3):
            await asyncio.sleep(60)

    task = asyncio.create_task(wait())
    await asyncio.sleep(1)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(deadlines) == 0


@in_virtual_time
async def test_the_inner_deadline_leaves_the_outer_one_running(deadlines: Deadlines) -> None:
    with deadlines.within(5):
        with pytest.raises(TimeoutError), deadlines.within(1):
            await asyncio.sleep(60)
        await asyncio.sleep(1)

    assert len(deadlines) == 0


@in_virtual_time
async def test_the_outer_deadline_ends_both(deadlines: Deadlines) -> None:
    loop = asyncio.get_running_loop()
    began_at = loop.time()

    with pytest.raises(TimeoutError), deadlines.within(1), deadlines.within(5):
        await asyncio.sleep(60)

    assert loop.time() - began_at < 1.2
    assert len(deadlines) == 0


@in_virtual_time
async def test_many_waits_share_one_timer_that_stops_with_the_last(deadlines: Deadlines) -> None:
    async def wait(seconds: float) -> str:
        try:
            with deadlines.within(seconds):
                await asyncio.sleep(2.5)
        except TimeoutError:
            return "late"
        return "done"

    assert await asyncio.gather(*map(wait, (1, 2, 3, 4))) == ["late", "late", "done", "done"]
    await asyncio.sleep(1)
    assert deadlines._timer is None


@in_virtual_time
async def test_a_deadline_needs_a_task(deadlines: Deadlines) -> None:
    def enter() -> None:
        with pytest.raises(RuntimeError, match="no"), deadlines.within(1):
            pass
        seen.set()

    seen = asyncio.Event()
    asyncio.get_running_loop().call_soon(enter)

    await asyncio.wait_for(seen.wait(), 1)
