"""The load generator of bench/load: compiled at first use, then driven by lines over a pipe.

A program in C, because one in Python saturates before any proxy does.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench import machine
from bench.machine import CannotMeasureError

SOURCES = Path(__file__).parent / "load"
BINARY = SOURCES / "build" / "load"


def compiled() -> Path:
    """The generator's binary, built when it is missing or older than its sources."""
    sources = sorted(SOURCES.glob("*.c"))
    newest = max(path.stat().st_mtime for path in SOURCES.glob("*.[ch]"))
    if BINARY.exists() and BINARY.stat().st_mtime >= newest:
        return BINARY
    compiler = shutil.which("cc")
    if compiler is None:
        raise CannotMeasureError("the load generator needs a C compiler: apt-get install gcc libc6-dev")
    BINARY.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BINARY.parent) as folder:
        fresh = Path(folder) / "load"
        subprocess.run([compiler, "-O2", "-Wall", "-o", fresh, *sources, "-ldl"], check=True)
        fresh.rename(BINARY)  # atomic: two benches may build at once
    return BINARY


class EchoWorker:
    """The worker behind every proxy: upgrades and echoes."""

    def __init__(self) -> None:
        with machine.pinned(machine.load_core()):
            self.process = subprocess.Popen([compiled(), "worker"], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().split()[1])

    @property
    def pid(self) -> int:
        """For CPU time and signals."""
        return self.process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        machine.stop(self.process)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one command did. Latencies in us: connect to 101 for open, churn and rate, else of a round trip."""

    done: int
    errors: int
    cpu_ms: float
    p50_us: float
    p99_us: float


@dataclass(frozen=True, slots=True)
class Gone:
    """How connections were closed by the other side; `last_ns` is CLOCK_MONOTONIC."""

    still_open: int
    last_ns: int
    by_code: dict[int, int]


@dataclass(frozen=True, slots=True)
class Roamed:
    """How lost clients came back. Admission is from connect to 101, back from the loss to the 101; in us."""

    back: int
    away: int  # still, when the time was over
    admission_us: tuple[float, float, float]  # p50, p99, max
    back_us: tuple[float, float, float]
    refusals: dict[str, int]  # "503:NO_CAPACITY", "unreached", "cut"; "-" stands for no code


@dataclass(frozen=True, slots=True)
class Load:
    """What a client sends and where."""

    port: int
    message_bytes: int = 256
    tls: bool = False
    tokens: Path | None = None
    close_code: int = 1000
    path: str = "/"

    def arguments(self) -> list[str]:
        """The generator's command line."""
        words = ["client", "--port", str(self.port), "--bytes", str(self.message_bytes), "--tls", str(int(self.tls))]
        words += ["--close-code", str(self.close_code), "--path", self.path]
        return words + (["--tokens", str(self.tokens)] if self.tokens else [])


class Client:
    """A load generator process; it holds its connections between commands and answers pings on them."""

    def __init__(self, load: Load) -> None:
        with machine.pinned(machine.load_core()):
            self.process = subprocess.Popen(
                [compiled(), *load.arguments()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )

    @property
    def pid(self) -> int:
        """For CPU time."""
        return self.process.pid

    def open(self, count: int, width: int = 32) -> Answer:
        """Opens `count` more connections, `width` at once."""
        return self._run(f"open {count} {width}", 75)

    def trip(self, width: int = 64) -> Answer:
        """One round trip on each open connection."""
        return self._run(f"trip {width}", 35)

    def go(self, seconds: float) -> Answer:
        """A closed loop with one message in flight on each open connection."""
        return self._run(f"go {seconds}", seconds + 15)

    def churn(self, count: int, width: int = 32) -> Answer:
        """Opens, makes a round trip and closes politely, `count` times."""
        return self._run(f"churn {count} {width}", 315)

    def rate(self, per_second: float, seconds: float) -> Answer:
        """The same at a fixed offered rate; latencies count from when each connect was due."""
        return self._run(f"rate {per_second} {seconds}", seconds + 15)

    def close_all(self) -> Answer:
        """Closes politely."""
        return self._run("close", 15)

    def watch(self, seconds: float) -> Gone:
        """Waits until the other side closed every connection, or for `seconds`."""
        said = _named(self._ask(f"watch {seconds}", seconds + 15))
        codes = dict(pair.split("=") for pair in said.get("codes", "").split(",") if pair)
        return Gone(int(said["errors"]), int(said["last_ns"]), {int(code): int(count) for code, count in codes.items()})

    def roam(self, count: int, seconds: float, ports: list[int]) -> None:
        """Whoever is lost from now on comes back through one of the ports. `roamed` waits for it."""
        self._ask(f"roam {count} {seconds} {','.join(map(str, ports))}", 5)

    def roamed(self, within: float) -> Roamed:
        """Once `count` are back, or the time of `roam` is over."""
        said = _named(self._hear("roam", within))
        refusals = dict(pair.rsplit("=", 1) for pair in said.get("refusals", "").split(",") if pair)
        return Roamed(
            back=int(said["done"]),
            away=int(said["errors"]),
            admission_us=_three(said, ""),
            back_us=_three(said, "back_"),
            refusals={reason: int(count) for reason, count in refusals.items()},
        )

    def cipher(self) -> str:
        """What TLS agreed on, "none" without."""
        return self._ask("cipher", 5).strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        machine.stop(self.process)  # its connections are reset

    def _run(self, command: str, within: float) -> Answer:
        said = _named(self._ask(command, within))
        answer = Answer(
            int(said["done"]), int(said["errors"]), float(said["cpu_ms"]), float(said["p50_us"]), float(said["p99_us"])
        )
        if answer.errors:
            raise CannotMeasureError(
                f"{command!r}: {answer.errors} errors beside {answer.done} done; {self._complaint()}"
            )
        return answer

    def _ask(self, command: str, within: float) -> str:
        self._tell(command)
        return self._hear(command, within)

    def _tell(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def _hear(self, command: str, within: float) -> str:
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], within)[0]:
            raise CannotMeasureError(f"{command!r} got no answer within {within:g} s")
        line = self.process.stdout.readline()
        if not line:
            raise CannotMeasureError(f"the load generator ended at {command!r}: {self._complaint()}")
        return line

    def _complaint(self) -> str:
        """What it wrote on stderr so far, the first 300 bytes."""
        assert self.process.stderr is not None
        if not select.select([self.process.stderr], [], [], 0.1)[0]:
            return "it said nothing"
        return os.read(self.process.stderr.fileno(), 300).decode(errors="replace").strip()


def _three(said: dict[str, str], name: str) -> tuple[float, float, float]:
    return float(said[f"{name}p50_us"]), float(said[f"{name}p99_us"]), float(said[f"{name}max_us"])


def _named(line: str) -> dict[str, str]:
    words = line.split()
    return dict(zip(words[::2], words[1::2], strict=False))
