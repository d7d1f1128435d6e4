"""Processes of a bench that take orders: one in, an answer out, each a line of JSON on stdin and stdout."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from typing import Any

from bench import machine
from bench.machine import CannotMeasureError


class Process:
    """`python -m <module> <words>`."""

    def __init__(self, module: str, words: list[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @property
    def pid(self) -> int:
        """For CPU time."""
        return self._process.pid

    def tell(self, order: dict[str, Any]) -> None:
        """Does not wait."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def answer(self, within: float) -> Any:
        """Raises CannotMeasureError where none came."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], within)[0]:
            raise CannotMeasureError(f"a process of the bench did not answer within {within:g} s")
        line = self._process.stdout.readline()
        if not line:
            raise CannotMeasureError("a process of the bench ended; what it wrote is above")
        return json.loads(line)

    def close(self) -> None:
        """At once."""
        self._process.kill()
        machine.stop(self._process)
