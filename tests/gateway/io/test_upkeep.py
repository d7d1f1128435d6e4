"""What a gateway does every second goes on, whatever one of those seconds brings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from gateway.gate import Gate
from gateway.io import upkeep
from gateway.io.certificates import Certificates
from gateway.io.engine import make_wire
from gateway.io.standing import Lease, Standing
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

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.checkpoints: dict[object, Usage] = {}
        self.stale: dict[object, Stale] = {}
        self.is_known = True

    def now(self) -> float:
        return NOW

    async def renew(self, gateway: GatewayId) -> bool:
        return self.is_known

    async def checkpoint(self, session: object, fence: int, usage: Usage) -> Done | Stale:
        if self.failures:
            raise self.failures.pop(0)
        self.checkpoints[session] = usage
        return self.stale.get(session, Done())


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "_EVERY_SECONDS", 0.01)


def a_standing(quay: Quay, ledger: Ledger) -> Standing:
    standing = Standing(
        Lease(a_gateway_id(), "ws://here", 30.0),
        ledger,  # type: ignore[arg-type]
        quay.attachments,
        quay.reports,
        quay.metrics,
    )
    standing.is_in_step = True
    return standing


async def kept_up(quay: Quay, ledger: Ledger | Standing, holds: Callable[[], object], gate: Gate | None = None) -> None:
    wire = make_wire(asyncio.get_running_loop(), "pure")
    certificates = Certificates(wire.tls, None, quay.metrics, "clients")
    gate = gate or Gate(GatewayPolicy(), lambda: KEYS, bytes)
    policy = GatewayPolicy(checkpoint_seconds=0.01)
    standing = a_standing(quay, ledger) if isinstance(ledger, Ledger) else ledger
    task = asyncio.create_task(keep_up(policy, standing, quay.attachments, [certificates], gate))
    try:
        await until(holds)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_outage_puts_the_gateway_out_of_step_and_holds_its_reports(quay: Quay) -> None:
    quay.attached()
    taken: list[int] = []

    async def write() -> None:
        taken.append(1)

    standing = a_standing(quay, Ledger(Unavailable("away")))
    await kept_up(quay, standing, standing._doubted.is_set)
    quay.reports.put(write)
    for _ in range(5):
        await asyncio.sleep(0)

    assert taken == []


async def test_out_of_step_nothing_is_checkpointed(quay: Quay) -> None:
    quay.attached()
    ledger, gate = Ledger(), Gate(GatewayPolicy(), lambda: KEYS, bytes)
    gate.revocations.add(Revocation("session", a_session(), NOW - 1, NOW - 2))
    standing = a_standing(quay, ledger)
    standing.is_in_step = False

    await kept_up(quay, standing, lambda: len(gate.revocations) == 0, gate)

    assert ledger.checkpoints == {}


async def test_a_failure_nobody_thought_of_does_not_end_the_upkeep(quay: Quay) -> None:
    quay.attached()
    ledger = Ledger(ZeroDivisionError("a bug"))

    await kept_up(quay, ledger, lambda: ledger.checkpoints)

    assert list(ledger.checkpoints) == [a_session()]


async def test_every_attachment_is_checkpointed_and_a_stale_one_let_go(quay: Quay) -> None:
    for number in range(5):
        quay.attached(number)
    _, relay = quay.attached(5, fence=7)
    ledger = Ledger()
    ledger.stale[a_session(5)] = Stale(a_session(5), 9)

    await kept_up(quay, ledger, lambda: len(ledger.checkpoints) == 6 and relay.told)

    assert relay.told[0][0] == (4409, b'{"code":"SESSION_SUPERSEDED"}')
    assert len(relay.told) == 1


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_session_that_the_store_does_not_know_is_let_go_unless_it_lost_its_data(
    quay: Quay, is_known: bool
) -> None:
    _, relay = quay.attached()
    ledger = Ledger()
    ledger.is_known = is_known
    ledger.stale[a_session()] = Stale(a_session(), None)
    standing = a_standing(quay, ledger)

    await kept_up(quay, standing, lambda: relay.told or standing._doubted.is_set())

    assert bool(relay.told) is is_known


async def test_revocations_that_are_over_are_forgotten(quay: Quay) -> None:
    gate = Gate(GatewayPolicy(), lambda: KEYS, bytes)
    gate.revocations.add(Revocation("session", a_session(), NOW - 1, NOW - 2))

    await kept_up(quay, Ledger(), lambda: len(gate.revocations) == 0, gate)
