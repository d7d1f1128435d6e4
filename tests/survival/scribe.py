"""Writes facts as they happen: one line each, in one write, so that a kill loses the last one at most."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.survival.history import Fact, line_of


class Scribe:
    """One file of one process. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def write(self, fact: Fact) -> None:
        """At once."""
        os.write(self._file, f"{line_of(fact)}\n".encode())


def now() -> float:
    """The one clock of all processes here."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)
