"""What a gateway does every second goes on, whatever one of those seconds brings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from gateway.gate import Gate
from gateway.io import upkeep
from gateway.io.certificates import Certificates
from gateway.io.engine import make_wire
from gateway.io.upkeep import keep_up
from gateway.policy import GatewayPolicy
from moorage.ids import GatewayId
from scheduler.store import Unavailable
from scheduler.values import Done, Revocation, Stale, Usage
from tests.builders import KEYS, NOW, a_gateway_id, a_session
from tests.flows.system import until
from tests.gateway.io.quay import Quay


class Ledger:
    """A store of which only the upkeep's methods are asked. Fails as a test says."""

    def __init__(self, *failures: Exception | None) -> None:
        self.failures = list(failures)
        self.renewed = 0
        self.adopted: list[list[tuple[object, int]]] = []
        self.checkpoints: dict[object, Usage] = {}
        self.stale: dict[object, Stale] = {}

    def now(self) -> float:
        return NOW

    async def renew(self, gateway: GatewayId) -> None:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        self.renewed += 1

    async def adopt(self, gateway: GatewayId, held: list[tuple[object, int]]) -> list[Stale]:
        self.adopted.append(held)
        return []

    async def checkpoint(self, session: object, fence: int, usage: Usage) -> Done | Stale:
        self.checkpoints[session] = usage
        return self.stale.get(session, Done())


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "_EVERY_SECONDS", 0.01)


async def kept_up(quay: Quay, ledger: Ledger, holds: Callable[[], object], gate: Gate | None = None) -> None:
    wire = make_wire(asyncio.get_running_loop(), "pure")
    certificates = Certificates(wire.tls, None, quay.metrics)
    gate = gate or Gate(GatewayPolicy(), lambda: KEYS, bytes)
    policy = GatewayPolicy(checkpoint_seconds=0.01)
    task = asyncio.create_task(
        keep_up(a_gateway_id(), policy, ledger, quay.attachments, [certificates], gate)  # type: ignore[arg-type]
    )
    try:
        await until(holds)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_lease_is_renewed_again_and_again(quay: Quay) -> None:
    ledger = Ledger()

    await kept_up(quay, ledger, lambda: ledger.renewed > 3)

    assert ledger.adopted == []


async def test_an_outage_is_waited_out_and_what_is_live_adopted_once(quay: Quay) -> None:
    quay.attached(fence=7)
    ledger = Ledger(Unavailable("away"), None, None)

    await kept_up(quay, ledger, lambda: ledger.renewed > 3)

    assert ledger.adopted == [[(a_session(), 7)]]


async def test_a_failure_nobody_thought_of_does_not_end_the_upkeep(quay: Quay) -> None:
    ledger = Ledger(ZeroDivisionError("a bug"))

    await kept_up(quay, ledger, lambda: ledger.renewed > 1)

    assert ledger.adopted == []


async def test_every_attachment_is_checkpointed_and_a_stale_one_let_go(quay: Quay) -> None:
    for number in range(5):
        quay.attached(number)
    _, relay = quay.attached(5, fence=7)
    ledger = Ledger()
    ledger.stale[a_session(5)] = Stale(a_session(5), 9)

    await kept_up(quay, ledger, lambda: len(ledger.checkpoints) == 6 and relay.told)

    assert relay.told[0][0] == (4409, b'{"code":"SESSION_SUPERSEDED"}')
    assert len(relay.told) == 1


async def test_revocations_that_are_over_are_forgotten(quay: Quay) -> None:
    gate = Gate(GatewayPolicy(), lambda: KEYS, bytes)
    gate.revocations.add(Revocation("session", a_session(), NOW - 1, NOW - 2))

    await kept_up(quay, Ledger(), lambda: len(gate.revocations) == 0, gate)
