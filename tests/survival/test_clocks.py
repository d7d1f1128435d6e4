"""A stepped clock moves the wall clock of its process, while it runs, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.survival.clocks import Clock, can_be_stepped

TELLS = """
import sys, time
for _ in sys.stdin:
    print(time.time(), time.monotonic(), flush=True)
"""


@pytest.mark.skipif(not can_be_stepped(), reason="moving one process's clock needs a C compiler")
def test_the_wall_clock_moves_and_the_monotonic_one_does_not(tmp_path: Path) -> None:
    clock = Clock(tmp_path, "one")
    seen: list[tuple[float, float]] = []
    with subprocess.Popen(
        [sys.executable, "-c", TELLS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **clock.environment},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for step in (0, 3600, -3600, 0):
            clock.step(step)
            process.stdin.write("\n")
            process.stdin.flush()
            wall, monotonic = map(float, process.stdout.readline().split())
            seen.append((wall - time.time(), monotonic - time.monotonic()))
        process.stdin.close()

    assert [round(off, -1) for off, _ in seen] == [0, 3600, -3600, 0]
    assert all(abs(off) < 5 for _, off in seen)
