"""Workers without a port of their own: asked over their link, they come to the gateway that has the client."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

import moorage
from gateway.io import arrivals, dial
from gateway.io.app import Gateway
from gateway.policy import GatewayPolicy, Handshakes
from gateway.tickets import Tickets
from moorage.ids import WorkerId
from moorage.io.outward import Outward
from scheduler.store import Store, Unavailable
from scheduler.values import ClaimState, Directive, Outcome
from tests.builders import KEYS, Authority, a_request, an_authority
from tests.flows.outgoers import an_outgoer, dialling_out, head, switching
from tests.flows.places import ON_EVERY_STORE
from tests.flows.system import SOON, MakeSystem, System, another_gateway, closed, until


@pytest.fixture
async def system(a_system: MakeSystem, wire: str) -> AsyncIterator[System]:
    async with a_system(GatewayPolicy(wire=wire)) as system:
        yield system


def trusting(authority: Authority) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.ca.configure_trust(context)
    return context


async def used(system: System) -> int:
    return sum(worker.used for worker in await system.store.workers())


async def test_messages_of_any_size_come_back_from_a_worker_that_listens_nowhere(system: System) -> None:
    async with dialling_out(system) as worker, system.connect(max_size=None) as client:
        for size in (0, 1, 16_384, 1_000_000):
            await client.send(b"x" * size)
            assert await client.recv() == b"x" * size
        assert worker.port == 0
        assert worker.in_use == 1

    assert system.metric("moorage_gateway_tickets_issued_total") == 1
    assert system.metric("moorage_gateway_arrivals_total", result="accepted") == 1
    assert system.metric("moorage_gateway_dialout_seconds_count") == 1


async def test_over_tls_on_both_sides(wire: str, tmp_path: Path) -> None:
    authority = an_authority(tmp_path)
    policy = GatewayPolicy(wire=wire, tls=authority.files, link_tls=authority.files)
    async with (
        System(policy) as system,
        dialling_out(system, link_ssl=trusting(authority)),
        system.connect(ssl=trusting(authority), max_size=None) as client,
    ):
        for size in (1, 1_000_000):
            await client.send(b"x" * size)
            assert await client.recv() == b"x" * size


async def test_the_worker_shows_no_ticket_to_a_gateway_whose_certificate_it_does_not_trust(
    wire: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "DIAL", 0.5)
    authority = an_authority(tmp_path)
    policy = GatewayPolicy(wire=wire, link_tls=authority.files)
    async with System(policy) as system, dialling_out(system, link_ssl=trusting(authority)) as worker:
        assert isinstance(worker._road, Outward)
        worker._road._ssl = ssl.create_default_context()
        with pytest.raises(InvalidStatus) as refused:
            await system.connect()

    assert json.loads(refused.value.response.body)["code"] == "NO_CAPACITY"
    assert system.metric("moorage_gateway_dial_failures_total", why="timeout") == 1
    assert system.metric("moorage_gateway_arrivals_total", result="accepted") == 0


@ON_EVERY_STORE
async def test_a_client_that_returns_finds_its_session(system: System) -> None:
    attaches: list[int] = []

    async def counting(session: moorage.Session) -> None:
        async for message in session:
            attaches.append(session.attaches)
            await session.send(message)

    async with dialling_out(system, counting) as worker:
        async with system.connect() as first:
            await first.send("one")
            await first.recv()
            first.transport.abort()
        await system.settled(0, ClaimState.SUSPENDED)
        async with system.connect() as second:
            await second.send("two")
            assert await second.recv() == "two"
            assert worker.in_use == 1

    assert attaches == [1, 2]


async def test_a_second_connection_replaces_the_first(system: System) -> None:
    async with dialling_out(system, slots=1) as worker:
        first = await system.connect()
        async with system.connect() as second:
            assert (await closed(first))[0] == 4409
            await second.send("mine")
            assert await second.recv() == "mine"
            assert worker.in_use == 1


async def test_a_worker_that_cuts_its_connections_suspends_its_sessions(system: System) -> None:
    async with an_outgoer(system) as outgoer:
        connecting = asyncio.create_task(_connected(system))
        reader, writer = await outgoer.show(await outgoer.order())
        await head(reader)
        writer.write(switching(await head(reader)))
        client = await connecting
        writer.transport.abort()

        assert (await closed(client))[0] == 4502
        await system.settled(0, ClaimState.SUSPENDED)


async def _connected(system: System) -> ClientConnection:
    return await system.connect()


async def test_an_end_by_the_worker_is_an_end(system: System) -> None:
    async def greet(session: moorage.Session) -> None:
        await session.send("hello and goodbye")

    async with dialling_out(system, greet):
        async with system.connect() as client:
            assert await client.recv() == "hello and goodbye"
            assert (await closed(client))[0] == 1000
        record = await system.settled(0, Outcome.COMPLETED)

    assert record.outcome is Outcome.COMPLETED  # type: ignore[union-attr]
    assert await used(system) == 0


async def test_a_full_worker_says_so_and_the_next_candidate_gets_the_session(system: System) -> None:
    async with dialling_out(system, slots=1) as worker:
        worker._roster._table.slots = 0  # it lied about its slots
        good = await system.worker(slots=5)
        async with system.connect() as client:
            await client.send("served")
            assert await client.recv() == "served"

    assert len(good.requests) == 1
    assert system.metric("moorage_gateway_dial_failures_total", why="unavailable") == 1


@ON_EVERY_STORE
async def test_the_link_ends_at_one_gateway_and_the_client_comes_to_another(system: System) -> None:
    registry = CollectorRegistry()
    async with (
        another_gateway(system, registry=registry) as other,
        dialling_out(system, at=other),
        system.connect() as client,
    ):
        await client.send("across")
        assert await client.recv() == "across"

    assert system.metric("moorage_gateway_arrivals_total", result="accepted") == 1
    assert registry.get_sample_value("moorage_gateway_tickets_issued_total") == 0


@ON_EVERY_STORE
async def test_two_hundred_clients_at_once(a_system: MakeSystem, wire: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial, "DIAL", 9.0)  # there is one worker: who is dialled in vain hears NO_CAPACITY at once
    policy = GatewayPolicy(wire=wire, handshakes=Handshakes(connects_per_second_per_address=0))
    async with a_system(policy) as system, dialling_out(system, slots=200) as worker, AsyncExitStack() as stack:
        clients = await asyncio.gather(
            *(stack.enter_async_context(system.connect(number, open_timeout=SOON)) for number in range(200))
        )
        await asyncio.gather(*(client.send(str(number)) for number, client in enumerate(clients)))
        heard = await asyncio.gather(*(client.recv() for client in clients))

        assert heard == [str(number) for number in range(200)]
        assert worker.in_use == 200
        assert await used(system) == 200
    assert system.metric("moorage_gateway_arrivals_total", result="accepted") == 200


@ON_EVERY_STORE
async def test_what_is_sent_right_behind_the_heads_is_not_lost(system: System) -> None:
    """The client's first frame behind its upgrade, the worker's behind its 101, in one segment each."""
    async with an_outgoer(system) as outgoer, system.raw() as (heard, said):
        said.write(a_request(Authorization=f"Bearer {system.token()}") + b"\x81\x85\0\0\0\0early")
        reader, writer = await outgoer.show(await outgoer.order())
        await head(reader)
        writer.write(switching(await head(reader)) + b"\x81\x05hello")

        await asyncio.wait_for(heard.readuntil(b"\r\n\r\n"), SOON)
        assert await asyncio.wait_for(heard.readexactly(7), SOON) == b"\x81\x05hello"
        assert await asyncio.wait_for(reader.readexactly(11), SOON) == b"\x81\x85\0\0\0\0early"


@ON_EVERY_STORE
async def test_a_drained_worker_lets_its_clients_move(system: System) -> None:
    async with dialling_out(system) as worker:
        client = await system.connect()
        await until(lambda: worker.in_use == 1)
        worker.leave()

        assert (await closed(client))[0] == 1012


class Forgetful:
    """A store that loses the first orders: told so, and then silently."""

    def __init__(self, store: Store, *lost: bool | Exception) -> None:
        self._store = store
        self._lost = iter(lost)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def direct(self, worker: WorkerId, directive: Directive) -> bool:
        lost = next(self._lost, None)
        if isinstance(lost, Exception):
            raise lost
        return await self._store.direct(worker, directive) if lost is None else lost


@ON_EVERY_STORE
async def test_an_order_lost_with_its_link_is_given_again_within_the_same_deadline(a_system: MakeSystem) -> None:
    def disturbed(store: Store) -> Store:
        return cast(Store, Forgetful(store, False, True))

    async with a_system(disturbed=disturbed) as system, dialling_out(system), system.connect() as client:
        await client.send("after all")
        assert await client.recv() == "after all"

    assert system.metric("moorage_gateway_dial_failures_total", why="timeout") == 0


async def test_a_taken_port_is_named_and_nothing_stays_open(system: System) -> None:
    policy = GatewayPolicy(port=0, link_port=0, dialout_port=system.gateway.dialout_port)
    with pytest.raises(OSError, match=rf"127\.0\.0\.1:{policy.dialout_port}"):
        await Gateway(policy, system.store, lambda: KEYS, CollectorRegistry()).start()


async def test_an_address_of_its_own_is_what_workers_are_told(wire: str) -> None:
    policy = GatewayPolicy(wire=wire, dialout_address="http://gw-1.internal:80")
    async with System(policy) as system, an_outgoer(system) as outgoer:
        connecting = asyncio.create_task(_connected(system))
        order = await outgoer.order()
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)

    assert order.gateway == "http://gw-1.internal:80"


async def test_a_store_that_cannot_carry_the_order_is_said_to_be_away_and_the_slot_is_free() -> None:
    def disturbed(store: Store) -> Store:
        return cast(Store, Forgetful(store, Unavailable("away")))

    async with System(disturbed=disturbed) as system, dialling_out(system):
        with pytest.raises(InvalidStatus) as refused:
            await system.connect()
        await system.reported()
        assert await used(system) == 0

    assert json.loads(refused.value.response.body)["code"] == "STORE_UNAVAILABLE"


async def test_more_attaches_than_tickets_are_refused_and_their_slots_are_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(arrivals, "Tickets", partial(Tickets, most=1))
    async with System() as system, an_outgoer(system) as outgoer:
        connecting = asyncio.create_task(_connected(system))
        await outgoer.order()
        with pytest.raises(InvalidStatus) as refused:
            await system.connect(1)
        await system.reported()
        assert await used(system) == 1
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)

    assert json.loads(refused.value.response.body)["code"] == "NO_CAPACITY"
