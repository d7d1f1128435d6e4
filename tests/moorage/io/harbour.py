"""A small fleet for tests: the real memory store and link servers, and a test that plays the gateway's relay."""

from __future__ import annotations

import asyncio
import json
import ssl
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gateway.io.link_server import LinkServer
from gateway.policy import GatewayPolicy
from moorage.claims import Claim, sign_claim
from moorage.ids import GatewayId, KeyId, RequestId, SessionId, UserId, WorkspaceId
from moorage.io.session import Session
from moorage.io.worker import Worker
from scheduler.io.memory import MemoryStore
from scheduler.io.sweeper import sweep_forever
from scheduler.values import Claimed, ClaimRequest, Direct, EndRecord, JoinKey, Wanted, WorkerState
from tests.deadlines import SOON

JOIN_KEY = "jk_test"
BEAT = 0.1
WAIT = SOON


async def eventually(condition: Callable[[], object] | Callable[[], Awaitable[object]], seconds: float = WAIT) -> Any:
    """The condition's first true answer."""
    async with asyncio.timeout(seconds):
        while True:
            answer: Any = condition()
            if isinstance(answer, Awaitable):
                answer = await answer
            if answer:
                return answer
            await asyncio.sleep(0.01)


def session_id(letter: str) -> SessionId:
    return SessionId(f"ses_{letter * 26}")


@dataclass
class Harbour:
    """`store` is the fleet's truth, `gateways` are where links end."""

    store: MemoryStore
    tasks: asyncio.TaskGroup
    gateways: list[LinkServer] = field(default_factory=list)
    registries: list[CollectorRegistry] = field(default_factory=list)
    attempts: int = 0
    steps: list[asyncio.Task[None]] = field(default_factory=list)

    async def gateway(self, policy: GatewayPolicy | None = None, tls: ssl.SSLContext | None = None) -> LinkServer:
        """One more."""
        name = GatewayId(f"gtw_{len(self.gateways)}")
        registry = CollectorRegistry()
        server = LinkServer(
            self.store, name, policy or GatewayPolicy(link_port=0), registry, ssl=tls, heartbeat_every=BEAT
        )
        await server.start()
        await self.store.join(name, "ws://test")
        self.steps.append(self.tasks.create_task(self._carry_notices(name, server)))
        self.gateways.append(server)
        self.registries.append(registry)
        return server

    async def _carry_notices(self, name: GatewayId, server: LinkServer) -> None:
        async for notice in self.store.watch(name):
            if isinstance(notice, Direct):
                await server.deliver(notice.worker, notice.directive)

    def count(self, name: str, **labels: str) -> float:
        """A metric over all gateways."""
        return sum(registry.get_sample_value(name, labels) or 0.0 for registry in self.registries)

    @property
    def links(self) -> list[str]:
        return [f"ws://127.0.0.1:{server.port}" for server in self.gateways]

    async def is_serving(self) -> bool:
        """Whether a worker takes sessions."""
        return any(view.state is WorkerState.SERVING for view in await self.store.workers())

    async def claim(self, session: SessionId, resume_seconds: float = 30.0) -> Claimed:
        """What the gateway asks the store for."""
        self.attempts += 1
        claimed = await self.store.claim(
            ClaimRequest(
                request=RequestId(f"req_{self.attempts}"),
                session=session,
                workspace=WorkspaceId("wsp_" + "0" * 26),
                user=UserId("usr_" + "0" * 26),
                key=KeyId("key_" + "0" * 26),
                gateway=GatewayId("gtw_0"),
                wanted=Wanted(),
                expires_at=self.store.now() + 3600,
                resume_seconds=resume_seconds,
                wait_seconds=0.0,
            )
        )
        assert isinstance(claimed, Claimed), claimed
        return claimed

    async def attach(self, session: SessionId, resume_seconds: float = 30.0, **extra: str) -> ClientConnection:
        """What a gateway does for one client: claim, upgrade, confirm."""
        claimed = await self.claim(session, resume_seconds)
        socket = await upgrade(claimed.address, headers_for(claimed) | extra)
        await self.store.confirm(session, claimed.fence)
        return socket


def headers_for(claimed: Claimed, context: dict[str, Any] | None = None) -> dict[str, str]:
    claim = Claim(claimed.worker, claimed.session, claimed.fence)
    said = json.dumps(context or {"metadata": {"room": "blue"}, "features": ["a"], "quality": "hd"}).encode()
    return {
        "Moorage-Session": claimed.session,
        "Moorage-User": "usr_" + "0" * 26,
        "Moorage-Workspace": "wsp_" + "0" * 26,
        "Moorage-Context": urlsafe_b64encode(said).rstrip(b"=").decode(),
        "Moorage-Claim": sign_claim(claim, claimed.claim_key),
        "traceparent": "00-aa-bb-01",
    }


async def upgrade(address: str, headers: dict[str, str] | list[tuple[str, str]], **options: Any) -> ClientConnection:
    """A client's upgrade as the gateway forwards it."""
    return await connect(f"ws://{address}/chat?x=1", additional_headers=headers, proxy=None, **options)


async def closed(socket: ClientConnection) -> tuple[int | None, str | None]:
    """Reads to the end; how it was closed."""
    async with asyncio.timeout(WAIT):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code, socket.close_reason


@asynccontextmanager
async def a_harbour() -> AsyncIterator[Harbour]:
    """With one gateway and a sweeper."""
    store = MemoryStore()
    await store.set_join_keys([JoinKey(sha256(JOIN_KEY.encode()).hexdigest(), "*", "*")])
    async with asyncio.TaskGroup() as tasks:
        harbour = Harbour(store, tasks)
        await harbour.gateway()
        harbour.steps.append(tasks.create_task(sweep_forever(store)))
        try:
            yield harbour
        finally:
            for server in harbour.gateways:
                await server.close()
            for step in harbour.steps:
                step.cancel()


@asynccontextmanager
async def a_worker(
    harbour: Harbour, handler: Callable[[Session], Awaitable[None]], **options: Any
) -> AsyncIterator[Worker]:
    """Registered; it leaves at once at the end."""
    usual: dict[str, Any] = {"gateways": harbour.links, "join_key": JOIN_KEY, "slots": 4, "drain_seconds": 0.0}
    usual.update(options)
    worker = Worker(handler, **usual)
    serving = asyncio.ensure_future(worker.serve())
    try:
        async with asyncio.timeout(WAIT):
            await worker.ready()
        yield worker
    finally:
        worker.leave()
        worker.leave()
        async with asyncio.timeout(WAIT):
            await serving


class Journal:
    """A handler that tells what it lived through."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.heard: list[str | bytes] = []
        self.finished = 0

    async def __call__(self, session: Session) -> None:
        self.sessions.append(session)
        async for message in session:
            self.heard.append(message)
        self.finished += 1


async def ended(harbour: Harbour, session: SessionId) -> EndRecord:
    async def record() -> EndRecord | None:
        seen = await harbour.store.session(session)
        return seen if isinstance(seen, EndRecord) else None

    found: EndRecord = await eventually(record)
    return found


async def refusal(address: str, headers: dict[str, str] | list[tuple[str, str]]) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as caught:
        await upgrade(address, headers)
    response = caught.value.response
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.status_code, json.loads(response.body)["code"]
