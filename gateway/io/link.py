"""One worker's link: reads what it says, in order, and writes what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from gateway import links
from gateway.buckets import Buckets
from gateway.io.link_metrics import LinkMetrics
from gateway.links import Terms
from moorage.errors import CATALOGUE, Code
from moorage.ids import WorkerId
from moorage.link import Ack, Drained, Goodbye, Heartbeat, LinkRefused, Message, Order, Register, Unknown
from moorage.link import Directive as LinkDirective
from moorage.link_wire import LinkError, decode, encode
from scheduler import values
from scheduler.store import Store, Unavailable
from scheduler.values import Directive, JoinKey, Refused

REGISTER_SECONDS = 5.0
SILENT_SECONDS = 15.0  # long after the lease: only the socket is given back
MESSAGES_PER_SECOND = 20.0
MESSAGE_BURST = 100
MAX_OUTBOX = 10_000  # orders a worker has not read: one for each of its sessions
SEND_SECONDS = 5.0
STORE_SECONDS = 0.5  # a store that takes longer is slow: the worker hears that its gateway is alive

MOST_LOAD = 1.0
NOT_YOURS = "NOT_YOURS"  # why a store tells a worker to end what it listed

log = structlog.get_logger(__name__)


class Ended(Exception):
    """This side closes the link, and why."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.close = CATALOGUE[code].close or 4400


