"""Processes, cores and what the kernel counts of them.

The proxy under test has a core of its own; load generator, worker and this driver share the other.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROC = Path("/proc")
STOP_WITHIN = 5.0


class CannotMeasureError(Exception):
    """Something the bench needs is missing or failed; the text says what to do."""


def proxy_core() -> int:
    """The core of whatever is measured."""
    return min(os.sched_getaffinity(0))


def load_core() -> int:
    """The core of everything else; the same one where the machine has only one."""
    return max(os.sched_getaffinity(0))


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Whatever is started inside runs on `core` alone, from its first thread on."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def family(pid: int) -> list[int]:
    """A process and its descendants (nginx works in a child)."""
    found = [pid]
    for task in (PROC / str(pid) / "task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def cpu_ns(pid: int) -> int:
    """CPU time of all threads of a process and its descendants, user and system, in ns. Exact only while they sleep."""
    return sum(
        int((task / "schedstat").read_text().split()[0])
        for each in family(pid)
        for task in (PROC / str(each) / "task").iterdir()
    )


def rss_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants."""
    page = os.sysconf("SC_PAGE_SIZE")
    return sum(int((PROC / str(each) / "statm").read_text().split()[1]) * page for each in family(pid))


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(holds: Callable[[], bool], within: float, what: str) -> None:
    """Polls a condition every 10 ms; raises CannotMeasureError after `within` seconds."""
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            raise CannotMeasureError(f"{what} did not happen within {within:g} s")
        time.sleep(0.01)


def listens(port: int) -> bool:
    """Whether a loopback port takes connections."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def stop(process: subprocess.Popen[str]) -> None:
    """SIGTERM, then SIGKILL."""
    process.terminate()
    try:
        process.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
