"""What nonsense, floods and silence cost on the link: the link, never the worker."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from hashlib import sha256

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gateway.io import link as link_module
from gateway.io import link_server
from gateway.io.link_server import LinkServer
from gateway.policy import GatewayPolicy
from moorage.ids import WorkerId
from moorage.link import (
    MAX_MESSAGE_BYTES,
    Ack,
    Goodbye,
    Heartbeat,
    Registered,
    Unknown,
)
from moorage.link_wire import encode
from scheduler.io.memory import MemoryStore
from scheduler.values import JoinKey
from tests.connections import connections
from tests.gateway.io.workers_end import GATEWAY, REGISTER, a_link, dial, hear, refused, say, welcomed
from tests.moorage.io.harbour import JOIN_KEY, WAIT, Harbour, closed, eventually


@pytest.mark.parametrize(
    "data",
    [
        "text",
        b"",
        b"\xc1",
        encode(Heartbeat(1, 0)),
        encode(Unknown("telepathy")),
        encode(Goodbye()),
        encode(REGISTER)[:-1],
        b"\xdd\xff\xff\xff\xff" * 1000,
    ],
    ids=["text", "empty", "no msgpack", "a beat first", "unknown first", "a goodbye first", "cut", "bombs"],
)
async def test_nonsense_instead_of_a_registration_closes_the_link(harbour: Harbour, data: bytes | str) -> None:
    async with a_link(harbour.gateways[0], None) as link:
        await link.send(data)

        assert await closed(link) == (4400, '{"code":"BAD_REQUEST"}')
    assert harbour.count("moorage_gateway_link_closes_total", code="BAD_REQUEST") == 1


@pytest.mark.parametrize(
    "data", [b"\xc1", "text", encode(Ack(1)), encode(Registered(WorkerId("wrk_a"), b"k" * 32, "e"))]
)
async def test_nonsense_later_closes_the_link_and_keeps_the_worker(harbour: Harbour, data: bytes | str) -> None:
    async with a_link(harbour.gateways[0]) as link:
        worker = (await welcomed(link)).worker_id
        await link.send(data)

        assert (await closed(link))[0] == 4400
    assert await harbour.store.worker(worker) is not None


async def test_a_message_of_a_newer_version_is_skipped_and_counted(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as link:
        await welcomed(link)
        await say(link, Unknown("telepathy"))
        await say(link, Heartbeat(1, 0))

        assert await hear(link) == Ack(1)
    assert harbour.count("moorage_gateway_link_unknown_total") == 1


async def test_a_message_over_the_bound_closes_the_link(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as link:
        await welcomed(link)
        await link.send(bytes(MAX_MESSAGE_BYTES + 1))

        assert (await closed(link))[0] == 1009


async def test_a_flood_closes_the_link(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as link:
        await welcomed(link)
        with suppress(ConnectionClosed):  # it may close before the last of them
            for number in range(200):
                await link.send(encode(Heartbeat(number, 0)))

        assert await closed(link) == (4429, '{"code":"RATE_LIMIT_EXCEEDED"}')


async def test_a_link_that_does_not_register_in_time_is_closed(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "REGISTER_SECONDS", 0.05)
    async with a_link(harbour.gateways[0], None) as link:
        assert (await closed(link))[0] == 4400


async def test_a_link_that_falls_silent_is_given_back(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "SILENT_SECONDS", 0.05)
    async with a_link(harbour.gateways[0]) as link:
        await welcomed(link)

        assert await closed(link) == (4421, '{"code":"IDLE_TIMEOUT"}')


async def test_links_are_bounded_in_number() -> None:
    store = MemoryStore()
    await store.set_join_keys([JoinKey(sha256(JOIN_KEY.encode()).hexdigest(), "*", "*")])
    server = LinkServer(store, GATEWAY, GatewayPolicy(link_port=0), max_links=1)
    await server.start()
    try:
        async with await dial(server):
            assert await refused(server) == (503, "NO_CAPACITY")

        async def is_free() -> bool:
            try:
                await (await dial(server)).close()
            except InvalidStatus:
                return False
            return True

        await eventually(is_free)
    finally:
        await server.close()


async def test_those_that_show_no_key_are_few_at_once(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_server, "MAX_OPENING", 2)
    server = await harbour.gateway()
    linked = await dial(server)
    async with connections(server.port, 4, "localhost") as opened:
        waiting = [asyncio.create_task(reader.read()) for reader, _ in opened]
        done, _ = await asyncio.wait(waiting[2:], timeout=WAIT)

        assert done == set(waiting[2:])
        assert not any(task.done() for task in waiting[:2])
    await asyncio.gather(*waiting, return_exceptions=True)
    await linked.send(encode(REGISTER))
    assert (await welcomed(linked)).worker_id
    await linked.close()
