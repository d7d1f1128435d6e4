"""What the store says is carried out, and one notice's failure is not the next one's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.gate import Gate
from gateway.io.admission import Admission
from gateway.io.notices import Notices
from gateway.policy import GatewayPolicy
from moorage.errors import Code
from moorage.ids import RequestId, WorkerId
from scheduler.store import Store
from scheduler.values import (
    CloseSession,
    Direct,
    Directive,
    Extended,
    GatewayCordoned,
    Notice,
    Order,
    ProbeSession,
    Revocation,
    Revoked,
    WorkerLost,
)
from tests.builders import KEYS, NOW, a_gateway_id, a_session, a_token, a_worker_id
from tests.flows.system import until
from tests.gateway.io.quay import Quay


class Listening:
    """A store that remembers the answers to probes; anything else goes to the real one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.probed_with: list[bool] = []

    async def probed(self, session: object, fence: int, request: object, *, is_alive: bool) -> None:
        self.probed_with.append(is_alive)

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


class Reading:
    """Notices carried out, one after the other, until `holds`."""

    def __init__(self, quay: Quay, *notices: Notice) -> None:
        self.store = Listening(quay.store)
        self.gate = Gate(GatewayPolicy(), lambda: KEYS, bytes)
        quay.attachments.revocations = self.gate.revocations
        self.delivered: list[tuple[WorkerId, Directive]] = []
        admission = Admission(a_gateway_id(), GatewayPolicy(), quay.store, quay.reports, quay.metrics)
        self._said = notices
        self._quay = quay
        self.cordons: list[bool] = []
        parts = (admission, quay.attachments, self.cordons.append)
        self.notices = Notices(a_gateway_id(), self.store, *parts)  # type: ignore[arg-type]

    async def run(self, holds: Callable[[], object] = lambda: True) -> None:
        for notice in self._said:
            await self.notices.carry_out(notice, self._quay.reports, self._deliver)
        await until(holds)

    async def _deliver(self, worker: WorkerId, directive: Directive) -> None:
        self.delivered.append((worker, directive))


async def test_a_close_ends_the_attach_and_older_ones_but_no_newer(quay: Quay) -> None:
    _, old = quay.attached(0, fence=7)
    _, new = quay.attached(1, fence=9)
    said = [
        CloseSession(a_session(1), 8, Code.SESSION_ENDED),
        CloseSession(a_session(2), 8, Code.SESSION_ENDED),
        CloseSession(a_session(0), 8, Code.SESSION_EXPIRED, 1.5),
    ]

    await Reading(quay, *said).run(lambda: old.told)

    assert old.told[0][0] == (4419, b'{"code":"SESSION_EXPIRED","retry_after":1.5}')
    assert new.told == []


async def test_a_lost_workers_attaches_are_closed_and_only_those(quay: Quay) -> None:
    attachment, relay = quay.attached()
    attachment.worker = a_worker_id(5)
    _, other = quay.attached(1)

    await Reading(quay, WorkerLost(a_worker_id(5))).run(lambda: relay.told)

    assert relay.told[0][0] == (4502, b'{"code":"WORKER_LOST","retry_after":0.5}')
    assert other.told == []


@pytest.mark.parametrize("is_alive", [True, False])
async def test_a_probe_is_answered_by_the_client_and_silence_ends_it(quay: Quay, is_alive: bool) -> None:
    _, relay = quay.attached()
    relay.answers_probes = is_alive
    reading = Reading(quay, ProbeSession(a_session(), 7, RequestId("r")))

    await reading.run(lambda: reading.store.probed_with)

    assert reading.store.probed_with == [is_alive]
    assert (relay.told == []) is is_alive


async def test_a_probe_of_what_is_not_here_is_answered_no(quay: Quay) -> None:
    reading = Reading(quay, ProbeSession(a_session(), 7, RequestId("r")))

    await reading.run(lambda: reading.store.probed_with)

    assert reading.store.probed_with == [False]


async def test_directives_go_over_the_link_and_revocations_to_the_gate(quay: Quay) -> None:
    order = Directive(Order.CORDON)
    revocation = Revocation("user", a_token().user, NOW + 10, NOW + 1)
    reading = Reading(quay, Extended(a_session(), NOW), Revoked(revocation), Direct(a_worker_id(), order))

    await reading.run(lambda: reading.delivered)

    assert reading.delivered == [(a_worker_id(), order)]
    assert reading.gate.revocations.refuses(a_token(), NOW)


async def test_one_notice_that_fails_does_not_stop_the_next(quay: Quay) -> None:
    attachment, relay = quay.attached()
    attachment.worker = None  # type: ignore[assignment]
    broken = Direct(None, None)  # type: ignore[arg-type]
    reading = Reading(quay, broken, Revoked(None), CloseSession(a_session(), 7, Code.DRAINING))  # type: ignore[arg-type]

    await reading.run(lambda: relay.told)

    assert relay.told[0][0] is not None


async def test_a_longer_life_is_kept_for_a_store_that_forgets(quay: Quay) -> None:
    attachment, _ = quay.attached()

    await Reading(quay, Extended(a_session(), NOW + 9), Extended(a_session(1), NOW)).run()

    assert attachment.held(30.0).expires_at == NOW + 9


async def test_a_cordon_is_carried_out_and_taken_back(quay: Quay) -> None:
    reading = Reading(quay, GatewayCordoned(True), GatewayCordoned(False))

    await reading.run()

    assert reading.cordons == [True, False]


async def test_what_was_said_while_nobody_watched_is_learned(quay: Quay) -> None:
    await quay.store.join(a_gateway_id(), "ws://here")
    reading = Reading(quay)
    await quay.store.cordon_gateway(a_gateway_id(), is_cordoned=True)

    await reading.notices.learn_cordon()

    assert reading.cordons == [True]
