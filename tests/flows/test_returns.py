"""A store that returns to a thousand sessions: who notices, how long it takes, what is said about it. Prints its figures."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from gateway.policy import GatewayPolicy, Handshakes
from scheduler.values import ClaimState
from tests.flows.fleet import Fleet, in_step
from tests.flows.places import OnRedis
from tests.flows.system import until
from tests.owntime import OwnTime, own_time

SESSIONS = 1000
ENDED = 100  # of them, while it is away
AWAY = 4.0
POLICY = GatewayPolicy(handshakes=Handshakes(connects_per_second_per_address=0))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("how", ["killed", "paused", "emptied"])
async def test_a_thousand_sessions_outlive_their_store(tmp_path: Path, how: str) -> None:
    place = OnRedis(tmp_path / "redis", keeps_data=how == "killed", is_paused=how == "paused")
    try:
        async with Fleet(2, POLICY, place, adoption_seconds=3.0) as fleet, own_time() as own, AsyncExitStack() as stack:
            for number in range(4):
                await stack.enter_async_context(fleet.worker(slots=SESSIONS, name=f"w{number}"))
            clients = await _crowd(fleet, stack)
            probe = asyncio.create_task(_longest_echo(clients[-1], own))
            with capture_logs() as logs:
                took = await _away_and_back(fleet, clients, how, own)
            probe.cancel()
            longest_echo = await probe
            held = [view for view in await fleet.truth.sessions() if view.state is ClaimState.HELD]
            ended = [e for e in await fleet.truth.events("test", 100_000, 0) if e.type == "session.ended"]
            open_ones = sum(client.close_code is None for client in clients)
            used = sum(view.used for view in await fleet.truth.workers())
    finally:
        await place.close()

    said = Counter(line["event"] for line in logs if line["event"] not in ("attach_ended", "refused"))
    print(f"\n{how}: {took}, longest echo {longest_echo * 1000:.0f} ms; logged {dict(said)}")  # noqa: T201 - the figures
    assert len(held) == open_ones == used == SESSIONS - ENDED
    assert len(ended) == ENDED + 1
    assert longest_echo < 1.0
    assert sum(said.values()) < 100
    assert took["in step"] < 5.0


async def _crowd(fleet: Fleet, stack: AsyncExitStack) -> list[ClientConnection]:
    clients = []
    for start in range(0, SESSIONS, 50):
        clients += await asyncio.gather(*(_one_of_them(fleet, stack, number) for number in range(start, start + 50)))
    return clients


async def _one_of_them(fleet: Fleet, stack: AsyncExitStack, number: int) -> ClientConnection:
    """Comes again where it was refused: a machine that stops for three seconds makes a store and workers unreachable."""
    async with asyncio.timeout(60):
        while True:
            with suppress(InvalidStatus):
                return await stack.enter_async_context(fleet.plain(number, number % 2))
            await asyncio.sleep(0.1)


async def _away_and_back(fleet: Fleet, clients: list[ClientConnection], how: str, own: OwnTime) -> dict[str, float]:
    """Seconds from the moment the server answers again."""
    fleet.place.go_away()
    await asyncio.gather(*(client.close() for client in clients[:ENDED]))
    await asyncio.sleep(AWAY)
    await fleet.place.come_back()
    if how == "emptied":
        await fleet.set_keys()
    began = own.seconds
    first = asyncio.create_task(_let_in(fleet, own))
    await in_step(fleet)
    took = {"in step": own.seconds - began}
    await until(lambda: not any(member.metric("moorage_gateway_reports_pending") for member in fleet.members), 60.0)
    took["ends told"] = own.seconds - began
    took["a new client talks"] = await first - began
    return {name: round(seconds, 2) for name, seconds in took.items()}


async def _let_in(fleet: Fleet, own: OwnTime) -> float:
    async with asyncio.timeout(60):
        while True:
            with suppress(InvalidStatus):
                async with fleet.plain(SESSIONS + 1) as client:
                    await client.send("hello")
                    await client.recv()
                    return own.seconds
            await asyncio.sleep(0.1)


async def _longest_echo(client: ClientConnection, own: OwnTime) -> float:
    longest = 0.0
    with suppress(asyncio.CancelledError):
        while True:
            began = own.seconds
            await client.send("on")
            await client.recv()
            longest = max(longest, own.seconds - began)
            await asyncio.sleep(0.02)
    return longest
