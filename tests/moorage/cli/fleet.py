"""A real `moorage up` for tests: a process of its own, free ports, a folder of its own."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from moorage.cli.running import from_document

READY_WITHIN = 40.0
STOP_WITHIN = 20.0
PORTS = ("--port", "0", "--rest-port", "0", "--metrics-port", "0", "--link-port", "0")
T = TypeVar("T")


class Fleet:
    """One running `moorage up`."""

    def __init__(self, process: subprocess.Popen[str], data: Path, log: Path) -> None:
        self.process = process
        self.data = data
        self.log = log
        line = first_line(process)
        assert line, log.read_text()
        self.running = from_document(json.loads(line))

    def stop(self) -> int:
        """SIGTERM; its exit status."""
        self.process.terminate()
        return self.process.wait(STOP_WITHIN)


@contextmanager
def up(folder: Path, *options: str) -> Iterator[Fleet]:
    """Runs for the length of a block."""
    data, log = folder / "data", folder / "up.log"
    with log.open("w") as errors:
        process = start(["up", "--json", "--data", str(data), *PORTS, *options], folder, errors.fileno())
    try:
        yield Fleet(process, data, log)
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


def start(arguments: list[str], folder: Path, errors: int) -> subprocess.Popen[str]:
    """`moorage …` without settings around it."""
    clean = {name: value for name, value in os.environ.items() if not name.upper().startswith("MOORAGE_")}
    command = [sys.executable, "-m", "moorage.cli", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=clean, cwd=folder)


def first_line(process: subprocess.Popen[str]) -> str:
    """Waits for it; "" when the process ends before."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        assert selector.select(READY_WITHIN), "no line in time"
    return process.stdout.readline()


def eventually(question: Callable[[], T | None], within: float = 15.0) -> T:
    """The first answer that is true. Raises AssertionError at the deadline."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {within} s: {question}")
