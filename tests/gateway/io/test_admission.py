"""The wait for a slot: granted, refused, given up, drained, contested; each leaves nothing behind in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from gateway.io import admission
from gateway.io.admission import Admission, ClientGone
from gateway.policy import GatewayPolicy
from gateway.refusals import Refusal
from moorage.errors import Code
from moorage.ids import RequestId, SessionId
from scheduler.store import Unavailable
from scheduler.values import (
    Claimed,
    ClaimRequest,
    Contested,
    Duplicates,
    Granted,
    Probed,
    Queued,
    QueueRefused,
    Refused,
)
from tests.builders import NOW, a_claimed, a_gateway_id, a_visitor
from tests.flows.system import until
from tests.gateway.io.quay import Quay, ScriptedStream

Answer = Claimed | Queued | Contested | Refused
Answering = Callable[[ClaimRequest], Answer]


class Counter:
    """A store that is only asked for claims."""

    def __init__(self, *answers: Answering) -> None:
        self.answers = list(answers)
        self.requests: list[ClaimRequest] = []
        self.left: list[RequestId] = []

    def now(self) -> float:
        return NOW

    async def claim(self, request: ClaimRequest) -> Answer:
        self.requests.append(request)
        return self.answers.pop(0)(request)

    async def leave_queue(self, request: RequestId, session: SessionId | None = None) -> None:
        self.left.append(request)


def queued(request: ClaimRequest) -> Queued:
    return Queued(request.request, 1, None, NOW + 0.1)


def contested(request: ClaimRequest) -> Contested:
    return Contested(request.request, 6)


def claimed(request: ClaimRequest) -> Claimed:
    return a_claimed()


def away(request: ClaimRequest) -> Answer:
    raise Unavailable("away")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_MARGIN", 0.1)
    monkeypatch.setattr(admission, "_PROBE_SECONDS", 0.1)


class Desk:
    """An admission over a counter."""

    def __init__(
        self,
        quay: Quay,
        *answers: Answering,
        duplicates: Duplicates = Duplicates.REPLACE,
        wait_seconds: float = GatewayPolicy().wait_seconds,
    ) -> None:
        self.store = Counter(*answers)
        policy = replace(GatewayPolicy(), duplicates=duplicates, wait_seconds=wait_seconds)
        self.admission = Admission(a_gateway_id(), policy, self.store, quay.reports, quay.metrics)  # type: ignore[arg-type]
        self._quay = quay

    def claim(self, stream: ScriptedStream | None = None) -> Awaitable[Claimed]:
        return asyncio.ensure_future(self.admission.claim(a_visitor(), stream or ScriptedStream()))

    def seek_on(self, waited: float) -> Awaitable[Claimed]:
        return asyncio.ensure_future(self.admission.seek_on(a_visitor(), ScriptedStream(), a_claimed(), waited))

    async def waiting(self) -> RequestId:
        """The newest request that waits."""
        await until(lambda: self.admission.waiting)
        return self.store.requests[-1].request

    async def left(self) -> list[RequestId]:
        await self._quay.reports.flush(1)
        return self.store.left


async def refused(claiming: Awaitable[Claimed]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await claiming
    return caught.value


async def test_a_slot_at_once(quay: Quay) -> None:
    desk = Desk(quay, claimed)

    assert await desk.claim() == a_claimed()
    assert desk.admission.waiting == 0


async def test_a_refusal_at_once(quay: Quay) -> None:
    desk = Desk(quay, lambda request: Refused(Code.SESSION_LIMIT_EXCEEDED, "too many", 2.0))

    refusal = await refused(desk.claim())

    assert (refusal.code, refusal.retry_after) == (Code.SESSION_LIMIT_EXCEEDED, 2.0)


async def test_a_grant(quay: Quay) -> None:
    desk = Desk(quay, queued)
    claiming = desk.claim()

    desk.admission.answer(Granted(await desk.waiting(), a_claimed()))
    desk.admission.answer(Granted(desk.store.requests[0].request, a_claimed(1)))

    assert await claiming == a_claimed()
    assert await desk.left() == []


async def test_who_was_not_answered_waits_with_what_is_left_of_its_wait(quay: Quay) -> None:
    desk = Desk(quay, queued)
    seeking = desk.seek_on(waited=12.0)

    desk.admission.answer(Granted(await desk.waiting(), a_claimed(1)))

    assert await seeking == a_claimed(1)
    [request] = desk.store.requests
    assert (request.unreached, request.wait_seconds) == (a_claimed().fence, GatewayPolicy().wait_seconds - 12.0)


async def test_who_was_not_answered_after_all_of_its_wait_is_refused_and_not_asked_for(quay: Quay) -> None:
    desk = Desk(quay)

    assert (await refused(desk.seek_on(waited=GatewayPolicy().wait_seconds))).code is Code.ADMISSION_TIMEOUT
    assert desk.store.requests == []


async def test_where_nobody_waits_the_store_refuses_who_was_not_answered(quay: Quay) -> None:
    desk = Desk(quay, lambda request: Refused(Code.NO_CAPACITY, "taken", 2.0), wait_seconds=0.0)

    assert (await refused(desk.seek_on(waited=1.0))).code is Code.NO_CAPACITY
    assert desk.store.requests[0].wait_seconds == 0.0


async def test_a_refusal_after_a_wait(quay: Quay) -> None:
    desk = Desk(quay, queued)
    claiming = desk.claim()

    desk.admission.answer(QueueRefused(await desk.waiting(), Refused(Code.NO_CAPACITY, "no worker is left")))

    assert (await refused(claiming)).code is Code.NO_CAPACITY
    assert await desk.left() == []


async def test_a_store_that_forgets_to_answer_is_not_waited_for_and_its_queue_left(quay: Quay) -> None:
    desk = Desk(quay, queued)

    assert (await refused(desk.claim())).code is Code.ADMISSION_TIMEOUT
    assert await desk.left() == [desk.store.requests[0].request]


async def test_a_client_that_leaves_leaves_the_queue(quay: Quay) -> None:
    desk = Desk(quay, queued)

    with pytest.raises(ClientGone):
        await desk.claim(ScriptedStream(ends=True))

    assert await desk.left() == [desk.store.requests[0].request]


async def test_a_drain_sends_everybody_in_the_queue_elsewhere(quay: Quay) -> None:
    desk = Desk(quay, queued, queued)
    both = [desk.claim(), desk.claim()]
    await until(lambda: desk.admission.waiting == 2)

    desk.admission.refuse_waiting(Code.DRAINING, 1.0)

    assert [(await refused(one)).code for one in both] == [Code.DRAINING] * 2
    assert sorted(await desk.left()) == sorted(request.request for request in desk.store.requests)


async def test_an_outage_is_told_as_such(quay: Quay) -> None:
    assert (await refused(Desk(quay, away).claim())).code is Code.STORE_UNAVAILABLE


async def test_a_live_older_connection_is_kept(quay: Quay) -> None:
    desk = Desk(quay, contested, duplicates=Duplicates.REJECT)
    claiming = desk.claim()

    desk.admission.answer(Probed(await desk.waiting(), is_alive=True))

    assert (await refused(claiming)).code is Code.SESSION_SUPERSEDED


@pytest.mark.parametrize("is_answered", [True, False])
async def test_a_dead_older_connection_is_replaced_also_when_nobody_answers_for_it(
    quay: Quay, is_answered: bool
) -> None:
    desk = Desk(quay, contested, claimed, duplicates=Duplicates.REJECT)
    claiming = desk.claim()
    if is_answered:
        desk.admission.answer(Probed(await desk.waiting(), is_alive=False))

    assert await claiming == a_claimed()
    assert [request.duplicates for request in desk.store.requests] == [Duplicates.REJECT, Duplicates.REPLACE]
    assert desk.store.requests[0].request != desk.store.requests[1].request


async def test_a_slot_lost_while_asking_is_waited_for_again(quay: Quay) -> None:
    desk = Desk(quay, contested, queued, duplicates=Duplicates.REJECT)
    claiming = desk.claim()
    desk.admission.answer(Probed(await desk.waiting(), is_alive=False))
    await until(lambda: len(desk.store.requests) == 2)

    desk.admission.answer(Granted(await desk.waiting(), a_claimed()))

    assert await claiming == a_claimed()


async def test_what_is_asked_for_is_what_the_token_says(quay: Quay) -> None:
    desk = Desk(quay, claimed)
    await desk.claim()

    request, token = desk.store.requests[0], a_visitor().token
    assert (request.session, request.user, request.workspace, request.key) == (
        token.session,
        token.user,
        token.workspace,
        token.key,
    )
    assert request.expires_at == token.session_expires_at
    assert request.gateway == a_gateway_id()