class WorkerLink:
    """From the 101 to the close. `worker` is None until it has registered."""

    def __init__(
        self,
        connection: ServerConnection,
        key: JoinKey,
        store: Store,
        terms: Terms,
        metrics: LinkMetrics,
    ) -> None:
        self.worker: WorkerId | None = None
        self._connection = connection
        self._key = key
        self._store = store
        self._terms = terms
        self._metrics = metrics
        self._outbox: asyncio.Queue[Message] = asyncio.Queue(MAX_OUTBOX)
        self._rate = Buckets(MESSAGES_PER_SECOND, MESSAGE_BURST)
        self._taken = 0  # the newest beat the store took,
        self._heard_seq = -1  # and the newest heard
        self._may_register = True  # once, and whenever the store asks for it
        self._said: Register | None = None
        self._superseded = asyncio.Event()

    async def run(self, on_registered: Callable[[WorkerLink, WorkerId | None], None]) -> None:
        """Until the worker leaves or vanishes. Raises Ended when this side must close."""
        self._on_registered = on_registered
        tasks = [asyncio.create_task(step) for step in (self._listen(), self._post(), self._until_superseded())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except ConnectionClosed:
            return
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def order(self, directive: Directive) -> None:
        """Queues an order; a worker that does not read loses its link, and hears it all again when it is back."""
        if directive.reason == NOT_YOURS:
            self.catch("session", f"{directive.session} was not given to it")
        self._may_register = self._may_register or directive.order is values.Order.REGISTER
        self._say(links.directive(directive, self._store.now()))

    def supersede(self) -> None:
        """The worker has a newer link."""
        self._superseded.set()

    async def _until_superseded(self) -> None:
        await self._superseded.wait()
        raise Ended(Code.SESSION_SUPERSEDED, "the worker has a newer link")

    def _say(self, message: Message) -> None:
        try:
            self._outbox.put_nowait(message)
        except asyncio.QueueFull:
            self._connection.transport.abort()

    async def _post(self) -> None:
        while True:
            message = await self._outbox.get()
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await self._connection.send(encode(message))
            except TimeoutError as error:
                raise Ended(Code.SLOW_CLIENT, f"the worker read nothing for {SEND_SECONDS:g} s") from error

    async def _listen(self) -> None:
        await self._first()
        while await self._take(await self._heard(SILENT_SECONDS, Code.IDLE_TIMEOUT)):
            pass

    async def _first(self) -> None:
        said = await self._heard(REGISTER_SECONDS, Code.BAD_REQUEST)
        if not isinstance(said, Register):
            raise Ended(Code.BAD_REQUEST, f"{type(said).__name__} before register")
        await self._register(said)

    async def _heard(self, seconds: float, silence: Code) -> Message:
        try:
            async with asyncio.timeout(seconds):
                data = await self._connection.recv()
            if self._rate.take("", monotonic()):
                raise Ended(Code.RATE_LIMIT_EXCEEDED, f"more than {MESSAGES_PER_SECOND:g} messages a second")
            return decode(data)
        except TimeoutError as error:
            raise Ended(silence, f"nothing was said for {seconds:g} s") from error
        except LinkError as error:
            raise Ended(Code.BAD_REQUEST, str(error)) from error

    async def _take(self, said: Message) -> bool:
        """False after a goodbye."""
        match said:
            case Heartbeat():
                await self._beat(said)
            case Register():
                await self._register(said)
            case Drained():
                log.info("worker_drained", worker=self.worker)
            case Goodbye(reason):
                await self._part(reason)
                return False
            case Unknown(kind):
                self._metrics.unknown.inc()
                log.info("link_unknown_message", worker=self.worker, type=kind)
            case _:
                raise Ended(Code.BAD_REQUEST, f"{type(said).__name__} is not for a gateway")
        return True

    @property
    def name(self) -> tuple[str, str, str] | None:
        """Region, pool and name of its worker."""
        return None if self._said is None else (self._said.region, self._said.pool, self._said.name)

    def catch(self, what: str, detail: str) -> None:
        """Nothing depends on what it says of itself: it is counted, and somebody may look."""
        self._metrics.lies.labels(what).inc()
        log.warning("worker_said_what_cannot_be", worker=self.worker, what=what, detail=detail)

    async def _register(self, said: Register) -> None:
        if not self._may_register and said.again is None:
            self._metrics.replays.labels("register").inc()
            raise Ended(Code.CONFLICT, "this link has registered already, and nobody asked for it again")
        refused = links.refusal_of(said, self._key, self._terms.worker_networks)
        if refused is not None:
            await self._refuse(refused)
        try:
            answer = await self._store.register(links.registration(said, self._terms.gateway))
        except Unavailable:
            answer = Refused(Code.STORE_UNAVAILABLE, "the store is away", retry_after=1.0)
        if isinstance(answer, Refused):
            await self._refuse(LinkRefused(answer.code, answer.detail, answer.retry_after))
            return
        before, self.worker, self._said = self.worker, answer.worker, said
        self._may_register, self._heard_seq = False, -1
        self._on_registered(self, before)
        self._metrics.registrations.labels("registered").inc()
        log.info("worker_registered", worker=answer.worker, name=said.name, pool=said.pool, region=said.region)
        self._say(links.registered(answer, self._terms))

    async def _refuse(self, refused: LinkRefused) -> None:
        self._metrics.registrations.labels(refused.code.value).inc()
        await self._connection.send(encode(refused))
        raise Ended(refused.code, refused.detail)

    async def _beat(self, said: Heartbeat) -> None:
        assert self.worker is not None
        self._doubt(said)
        alive = asyncio.create_task(self._stay_alive())
        try:
            answer = await self._store.heartbeat(links.heartbeat(said, self.worker, self._terms.gateway))
        except Unavailable:
            self._say(Ack(self._taken))  # alive, but nothing was taken: the worker says it again
            return
        finally:
            alive.cancel()
        if isinstance(answer, Refused):
            self._may_register = True
            self._say(Ack(self._taken))
            self._say(LinkDirective(Order.REGISTER, reason=answer.detail))
            return
        self._metrics.heartbeats.inc()
        self._taken = max(self._taken, answer.seq)
        self._say(Ack(self._taken))
        for directive in answer.directives:
            self.order(directive)

    async def _stay_alive(self) -> None:
        """While the store takes its time, the worker hears again and again that this gateway is there."""
        while True:
            await asyncio.sleep(STORE_SECONDS)
            self._say(Ack(self._taken))

    def _doubt(self, said: Heartbeat) -> None:
        """Raises Ended for a beat from before the newest one; the newest one again is answered again."""
        if said.seq <= self._heard_seq:
            self._metrics.replays.labels("heartbeat").inc()
        if said.seq < self._heard_seq:
            raise Ended(Code.BAD_REQUEST, f"heartbeat {said.seq} after {self._heard_seq}")
        self._heard_seq = said.seq
        slots = self._said.slots if self._said is not None else said.in_use
        if said.in_use > slots:
            self.catch("in_use", f"{said.in_use} sessions in {slots} slots")
        if said.load > MOST_LOAD:
            self.catch("load", f"{said.load:g}; it is a part of 1")

    async def _part(self, reason: str) -> None:
        assert self.worker is not None
        try:
            await self._store.remove(self.worker)
        except Unavailable:
            log.warning("worker_left_while_the_store_was_away", worker=self.worker)  # its lease tells the store
        log.info("worker_left", worker=self.worker, reason=reason)
