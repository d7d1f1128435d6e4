"""Wall clocks that can be moved, one process each: a small library that is loaded before the process's own."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


class Clock:
    """Of one process: `environment` goes to it, `step` moves it while it runs."""

    def __init__(self, folder: Path, name: str) -> None:
        self._file = folder / f"{name}.clock"
        self._library = folder / "clock.so"
        self.step(0)

    @property
    def environment(self) -> dict[str, str]:
        """Compiles the library at the first call. Raises CalledProcessError."""
        if not self._library.exists():
            command = ["cc", "-O1", "-shared", "-fPIC", "-o", str(self._library), str(SOURCE), "-ldl"]
            subprocess.run(command, check=True, timeout=30)
        return {"LD_PRELOAD": str(self._library), "STEPPED_CLOCK": str(self._file)}

    def step(self, seconds: int) -> None:
        """So far from the true time, from now on."""
        if not self._file.exists():
            self._file.write_bytes(bytes(8))
        with self._file.open("r+b") as file:  # in place: the process has it mapped
            file.write(struct.pack("=q", seconds))


def can_be_stepped() -> bool:
    """Whether there is a compiler."""
    return shutil.which("cc") is not None
