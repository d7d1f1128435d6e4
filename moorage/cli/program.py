"""`moorage up`, composed: every part in one process, opened in the order of need, closed in the order of the drain."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, GCCollector, Histogram, PlatformCollector, ProcessCollector

from controlplane.io.app import ControlPlane
from controlplane.io.keyfiles import ed25519_keyring, embedded_keyring
from controlplane.keyring import KeyRing
from gateway.io.app import Gateway
from gateway.policy import TlsFiles
from moorage.cli import running
from moorage.cli.addresses import reachable, url
from moorage.cli.certificate import development_certificate
from moorage.cli.crew import Crew, Doors
from moorage.cli.fleet_metrics import FleetCollector
from moorage.cli.observe import LAG_BUCKETS, ObserveApp, ObserveServer, watch_loop_lag
from moorage.cli.policies import control_plane_policy, embedded_policy, gateway_policy, wants_development_certificate
from moorage.cli.settings import Settings
from moorage.cli.sockets import bound
from scheduler.io.memory import MemoryStore
from scheduler.io.sweeper import sweep_forever
from scheduler.values import WorkerState

CREW_WITHIN = 15.0  # from the start of the workers until the first announcement
CLOSE_WITHIN = 10.0  # each step after the drain
Announce = Callable[[running.Running, str | None], None]
"""Where everything is, and the admin key where it was made just now."""
Closing = tuple[str, Callable[[], Awaitable[None]]]
_log = structlog.get_logger("moorage.up")


class Program:
    """One run on the running loop. The first `stop` drains, the second cuts the drain short."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._data = settings.data.absolute()
        self._registry = CollectorRegistry()
        self._stops = asyncio.Event()
        self._hurries = asyncio.Event()
        self._is_ready = False
        self._closings: list[Closing] = []

    def stop(self) -> None:
        """SIGTERM, SIGINT."""
        (self._hurries if self._stops.is_set() else self._stops).set()

    def reload(self) -> None:
        """SIGHUP: certificates are read again."""
        if self._is_ready:
            self._gateway.reload()
            _log.info("reloaded")

    async def serve(self, announce: Announce) -> None:
        """Until stopped. Raises what keeps a part from starting, an ExceptionGroup where a part breaks later."""
        try:
            await self._open()
            async with asyncio.TaskGroup() as tasks:
                kept = [
                    tasks.create_task(sweep_forever(self._store, self._sweep_lag()), name="sweeper"),
                    tasks.create_task(watch_loop_lag(self._registry, "up"), name="loop-lag"),
                    tasks.create_task(self._observe.serve(), name="observe"),
                    tasks.create_task(self._crew.run(), name="crew"),
                ]
                await self._wait_for_the_crew()
                if not self._stops.is_set():
                    self._is_ready = True
                    announce(self.running(), self._welcome.new_admin_key)
                await self._stops.wait()
                await self._drain()
                for task in kept:
                    task.cancel()
        finally:
            await self._close()

    def running(self) -> running.Running:
        """Where everything is, now."""
        settings, gateway = self._settings, self._gateway
        return running.Running(
            pid=os.getpid(),
            node=gateway.node,
            rest=url("http", reachable(settings.controlplane.host or settings.host), self._control.port),
            observe=url("http", reachable(settings.observe.host or settings.host), self._observe.port),
            link=self._link(),
            relay=gateway.wire.name,
            data=str(self._data),
            certificate=str(self._development.certificate) if self._development else None,
            workers=self._crew.processes,
        )

    async def _open(self) -> None:
        """What needs nothing comes first. What is open is closed again when a later part fails."""
        settings = self._settings
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._hold()
        self._development = self._development_files()
        self._store = MemoryStore(policy=embedded_policy(settings))
        self._observe = self._observing()
        keys = self._keyring()
        self._control = ControlPlane(control_plane_policy(settings), self._store, keys, self._registry)
        self._welcome = await self._control.start()
        self._closings.append(("controlplane", self._control.close))
        policy = gateway_policy(settings, self._development)
        self._gateway = Gateway(policy, self._store, lambda: keys.current, self._registry)
        await self._gateway.start()
        self._closings.append(("gateway", self._gateway.close))
        self._crew = Crew(settings.workers, self._doors(), settings.log_level)
        running.write(self._data, self.running())
        self._closings.append(("running.json", self._forget))

    async def _drain(self) -> None:
        """The order of the drain, a line a step."""
        _log.info("draining", sessions=self._gateway.sessions, seconds=self._settings.gateway.drain_seconds)
        self._is_ready = False  # balancers turn away
        await self._unless_hurried(self._gateway.drain())  # clients are told to come back, at a steady rate
        await self._unless_hurried(self._crew.stop())  # workers say goodbye over their links

    async def _close(self) -> None:
        """The last opened first; a part that will not close keeps no other from closing."""
        if hasattr(self, "_crew"):
            self._crew.kill()
        for name, close in reversed(self._closings):
            try:
                async with asyncio.timeout(CLOSE_WITHIN):
                    await close()
            except Exception:
                _log.exception("close_failed", part=name)

    async def _unless_hurried(self, work: Coroutine[Any, Any, None]) -> None:
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(work)
            hurrying = tasks.create_task(self._hurries.wait())
            await asyncio.wait({working, hurrying}, return_when=asyncio.FIRST_COMPLETED)
            working.cancel()
            hurrying.cancel()

    async def _wait_for_the_crew(self) -> None:
        """So that a first session finds a worker. A crew that cannot start leaves Moorage running, and says so."""
        wanted = self._settings.workers.count
        with suppress(TimeoutError):
            async with asyncio.timeout(CREW_WITHIN):
                while True:
                    if self._stops.is_set() or await self._serving() >= wanted:
                        return
                    await asyncio.sleep(0.05)
        _log.warning("workers_missing", wanted=wanted, serving=await self._serving(), waited_seconds=CREW_WITHIN)

    async def _serving(self) -> int:
        return sum(worker.state is WorkerState.SERVING for worker in await self._store.workers())

    def _observing(self) -> ObserveServer:
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        fleet = FleetCollector(self._store)
        self._registry.register(fleet)
        checks = {
            "up": lambda: self._is_ready,
            "gateway": lambda: self._gateway.is_ready,
            "store": lambda: fleet.is_store_up,
        }
        group = self._settings.observe
        sock = bound(group.host or self._settings.host, group.port)
        return ObserveServer(ObserveApp(self._registry, fleet.refresh, checks), sock)

    def _sweep_lag(self) -> Callable[[float], None]:
        about = "How late a sweep of the store ended."
        return Histogram(
            "moorage_scheduler_sweep_lag_seconds", about, buckets=LAG_BUCKETS, registry=self._registry
        ).observe

    def _keyring(self) -> KeyRing:
        signing = self._settings.signing
        if signing.key is not None:
            return ed25519_keyring(signing.key, signing.next_keys, signing.retiring_keys)
        if signing.next_keys or signing.retiring_keys:
            raise ValueError("signing.next_keys and signing.retiring_keys need signing.key")
        return embedded_keyring(self._data)

    def _development_files(self) -> TlsFiles | None:
        if not wants_development_certificate(self._settings):
            return None
        return TlsFiles(*development_certificate(self._data / "tls", self._settings.host))

    def _link(self) -> str:
        policy = self._gateway.policy
        return url("wss" if policy.link_tls else "ws", reachable(policy.link_host), self._gateway.link_port, "/link")

    def _doors(self) -> Doors:
        certificate = self._gateway.policy.link_tls and self._development and self._development.certificate
        return Doors(self._link(), self._welcome.join_key, str(certificate) if certificate else None)

    def _hold(self) -> None:
        held = running.hold(self._data)

        async def let_go() -> None:
            os.close(held)

        self._closings.append(("lock", let_go))

    async def _forget(self) -> None:
        running.remove(self._data)
