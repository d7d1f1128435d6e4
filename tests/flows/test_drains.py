"""Load moved away from anything while clients talk: nobody's session ends, and everybody is elsewhere in the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

import moorage
from controlplane.io.app import ControlPlane
from controlplane.io.keyfiles import embedded_keyring
from controlplane.policy import ControlPlanePolicy
from moorage.errors import MoorageError
from moorage.ids import WorkerId
from scheduler.io import drainer as drainer_module
from scheduler.io.drainer import Drainer
from scheduler.io.drainorders import begin, cancel
from scheduler.policy import SchedulerPolicy
from scheduler.store import Store
from scheduler.values import ClaimState, DrainKind, DrainPlan, DrainState, WorkerView
from tests.deadlines import PROGRAM
from tests.flows.places import ON_EVERY_STORE, ON_REDIS_SLOWLY
from tests.flows.system import SOON, MakeSystem, System, another_gateway
from tests.flows.test_sdk import linked

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
            assert await eventually(lambda: _all_heard(found))
        finally:
            for task in talking:
                task.cancel()
            await asyncio.gather(*talking, return_exceptions=True)


async def _all_heard(found: list[Talker]) -> bool:
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


@ON_EVERY_STORE
async def test_moorage_drain_empties_a_busy_worker_and_no_client_ends(a_system: MakeSystem, tmp_path: Path) -> None:
    """The command itself, over REST, with clients and workers of the SDK."""
    async with a_system(scheduler=FAST) as system:
        policy = ControlPlanePolicy(data_folder=tmp_path, port=0)
        plane = ControlPlane(policy, system.store, embedded_keyring(tmp_path))
        await plane.start()
        try:
            async with (
                draining(system.store),
                linked(system, slots=10) as one,
                linked(system, slots=10) as other,
                talkers(system, 8) as found,
            ):
                busy, free = await told_apart(system, one, other)
                status, lines = await _moorage(
                    plane, tmp_path, "drain", "worker", busy, "--deadline", "1s", "--rate", "8",
                    "--watch", "--json",
                )  # fmt: skip
                emptied, filled = await view(system, busy), await view(system, free)
                documents = [json.loads(line) for line in lines]
                listed = await _drains(plane, tmp_path)
                moved = [talker.ws.attaches for talker in found]
        finally:
            await plane.close()

    assert status == 0
    assert [documents[0]["state"], documents[-1]["state"]] == ["waiting", "done"]
    assert (documents[0]["sessions_left"], documents[-1]["sessions_left"]) == (8, 0)
    assert documents[-1]["sessions_told"] == 8
    assert (emptied.used, filled.held) == (0, 8)
    assert moved == [2] * 8
    assert [drain["state"] for drain in listed] == ["done"]


async def _moorage(plane: ControlPlane, folder: Path, *arguments: str) -> tuple[int, list[str]]:
    """The command in a process of its own: its status and its lines."""
    key = (folder / "admin.key").read_text().strip()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "moorage.cli", *arguments, "--url", f"http://127.0.0.1:{plane.port}", "--key", key,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(PROGRAM):
        said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode().splitlines()


async def _drains(plane: ControlPlane, folder: Path) -> list[dict[str, Any]]:
    key = (folder / "admin.key").read_text().strip()
    async with httpx.AsyncClient(headers={"x-api-key": key}) as http:
        answer = await http.get(f"http://127.0.0.1:{plane.port}/api/v1/drains")
    found: list[dict[str, Any]] = answer.json()["drains"]
    return found


@ON_REDIS_SLOWLY
async def test_a_pool_with_no_other_place_keeps_its_sessions_until_there_is_one(a_system: MakeSystem) -> None:
    async with (
        a_system(scheduler=FAST) as system,
        draining(system.store),
        linked(system, slots=5) as only,
        contextlib.AsyncExitStack() as later,
        talkers(system, 4) as found,
    ):
        plan = a_plan(system, DrainKind.POOL, region="here", pool="default")
        await begin(system.store, plan)
        await plan_is(system, plan, DrainState.MOVING)
        await asyncio.sleep(4 * drainer_module.EVERY)
        stays = [talker.ws.attaches for talker in found]
        cut = next(iter(system.gateway._attachments))
        assert cut.relay is not None
        cut.relay.abort()  # it has no other slot to return to than its own
        assert await eventually(lambda: _attached_again(found, 1))
        returned = await view(system, only.worker_id)

        await later.enter_async_context(linked(system, slots=5, pool="other"))
        ended = await plan_is(system, plan, DrainState.DONE)
        emptied = await view(system, only.worker_id)

    assert stays == [1] * 4
    assert returned.held == 4
    assert (emptied.used, ended.sessions_left, ended.sessions_told) == (0, 0, 4)


async def _attached_again(found: list[Talker], count: int) -> bool:
    return sum(talker.ws.attaches > 1 for talker in found) == count and await _all_heard(found)


@ON_REDIS_SLOWLY
async def test_two_drains_at_once_keep_to_one_rate(a_system: MakeSystem) -> None:
    async with a_system(scheduler=FAST) as system, draining(system.store), contextlib.AsyncExitStack() as stack:
        busy = [await stack.enter_async_context(linked(system, slots=30, pool=f"p{number}")) for number in range(2)]
        later = await stack.enter_async_context(contextlib.AsyncExitStack())
        for number in range(2):
            await stack.enter_async_context(talkers(system, 20, number * 20, pools=(f"p{number}", "free")))
        await later.enter_async_context(linked(system, slots=60, pool="free"))
        plans = []
        for worker in busy:
            plan = a_plan(system, DrainKind.WORKER, 1000.0, worker=worker.worker_id)
            plans.append(plan)
            await begin(system.store, plan)
        started = asyncio.get_running_loop().time()

        told: list[tuple[int, int]] = []
        while sum(told[-1] if told else (0, 0)) < 40:
            now = {plan.id: plan.sessions_told for plan in await system.store.drains()}
            told.append((now[plans[0].id], now[plans[1].id]))
            await asyncio.sleep(0.05)
        took = asyncio.get_running_loop().time() - started
        for plan in plans:
            await plan_is(system, plan, DrainState.DONE)
        left = [(await view(system, worker.worker_id)).used for worker in busy]

    assert took >= 40 / 20.0 - drainer_module.EVERY - 0.5
    assert (
        max(abs(one - other) for one, other in told) <= 8
    )  # a step after a stall tells five of each, one after the other
    assert left == [0, 0]


@ON_REDIS_SLOWLY
async def test_a_drain_called_off_in_the_middle_leaves_the_rest_where_they_are(a_system: MakeSystem) -> None:
    async with (
        a_system(scheduler=FAST) as system,
        draining(system.store),
        linked(system, slots=20) as one,
        linked(system, slots=20) as other,
        talkers(system, 12),
    ):
        busy, free = await told_apart(system, one, other)
        plan = a_plan(system, DrainKind.WORKER, 3.0, worker=busy)
        await begin(system.store, plan)

        async def some_left() -> bool:
            return (await view(system, free)).held >= 3

        await eventually(some_left)
        await cancel(system.store, await plan_is(system, plan, DrainState.MOVING))
        gone = (await plan_is(system, plan, DrainState.CANCELLED)).sessions_told
        await asyncio.sleep(1.5)  # who was told before has arrived by then
        stays, left = await view(system, busy), await view(system, free)

    assert stays.drain is None
    assert stays.held + left.held == 12
    assert left.held <= gone + 2
    assert stays.held >= 3


@ON_REDIS_SLOWLY
async def test_another_drainer_takes_over_at_the_same_pace(
    a_system: MakeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drainer_module, "LEAD_SECONDS", 1.0)
    async with (
        a_system(scheduler=FAST) as system,
        linked(system, slots=30) as one,
        linked(system, slots=30) as other,
        talkers(system, 20),
    ):
        busy, _ = await told_apart(system, one, other)
        doomed = Drainer(system.store, FAST)
        await doomed.step()  # it has the role, and dies without giving it back
        plan = a_plan(system, DrainKind.WORKER, 10.0, worker=busy)
        await begin(system.store, plan)
        started = asyncio.get_running_loop().time()

        async with draining(system.store):
            ended = await plan_is(system, plan, DrainState.DONE)
        took = asyncio.get_running_loop().time() - started

    assert ended.sessions_told == 20
    assert took >= 20 / 10.0 - 0.5


@ON_EVERY_STORE
async def test_a_drained_gateways_clients_go_on_through_another_and_their_worker_stays(a_system: MakeSystem) -> None:
    async with a_system(scheduler=FAST) as system, draining(system.store), contextlib.AsyncExitStack() as stack:
        worker = await stack.enter_async_context(linked(system, slots=10))
        other = await stack.enter_async_context(another_gateway(system))
        async with talkers(system, 6, gateways=(other.node,)) as found:
            plan = a_plan(system, DrainKind.GATEWAY, gateway=system.gateway.id)
            await begin(system.store, plan)
            await plan_is(system, plan, DrainState.DONE)
            assert await eventually(lambda: _all_heard(found))
            is_ready, here, there = system.gateway.is_ready, system.gateway.sessions, other.sessions
            held = await view(system, worker.worker_id)
            await cancel(system.store, await plan_is(system, plan, DrainState.DONE))

            async def takes_clients() -> bool:
                return system.gateway.is_ready

            await eventually(takes_clients)

    assert not is_ready
    assert (here, there, held.held) == (0, 6, 6)


@ON_EVERY_STORE
async def test_a_drain_ends_no_session(a_system: MakeSystem) -> None:
    async with (
        a_system(scheduler=FAST) as system,
        draining(system.store),
        linked(system, slots=5) as one,
        linked(system, slots=5) as other,
        talkers(system, 3),
    ):
        busy, _ = await told_apart(system, one, other)
        plan = a_plan(system, DrainKind.WORKER, worker=busy)
        await begin(system.store, plan)
        await plan_is(system, plan, DrainState.DONE)
        events = [event.type for event in await system.store.events("test", 1000, 0)]
        states = [session.state for session in await system.store.sessions()]

    assert "session.ended" not in events
    assert states == [ClaimState.HELD] * 3
