"""`moorage up` in one process: every part, opened in the order of need, closed in the order of the drain."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

import structlog

from autoscaler.policy import PoolPolicy
from controlplane.io.app import ControlPlane
from controlplane.io.bootstrap import Welcome
from gateway.io.app import Gateway
from gateway.policy import TlsFiles
from moorage.cli import running
from moorage.cli.addresses import reachable, url
from moorage.cli.certificate import development_certificate
from moorage.cli.crew import Crew, Doors, crew_recipe, crew_size
from moorage.cli.fleet_metrics import FleetCollector
from moorage.cli.keyrings import keyring, turn_keys
from moorage.cli.policies import control_plane_policy, gateway_policy, wants_development_certificate
from moorage.cli.programs.lifecycle import Lifecycle
from moorage.cli.programs.start import Start
from moorage.cli.settings import Settings
from moorage.cli.stores import open_store
from scheduler.store import Store, Unavailable
from scheduler.values import WorkerState

CREW_WITHIN = 15.0  # from the start of the workers until the first announcement
_log = structlog.get_logger("moorage.up")


class UpProgram(Lifecycle):
    """Gateway, scheduler, REST API, and the example workers as children."""

    name = "up"
    _gateway: Gateway | None = None
    _crew: Crew | None = None
    _welcome: Welcome | None = None

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self._data = self.settings.data.absolute()

    def running(self) -> running.Running:
        """Where everything is, now."""
        settings, gateway, control = self.settings, self._opened, self._control
        return running.Running(
            pid=os.getpid(),
            node=gateway.node,
            rest=url("http", reachable(settings.controlplane.host or settings.host), control.port),
            observe=self._observe.url,
            link=self._link(),
            relay=gateway.wire.name,
            data=str(self._data),
            certificate=str(self._development.certificate) if self._development else None,
            workers=self._crew.processes if self._crew else (),
        )

    @property
    def most_workers(self) -> int:
        """That there may be, of those it starts itself."""
        return self._crew.policy.maximum if self._crew is not None else 0

    @property
    def new_admin_key(self) -> str | None:
        """Where one was made just now."""
        return self._welcome.new_admin_key if self._welcome else None

    async def open(self) -> None:
        """What needs nothing comes first."""
        settings = self.settings
        crew_size(settings.workers)  # wrong ones are said before anything is there
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        await self.entered("lock", running.held(self._data))
        self._development = development_files(settings)
        store = await self.entered("store", open_store(settings, self.registry))
        fleet = FleetCollector(store)
        self.registry.register(fleet)
        checks = {
            "up": lambda: self.is_ready,
            "gateway": lambda: self._gateway is not None and self._gateway.is_ready,
            "store": lambda: fleet.is_store_up,
            "autoscaler": lambda: self._crew is not None and self._crew.is_looked_after,
        }
        keys = keyring(settings)
        self._control = ControlPlane(control_plane_policy(settings), store, keys, self.registry)
        self._observe = self.observe(checks)
        self.refreshing(fleet.refresh)
        self.refreshing(self._control.look)
        self.work_for(store)
        self._welcome = await self._control.start()
        self.closing("controlplane", self._control.close)
        gateway = Gateway(gateway_policy(settings, self._development), store, lambda: keys.current, self.registry)
        await gateway.start()
        self.closing("gateway", gateway.close)
        self._gateway = gateway
        await self._open_crew(store, self._welcome.join_key)

    async def drain(self) -> None:
        gateway, crew = self._gateway, self._crew
        if crew is not None:
            await self.unless_hurried(crew.hold())  # nothing grows or shrinks any more
        if gateway is not None:
            _log.info("draining", sessions=gateway.sessions, seconds=gateway.policy.drain_seconds)
            await self.unless_hurried(gateway.drain())  # clients are told to come back, at a steady rate
        if crew is not None:
            await self.unless_hurried(crew.stop())  # workers say goodbye over their links

    def reloaded(self) -> None:
        turn_keys(self._control, self.settings)
        self._opened.reload(gateway_policy(self.settings, self._development))

    @property
    def _opened(self) -> Gateway:
        assert self._gateway is not None
        return self._gateway

    async def _open_crew(self, store: Store, join_key: str) -> None:
        certificate = self._opened.policy.link_tls and self._development and self._development.certificate
        doors = Doors(self._link(), join_key, str(certificate) if certificate else None)
        recipe = crew_recipe(self.settings.workers, doors, self.settings.log_level)
        crew = self._crew = Crew(self.settings.workers, recipe, self._changed)
        self.closing("crew-end", crew.end)
        await crew.start(store, self.registry)
        await wait_for_workers(store, crew.policy)
        await self.entered("running.json", running.told(self._data, self.running))

    def _changed(self) -> None:
        """A worker process started or ended."""
        if self.is_ready:
            running.write(self._data, self.running())

    def _link(self) -> str:
        policy = self._opened.policy
        scheme = "wss" if policy.link_tls else "ws"
        return url(scheme, reachable(policy.link_host), self._opened.link_port, "/link")


def development_files(settings: Settings) -> TlsFiles | None:
    """Made where TLS is asked for without files."""
    if not wants_development_certificate(settings):
        return None
    return TlsFiles(*development_certificate(settings.data.absolute() / "tls", settings.host))


async def wait_for_workers(store: Store, policy: PoolPolicy) -> None:
    """So that a first session finds a worker, or may wait for one. A crew that cannot start leaves Moorage running, and says so."""
    wanted, serving = policy.minimum, 0
    with suppress(TimeoutError):
        async with asyncio.timeout(CREW_WITHIN):
            while True:
                with suppress(Unavailable):
                    serving = sum(worker.state is WorkerState.SERVING for worker in await store.workers())
                    if serving >= wanted and (policy.maximum == 0 or await _is_scaled(store, policy)):
                        return
                await asyncio.sleep(0.05)
    _log.warning("workers_missing", wanted=wanted, serving=serving, waited_seconds=CREW_WITHIN)


async def _is_scaled(store: Store, policy: PoolPolicy) -> bool:
    place, now = (policy.region, policy.pool), store.now()
    return any((status.region, status.pool) == place and now < status.until for status in await store.pool_statuses())
