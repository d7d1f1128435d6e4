"""Whom a worker lets in, and what it says to the others."""

from __future__ import annotations

import asyncio

import pytest

from moorage.claims import Claim, sign_claim
from moorage.examples.echo import echo
from moorage.ids import WorkerId
from moorage.io.worker import Worker
from tests.connections import http_get
from tests.moorage.io.harbour import (
    JOIN_KEY,
    WAIT,
    Harbour,
    a_worker,
    eventually,
    headers_for,
    refusal,
    session_id,
    upgrade,
)

A, B, C = session_id("a"), session_id("b"), session_id("c")


# At the door.


async def test_whoever_bypasses_the_gateway_is_refused(harbour: Harbour) -> None:
    async with a_worker(harbour, echo) as worker:
        claimed = await harbour.claim(A)
        good = headers_for(claimed)
        forged = sign_claim(Claim(claimed.worker, claimed.session, claimed.fence), b"x" * 32)
        elsewhere = sign_claim(Claim(WorkerId("wrk_other"), A, claimed.fence), claimed.claim_key)

        for headers in (
            {name: value for name, value in good.items() if name != "Moorage-Claim"},
            good | {"Moorage-Claim": forged},
            good | {"Moorage-Claim": elsewhere},
            good | {"Moorage-Claim": good["Moorage-Claim"][:-1]},
            good | {"Moorage-Claim": "x" * 5000},
            good | {"Moorage-Session": B},
            [*good.items(), ("Moorage-Session", B)],
            [*good.items(), ("Moorage-Claim", good["Moorage-Claim"])],
        ):
            assert await refusal(claimed.address, headers) == (403, "PERMISSION_DENIED")
        assert worker.in_use == 0


async def test_an_old_claim_is_refused(harbour: Harbour) -> None:
    async with a_worker(harbour, echo):
        claimed = await harbour.claim(A)
        async with await upgrade(claimed.address, headers_for(claimed)):
            assert await refusal(claimed.address, headers_for(claimed)) == (409, "STALE_FENCE")
            older = claimed._replace(fence=claimed.fence - 1)
            assert await refusal(claimed.address, headers_for(older)) == (409, "STALE_FENCE")


async def test_a_full_worker_says_so_and_keeps_what_it_has(harbour: Harbour) -> None:
    async with a_worker(harbour, echo, slots=1) as worker, await harbour.attach(A):
        known = await harbour.store.worker(worker.worker_id or WorkerId(""))
        assert known is not None
        claimed = (await harbour.claim(A))._replace(session=B)

        assert await refusal(known.address, headers_for(claimed)) == (503, "NO_CAPACITY")
        assert worker.in_use == 1


async def test_a_context_that_cannot_be_read_is_refused(harbour: Harbour) -> None:
    async with a_worker(harbour, echo):
        claimed = await harbour.claim(A)

        assert await refusal(claimed.address, headers_for(claimed) | {"Moorage-Context": "!"}) == (400, "BAD_REQUEST")


async def test_a_worker_that_is_not_registered_refuses_and_is_not_ready(harbour: Harbour) -> None:
    worker = Worker(echo, gateways=["ws://127.0.0.1:1"], join_key=JOIN_KEY, drain_seconds=0.0)
    serving = asyncio.ensure_future(worker.serve())
    await eventually(lambda: worker.port)

    assert await refusal(f"127.0.0.1:{worker.port}", {}) == (503, "DRAINING")
    assert (await http_get(worker.port, "/livez"))[0] == 200
    assert (await http_get(worker.port, "/readyz"))[0] == 503

    worker.leave()
    await serving


async def test_a_registered_worker_is_ready(harbour: Harbour) -> None:
    async with a_worker(harbour, echo) as worker:
        assert await http_get(worker.port, "/readyz") == (200, "ok\n")


async def test_a_worker_stays_ready_full_draining_and_cut_off(harbour: Harbour) -> None:
    """Kubernetes takes pods that are not ready away first, and this one has a session."""
    async with a_worker(harbour, echo, slots=1, drain_seconds=WAIT) as worker:
        socket = await harbour.attach(A)
        full = await http_get(worker.port, "/readyz")
        await harbour.gateways[0].close()
        cut_off = await http_get(worker.port, "/readyz")
        worker._drain()
        draining = await http_get(worker.port, "/readyz")

        assert worker.is_draining
        assert [full, cut_off, draining] == [(200, "ok\n")] * 3
        await socket.close()


@pytest.mark.parametrize(
    ("own", "offered", "chosen"),
    [
        ((), ["moorage.v1"], "moorage.v1"),
        ((), ["chat", "moorage.v1"], "moorage.v1"),
        (("chat",), ["moorage.v1", "chat"], "chat"),
        ((), ["chat"], None),
        ((), None, None),
    ],
)
async def test_the_workers_own_subprotocol_goes_first(
    harbour: Harbour, own: tuple[str, ...], offered: list[str] | None, chosen: str | None
) -> None:
    async with a_worker(harbour, echo, subprotocols=own):
        claimed = await harbour.claim(A)
        async with await upgrade(claimed.address, headers_for(claimed), subprotocols=offered) as socket:
            assert socket.subprotocol == chosen
            assert "Sec-WebSocket-Extensions" not in (socket.response.headers if socket.response else {})
