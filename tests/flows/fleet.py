"""Several gateways over one store in this loop, a worker of the SDK linked to any of them, clients that know them all.

Every gateway has a way to the store of its own, which can be cut; and the store can come back empty.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any, Self

from prometheus_client import CollectorRegistry
from websockets.asyncio.client import connect

import moorage
from gateway.io.app import Gateway
from gateway.policy import GatewayPolicy
from moorage.ids import WorkerId
from scheduler.policy import SchedulerPolicy
from scheduler.store import Store, Unavailable
from scheduler.values import EndRecord, Event, JoinKey, SessionView
from tests.builders import KEYS, a_jwt, a_session
from tests.flows.places import InMemory, Place
from tests.flows.system import SOON, until

JOIN_KEY = "jk_of_these_tests"


async def echo(session: moorage.Session) -> None:
    """Says back what it hears."""
    async for message in session:
        await session.send(message)


class Member:
    """One gateway of the fleet."""

    def __init__(self, policy: GatewayPolicy, place: Place) -> None:
        self.policy = policy
        self.registry = CollectorRegistry()
        self._place = place

    async def connect(self) -> Self:
        """To the store; `start` does it where it was not done."""
        self.reach = await self._place.reach()
        return self

    async def start(self) -> Self:
        if not hasattr(self, "reach"):
            await self.connect()
        self.gateway = Gateway(self.policy, self.reach.store, lambda: KEYS, self.registry)
        await self.gateway.start()
        return self

    @property
    def url(self) -> str:
        return self.gateway.node

    @property
    def link(self) -> str:
        return f"ws://127.0.0.1:{self.gateway.link_port}/link"

    def metric(self, name: str, **labels: str) -> float:
        """A sample's value; 0 where it never was."""
        return self.registry.get_sample_value(name, labels) or 0.0

    async def kill(self) -> None:
        """As `kill -9` does: sockets are cut, and the store hears nothing any more."""
        self.reach.cut()
        for connection in list(self.gateway._links._keys):
            connection.transport.abort()
        await self.gateway.close()

    async def restart(self) -> None:
        """Drained, closed, and started again on the same ports, as another gateway."""
        self.policy = replace(self.policy, port=self.gateway.port, link_port=self.gateway.link_port)
        await self.gateway.drain()
        await self.gateway.close()
        await self.reach.close()
        self.registry = CollectorRegistry()
        await (await self.connect()).start()


class Fleet:
    """Use as a context manager."""

    def __init__(
        self, gateways: int = 2, policy: GatewayPolicy | None = None, place: Place | None = None, **scheduler: Any
    ) -> None:
        self._number = gateways
        self._policy = replace(policy or GatewayPolicy(), port=0, link_port=0)
        self._scheduler = SchedulerPolicy(**scheduler)
        self.place: Place = place or InMemory()
        self.members: list[Member] = []

    @property
    def truth(self) -> Store:
        """The test's own way to the store."""
        return self.place.truth

    async def __aenter__(self) -> Self:
        await self.place.begin(self._scheduler)
        await self.set_keys()
        self._sweeping = asyncio.create_task(self._sweep())
        for _ in range(self._number):
            self.members.append(await Member(self._policy, self.place).start())
        return self

    async def __aexit__(self, *_: object) -> None:
        for member in self.members:
            member.reach.mend()
            if member.gateway._is_open:
                await member.gateway.close()
            await member.reach.close()
        self._sweeping.cancel()
        await asyncio.gather(self._sweeping, return_exceptions=True)

    async def lose_the_data(self, away_seconds: float = 0.3) -> None:
        """The store goes away and comes back knowing nothing; after 0 seconds nobody has seen it go."""
        await self.place.lose_the_data(away_seconds)
        await self.set_keys()

    @asynccontextmanager
    async def worker(
        self, handler: Callable[[moorage.Session], Awaitable[None]] = echo, **options: Any
    ) -> AsyncIterator[moorage.Worker]:
        """Linked to any gateway."""
        links = [member.link for member in self.members]
        usual: dict[str, Any] = {"gateways": links, "join_key": JOIN_KEY, "region": "here", "slots": 100}
        worker = moorage.Worker(handler, **{**usual, "drain_seconds": 0.5, "grace_seconds": 0.5, **options})
        serving = asyncio.create_task(worker.serve())
        try:
            await asyncio.wait_for(worker.ready(), SOON)
            yield worker
        finally:
            worker.leave()
            worker.leave()
            await asyncio.wait_for(serving, SOON)

    def client(self, number: int = 0, first: int = 0, **options: Any) -> moorage.connect:
        """Of the SDK, at gateway `first`; it knows the others."""
        urls = [member.url for member in self.members]
        token = options.pop("token", None) or self.token(number)
        return moorage.connect(urls[first], token, gateways=urls, **options)

    def plain(self, number: int = 0, at: int = 0, **said: Any) -> connect:
        """A client that comes back by itself to nothing."""
        headers = {"Authorization": f"Bearer {self.token(number, **said)}"}
        return connect(self.members[at].url, additional_headers=headers, compression=None, proxy=None)

    def token(self, number: int = 0, **said: Any) -> str:
        return a_jwt(number, now=self.truth.now(), **said)

    async def session(self, number: int = 0) -> SessionView | EndRecord | None:
        return await self.truth.session(a_session(number))

    async def settled(self, number: int, *states: object) -> SessionView | EndRecord:
        """Waits until a session's state or outcome is one of these."""
        async with asyncio.timeout(SOON):
            while True:
                seen = await self.session(number)
                if seen is not None and (seen.state if isinstance(seen, SessionView) else seen.outcome) in states:
                    return seen
                await asyncio.sleep(0.01)

    async def events(self, number: int) -> list[Event]:
        """Of one session, in this store."""
        return [event for event in await self.truth.events("test", 100_000, 0) if event.session == a_session(number)]

    async def is_known(self, worker: WorkerId | None) -> None:
        """Waits until the store knows a worker."""
        assert worker is not None
        async with asyncio.timeout(SOON):
            while await self.truth.worker(worker) is None:  # noqa: ASYNC110 - a view has no event
                await asyncio.sleep(0.01)

    async def set_keys(self) -> None:
        """As a control plane does that finds a store without them."""
        await self.truth.set_join_keys([JoinKey(sha256(JOIN_KEY.encode()).hexdigest(), "*", "*")])

    async def _sweep(self) -> None:
        while True:
            with suppress(Unavailable):
                await self.truth.sweep()
            await asyncio.sleep(0.1)


MakeFleet = Callable[..., Fleet]


async def in_step(fleet: Fleet) -> None:
    """Waits until no gateway misses anything."""
    await until(lambda: all(member.metric("moorage_gateway_in_step") for member in fleet.members))
