"""A store that is away: live relays go on, nothing new is placed, nothing is lost, and what is live is adopted when it is back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from websockets.exceptions import InvalidStatus

from gateway.policy import GatewayPolicy
from moorage.errors import Code
from moorage.ids import GatewayId
from scheduler.io.memory import MemoryStore
from scheduler.store import Store, Unavailable
from scheduler.values import ClaimState, End, Notice, Outcome
from tests.builders import a_session
from tests.flows.fleet import Fleet, Member, Reach
from tests.flows.system import SOON, System, closed, until


class Distant:
    """A memory store that can be out of reach. Its clock stays known, as an offset to the machine's own does."""

    def __init__(self, memory: MemoryStore) -> None:
        self._memory = memory
        self.is_away = False
        self.adopted: list[int] = []
        self.refusing: set[str] = set()

    def now(self) -> float:
        return self._memory.now()

    async def watch(self, gateway: GatewayId) -> AsyncIterator[Notice]:
        async for notice in self._memory.watch(gateway):
            if self.is_away:
                raise Unavailable("away")
            yield notice

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **named: Any) -> Any:
            if self.is_away or name in self.refusing:
                raise Unavailable("away")
            if name == "adopt":
                self.adopted.append(len(args[1]))
            return await getattr(self._memory, name)(*args, **named)

        return call


@pytest.fixture
async def distant() -> AsyncIterator[tuple[System, Distant]]:
    made: list[Distant] = []

    def disturb(memory: MemoryStore) -> Store:
        made.append(Distant(memory))
        return cast(Store, made[0])

    async with System(GatewayPolicy(checkpoint_seconds=1), disturbed=disturb) as system:
        try:
            yield system, made[0]
        finally:
            made[0].is_away = False


async def test_relays_go_on_and_placements_are_refused_until_it_is_back(distant: tuple[System, Distant]) -> None:
    system, store = distant
    await system.worker()
    async with system.connect(0) as client:
        store.is_away = True
        await client.send("on")
        heard = await client.recv()
        with pytest.raises(InvalidStatus) as refused:
            async with system.connect(1):
                pass
        store.is_away = False
        async with system.connect(2) as later:
            await later.send("back")
            heard_later = await later.recv()

    assert (heard, heard_later) == ("on", "back")
    assert refused.value.response.status_code == 503
    assert json.loads(refused.value.response.body)["code"] == "STORE_UNAVAILABLE"


@pytest.mark.parametrize("step", ["claim", "confirm", "move"])
async def test_an_outage_at_any_step_of_an_attach_is_told_as_such(distant: tuple[System, Distant], step: str) -> None:
    system, store = distant
    if step == "move":
        await system.register(1)  # nobody listens there
    else:
        await system.worker()
    store.refusing.add(step)

    with pytest.raises(InvalidStatus) as refused:
        async with system.connect():
            pass

    assert json.loads(refused.value.response.body)["code"] == "STORE_UNAVAILABLE"
    store.refusing.clear()
    await system.reported()
    assert [worker.used for worker in await system.memory.workers()] == [0]


async def test_what_ended_meanwhile_is_reported_when_it_is_back(distant: tuple[System, Distant]) -> None:
    system, store = distant
    await system.worker()
    async with system.connect() as client:
        store.is_away = True
        await client.close()
    pending = system.metric("moorage_gateway_reports_pending")
    store.is_away = False
    record = await system.settled(0, Outcome.COMPLETED)

    assert pending == 1
    assert record.usage.bytes_in > 0
    assert system.metric("moorage_gateway_store_retries_total") > 0


async def test_what_is_live_is_adopted_and_what_was_given_away_is_let_go(distant: tuple[System, Distant]) -> None:
    system, store = distant
    await system.worker()
    async with system.connect(0) as kept, system.connect(1) as ended:
        store.is_away = True
        await system.memory.end(End(a_session(1), Outcome.COMPLETED, Code.SESSION_ENDED, "meanwhile", "api"))
        await asyncio.wait_for(_a_tick(system), SOON)
        store.is_away = False
        refused = await closed(ended)
        await kept.send("kept")
        heard = await kept.recv()

    assert heard == "kept"
    assert refused[0] == 4410
    assert store.adopted


async def test_sessions_of_a_gateway_that_was_away_stay_held(distant: tuple[System, Distant]) -> None:
    system, store = distant
    await system.worker()
    async with system.connect(0):
        store.is_away = True
        await asyncio.wait_for(_a_tick(system), SOON)
        store.is_away = False
        await until(lambda: store.adopted)
        seen = await system.session(0)

    assert getattr(seen, "state", None) is ClaimState.HELD


async def test_a_gateway_starts_without_the_store_and_is_ready_when_it_comes() -> None:
    async with Fleet(0) as fleet:
        reach = Reach(lambda: fleet.memory)
        reach.cut()
        member = await Member(GatewayPolicy(port=0, link_port=0), reach).start()
        fleet.members.append(member)
        before = member.gateway.is_ready
        with pytest.raises(InvalidStatus) as refused:
            async with fleet.plain():
                pass
        reach.mend()
        await until(lambda: member.gateway.is_ready)
        async with fleet.worker(), fleet.plain() as client:
            await client.send("at last")
            heard = await client.recv()

    assert not before
    assert json.loads(refused.value.response.body)["code"] == "STORE_UNAVAILABLE"
    assert heard == "at last"


async def test_who_waits_in_a_queue_that_is_lost_hears_so_at_once() -> None:
    async with Fleet(1, adoption_seconds=2.0) as fleet, fleet.worker(slots=1), fleet.plain(0):
        waiting = asyncio.create_task(_refused(fleet, 1))
        async with asyncio.timeout(SOON):
            while await fleet.memory.queue(a_session(1)) is None:  # noqa: ASYNC110 - a view has no event
                await asyncio.sleep(0.01)
        await fleet.lose_the_data()

        assert await asyncio.wait_for(waiting, 2.0) == "STORE_UNAVAILABLE"


async def test_a_grant_whose_notice_was_lost_is_asked_for_again() -> None:
    async with Fleet(1) as fleet, fleet.worker(slots=1), fleet.plain(0) as first:
        waiting = asyncio.create_task(_served(fleet, 1))
        async with asyncio.timeout(SOON):
            while await fleet.memory.queue(a_session(1)) is None:  # noqa: ASYNC110 - a view has no event
                await asyncio.sleep(0.01)
        fleet.members[0].reach.cut()
        await fleet.memory.end(End(a_session(0), Outcome.COMPLETED, Code.SESSION_ENDED, "meanwhile", "api"))
        granted = await fleet.memory.session(a_session(1))
        fleet.members[0].reach.mend()

        assert await asyncio.wait_for(waiting, SOON) == "served"
        assert (await closed(first))[0] == 4410
    assert getattr(granted, "state", None) is ClaimState.RESERVED


async def _served(fleet: Fleet, number: int) -> str | bytes:
    async with fleet.plain(number) as client:
        await client.send("served")
        return await client.recv()


async def _refused(fleet: Fleet, number: int) -> str:
    with pytest.raises(InvalidStatus) as refused:
        await _served(fleet, number)
    return str(json.loads(refused.value.response.body)["code"])


async def _a_tick(system: System) -> None:
    """Longer than the upkeep's second, on its own clock."""
    end = system.store.now() + 1.2
    while system.store.now() < end:  # noqa: ASYNC110 - time itself is waited for
        await asyncio.sleep(0.05)
