"""Where the gateway's time goes while it admits: `python -m bench.profile [CONNECTIONS]`.

A profiler costs more than what it measures and falls on calls, not on work: shares say where to look, never how much there
is to win. The figure without it stands beside.
"""

from __future__ import annotations

import pstats
import signal
import sys
import sysconfig
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from bench import launch, machine
from bench.arena import Casting
from bench.generator import Client, EchoWorker, Load
from bench.launch import Ours
from bench.rows import OURS

WARM = 400
WIDTH = 16
SHOWN = 30
SETTLE = 0.3


def main(connections: int) -> None:
    """Admits them twice, without and with the profiler, and prints the modules by their own time."""
    with tempfile.TemporaryDirectory() as name, EchoWorker() as worker:
        folder = Path(name)
        written = folder / "profile"
        casting = Casting(worker.port, tokens=WARM + 2 * connections)
        gateway = launch.start(OURS, folder, casting, ("--profile", str(written)))
        try:
            _admit(gateway, connections, written)
        finally:
            gateway.close()
        _print(written, connections)


def _admit(gateway: Ours, connections: int, written: Path) -> None:
    with Client(Load(gateway.port, tokens=gateway.tokens)) as client:
        client.open(WARM, WIDTH)
        time.sleep(SETTLE)
        before = gateway.cpu_ns()
        client.open(connections, WIDTH)
        time.sleep(SETTLE)
        print(f"{(gateway.cpu_ns() - before) / connections / 1e3:.1f} us a connection without the profiler\n")
        client.close_all()
        time.sleep(SETTLE)
        gateway.process.send_signal(signal.SIGUSR1)
        client.open(connections, WIDTH)
        gateway.process.send_signal(signal.SIGUSR2)
        machine.wait_until(written.exists, 10, "the profile")
        time.sleep(SETTLE)


def _print(written: Path, connections: int) -> None:
    functions: dict[tuple[str, int, str], tuple[int, int, float, float, Any]] = vars(pstats.Stats(str(written)))[
        "stats"
    ]
    seconds_of: dict[str, float] = defaultdict(float)
    calls_of: Counter[str] = Counter()
    for (file, _, name), (_, calls, own_seconds, _, _) in functions.items():
        place = name if file == "~" else _short(file)
        seconds_of[place] += own_seconds
        calls_of[place] += calls
    total = sum(seconds_of.values())
    for place, seconds in sorted(seconds_of.items(), key=lambda pair: -pair[1])[:SHOWN]:
        print(f"{100 * seconds / total:5.1f} %  {calls_of[place] / connections:6.1f} calls  {place}")


def _short(path: str) -> str:
    """From the package on: below site-packages, the standard library or this repository."""
    for root in (sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"), str(Path.cwd())):
        if path.startswith(root):
            return path[len(root) + 1 :]
    return path


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000)
