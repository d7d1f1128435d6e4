"""A whole fleet in processes of its own: a store, gateways, control planes, witnesses, a crowd of clients, and cuttable lines.

    async with House(folder, Plan(seed=7)) as house:
        await house.kill("gateway-1")

Every program has a port of its own for its whole life, so that it comes back where it was. What happens is written down as facts.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.adversity.strait import Strait
from tests.redis_server import free_port
from tests.survival import rows, tap
from tests.survival.clocks import Clock
from tests.survival.history import Aboard, Fact, Final, Healed, History, Injected, read_facts
from tests.survival.programs import Program
from tests.survival.scribe import Scribe, now
from tests.survival.steps import Cast
from tests.survival.stores import Replicated, Single, Stored
from tests.survival.views import seen, serving

ADMIN_KEY = "admin-key-of-the-survival-tests"
JOIN_KEY = "join-key-of-the-survival-tests"
ABOARD_WITHIN = 20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How large the fleet is, and what may be done to it."""

    seed: int = 0
    gateways: int = 2
    workers: int = 3
    slots: int = 12  # so that every worker has some of the clients, and all find room on one fewer
    clients: int = 24
    lives: tuple[float, float] = (3.0, 15.0)  # shortest and longest session of those that leave
    is_cuttable: bool = False  # lines that can be cut cost a relay in Python each
    has_clocks: bool = False
    store: Callable[[Path], Stored] = Single
    settings: dict[str, str] = field(default_factory=dict)  # of every program, as environment variables


@dataclass(frozen=True, slots=True)
class Ports:
    """Of one gateway or control plane."""

    clients: int = field(default_factory=free_port)
    link: int = field(default_factory=free_port)
    rest: int = field(default_factory=free_port)
    observe: int = field(default_factory=free_port)

    @property
    def ready(self) -> str:
        """Where it says whether it is ready."""
        return f"http://127.0.0.1:{self.observe}/readyz"


