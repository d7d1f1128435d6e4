"""The control plane as one object: what it is made of, in which order it starts and stops.

plane = ControlPlane(policy, store, embedded_keyring(policy.data_folder))
welcome = await plane.start()
...
await plane.close()
"""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from controlplane.io.applier import Applier
from controlplane.io.bootstrap import Welcome, bootstrap
from controlplane.io.callers import Callers
from controlplane.io.consumer import Consumer
from controlplane.io.context import Context
from controlplane.io.database import Database
from controlplane.io.edge import BodyLimit, Edge
from controlplane.io.joinkeyfiles import JoinKeyFiles
from controlplane.io.listener import Listener, bound
from controlplane.io.metrics import Metrics
from controlplane.io.overdue import Sweep
from controlplane.io.pulse import Pulse
from controlplane.io.reasons import explained
from controlplane.io.seeding import Seeding
from controlplane.io.signing import Signing
from controlplane.io.web import application
from controlplane.keyring import KeyRing
from controlplane.policy import ControlPlanePolicy
from moorage.keys import KeySet
from scheduler.store import Store

DATABASE_FILE = "moorage.db"

_log = structlog.get_logger("moorage.controlplane")


class ControlPlane:
    """REST API and the loops behind it, over one store and one database. Start once, close once."""

    def __init__(
        self, policy: ControlPlanePolicy, store: Store, keys: KeyRing, registry: CollectorRegistry | None = None
    ) -> None:
        policy.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        url = self._database_url = policy.database_url or embedded_database(policy.data_folder)
        metrics = Metrics(registry or CollectorRegistry())
        self.context = Context(
            policy, store, keys, Database(url, policy.database_limits, metrics.database_retried), metrics
        )
        callers = Callers(self.context)
        self._pulse = Pulse(self.context.database, metrics.database_up)
        metrics.database_full.set_function(lambda: float(self.context.database.is_full))
        self.consumer = Consumer(self.context)
        self.sweep = Sweep(self.context, callers)
        self.signing = Signing(self.context)
        self.seeding = Seeding(self.context, self.signing)
        self.applier = Applier(self.context)
        self.join_key_files = JoinKeyFiles(self.context)
        limit = BodyLimit(policy.body_bytes, policy.body_seconds)
        new_request_id = partial(self.context.new_id, "req")
        self.asgi: ASGIApp = Edge(application(self.context, callers), limit, metrics, new_request_id)
        self._listener: Listener | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def port(self) -> int:
        """Where it listens, once started."""
        if self._listener is None:
            raise RuntimeError("the control plane has not been started")
        return self._listener.port

    @property
    def keys(self) -> KeySet:
        """The signing keys of this moment, for whoever verifies tokens."""
        return self.context.keys.current

    def rotate(self, keys: KeySet) -> None:
        """Publishes these signing keys, and turns to them when every gateway can know them.

        Raises ValueError where a key has changed under its name; then everything stays as it is.
        """
        self.signing.follow(keys)

    @property
    def is_database_up(self) -> bool:
        """As of the last look: it answers, and has room for what is written."""
        return self._pulse.is_up and not self.context.database.is_full

    async def look(self) -> None:
        """Before metrics are shown: whether the database answers. A start that migrates is left alone."""
        if self._tasks:
            await self._pulse.look()

    async def start(self, sock: socket.socket | None = None) -> Welcome:
        """Serves on `sock` where one is given, else on a port of its own.

        Raises OSError (port), ValueError (a preset key), DatabaseUnusable; then nothing is left open.
        """
        try:
            return await self._start(sock)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Requests first, so that what they did is still written; then the loops; then the database."""
        if self._listener is not None:
            await self._listener.close()
        for loop in (self.join_key_files, self.applier, self.seeding, self.sweep, self.consumer):
            loop.stop()
        await asyncio.gather(*self._tasks)
        self._tasks = []
        await self.context.database.close()

    async def _start(self, sock: socket.socket | None) -> Welcome:
        policy = self.context.policy
        self._listener = Listener(self.asgi, sock or bound(policy.host, policy.port), policy.connections)
        async with explained(self._database_url):
            await self.context.database.migrate()
            welcome = await bootstrap(self.context)
            await self.join_key_files.look()
        await self.seeding.begin()  # last in the store are the token keys: who finds those finds join keys too
        self._tasks = [
            asyncio.create_task(self.consumer.run(), name="controlplane-events"),
            asyncio.create_task(self.sweep.run(), name="controlplane-sweep"),
            asyncio.create_task(self.seeding.run(), name="controlplane-seeding"),
            asyncio.create_task(self.applier.run(), name="controlplane-applier"),
            asyncio.create_task(self.join_key_files.run(), name="controlplane-join-keys"),
        ]
        await self._listener.start()
        _log.info("controlplane_started", host=policy.host, port=self.port, workspace=welcome.workspace)
        return welcome


def embedded_database(folder: Path) -> str:
    """Its URL. The file is made here, since SQLite would let everybody read it; its WAL takes the file's mode.

    Raises OSError where it cannot be."""
    path = folder / DATABASE_FILE
    path.touch(mode=0o600)
    return f"sqlite+aiosqlite:///{path}"
