"""A gateway, a store and its sweeper in this process, real workers and real clients around them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

from prometheus_client import CollectorRegistry, generate_latest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from gateway.io.app import Gateway
from gateway.policy import GatewayPolicy
from moorage.ids import WorkerId
from scheduler.io.sweeper import sweep_forever
from scheduler.policy import SchedulerPolicy
from scheduler.store import Store, Unavailable
from scheduler.values import EndRecord, Heartbeat, Registered, Registration, SessionView
from tests.builders import KEYS, a_jwt, a_session
from tests.connections import Wire, a_connection
from tests.deadlines import SOON as SOON
from tests.flows.places import InMemory, Place

BEAT = 0.5

Serve = Callable[[ServerConnection], Awaitable[None]]
Answer = Callable[[ServerConnection, Request], Response | Awaitable[Response | None] | None]


async def until(holds: Callable[[], object], within: float = SOON) -> None:
    """Waits for a condition."""
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def echo(connection: ServerConnection) -> None:
    """Says back what it hears, until the connection closes."""
    with contextlib.suppress(ConnectionClosed):
        async for message in connection:
            await connection.send(message)


@dataclass(eq=False)
class RealWorker:
    """A WebSocket server, registered straight through the store."""

    server: Server
    port: int
    registered: Registered
    requests: list[Request] = field(default_factory=list)
    connections: list[ServerConnection] = field(default_factory=list)
    is_beating: bool = True

    @property
    def id(self) -> WorkerId:
        return self.registered.worker

    def header(self, name: str) -> list[str]:
        """Values in the newest request."""
        return self.requests[-1].headers.get_all(name)

    def kill(self) -> None:
        """As `kill -9` does: no close frames, nothing listens any more, no more heartbeats."""
        self.is_beating = False
        self.server.close(close_connections=False)
        for connection in self.connections:
            connection.transport.abort()


class System:
    """Use as a context manager."""

    def __init__(
        self,
        policy: GatewayPolicy | None = None,
        scheduler: SchedulerPolicy | None = None,
        *,
        place: Place | None = None,
        disturbed: Callable[[Store], Store] | None = None,
    ) -> None:
        self.policy = replace(policy or GatewayPolicy(), port=0, link_port=0)
        self.place: Place = place or InMemory()
        self._scheduler = scheduler or SchedulerPolicy(adoption_seconds=0.0)  # as `moorage up` has it
        self._disturbed = disturbed or (lambda store: store)
        self.registry = CollectorRegistry()
        self.workers: list[RealWorker] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def truth(self) -> Store:
        """The test's own way to the store."""
        return self.place.truth

    async def __aenter__(self) -> Self:
        await self.place.begin(self._scheduler)
        self.reach = await self.place.reach()
        self.store = self._disturbed(self.reach.store)
        self.gateway = Gateway(self.policy, self.store, lambda: KEYS, self.registry)
        await self.gateway.start()
        self._tasks = [asyncio.create_task(self._sweep()), asyncio.create_task(self._beat())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.gateway.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.reach.close()
        for worker in self.workers:
            worker.server.close()
            await worker.server.wait_closed()
        if kind is None:
            assert self.metric("moorage_gateway_faults_total") == 0
            assert self.gateway.wire.relays() == 0

    # workers

    async def worker(
        self, serve_with: Serve = echo, *, slots: int = 10, pool: str = "default", region: str = "here", **options: Any
    ) -> RealWorker:
        """A worker that serves; `options` are those of `websockets.serve`, and `answer`, its `process_request`."""
        requests: list[Request] = []
        connections: list[ServerConnection] = []
        answer: Answer | None = options.pop("answer", None)

        def note(connection: ServerConnection, request: Request) -> Any:
            requests.append(request)
            connections.append(connection)
            return answer(connection, request) if answer else None

        options = {"compression": None, "ping_interval": None, "close_timeout": 1, **options}
        host = options.pop("host", "127.0.0.1")
        server = await serve(serve_with, host, 0, process_request=note, **options)
        port = server.sockets[0].getsockname()[1]
        registered = await self.register(port, slots, pool, region, host)
        worker = RealWorker(server, port, registered, requests, connections)
        self.workers.append(worker)
        return worker

    async def register(
        self, port: int, slots: int = 10, pool: str = "default", region: str = "here", host: str = "127.0.0.1"
    ) -> Registered:
        """Whatever listens on a port of loopback becomes a worker; `RealWorker` beats by itself, others have 5 s."""
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        answer = await self.store.register(Registration(f"w{port}", region, pool, address, slots))
        assert isinstance(answer, Registered)
        return answer

    async def beat(self, worker: WorkerId, seq: int) -> None:
        """One heartbeat."""
        await self.truth.heartbeat(Heartbeat(worker, seq, 0))

    # clients

    def token(self, number: int = 0, **said: Any) -> str:
        """A token of session `number`, made now."""
        return a_jwt(number, now=self.store.now(), **said)

    def url(self, target: str = "/") -> str:
        """Where clients connect."""
        return f"{self.gateway.node}{target}"

    def connect(self, number: int = 0, target: str = "/", **options: Any) -> connect:
        """A client of session `number` whose token is in Authorization. `said`: claims; the rest is `websockets.connect`'s."""
        token = options.pop("token", None) or self.token(number, **options.pop("said", {}))
        headers = [("Authorization", f"Bearer {token}"), *options.pop("additional_headers", [])]
        options = {
            "compression": None,
            "ping_interval": None,
            "proxy": None,
            "close_timeout": 1,
            "open_timeout": SOON,
            **options,
        }
        return connect(self.url(target), additional_headers=headers, **options)

    @contextlib.asynccontextmanager
    async def raw(self) -> AsyncIterator[Wire]:
        """A bare connection to the gateway."""
        async with a_connection(self.gateway.port) as wire:
            yield wire

    # what can be seen

    async def session(self, number: int = 0) -> SessionView | EndRecord | None:
        """What the store knows of session `number`."""
        return await self.truth.session(a_session(number))

    async def reported(self) -> None:
        """Waits until the store has heard everything that the gateway has to say."""
        await until(lambda: self.metric("moorage_gateway_reports_pending") == 0)

    async def settled(self, number: int, *states: object) -> SessionView | EndRecord:
        """Waits until a session's state or outcome is one of these."""
        async with asyncio.timeout(SOON):
            while True:
                seen = await self.session(number)
                if seen is not None and (seen.state if isinstance(seen, SessionView) else seen.outcome) in states:
                    return seen
                await asyncio.sleep(0.005)

    def metric(self, name: str, **labels: str) -> float:
        """A sample's value; 0 where it never was."""
        return self.registry.get_sample_value(name, labels) or 0.0

    def scrape(self) -> str:
        """What Prometheus would read."""
        return generate_latest(self.registry).decode()

    async def _sweep(self) -> None:
        await sweep_forever(self.truth)

    async def _beat(self) -> None:
        for seq in range(1, 1_000_000):
            for worker in self.workers:
                if worker.is_beating:
                    with contextlib.suppress(Unavailable):
                        await self.beat(worker.id, seq)
            await asyncio.sleep(BEAT)


MakeSystem = Callable[..., System]


@contextlib.asynccontextmanager
async def another_gateway(
    system: System, policy: GatewayPolicy | None = None, registry: CollectorRegistry | None = None
) -> AsyncIterator[Gateway]:
    """As a process of its own beside the system's: it has its own way to the store."""
    reach = await system.place.reach()
    gateway = Gateway(policy or system.policy, reach.store, lambda: KEYS, registry or CollectorRegistry())
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.close()
        await reach.close()


async def closed(client: ClientConnection) -> tuple[int, str]:
    """Code and reason of the close frame a client gets; (1006, "") when its TCP just ends."""
    async with asyncio.timeout(SOON):
        await client.wait_closed()
    return client.close_code or 1006, client.close_reason or ""
