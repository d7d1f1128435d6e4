"""From a reserved slot to a worker that answers: bad candidates are passed over, and blamed only for their own faults."""

from __future__ import annotations

import asyncio
import json
from ipaddress import ip_network

import pytest
from websockets.exceptions import InvalidStatus

from gateway.io import dial
from gateway.policy import GatewayPolicy, Trust
from scheduler.values import WorkerState
from tests.builders import an_answer
from tests.flows.strangers import Answer, cutting, listening, nothing, saying
from tests.flows.system import SOON, System, until


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        pytest.param(saying(b"SSH-2.0-x\r\n"), "garbage", id="another protocol"),
        pytest.param(saying(b"\x00" * 100_000, stays=True), "garbage", id="100 KB of zeros"),
        pytest.param(saying(an_answer(Sec_WebSocket_Accept="x" * 28), stays=True), "garbage", id="a wrong accept key"),
        pytest.param(saying(an_answer(Sec_WebSocket_Accept=None)), "garbage", id="no accept key"),
        pytest.param(saying(an_answer()[:-2]), "garbage", id="half an answer"),
        pytest.param(saying(b""), "garbage", id="no answer"),
        pytest.param(saying(b"HTTP/1.1 100 Continue\r\n\r\n", stays=True), "garbage", id="continue"),
        pytest.param(cutting, "garbage", id="a reset"),
        pytest.param(
            saying(b"HTTP/1.1 503 Full\r\nContent-Length: 0\r\n\r\n", stays=True),
            "unavailable",
            id="a worker with no room",
        ),
    ],
)
async def test_a_bad_candidate_is_passed_over(system: System, bad: Answer, why: str) -> None:
    async with listening(bad) as port:
        await system.register(port, slots=1)
        connecting = asyncio.create_task(_entered(system))
        good = await system.worker()
        heard = await asyncio.wait_for(connecting, SOON)

    assert heard == "served"
    assert len(good.requests) == 1
    assert system.metric("moorage_gateway_dial_failures_total", why=why) == 1
    assert system.gateway.sessions == 0


async def _entered(system: System) -> str | bytes:
    await until(lambda: len(system.workers) == 1)
    async with system.connect() as client:
        await client.send("served")
        return await client.recv()


async def test_a_candidate_that_is_not_there_is_passed_over(system: System) -> None:
    async with listening(nothing) as port:
        pass
    await system.register(port, slots=1)
    await system.worker(slots=2)

    heard = await _entered(system)

    assert heard == "served"


async def test_a_silent_candidate_is_passed_over_in_time(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial, "DIAL", 0.3)
    async with listening(nothing) as port:
        await system.register(port, slots=1)
        await system.worker(slots=2)

        heard = await asyncio.wait_for(_entered(system), SOON)

    assert heard == "served"
    assert system.metric("moorage_gateway_dial_failures_total", why="timeout") == 1


async def test_after_three_candidates_the_client_is_told_and_the_slot_is_free(system: System) -> None:
    async with listening(cutting) as first, listening(cutting) as second, listening(cutting) as third:
        for port in (first, second, third):
            await system.register(port)
        with pytest.raises(InvalidStatus) as refused:
            async with system.connect():
                pass
    await system.reported()

    assert refused.value.response.status_code == 502
    assert json.loads(refused.value.response.body)["code"] == "WORKER_LOST"
    assert [worker.used for worker in await system.store.workers()] == [0, 0, 0]
    assert await system.session() is None


async def test_one_bad_client_does_not_make_a_worker_suspect_but_three_do(system: System) -> None:
    async with listening(cutting) as port:
        bad = await system.register(port)
        seen = []
        for number in (0, 0, 0, 1, 2):
            with pytest.raises(InvalidStatus):
                async with system.connect(number):
                    pass
            await system.reported()
            worker = await system.store.worker(bad.worker)
            assert worker is not None
            seen.append(worker.state)

    assert seen == [WorkerState.SERVING] * 4 + [WorkerState.SUSPECT]


async def test_a_worker_outside_the_allowed_networks_is_not_dialled() -> None:
    policy = GatewayPolicy(trust=Trust(worker_networks=(ip_network("10.0.0.0/8"),)))
    async with System(policy) as system:
        worker = await system.worker()
        with pytest.raises(InvalidStatus):
            async with system.connect():
                pass

        assert worker.requests == []
        assert system.metric("moorage_gateway_dial_failures_total", why="connect") == 1
