"""`moorage up --gateways N`: the parent of the processes of one machine. It relays nothing and decides nothing.

It owns the listening sockets, so that no restart of a child loses a queued connection, and the one page of metrics.

    valkey (unless a store is given) -> control plane -> gateways -> example workers         and back in the order of the drain
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from socket import socket

import structlog
from prometheus_client import CollectorRegistry

from controlplane.io.keyfiles import JOIN, read_secret
from gateway.io.seats import ABSENT, Board
from moorage.cli import running, valkey
from moorage.cli.crew import Crew, Doors, crew_recipe, crew_size
from moorage.cli.fleet_metrics import FleetCollector
from moorage.cli.observe import ObserveApp
from moorage.cli.programs.child import Life, Recipe, Seats, environment_of, our_command
from moorage.cli.programs.estate import board_of, listening_doors, private_folder
from moorage.cli.programs.lifecycle import Lifecycle
from moorage.cli.programs.pages import Pages
from moorage.cli.programs.place import Place
from moorage.cli.programs.places import PlacesCollector
from moorage.cli.programs.start import Start
from moorage.cli.programs.up import development_files, wait_for_workers
from moorage.cli.running import Process, Running
from moorage.cli.sources import WrongSetting, variable
from moorage.cli.stores import is_memory, open_store, shared
from scheduler.store import Store

READY_WITHIN = 30.0  # a child, from its start
SPARE_SECONDS = 10.0  # of a child's drain, over what it was told to take
STOP_WITHIN = 15.0  # from the word that ends a drained child to SIGKILL
_log = structlog.get_logger("moorage.up")


class ParentProgram(Lifecycle):
    """Keeps every place filled. SIGUSR2 replaces the gateways, one after the other, without ending a session."""

    name = "up"
    _board: Board | None = None
    _where: Running | None = None
    _crew: Crew | None = None
    _fleet: FleetCollector | None = None
    _is_rolling = False

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self._data = self.settings.data.absolute()
        self._gateways: list[Place] = []
        self._control: Place | None = None
        self._valkey: Place | None = None
        self._fleet_registry = CollectorRegistry()
        self._pages = Pages(self.registry, self._fleet_registry, self._lives)
        self.registry.register(PlacesCollector(lambda: self._places))

    def running(self) -> Running:
        """Where everything is, now."""
        assert self._where is not None
        parts = [Process(life.place, life.pid) for life in self._lives() if life.pid is not None]
        return replace(self._where, workers=self._crew.processes if self._crew else (), parts=tuple(parts))

    @property
    def most_workers(self) -> int:
        """That there may be, of those it starts itself."""
        return self._crew.policy.maximum if self._crew is not None else 0

    @property
    def new_admin_key(self) -> str | None:
        """Where one was made just now."""
        key = self._said(self._control).get("new_admin_key")
        return str(key) if key else None

    async def open(self) -> None:
        settings = self.settings
        if settings.gateway.dialout_port or settings.gateway.dialout_address:
            raise WrongSetting(
                "gateway.dialout_port and gateway.dialout_address are of one gateway alone: with --gateways leave them "
                "out, and each takes a free port"
            )
        crew_size(settings.workers)  # wrong ones are said before anything is there
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        await self.entered("lock", running.held(self._data))
        self._development = development_files(settings)
        folder = await self.entered("sockets", private_folder(self._data))
        doors = await self.entered("doors", listening_doors(settings))
        self._observe = self.observe_with(
            ObserveApp(self._page, partial(self.readiness, self._checks(), self._refresh))
        )
        store_url = await self._store_url(folder)
        settings = settings.model_copy(update={"store": settings.store.model_copy(update={"url": store_url})})
        store = await self.entered("store", open_store(settings, self.registry))
        self._fleet = FleetCollector(store)
        self._fleet_registry.register(self._fleet)
        await self._fill(doors, folder, self._environment(store_url))
        await self._open_crew(store)

    async def drain(self) -> None:
        within = self.settings.gateway.drain_seconds + SPARE_SECONDS
        if self._crew is not None:
            await self.unless_hurried(self._crew.hold())  # nothing grows or shrinks any more
        await self.unless_hurried(_each(self._gateways, lambda place: place.drain(within)))  # clients are told
        if self._crew is not None:
            await self.unless_hurried(self._crew.stop())  # workers say goodbye over their links
        await _each(self._gateways, lambda place: place.stop(STOP_WITHIN))  # the last reports
        if self._control is not None:
            await self.unless_hurried(self._control.drain(STOP_WITHIN))  # the last events become rows
            await self._control.stop(STOP_WITHIN)

    def reloaded(self) -> None:
        for place in (*self._gateways, self._control):
            for life in place.lives if place else ():
                life.tell(signal.SIGHUP)

    def renew(self) -> None:
        """SIGUSR2: replaces the gateways, one after the other."""
        if self.is_ready and not self._is_rolling:
            self._is_rolling = True
            self.keep(self._roll(), "rolling-restart")

    @property
    def is_serving(self) -> bool:
        control = self._control is not None and self._control.is_ready
        return self.is_ready and control and any(place.is_ready for place in self._gateways)

    @property
    def _places(self) -> list[Place]:
        return [place for place in (self._valkey, self._control, *self._gateways) if place is not None]

    def _lives(self) -> Iterator[Life]:
        for place in self._places:
            yield from place.lives

    async def _roll(self) -> None:
        _log.info("rolling_restart", gateways=len(self._gateways))
        try:
            for place in self._gateways:
                if not await place.replace(READY_WITHIN, self.settings.gateway.drain_seconds + SPARE_SECONDS):
                    _log.error("rolling_restart_given_up", place=place.recipe.place)
                    return
            _log.info("rolling_restart_done", gateways=len(self._gateways))
        finally:
            self._is_rolling = False

    async def _store_url(self, folder: Path) -> str:
        """The one that is set, or that of a server started here."""
        said = self.settings.store.url
        if said or not is_memory(said):
            shared(said, "up --gateways")
            return said
        path = folder / "store"
        await valkey.dismiss(path)
        self._valkey = await self._filled(valkey.recipe(self._data, path))
        return valkey.url(path)

    def _environment(self, store_url: str) -> dict[str, str]:
        """What the children read their settings from: ours, what the command line said, and what was made here."""
        said: dict[tuple[str, ...], object] = {
            tuple(name.split(".")): value for name, value in self.start.flags.items()
        }
        said[("data",)] = self._data
        said[("store", "url")] = store_url
        if self._development is not None:
            for group in ("tls", "link_tls"):
                if getattr(self.settings.gateway, group).enabled:
                    said[("gateway", group, "certificate")] = self._development.certificate
                    said[("gateway", group, "key")] = self._development.key
        named = {variable(name): value for name, value in said.items()}
        return environment_of({**named, "MOORAGE_CONFIG": self.start.config and self.start.config.absolute()})

    async def _fill(self, doors: Mapping[str, socket], folder: Path, environment: dict[str, str]) -> None:
        """The control plane first: it makes the keys that gateways and workers come with."""
        rest = {"rest": doors["rest"]}
        self._control = await self._filled(
            Recipe("controlplane", our_command("controlplane", "--json"), environment, rest, pages=folder)
        )
        board = await self.entered("seats", board_of(2 * self.settings.up.gateways))
        self._board = Board(board)
        clients = {use: doors[use] for use in ("clients", "link")}
        for number in range(self.settings.up.gateways):
            seats, name = Seats(board, 2 * number), f"gateway-{number + 1}"
            recipe = Recipe(name, our_command("gateway", "--json"), environment, clients, seats, folder)
            self._gateways.append(self._place(recipe))
        await asyncio.gather(*map(self._started, self._gateways))

    def _place(self, recipe: Recipe) -> Place:
        place = Place(recipe, self._pages.ask, self._changed)
        self.keep(place.run(), recipe.place)
        self.closing(f"{recipe.place}-end", partial(place.stop, STOP_WITHIN))
        return place

    async def _filled(self, recipe: Recipe) -> Place:
        place = self._place(recipe)
        await self._started(place)
        return place

    async def _started(self, place: Place) -> None:
        """Raises RuntimeError with the child's own words where its first life is not ready in time."""
        await asyncio.sleep(0)  # its task begins
        life = place.lives[0]
        if await life.until(life.ready, READY_WITHIN):
            return
        place.kill()
        last = life.said.get("failed") or f"it ended with status {life.status}"
        raise RuntimeError(f"{place.recipe.place}: {last if life.ended.is_set() else 'it was not ready in time'}")

    def _changed(self, life: Life) -> None:
        if life.ended.is_set():
            self._pages.ended(life)
            if life.seat is not None and self._board is not None:
                self._board.write(life.seat, ABSENT)
        self._tell_where()

    def _tell_where(self) -> None:
        if self.is_ready:
            running.write(self._data, self.running())

    def _found(self) -> Running:
        """What the first lives said; the doors stay where they are."""
        gateway, control = self._gateways[0].lives[-1].said, self._said(self._control)
        return Running(
            pid=os.getpid(),
            node=str(gateway["node"]),
            rest=str(control["rest"]),
            observe=self._observe.url,
            link=str(gateway["link"]),
            relay=str(gateway["relay"]),
            data=str(self._data),
            certificate=str(self._development.certificate) if self._development else None,
        )

    async def _open_crew(self, store: Store) -> None:
        """The autoscaler of the workers is here, where their processes are: no child's death touches them."""
        here = self._where = self._found()
        key = read_secret(self._data / JOIN) or ""
        certificate = here.certificate if here.link.startswith("wss:") else None
        recipe = crew_recipe(self.settings.workers, Doors(here.link, key, certificate), self.settings.log_level)
        crew = self._crew = Crew(self.settings.workers, recipe, self._tell_where)
        self.closing("crew-end", crew.end)
        await crew.start(store, self.registry)
        await wait_for_workers(store, crew.policy)
        await self.entered("running.json", running.told(self._data, self.running))

    def _said(self, place: Place | None) -> Mapping[str, object]:
        return place.lives[-1].said if place is not None and place.lives else {}

    def _checks(self) -> dict[str, Callable[[], bool]]:
        named = {f"gateway-{number + 1}": number for number in range(self.settings.up.gateways)}
        return {
            "store": lambda: self._fleet is not None and self._fleet.is_store_up,
            "controlplane": lambda: self._control is not None and self._control.is_ready,
            "autoscaler": lambda: self._crew is not None and self._crew.is_looked_after,
            **{name: partial(self._is_filled, number) for name, number in named.items()},
        }

    def _is_filled(self, number: int) -> bool:
        return number < len(self._gateways) and self._gateways[number].is_ready

    async def _page(self) -> bytes:
        await self._refresh()
        return await self._pages.page()

    async def _refresh(self) -> None:
        if self._fleet is not None:
            await self._fleet.refresh()


async def _each(places: list[Place], act: Callable[[Place], Awaitable[None]]) -> None:
    await asyncio.gather(*map(act, places))
