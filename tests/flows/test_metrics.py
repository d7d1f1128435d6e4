"""What Prometheus reads of a gateway is what happened."""

from __future__ import annotations

import contextlib

from websockets.exceptions import InvalidStatus

from tests.builders import a_session
from tests.flows.system import System, closed, until


async def test_a_day_of_a_gateway_is_counted(system: System) -> None:
    worker = await system.worker()
    async with system.connect(0) as first, system.connect(1) as second:
        await first.send("x" * 100)
        await first.recv()
        live = {name: system.metric(f"moorage_gateway_{name}") for name in ("sessions", "connections", "handshakes")}
        live_bytes = system.metric("moorage_gateway_relay_bytes_total", **{"from": "client"})
        worker.connections[1].transport.abort()
        await closed(second)
    with contextlib.suppress(InvalidStatus):
        await system.connect(token="nonsense")
    await until(lambda: system.metric("moorage_gateway_connections") == 0)
    await system.reported()

    assert live == {"sessions": 2, "connections": 2, "handshakes": 0}
    assert live_bytes == 106
    assert system.metric("moorage_gateway_relay_bytes_total", **{"from": "client"}) >= 106 + 8
    assert system.metric("moorage_gateway_relay_messages_total", **{"from": "worker"}) == 1
    assert system.metric("moorage_gateway_connects_total", result="relayed") == 2
    assert system.metric("moorage_gateway_connects_total", result="refused") == 1
    assert system.metric("moorage_gateway_refusals_total", code="INVALID_SESSION_TOKEN") == 1
    assert system.metric("moorage_gateway_endings_total", cause="closed", by="client") == 1
    assert system.metric("moorage_gateway_endings_total", cause="eof", by="worker") == 1
    assert system.metric("moorage_gateway_closes_total", code="WORKER_LOST") == 1
    assert system.metric("moorage_gateway_claim_seconds_count") == 2
    assert system.metric("moorage_gateway_dial_seconds_count") == 2
    assert system.metric("moorage_gateway_admit_seconds_count") == 2
    assert system.metric("moorage_gateway_sessions") == 0


async def test_totals_never_go_down_when_a_connection_is_replaced(system: System) -> None:
    await system.worker()
    seen = []
    async with system.connect() as first:
        await first.send("x" * 1000)
        await first.recv()
        seen.append(system.metric("moorage_gateway_relay_bytes_total", **{"from": "client"}))
        async with system.connect():
            seen.append(system.metric("moorage_gateway_relay_bytes_total", **{"from": "client"}))
            await closed(first)
            seen.append(system.metric("moorage_gateway_relay_bytes_total", **{"from": "client"}))

    assert seen == sorted(seen)


async def test_no_label_holds_who_somebody_is(system: System) -> None:
    await system.worker()
    async with system.connect() as client:
        await client.send("x")
        await client.recv()
        page = system.scrape()

    assert a_session() not in page
    assert "127.0.0.1" not in page
    assert page.count("\n") < 500
