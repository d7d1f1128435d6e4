"""What holds for every test: it leaves no task and no descriptor behind."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import uvloop

from tests.autoscaler.io.kubernetes import places
from tests.autoscaler.io.kubernetes.places import Place

_GRACE_SECONDS = 2.0  # transports close one turn of the loop after they were told to

uvloop.new_event_loop().close()  # libuv keeps a pipe for signals from its first loop on
asyncio.set_event_loop(None)  # else asyncio makes one for the first who asks, and nobody closes it


@pytest.fixture(scope="session")
def place_with_a_node() -> Iterator[Place]:
    """A cluster whose node runs pods: one for all, since a machine has one bridge for it."""
    found = places.start("")
    try:
        yield found
    finally:
        places.stop(found)


@pytest.fixture(autouse=True)
def no_descriptor_survives() -> Iterator[None]:
    """Compares descriptors before and after; a garbage collection closes only what warns, and warnings are errors."""
    before = _descriptors()
    yield
    if _descriptors() - before:
        gc.collect()
    left = [target for descriptor in _descriptors() - before if (target := _target(descriptor))]
    assert left == [], "descriptors outlive the test"


@pytest.fixture(autouse=True)
def nothing_survives(request: pytest.FixtureRequest, no_descriptor_survives: None) -> None:
    """Plain tests need no event loop to be checked."""
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("no_task_survives")


@pytest_asyncio.fixture
async def no_task_survives() -> AsyncIterator[None]:
    """Tasks started by a test are done when it returns, or within a moment."""
    before = asyncio.all_tasks()
    yield
    survivors = asyncio.all_tasks() - before - {asyncio.current_task()}
    if survivors:
        await asyncio.wait(survivors, timeout=_GRACE_SECONDS)
    left = [task for task in survivors if not task.done()]
    assert left == [], "tasks outlive the test"


def _descriptors() -> set[int]:
    return {int(entry) for entry in os.listdir("/proc/self/fd")}  # noqa: PTH208 - iterdir makes a path of each for nothing


def _target(descriptor: int) -> str | None:
    try:
        return str(Path(f"/proc/self/fd/{descriptor}").readlink())
    except OSError:
        return None
