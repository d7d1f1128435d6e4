"""A minute without the store, in virtual time: a thousand sessions end meanwhile, and each has its one record afterwards."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import cast

import looptime
import pytest
from prometheus_client import CollectorRegistry

from gateway.io.attachment import Attachment
from gateway.io.attachments import Attachments
from gateway.io.metrics import GatewayMetrics
from gateway.io.reports import Reports
from gateway.io.standing import Lease, Standing
from gateway.relay import Cause, Ending, Side, Traffic
from scheduler.io.memory import MemoryStore
from scheduler.store import Store
from scheduler.values import Claimed, ClaimState, Event, Heartbeat, Notice, Registered, Usage
from tests.builders import a_gateway_id, a_token
from tests.flows.places import MemoryReach
from tests.gateway.io.quay import DeafRelay
from tests.scheduler.builders import START, a_request, a_worker

SESSIONS = 1_000
OUTAGE = 60.0


class Afar:
    """A gateway's inner parts, and a store whose clock is the loop's."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.memory = self.a_store()
        self.reach = MemoryReach(lambda: self.memory)
        store = cast(Store, self.reach)
        metrics = GatewayMetrics(self.registry)
        self.reports = Reports(metrics)
        self.attachments = Attachments(store, self.reports, metrics)
        self.standing = Standing(
            Lease(a_gateway_id(), "ws://here", 30.0), store, self.attachments, self.reports, metrics
        )
        self.reports.when_away = self.standing.doubt
        self._seq = 0

    def a_store(self) -> MemoryStore:
        loop = asyncio.get_running_loop()
        return MemoryStore(clock=lambda: START + loop.time())

    async def attached(self) -> list[Attachment]:
        """As many sessions as there are, confirmed and relayed."""
        answer = await self.memory.register(a_worker(slots=SESSIONS))
        assert isinstance(answer, Registered)
        self.place = answer
        made = []
        for number in range(SESSIONS):
            claimed = await self.memory.claim(a_request(gateway=a_gateway_id(), now=self.memory.now()))
            assert isinstance(claimed, Claimed)
            await self.memory.confirm(claimed.session, claimed.fence)
            attachment = Attachment(self.attachments, claimed, a_token(number))
            attachment.relay = DeafRelay()
            self.attachments.add(attachment)
            made.append(attachment)
        return made

    async def go_on(self, seconds: float) -> None:
        """Time passes; the worker beats over another gateway."""
        for _ in range(int(seconds)):
            await asyncio.sleep(1.0)
            self._seq += 1
            await self.memory.heartbeat(Heartbeat(self.place.worker, self._seq, 0))
            await self.memory.sweep()

    @property
    def pending(self) -> float:
        return self.registry.get_sample_value("moorage_gateway_reports_pending") or 0.0

    async def ends(self) -> list[Event]:
        return [event for event in await self.memory.events("test", 1_000_000, 0) if event.end is not None]


def ended(number: int) -> Ending:
    return Ending(Cause.CLOSED, Side.CLIENT, 1000, True, True, Traffic(number, 2, 3, 4))


async def _ignore(notice: Notice) -> None:
    pass


async def _story(*, is_data_lost: bool) -> None:
    afar = Afar()
    afar.reports.start()
    await afar.standing.begin()
    keeping = asyncio.create_task(afar.standing.keep(_ignore))
    attachments = await afar.attached()

    afar.reach.cut()
    for number, attachment in enumerate(attachments[: SESSIONS - 1]):
        attachment.relay_ended(ended(number))
        attachment.relay_closed(Traffic())
    await afar.go_on(OUTAGE)
    waited = afar.pending
    if is_data_lost:
        afar.memory = afar.a_store()
        again = a_worker(slots=SESSIONS, again=afar.place.worker, claim_key=afar.place.claim_key)
        assert isinstance(await afar.memory.register(again), Registered)
    afar.reach.mend()
    await afar.go_on(5)

    ends = await afar.ends()
    records = {event.session: event.end for event in ends}
    assert waited == SESSIONS - 1
    assert afar.pending == 0
    assert Counter(Counter(event.session for event in ends).values()) == {1: SESSIONS - 1}
    assert [records[each.session].usage for each in attachments[:-1]] == [  # type: ignore[union-attr]
        Usage(number, 2, 3, 4) for number in range(SESSIONS - 1)
    ]
    assert getattr(await afar.memory.session(attachments[-1].session), "state", None) is ClaimState.HELD
    assert [view.used for view in await afar.memory.workers()] == [1]
    assert afar.attachments.to_adopt() == attachments[-1:]
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping
    await afar.reports.close()


@pytest.mark.parametrize("is_data_lost", [False, True])
def test_a_thousand_ends_of_a_minute_are_all_recorded_once(is_data_lost: bool) -> None:
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(_story(is_data_lost=is_data_lost))
