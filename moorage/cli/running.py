"""What a running `moorage up` leaves in its data folder, so that other commands there need no address and no key."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FILE = "running.json"
LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Process:
    """One worker process."""

    name: str
    pid: int


@dataclass(frozen=True, slots=True)
class Running:
    """Where its doors are, as URLs."""

    pid: int
    node: str  # ws:// or wss:// for clients
    rest: str
    observe: str
    link: str
    relay: str  # compiled | pure
    data: str
    certificate: str | None = None  # PEM to trust, where it made its own
    workers: tuple[Process, ...] = ()
    parts: tuple[Process, ...] = ()  # gateways, control plane and store, where they are processes of their own

    def document(self) -> dict[str, Any]:
        """As JSON: the file, and the line that `moorage up --json` prints."""
        return asdict(self)


def from_document(said: Mapping[str, Any]) -> Running:
    """Raises TypeError or KeyError for a document of another version."""
    lists = {name: tuple(Process(**each) for each in said[name]) for name in ("workers", "parts")}
    return Running(**{**said, **lists})


class Taken(RuntimeError):
    """Another process runs on this folder."""


def hold(folder: Path) -> int:
    """Keeps the folder for this process: two fleets over one database would end each other's sessions. Answers the open
    descriptor; closing it, also by dying, lets go. Raises Taken or OSError."""
    held = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(held)
        other = read(folder)
        who = f", process {other.pid}, REST at {other.rest}" if other else ""
        raise Taken(
            f"{folder} belongs to a Moorage that runs{who}: stop it, or name another folder with --data"
        ) from error
    return held


@asynccontextmanager
async def held(folder: Path) -> AsyncIterator[None]:
    """`hold`, for as long as a block runs."""
    descriptor = hold(folder)
    try:
        yield
    finally:
        os.close(descriptor)


@asynccontextmanager
async def told(folder: Path, now: Callable[[], Running]) -> AsyncIterator[None]:
    """The file is there for as long as a block runs."""
    write(folder, now())
    try:
        yield
    finally:
        remove(folder)


def write(folder: Path, running: Running) -> None:
    """Replaces the file in one step. Raises OSError."""
    draft = folder / f"{FILE}.new"
    draft.write_text(json.dumps(running.document(), indent=2) + "\n")
    draft.replace(folder / FILE)


def read(folder: Path) -> Running | None:
    """None where nothing runs, or the file is of another version."""
    try:
        said = json.loads((folder / FILE).read_text())
        return from_document(said)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def remove(folder: Path) -> None:
    """At the stop."""
    (folder / FILE).unlink(missing_ok=True)
