"""The gateway's end of the link, spoken to byte by byte: a worker's life on it."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme

from gateway.io.link_server import LinkServer
from gateway.policy import GatewayPolicy
from moorage.ids import WorkerId
from moorage.link import (
    Ack,
    Directive,
    Drained,
    Goodbye,
    Heartbeat,
    Listed,
    Order,
    Register,
)
from scheduler import values
from scheduler.values import WorkerState
from tests.gateway.io.workers_end import GATEWAY, REGISTER, a_link, dial, hear, say, welcomed
from tests.moorage.io.harbour import Harbour, closed, eventually, session_id


async def test_a_worker_registers_beats_and_serves(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as link:
        assert link.subprotocol == "moorage.link.v1"
        place = await welcomed(link)
        view = await harbour.store.worker(place.worker_id)
        assert view is not None
        assert view.state is WorkerState.STARTING

        await say(link, Heartbeat(1, 0, load=0.25))

        assert await hear(link) == Ack(1)
        view = await harbour.store.worker(place.worker_id)
        assert view is not None
        assert (view.state, view.load, view.address) == (WorkerState.SERVING, 0.25, "127.0.0.1:7500")
        assert harbour.count("moorage_gateway_links") == 1


async def test_a_goodbye_removes_the_worker_and_silence_does_not(harbour: Harbour) -> None:
    server = harbour.gateways[0]
    async with a_link(server) as link:
        silent = (await welcomed(link)).worker_id
        link.transport.abort()
    async with a_link(server) as link:
        polite = (await welcomed(link)).worker_id
        await say(link, Drained())
        await say(link, Goodbye("done"))

        assert await closed(link) == (1000, "")

    assert await harbour.store.worker(silent) is not None
    assert await harbour.store.worker(polite) is None
    await eventually(lambda: harbour.count("moorage_gateway_links") == 0)


async def test_a_directive_goes_over_the_workers_link(harbour: Harbour) -> None:
    server = harbour.gateways[0]
    async with a_link(server) as link:
        worker = (await welcomed(link)).worker_id
        await server.deliver(worker, values.Directive(values.Order.MOVE, session_id("a"), 7, reason="drain"))

        assert await hear(link) == Directive(Order.MOVE, session_id("a"), 7, None, "drain")
    await server.deliver(WorkerId("wrk_nobody"), values.Directive(values.Order.CORDON))
    assert harbour.count("moorage_gateway_link_directives_total", result="unlinked") == 1


async def test_a_worker_that_registers_again_keeps_its_id_and_its_newest_link(harbour: Harbour) -> None:
    server = harbour.gateways[0]
    async with a_link(server) as older:
        place = await welcomed(older)
        again = Register("w", "eu", "gpu", "127.0.0.1:7500", 4, again=place.worker_id, claim_key=place.claim_key)
        async with a_link(server, again) as newer:
            assert (await welcomed(newer)).worker_id == place.worker_id
            assert (await closed(older))[0] == 4409

            await server.deliver(place.worker_id, values.Directive(values.Order.CORDON))
            assert await hear(newer) == Directive(Order.CORDON)


async def test_an_unknown_worker_is_told_to_register_again_and_may_on_the_same_link(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as link:
        worker = (await welcomed(link)).worker_id
        await harbour.store.remove(worker)
        await say(link, Heartbeat(1, 0))

        assert await hear(link) == Ack(0)
        told = await hear(link)
        assert isinstance(told, Directive)
        assert told.order is Order.REGISTER
        await say(link, REGISTER)
        assert (await welcomed(link)).worker_id != worker
        assert harbour.count("moorage_gateway_links") == 1


async def test_the_store_answers_heartbeats_with_its_orders(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as link:
        await welcomed(link)
        await say(link, Heartbeat(1, 1, attached=(Listed(session_id("a"), 5, is_attached=True),)))

        heard = [await hear(link), await hear(link)]
        assert Ack(1) in heard
        assert Directive(Order.END_SESSION, session_id("a"), 5, None, "NOT_YOURS") in heard


async def test_a_closing_gateway_sends_its_workers_elsewhere(harbour: Harbour) -> None:
    server = await harbour.gateway()
    async with a_link(server) as link:
        await welcomed(link)
        closing = asyncio.ensure_future(server.close())

        assert await closed(link) == (1012, '{"code":"DRAINING"}')
        await closing


async def test_the_link_over_tls(harbour: Harbour) -> None:
    authority = trustme.CA()
    served, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(served)
    authority.configure_trust(trusted)
    server = await harbour.gateway(tls=served)

    async with await dial(server, ssl=trusted) as link:
        await say(link, REGISTER)
        await welcomed(link)


async def test_a_taken_port_is_named(harbour: Harbour) -> None:
    port = harbour.gateways[0].port

    with pytest.raises(OSError, match=str(port)):
        await LinkServer(harbour.store, GATEWAY, GatewayPolicy(link_port=port)).start()