class House:
    """Use as a context manager: when it is entered, everybody is connected and talks."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan
        self.slots: dict[str, int] = {}  # of every worker that ever was
        self.store = plan.store(folder / "store")
        self._programs: dict[str, Program] = {}
        self._ports: dict[str, Ports] = {}
        self._lines: dict[str, list[Strait]] = {}
        self._clocks: dict[str, Clock] = {}
        self._lives = {f"worker-{number}": itertools.count(1) for number in range(1, plan.workers + 1)}
        self._living: dict[str, str] = {}  # place -> name of the worker that has it now
        self._stack = AsyncExitStack()

    # coming and going

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for program in self._programs.values():
            program.kill()
        await self._stack.aclose()

    async def _open(self) -> None:
        self.scribe = self._stack.enter_context(Scribe(self.folder / "house.jsonl"))
        await self.store.start(self._stack)
        if isinstance(self.store, Replicated):
            self._lines["store:replica"] = [self.store.line]
        await self._start_controlplane()
        gateways = [self._start_gateway(name) for name in self.cast.gateways]
        await asyncio.gather(*gateways)
        for place in self.cast.workers:
            await self._start_worker(place)
        await self._workers_serve()
        await self._start_crowd()

    @property
    def cast(self) -> Cast:
        """Whom there is to harm."""
        gateways = tuple(f"gateway-{number}" for number in range(1, self.plan.gateways + 1))
        return Cast(gateways, tuple(self._lives), ("controlplane-1",), has_clocks=self.plan.has_clocks)

    def facts(self) -> tuple[Fact, ...]:
        """All that was written so far."""
        return read_facts(sorted(self.folder.glob("*.jsonl")))

    async def history(self) -> History:
        """Everything up to now, and how things stand."""
        workers, sessions = await seen(self.store.url)
        events, stream_ends = tap.events(self.store.folders)
        final = Final(now(), workers, sessions, events, rows.ends(self.database), stream_ends)
        return History(self.facts(), final, self.plan.seed, dict(self.slots))

    @property
    def database(self) -> Path:
        """The control plane's."""
        return self.folder / "data-controlplane-1" / "moorage.db"

    def name_of(self, target: str) -> str:
        """What the history calls a target now: a worker's place has a new name in each life."""
        program, colon, line = target.partition(":")
        return f"{self._living.get(program, program)}{colon}{line}"

    # the crowd

    def rest(self) -> None:
        """No new sessions; every second client leaves."""
        self._programs["crowd"].say("rest")

    async def leave(self) -> None:
        """All clients leave."""
        crowd = self._programs["crowd"]
        crowd.say("leave")
        status = await crowd.gone()
        assert status == 0, crowd.log()

    # harm, and its end; each is written down before it begins and after it is over

    async def kill(self, target: str) -> None:
        """kill -9."""
        self._note(Injected, "killed", target)
        if target == "store":
            self.store.server.kill()
        else:
            self._programs[target].kill()

    async def revive(self, target: str) -> None:
        """Starts it again, and waits until it is ready."""
        if target == "store":
            await self.store.server.start()
        elif target in self._lives:
            self._note(Healed, "killed", target)
            await self._start_worker(target)
            return
        else:
            self._programs[target].start()
            await self._programs[target].ready(self._ports[target].ready)
        self._note(Healed, "killed", target)

    async def flush(self, seconds: float) -> None:
        """The store dies, and comes back without its data."""
        self._note(Injected, "flushed", "store")
        assert isinstance(self.store, Single)
        await self.store.lose(seconds)
        self._note(Healed, "flushed", "store")

    def stop(self, target: str) -> None:
        """SIGSTOP."""
        self._note(Injected, "stopped", target)
        self._signal(target, signal.SIGSTOP)

    def go_on(self, target: str) -> None:
        """SIGCONT."""
        self._signal(target, signal.SIGCONT)
        self._note(Healed, "stopped", target)

    def cut(self, line: str) -> None:
        """`gateway-1:store`, `worker-2:link`: nothing passes any more, and nobody is told."""
        self._note(Injected, "cut", line)
        for strait in self._lines[line]:
            strait.there.is_silent = strait.back.is_silent = True

    def mend(self, line: str) -> None:
        """What was open is reset, as after any long cut; new connections get through."""
        for strait in self._lines[line]:
            strait.there.is_silent = strait.back.is_silent = False
            strait.cut()
        self._note(Healed, "cut", line)

    def step(self, target: str, seconds: int) -> None:
        """Its wall clock is off by so much; 0 ends it."""
        self._note(Injected if seconds else Healed, "stepped", target)
        self._clocks[target].step(seconds)

    def fill(self) -> None:
        """The store takes nothing that needs memory."""
        self._note(Injected, "full", "store")
        self.store.server.configure("maxmemory-policy", "noeviction")
        self.store.server.configure("maxmemory", "1mb")

    def empty(self) -> None:
        """It has room again."""
        self.store.server.configure("maxmemory", "0")
        self._note(Healed, "full", "store")

    def _note(self, kind: type[Injected] | type[Healed], fault: str, target: str) -> None:
        self.scribe.write(kind(now(), fault, self.name_of(target)))

    def _signal(self, target: str, number: signal.Signals) -> None:
        if target == "store":
            (self.store.server.pause if number is signal.SIGSTOP else self.store.server.resume)()
        else:
            self._programs[target].signal(number)

    # programs

    async def _start_gateway(self, name: str) -> None:
        ports = self._ports[name] = Ports()
        settings = {
            "MOORAGE_GATEWAY__PORT": str(ports.clients),
            "MOORAGE_GATEWAY__LINK_PORT": str(ports.link),
            "MOORAGE_GATEWAY__HANDSHAKES__CONNECTS_PER_SECOND_PER_ADDRESS": "0",
        }
        await self._start_program(name, "gateway", settings)

    async def _start_controlplane(self) -> None:
        ports = self._ports["controlplane-1"] = Ports()
        limits = ("CONCURRENCY__PER_USER", "CONCURRENCY__PER_KEY", "CONCURRENCY__PER_WORKSPACE")
        settings = {f"MOORAGE_CONTROLPLANE__{limit}": "0" for limit in limits}
        settings["MOORAGE_CONTROLPLANE__PORT"] = str(ports.rest)
        await self._start_program("controlplane-1", "controlplane", settings)

    async def _start_program(self, name: str, command: str, settings: dict[str, str]) -> None:
        environment = {
            "MOORAGE_DATA": str(self.folder / f"data-{name}"),
            "MOORAGE_STORE__URL": await self._store_url(name),
            "MOORAGE_OBSERVE__PORT": str(self._ports[name].observe),
            "MOORAGE_ADMIN_KEY": ADMIN_KEY,
            "MOORAGE_JOIN_KEY": JOIN_KEY,
            **settings,
            **self._clock(name),
            **self.plan.settings,
        }
        program = self._programs[name] = Program(name, ["-m", "moorage.cli", command], environment, self.folder)
        program.start()
        await program.ready(self._ports[name].ready)

    async def _start_worker(self, place: str) -> None:
        life = next(self._lives[place])
        name = place if life == 1 else f"{place}.{life}"
        self._living[place] = name
        self.slots[name] = self.plan.slots
        links = [word for url in await self._links(place) for word in ("--link", url)]
        journal = ["--journal", str(self.folder / f"{name}.jsonl")]
        words = ["-m", "tests.survival.witness", "--name", name, "--slots", str(self.plan.slots), *links, *journal]
        environment = {"MOORAGE_JOIN_KEY": JOIN_KEY, "PYTHONPATH": str(Path.cwd()), **self._clock(place)}
        program = self._programs[place] = Program(name, words, environment, self.folder)
        program.start()

    async def _start_crowd(self) -> None:
        plan = {
            "seed": self.plan.seed,
            "size": self.plan.clients,
            "lives": self.plan.lives,
            "key": ADMIN_KEY,
            "rest": [f"http://127.0.0.1:{self._ports[name].rest}" for name in self.cast.controlplanes],
            "gateways": [
                {"name": name, "port": self._ports[name].clients, "ready": self._ports[name].ready}
                for name in self.cast.gateways
            ],
            "journal": str(self.folder / "crowd.jsonl"),
        }
        path = self.folder / "crowd.json"
        path.write_text(json.dumps(plan))
        words, environment = ["-m", "tests.survival.crowd", str(path)], {"PYTHONPATH": str(Path.cwd())}
        crowd = self._programs["crowd"] = Program("crowd", words, environment, self.folder)
        crowd.start()
        assert await crowd.line() == "ready\n", crowd.log()
        deadline = now() + ABOARD_WITHIN
        while len({fact.session for fact in self.facts() if isinstance(fact, Aboard)}) < self.plan.clients:
            assert now() < deadline, f"not all clients came aboard: {crowd.log()}"
            await asyncio.sleep(0.2)

    async def _workers_serve(self) -> None:
        """As the store sees them."""
        deadline = now() + ABOARD_WITHIN
        while await serving(self.store.url) != set(self._living.values()):
            assert now() < deadline, f"not all workers serve: {self._programs['worker-1'].log()}"
            await asyncio.sleep(0.1)

    async def _store_url(self, name: str) -> str:
        """Through a line of its own where that can be cut: only a single server is at one port."""
        if not self.plan.is_cuttable or not isinstance(self.store, Single):
            return self.store.url
        return f"redis://127.0.0.1:{await self._line(f'{name}:store', self.store.server.port)}"

    async def _links(self, place: str) -> list[str]:
        """The gateways' link ports, through lines of this place's own where they can be cut; made once."""
        ports = [self._ports[name].link for name in self.cast.gateways]
        if self.plan.is_cuttable:
            lines = self._lines.get(f"{place}:link")
            ports = (
                [line.port for line in lines] if lines else [await self._line(f"{place}:link", port) for port in ports]
            )
        return [f"ws://127.0.0.1:{port}/link" for port in ports]

    async def _line(self, name: str, port: int) -> int:
        strait = await self._stack.enter_async_context(Strait(port))
        self._lines.setdefault(name, []).append(strait)
        return strait.port

    def _clock(self, name: str) -> dict[str, str]:
        if not self.plan.has_clocks:
            return {}
        clock = self._clocks.setdefault(name, Clock(self.folder, name))
        return clock.environment
