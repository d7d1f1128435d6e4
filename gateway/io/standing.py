"""Where a gateway stands with its store, and the one way back into step with it.

Out of step is a gateway that may have missed something: its watch ended, the store was away or does not know it any more, or
this process did not run for a while. Then, in this order: the watch is opened, so that nothing after it is missed; what is
relayed here is adopted; the lease begins anew where it is gone; and the steps that others add follow (what was revoked, who
waits here). Until all is adopted no report goes out: a store that lost its data could not place it. Relays never notice.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import count

import structlog

from gateway.io.attachments import Attachments
from gateway.io.metrics import GatewayMetrics
from gateway.io.reports import Reports
from moorage.deadlines import SUSPECT_AFTER
from moorage.ids import GatewayId
from scheduler.store import Store, Unavailable
from scheduler.values import Notice

FIRST_SECONDS = 3.0  # for the first try, within the start; a store that is away does not keep a gateway from starting

_EVERY_SECONDS = 1.0  # between two renewals
_RETRY_SECONDS = 0.3

Hear = Callable[[Notice], Awaitable[None]]
Step = Callable[[], Awaitable[None]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds it, where clients find it, and how long its sessions may stay away."""

    gateway: GatewayId
    node: str
    resume_seconds: float


class Standing:
    """One gateway's. `steps` are taken after every adoption; they raise Unavailable."""

    def __init__(
        self, lease: Lease, store: Store, attachments: Attachments, reports: Reports, metrics: GatewayMetrics
    ) -> None:
        self.has_joined = False  # ever
        self.is_in_step = False  # nothing was missed, and the store knows all that is relayed here
        self.steps: list[Step] = []
        self._lease = lease
        self.store = store
        self._attachments = attachments
        self._reports = reports
        self._metrics = metrics
        self._is_out = False  # and it has been said
        self._waiting = 0  # sessions whose worker is not back yet
        attachments.is_known = self.is_known
        self._doubted = asyncio.Event()
        self._notices: AsyncIterator[Notice] | None = None
        metrics.in_step.set(0)

    def doubt(self) -> None:
        """The store was away, for whoever asked it: what is here is adopted before anything else is told."""
        self._reports.hold()
        self._doubted.set()

    async def is_known(self) -> bool:
        """False where the store lost its data a moment ago: what it does not know need not be over. Raises Unavailable."""
        return await self.store.renew(self._lease.gateway)

    async def begin(self) -> None:
        """The first try. `keep` goes on trying where the store is away."""
        try:
            async with asyncio.timeout(FIRST_SECONDS):
                self._notices = await self._step_in()
        except (Unavailable, TimeoutError) as error:
            log.warning("started_without_the_store", error=str(error) or type(error).__name__)

    async def keep(self, hear: Hear) -> None:
        """Until cancelled: in step, or on the way there."""
        for attempt in count():
            try:
                if attempt or self._notices is None:
                    self._notices = await self._step_in()
                await self._follow(self._notices, hear)
            except Unavailable as error:
                self._step_out("unavailable", str(error))
            except _OutOfStep as missed:
                self._step_out(missed.why, str(missed))
            except Exception:
                log.exception("standing_failed")
                self._step_out("fault", "")
            await asyncio.sleep(_RETRY_SECONDS * random.uniform(0.5, 1.5))

    async def _step_in(self) -> AsyncIterator[Notice]:
        gateway = self._lease.gateway
        self._doubted.clear()
        notices = self.store.watch(gateway)
        is_known = await self.store.renew(gateway)
        await self._adopt()  # of a gateway that it does not know this tells the store that it lost its data
        if not is_known:
            await self.store.join(gateway, self._lease.node)
        for step in self.steps:
            await step()
        self.has_joined = True
        self._is_out = False
        return notices

    def _step_out(self, why: str, detail: str) -> None:
        self._reports.hold()
        self.is_in_step = False
        self._metrics.in_step.set(0)
        if self._is_out:
            return  # still
        self._is_out = True
        self._metrics.resyncs.labels(why).inc()
        log.warning("out_of_step_with_the_store", why=why, detail=detail)

    async def _adopt(self) -> None:
        """Tells the store what is relayed here, and what ended untold, and lets go of what it gave away."""
        listed = self._attachments.to_adopt()
        held = [attachment.held(self._lease.resume_seconds) for attachment in listed]
        adopted = await self.store.adopt(self._lease.gateway, held)
        by_session = {attachment.session: attachment for attachment in listed}
        for stale in adopted.stale:
            self._attachments.let_go(by_session[stale.session], stale)
        self._waiting = adopted.waiting
        self._metrics.adoption_waiting.set(adopted.waiting)
        if adopted.stale or adopted.waiting:
            log.info("adopted", sessions=len(held), stale=len(adopted.stale), waiting=adopted.waiting)
        self.is_in_step = not adopted.waiting
        self._metrics.in_step.set(self.is_in_step)
        if self.is_in_step and not self._doubted.is_set():
            self._reports.go_on()

    async def _follow(self, notices: AsyncIterator[Notice], hear: Hear) -> None:
        """Raises what put this gateway out of step."""
        tasks = [
            asyncio.ensure_future(each) for each in (_read(notices, hear), self._keep_lease(), self._until_doubted())
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_lease(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            slept_from = clock()
            await asyncio.sleep(_EVERY_SECONDS)
            if clock() - slept_from > _EVERY_SECONDS + SUSPECT_AFTER:
                raise _OutOfStep("frozen", f"this process did not run for {clock() - slept_from:.0f} s")
            if not await self.store.renew(self._lease.gateway):
                raise _OutOfStep("unknown", "the store does not know this gateway: it lost its data")
            if self._waiting:
                await self._adopt()

    async def _until_doubted(self) -> None:
        await self._doubted.wait()
        raise _OutOfStep("unavailable", "the store was away")


class _OutOfStep(Exception):
    """Something may have been missed."""

    def __init__(self, why: str, detail: str) -> None:
        super().__init__(detail)
        self.why = why


async def _read(notices: AsyncIterator[Notice], hear: Hear) -> None:
    async for notice in notices:
        await hear(notice)
    raise _OutOfStep("watch", "the watch ended")
