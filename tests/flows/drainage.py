"""Drains of a system, and clients that talk meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import moorage
from moorage.errors import MoorageError
from moorage.ids import WorkerId
from scheduler.io.drainer import Drainer
from scheduler.policy import SchedulerPolicy
from scheduler.store import Store
from scheduler.values import DrainKind, DrainPlan, DrainState, WorkerView
from tests.flows.system import SOON, System

FAST = SchedulerPolicy(drain_rate_per_second=20.0)


@dataclass(eq=False)
class Talker:
    """A client that says something again and again, and hears it back."""

    ws: moorage.Connection
    heard: int = 0
    ended: MoorageError | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def talk(self) -> None:
        """Until the session ends. What was under way while the session moved may be lost, the session is not."""
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await self.ws.send("hello")
                        await self.ws.recv()
                        self.heard += 1
                await asyncio.sleep(0.2)
        except MoorageError as error:
            self.ended = error


@contextlib.asynccontextmanager
async def talkers(
    system: System, count: int, first: int = 0, *, gateways: tuple[str, ...] = (), **said: Any
) -> AsyncIterator[list[Talker]]:
    """Clients of the SDK that talk for the length of a block; none of their sessions may end in it."""
    async with contextlib.AsyncExitStack() as stack:
        found = []
        for number in range(first, first + count):
            connecting = moorage.connect(system.url(), system.token(number, **said), gateways=gateways)
            found.append(Talker(await stack.enter_async_context(connecting)))
        talking = [asyncio.create_task(talker.talk()) for talker in found]
        try:
            yield found
            assert [talker.ended for talker in found if talker.ended is not None] == []
            assert await eventually(lambda: all_heard(found))
        finally:
            for task in talking:
                task.cancel()
            await asyncio.gather(*talking, return_exceptions=True)


async def all_heard(found: list[Talker]) -> bool:
    """Each hears something new."""
    before = [talker.heard for talker in found]
    await asyncio.sleep(0.4)
    return all(talker.heard > once for talker, once in zip(found, before, strict=True))


async def eventually(question: Any, within: float = SOON) -> Any:
    """The first answer that is true."""
    async with asyncio.timeout(within):
        while not (answer := await question()):  # noqa: ASYNC110 - views have no events
            await asyncio.sleep(0.02)
        return answer


@contextlib.asynccontextmanager
async def draining(store: Store, policy: SchedulerPolicy = FAST) -> AsyncIterator[asyncio.Task[None]]:
    """A drainer at work."""
    task = asyncio.create_task(Drainer(store, policy).run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def a_plan(system: System, kind: DrainKind, rate: float = 20.0, **what: Any) -> DrainPlan:
    """That is past its deadline at once."""
    now = system.store.now()
    usual: dict[str, Any] = {"worker": None, "gateway": None, "region": "", "pool": ""}
    return DrainPlan(
        id=f"drn_{now}", kind=kind, deadline=now, rate_per_second=rate, reason="", by="", started_at=now, **usual | what
    )


async def plan_is(system: System, plan: DrainPlan, state: DrainState) -> DrainPlan:
    async def look() -> DrainPlan | None:
        [found] = [found for found in await system.store.drains() if found.id == plan.id]
        return found if found.state is state else None

    found: DrainPlan = await eventually(look)
    return found


async def view(system: System, worker: WorkerId | None) -> WorkerView:
    assert worker is not None
    found = await system.store.worker(worker)
    assert found is not None
    return found


async def told_apart(system: System, *workers: moorage.Worker) -> tuple[WorkerId, WorkerId]:
    """The one with all the sessions, and the empty one."""
    views = [await view(system, worker.worker_id) for worker in workers]
    busy, free = sorted(views, key=lambda seen: -seen.held)
    assert free.used == 0
    return busy.worker, free.worker
