"""A child process of `moorage up`: how it is started, and one life of it.

A child gets its listening sockets, a private socket for its metrics, and a pipe on its stdin whose end tells it to stop.
It says one JSON document a line: where it is when it is ready, `{"drained": true}` when it has drained, `{"failed": why}`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from moorage.cli.programs.start import SEAT

ASK_EVERY = 0.02
_log = structlog.get_logger("moorage.up.children")


@dataclass(frozen=True, slots=True)
class Seats:
    """Two of a place on a board: one who takes over is there before the other has left."""

    board: int  # its descriptor
    first: int

    def of(self, life: int) -> int:
        """The number of a life's seat."""
        return self.first + life % 2


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a place is filled."""

    place: str  # gateway-1
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    sockets: Mapping[str, socket.socket] = field(default_factory=dict)  # by use
    seats: Seats | None = None  # where it accepts beside others
    pages: Path | None = None  # folder for the socket of its metrics; None: it has none
    answers: Callable[[], Awaitable[bool]] | None = None  # whether it is ready, where it cannot say so itself


class Life:
    """One process, from its start to its end."""

    def __init__(self, recipe: Recipe, number: int) -> None:
        self.place = recipe.place
        self.seat = recipe.seats.of(number) if recipe.seats else None
        self.observe = recipe.pages / f"{recipe.place}.{number}" if recipe.pages else None
        self.said: Mapping[str, Any] = {}
        self.ready = asyncio.Event()
        self.drained = asyncio.Event()
        self.ended = asyncio.Event()
        self.is_told = False  # to drain, by us: who drains without that is not kept waiting
        self.status: int | str | None = None
        self._recipe = recipe
        self._process: Process | None = None
        self._serves: Callable[[], None] = lambda: None

    @property
    def pid(self) -> int | None:
        """Of the living process."""
        return self._process.pid if self._process and not self.ended.is_set() else None

    async def run(self, serves: Callable[[], None]) -> None:
        """Until it has ended; `status` is then its exit status, or why there is none. `serves` is called once it does."""
        self._serves = serves
        try:
            self.status = await self._live()
        except OSError as error:  # no memory, no descriptors: as good as a death
            self.status = str(error)
        finally:
            self.ended.set()
            if self.observe is not None:
                self.observe.unlink(missing_ok=True)

    def tell(self, number: signal.Signals) -> None:
        """A signal."""
        if self._process is not None and not self.ended.is_set():
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def drain(self, number: signal.Signals) -> None:
        """By a signal; it then stays until it is let go."""
        self.is_told = True
        self.tell(number)

    def let_go(self) -> None:
        """The end of its stdin."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    async def until(self, event: asyncio.Event, within: float) -> bool:
        """Waits for `ready` or `drained`; False when it ended or the time was over before."""
        waits = [asyncio.ensure_future(each.wait()) for each in (event, self.ended)]
        try:
            await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return event.is_set()

    async def end(self, within: float) -> None:
        """Waits for its end, and makes one after so long."""
        if not await self.until(self.ended, within):
            _log.warning("child_killed", place=self.place, waited_seconds=within)
            self.tell(signal.SIGKILL)
            await self.ended.wait()

    async def _live(self) -> int:
        with _Left(self._recipe, self.observe, self.seat) as left:
            process = self._process = await asyncio.create_subprocess_exec(
                *self._recipe.command,
                *left.arguments,
                stdin=PIPE,
                stdout=PIPE,
                env=self._recipe.environment,
                pass_fds=left.descriptors,
                start_new_session=True,
            )
        asking = asyncio.ensure_future(self._ask())
        try:
            await self._listen(process)
            return await process.wait()
        finally:
            asking.cancel()
            self.let_go()
            if process.returncode is None:  # nobody watches it any more
                self.tell(signal.SIGKILL)

    async def _listen(self, process: Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            with suppress(ValueError):
                said = json.loads(line)
                if not isinstance(said, dict):
                    continue
                if "drained" in said:
                    self.drained.set()
                    if not self.is_told:
                        self.let_go()
                else:
                    self.said = said
                    if "failed" not in said:
                        self._is_ready()

    async def _ask(self) -> None:
        answers = self._recipe.answers
        if answers is None:
            return
        while not await answers():  # noqa: ASYNC110 - another process
            await asyncio.sleep(ASK_EVERY)
        self._is_ready()

    def _is_ready(self) -> None:
        self.ready.set()
        self._serves()


class _Left:
    """What the parent leaves to a life: for the time of its start, and then it is the child's."""

    def __init__(self, recipe: Recipe, observe: Path | None, seat: int | None) -> None:
        self._recipe = recipe
        self._observe = _listening(observe) if observe is not None else None
        shared = {use: sock.fileno() for use, sock in recipe.sockets.items()}
        if self._observe is not None:
            shared["observe"] = self._observe.fileno()
        if recipe.seats is not None:
            shared[f"{SEAT}{seat}"] = recipe.seats.board
        self.descriptors = tuple(shared.values())
        listed = ",".join(f"{use}={number}" for use, number in shared.items())
        self.arguments = ("--inherit", f"{recipe.place}:{listed}") if shared else ()

    def __enter__(self) -> _Left:
        return self

    def __exit__(self, *_: object) -> None:
        if self._observe is not None:
            self._observe.close()


def _listening(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(path))
        sock.listen(16)
    except OSError:
        sock.close()
        raise
    return sock


def our_command(*arguments: str) -> tuple[str, ...]:
    """`moorage …` with this interpreter."""
    return (sys.executable, "-m", "moorage.cli", *arguments)


def environment_of(settings: Mapping[str, object]) -> dict[str, str]:
    """This process's, with settings by the names of their variables."""
    said = {name: _text(value) for name, value in settings.items() if value is not None}
    return {**os.environ, **said}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
