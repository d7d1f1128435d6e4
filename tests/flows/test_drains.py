"""Load moved away from anything while clients talk: nobody's session ends, and everybody is elsewhere in the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import httpx

from controlplane.io.app import ControlPlane
from controlplane.io.keyfiles import embedded_keyring
from controlplane.policy import ControlPlanePolicy
from scheduler.io.drainorders import begin, cancel
from scheduler.values import ClaimState, DrainKind, DrainState
from tests.deadlines import PROGRAM
from tests.flows.drainage import FAST, a_plan, all_heard, draining, eventually, plan_is, talkers, told_apart, view
from tests.flows.places import ON_EVERY_STORE, ON_REDIS_SLOWLY
from tests.flows.system import MakeSystem, another_gateway
from tests.flows.test_sdk import linked


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


@ON_EVERY_STORE
async def test_a_drained_gateways_clients_go_on_through_another_and_their_worker_stays(a_system: MakeSystem) -> None:
    async with a_system(scheduler=FAST) as system, draining(system.store), contextlib.AsyncExitStack() as stack:
        worker = await stack.enter_async_context(linked(system, slots=10))
        other = await stack.enter_async_context(another_gateway(system))
        async with talkers(system, 6, gateways=(other.node,)) as found:
            plan = a_plan(system, DrainKind.GATEWAY, gateway=system.gateway.id)
            await begin(system.store, plan)
            await plan_is(system, plan, DrainState.DONE)
            assert await eventually(lambda: all_heard(found))
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
