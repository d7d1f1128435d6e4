"""One gateway, composed: what is opened here is closed here, in the order of the drain."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

import structlog
from prometheus_client import CollectorRegistry

from gateway.capacity import connections_for
from gateway.gate import Gate
from gateway.io.admission import Admission
from gateway.io.arrivals import Arrivals
from gateway.io.attaching import Attacher
from gateway.io.attachments import Attachments
from gateway.io.certificates import Certificates
from gateway.io.deadlines import Deadlines
from gateway.io.dial import Dialler
from gateway.io.draining import drain
from gateway.io.engine import make_wire
from gateway.io.link_server import LinkServer
from gateway.io.listener import DRAIN_RETRY, Listener
from gateway.io.metrics import GatewayMetrics, RelayedTotals
from gateway.io.notices import Notices
from gateway.io.reception import Reception
from gateway.io.reports import Reports
from gateway.io.revoking import catch_up
from gateway.io.seats import Seat
from gateway.io.sockets import listening_socket
from gateway.io.standing import Lease, Standing
from gateway.io.upkeep import keep_up
from gateway.policy import GatewayPolicy
from moorage import ids
from moorage.errors import Code
from moorage.ids import GatewayId
from moorage.keys import KeySet
from scheduler.store import Store, Unavailable
from scheduler.values import Notice

_FLUSH_SECONDS = 5.0
_LEAVE_SECONDS = 2.0
OPENING_SECONDS = 5.0  # for those in the door when another process takes it over

log = structlog.get_logger(__name__)


class Gateway:
    """Accepts clients, relays their sessions, and ends workers' links."""

    def __init__(
        self, policy: GatewayPolicy, store: Store, keys: Callable[[], KeySet], registry: CollectorRegistry
    ) -> None:
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        bounds = replace(policy.handshakes, connections=connections_for(policy.handshakes.connections, descriptors))
        self.policy = policy = replace(policy, handshakes=bounds)
        self.id = GatewayId(ids.make("gtw", store.now(), os.urandom))
        self.metrics = GatewayMetrics(registry)
        self.metrics.connections_limit.set(bounds.connections)
        self._store = store
        self._reports = Reports(self.metrics, 2 * bounds.connections)
        self._gate = Gate(policy, keys, os.urandom)
        self._attachments = Attachments(store, self._reports, self.metrics, self._gate.revocations)
        self._links = LinkServer(store, self.id, policy, registry)
        self._tasks: list[asyncio.Task[None]] = []
        self._is_open = False
        RelayedTotals(self._attachments.totals, registry)

    async def start(
        self, sock: socket.socket | None = None, link_sock: socket.socket | None = None, seat: Seat | None = None
    ) -> None:
        """Binds and serves, or serves on listening sockets of somebody else's, which are closed here like own ones; with
        a `seat`, beside other gateways. Not ready until the store knows it. Raises OSError when a port is taken,
        ssl.SSLError for a certificate that cannot be used."""
        self._seat = seat
        if sock is None:
            sock = listening_socket(self.policy.host, self.policy.port, clients_speak_first=True)
        self.port: int = sock.getsockname()[1]
        is_tls = self.policy.tls is not None or self.policy.link_tls is not None
        self.wire = make_wire(asyncio.get_running_loop(), self.policy.wire, tls=is_tls)
        try:
            await self._serve(sock, link_sock)
        except BaseException:
            sock.close()
            self.wire.close()
            await self._links.close()
            await self._reports.close()
            raise

    async def _serve(self, sock: socket.socket, link_sock: socket.socket | None) -> None:
        self._certificates = Certificates(self.wire.tls, self.policy.tls, self.metrics, "clients")
        self.node = self.policy.node or self._own_address()
        await self._links.start(link_sock)
        self.link_port = self._links.port
        linked = Certificates(self._links.load_certificate, self.policy.link_tls, self.metrics, "links")
        self._dialled_out = Certificates(self.wire.tls, self.policy.link_tls, self.metrics, "links")
        self._watched = [self._certificates, linked, self._dialled_out]
        self._listener = self._compose()
        self._arrivals.open(self.wire)
        self.dialout_port = self._arrivals.port
        self._reports.start()
        await self._standing.begin()
        self._tasks = [
            asyncio.create_task(self._standing.keep(self._hear), name="gateway-standing"),
            asyncio.create_task(self._upkeep(), name="gateway-upkeep"),
        ]
        self._listener.open(self.wire, sock, self._attachments, self.metrics, self._seat)
        self._show_gauges()
        self._is_open = True

    @property
    def is_ready(self) -> bool:
        """Whether new clients are taken. A store that goes away later changes nothing: there is nowhere better to go."""
        return self._is_open and self._standing.has_joined and not self._listener.is_cordoned

    @property
    def sessions(self) -> int:
        """Sessions relayed now."""
        return len(self._attachments)

    def reload(self, policy: GatewayPolicy | None = None) -> None:
        """SIGHUP: reads the certificates again, and takes over the limits of new relays and the time of a drain."""
        for watched in self._watched:
            watched.reload()
        if policy is not None:
            self.policy = replace(self.policy, limits=policy.limits, drain_seconds=policy.drain_seconds)
            self._attacher.limits = policy.limits

    async def hand_over(self) -> None:
        """Accepts nobody any more, and returns when those who were let in are relayed or refused, or OPENING_SECONDS
        later: for a process whose listening sockets are another's too. `drain` comes next."""
        self._is_open = False
        self._listener.leave()
        with suppress(TimeoutError):
            async with asyncio.timeout(OPENING_SECONDS):
                while self._listener.handshakes > self._attacher.waiting:  # noqa: ASYNC110 - admission has no event
                    await asyncio.sleep(0.02)

    async def drain(self) -> None:
        """Refuses new clients and moves the sessions away over `drain_seconds`; they stay resumable."""
        self._is_open = False
        if self._seat is not None:
            self._seat.leave()  # who refuses everybody looks like the one with the most room
        self._listener.is_draining = True
        self._admission.refuse_waiting(Code.DRAINING, DRAIN_RETRY)
        await drain(self._attachments, self.policy.drain_seconds, self.metrics)

    async def close(self) -> None:
        """Ends everything at once; call `drain` before for an orderly end."""
        self._is_open = False
        await self._listener.close()
        await self._arrivals.close()
        self._deadlines.close()
        self.wire.close()
        await self._reports.flush(_FLUSH_SECONDS)
        await self._links.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._reports.close()
        await self._leave()

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(_LEAVE_SECONDS):
                await self._store.leave(self.id)
        except (Unavailable, TimeoutError):
            log.warning("left_while_the_store_was_away")  # its lease tells the store

    def _compose(self) -> Listener:
        policy, store = self.policy, self._store
        admission = self._admission = Admission(self.id, policy, store, self._reports, self.metrics)
        deadlines = self._deadlines = Deadlines()
        allowed = policy.trust.worker_networks
        arrivals = self._arrivals = Arrivals(policy, store, self.metrics, deadlines, self._dialled_out.current)
        dialler = Dialler(self.wire, store, self._reports, self.metrics, deadlines, arrivals, allowed)
        attacher = self._attacher = Attacher(policy, self.wire, admission, dialler, self._attachments)
        self._notices = Notices(self.id, store, admission, self._attachments, self._cordon)
        lease = Lease(self.id, self.node, policy.resume_seconds)
        self._standing = Standing(lease, store, self._attachments, self._reports, self.metrics)
        revoked = partial(catch_up, store, self._attachments)
        self._standing.steps += [revoked, self._notices.learn_cordon, admission.ask_again]
        self._reports.when_away = self._standing.doubt
        reception = Reception(policy, self._certificates.current, deadlines)
        return Listener(policy.handshakes, store, reception, self._gate, attacher)

    def _cordon(self, is_cordoned: bool) -> None:
        """Whoever waits for a slot tries another gateway; live sessions stay until they are told."""
        if is_cordoned is not self._listener.is_cordoned:
            self._listener.is_cordoned = is_cordoned
            log.info("cordoned" if is_cordoned else "uncordoned", sessions=len(self._attachments))
            if is_cordoned:
                self._admission.refuse_waiting(Code.DRAINING, DRAIN_RETRY)

    async def _upkeep(self) -> None:
        await keep_up(self.policy, self._standing, self._attachments, self._watched, self._gate)

    async def _hear(self, notice: Notice) -> None:
        await self._notices.carry_out(notice, self._reports, self._links.deliver)

    def _own_address(self) -> str:
        host = f"[{self.policy.host}]" if ":" in self.policy.host else self.policy.host
        return f"{'wss' if self.policy.tls else 'ws'}://{host}:{self.port}"

    def _show_gauges(self) -> None:
        self.metrics.sessions.set_function(lambda: len(self._attachments))
        self.metrics.connections.set_function(lambda: self._listener.connections)
        self.metrics.handshakes.set_function(lambda: self._listener.handshakes)
