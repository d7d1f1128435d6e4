"""The worker SDK: serves sessions that gateways send, each to one handler.

    async def echo(session: moorage.Session) -> None:
        async for message in session:
            await session.send(message)

    moorage.Worker(echo, slots=100, pool="default").run()

A session outlives its sockets: when a client's connection is cut its handler goes on, waiting, and the reconnect returns to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import ssl as tls
from collections.abc import Awaitable, Callable, Mapping, Sequence

from moorage.errors import MoorageError
from moorage.ids import WorkerId
from moorage.io.berths import Berths, Handler
from moorage.io.door import Door
from moorage.io.inward import Inward
from moorage.io.joining import Dialing
from moorage.io.link import Link
from moorage.io.outward import Outward
from moorage.io.roster import Roster
from moorage.io.session import Session
from moorage.io.worker_environment import (
    default_name,
    key_in,
    labels_of,
    number_of,
    path_of,
    pod_of,
    port_of,
    trust_in,
)
from moorage.io.worker_options import (
    DEFAULT_DRAIN_SECONDS,
    DEFAULT_LINK,
    DEFAULT_SLOTS,
    LET_IN_FROM_FILE_SECONDS,
    LET_IN_SECONDS,
    WorkerOptions,
    default_host,
    gateway_urls,
)
from moorage.link import Directive, Drained, Order, Registered

log = logging.getLogger("moorage.worker")

__all__ = ["Session", "Worker"]


class Worker:
    """One process's worker. `run()` blocks until it has drained; `serve()` does the same inside a loop of yours.
    In a pod, one that was retired waits for the SIGTERM that comes with the pod's deletion."""

    def __init__(
        self,
        handler: Handler,
        *,
        slots: int | None = None,
        pool: str | None = None,
        region: str | None = None,
        gateways: Sequence[str] | None = None,
        join_key: str | None = None,
        host: str | None = None,
        port: int | None = None,
        address: str | None = None,
        labels: Mapping[str, str] | None = None,
        name: str | None = None,
        version: str = "",
        subprotocols: Sequence[str] = (),
        link_ssl: tls.SSLContext | None = None,
        drain_seconds: float | None = None,
        grace_seconds: float = 10.0,
        max_size: int = 1 << 20,
        max_queue: int = 4,
        compression: str | None = None,
    ) -> None:
        """Raises ValueError naming what is wrong. None takes the environment's word, then the default."""
        said = os.environ
        key_file = None if join_key or said.get("MOORAGE_JOIN_KEY") else path_of(said, "MOORAGE_JOIN_KEY_FILE")
        ca_file = None if link_ssl else path_of(said, "MOORAGE_LINK_CA_FILE")
        if ca_file is not None:
            trust_in(ca_file)
        pod_ip = said.get("MOORAGE_POD_IP", "")
        links = gateway_urls(",".join(gateways) if gateways else said.get("MOORAGE_LINK", DEFAULT_LINK))
        self.options = WorkerOptions(
            slots=number_of(said, "MOORAGE_WORKER_SLOTS", int, DEFAULT_SLOTS) if slots is None else slots,
            pool=pool or said.get("MOORAGE_POOL", "default"),
            region=region or said.get("MOORAGE_REGION", "local"),
            name=name or default_name(said),
            gateways=links,
            join_key=join_key or (key_in(key_file) if key_file else said.get("MOORAGE_JOIN_KEY", "")),
            join_key_file=key_file,
            let_in_seconds=LET_IN_FROM_FILE_SECONDS if key_file else LET_IN_SECONDS,
            host=host or said.get("MOORAGE_WORKER_HOST") or default_host(links, pod_ip),
            port=port if port is not None else port_of(said),
            address=address or said.get("MOORAGE_WORKER_ADDRESS", ""),
            labels=tuple(sorted((labels_of(said) if labels is None else labels).items())),
            subprotocols=tuple(subprotocols),
            version=version,
            pod=pod_of(said),
            pod_ip=pod_ip,
            link_ssl=link_ssl,
            link_ca_file=ca_file,
            drain_seconds=number_of(said, "MOORAGE_WORKER_DRAIN_SECONDS", float, DEFAULT_DRAIN_SECONDS)
            if drain_seconds is None
            else drain_seconds,
            grace_seconds=grace_seconds,
            max_size=max_size,
            max_queue=max_queue,
            compression=compression,
        )
        self._handler = handler
        self._leaving = asyncio.Event()
        self._hurried = asyncio.Event()
        self._serving = asyncio.Event()
        self._error: MoorageError | None = None
        self._refused_since: float | None = None
        self._roster = Roster(self.options, self, self._post)
        self._door = Door(self._roster, self.options.subprotocols)
        self._berths: Berths | None = None
        self._road: Inward | Outward | None = None
        self._link: Link | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def port(self) -> int:
        """Where it listens; 0 before it does, and for one that dials out."""
        return self._roster.port

    @property
    def worker_id(self) -> WorkerId | None:
        """`wrk_…` once registered."""
        return self._roster.worker_id

    @property
    def in_use(self) -> int:
        """Slots taken."""
        return len(self._roster)

    @property
    def is_draining(self) -> bool:
        """Whether it takes no new sessions."""
        return self._roster.is_draining

    def run(self) -> None:
        """Serves until SIGTERM, SIGINT or the fleet's order, then drains: sessions may finish for `drain_seconds`.
        A second signal hurries. Raises MoorageError when no gateway lets this worker in."""
        asyncio.run(self._run())

    async def ready(self) -> None:
        """Returns once sessions may come: it is registered, and the store took its first heartbeat."""
        await self._serving.wait()

    def leave(self) -> None:
        """Begins the drain; called again, it closes what is left at once. From the worker's loop."""
        if self._leaving.is_set():
            self._hurried.set()
        self._leaving.set()

    async def serve(self) -> None:
        """Until `leave()`, an order to shut down, or cancellation (which skips the drain)."""
        self._loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            self._berths = Berths(self.options, self._roster, self._handler, tasks, self._on_empty)
            road = self._road = self._road_for(self._berths, tasks)
            self._roster.port = await road.open()
            self._link = Link(self._dialing(), self._roster)
            self._link.start()
            try:
                await self._leaving.wait()
                await self._finish(self._berths)
            finally:
                await self._close(road, self._berths, self._link)
        if self._error is not None:
            raise self._error

    def _dialing(self) -> Dialing:
        options = self.options
        return Dialing(
            options.gateways, options.join_key, options.link_ssl, options.join_key_file, options.link_ca_file
        )

    def _road_for(self, berths: Berths, tasks: asyncio.TaskGroup) -> Inward | Outward:
        """By which clients' upgrades come."""
        if self.options.dials_out:
            return Outward(self.options, self._door, berths, self._roster, tasks)
        return Inward(self.options, self._door, berths)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.leave)
        await self.serve()

    async def _finish(self, berths: Berths) -> None:
        self._roster.is_leaving = True
        self._roster.is_draining = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0 if self._error else self.options.drain_seconds):
                await _either(berths.empty(), self._hurried.wait())

    async def _close(self, road: Inward | Outward, berths: Berths, link: Link) -> None:
        self._roster.is_leaving = True
        self._roster.is_draining = True
        road.close()
        await berths.hand_over()
        await link.stop()
        await road.closed()

    # What the link hears, on this loop.

    def on_registered(self, registered: Registered) -> None:
        """A place in the fleet."""
        self._refused_since = None
        if self._berths is not None:
            self._berths.resume_seconds = registered.resume_seconds

    def on_serving(self) -> None:
        """Sessions may come."""
        self._serving.set()

    def on_refused(self, error: MoorageError) -> None:
        """Gives up only where trying again cannot help and no session would be lost."""
        assert self._loop is not None
        now = self._loop.time()
        if self._refused_since is None:
            self._refused_since = now
        if error.is_retryable or self.worker_id is not None or now - self._refused_since < self.options.let_in_seconds:
            return
        self._error = error
        self._leaving.set()

    def on_directive(self, directive: Directive) -> None:
        """Orders may come twice."""
        assert self._berths is not None
        level = logging.DEBUG if directive.order is Order.ATTACH else logging.INFO
        log.log(level, "ordered to %s %s", directive.order.value, directive.session or "")
        match directive.order:
            case Order.DRAIN:
                self._drain()
            case Order.UNCORDON:
                self._undrain()
            case Order.MOVE if directive.session is not None:
                self._berths.hand_over_one(directive.session, directive.fence)
            case Order.END_SESSION if directive.session is not None:
                self._berths.end_one(directive)
            case Order.ATTACH if self._road is not None:
                self._road.attend(directive)
            case Order.SHUTDOWN if self.options.pod is None:
                self._leaving.set()
            case Order.SHUTDOWN:
                self._wait_to_be_deleted()
            case _:
                pass  # a cordon is the scheduler's: what it reserved before still comes; the link registers by itself

    def _drain(self) -> None:
        """Who is left at the deadline is told to move by the gateways, at the drain's rate: nothing is closed here."""
        self._roster.is_draining = True
        if len(self._roster) == 0:
            self._on_empty()

    def _undrain(self) -> None:
        self._roster.is_draining = self._roster.is_leaving

    def _wait_to_be_deleted(self) -> None:
        """A container that exits is started again in place by the kubelet, and would register anew in a pod that goes."""
        self._roster.is_leaving = True
        self._roster.is_draining = True

    def _on_empty(self) -> None:
        if self._roster.is_draining and self._link is not None:
            self._link.say(Drained())

    def _post(self, act: Callable[..., object], *said: object) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to hear it
                self._loop.call_soon_threadsafe(act, *said)


async def _either(*waits: Awaitable[object]) -> None:
    """Until the first of them is done."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
