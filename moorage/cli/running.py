"""What a running `moorage up` leaves in its data folder, so that other commands there need no address and no key."""

from __future__ import annotations

import fcntl
import json
import os
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

    def document(self) -> dict[str, Any]:
        """As JSON: the file, and the line that `moorage up --json` prints."""
        return asdict(self)


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


def write(folder: Path, running: Running) -> None:
    """Replaces the file in one step. Raises OSError."""
    draft = folder / f"{FILE}.new"
    draft.write_text(json.dumps(running.document(), indent=2) + "\n")
    draft.replace(folder / FILE)


def read(folder: Path) -> Running | None:
    """None where nothing runs, or the file is of another version."""
    try:
        said = json.loads((folder / FILE).read_text())
        return Running(**{**said, "workers": tuple(Process(**worker) for worker in said["workers"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def remove(folder: Path) -> None:
    """At the stop."""
    (folder / FILE).unlink(missing_ok=True)
