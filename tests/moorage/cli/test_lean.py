"""What a program neither loads nor keeps."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from moorage.cli.lean import trim
from tests.moorage.cli.fleet import Program, a_store, program

MEGABYTE = 1 << 20


def test_rich_is_left_out_while_a_program_is_imported_and_can_be_had_afterwards() -> None:
    asked = (
        "import sys; from moorage.cli.lean import lean\n"
        "with lean(): import structlog\n"
        "print('rich' in sys.modules, 'pygments' in sys.modules)\n"
        "import rich.table"
    )

    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, stdin=None)

    assert said.stdout == "False False\n"


def test_trimming_is_always_possible() -> None:
    trim()


@pytest.mark.slow
def test_programs_at_rest_stay_within_their_memory(tmp_path: Path) -> None:
    """What a cgroup would count: anonymous memory, and pages of files that were touched."""
    with ExitStack() as stack:
        store = stack.enter_context(a_store(tmp_path))
        free = ("--metrics-port", "0")
        control = stack.enter_context(program(tmp_path, "controlplane", "--store", store, "--rest-port", "0", *free))
        doors = ("--port", "0", "--link-port", "0", *free)
        gateway = stack.enter_context(program(tmp_path, "gateway", "--store", store, *doors))

        assert resident_bytes(control) < 160 * MEGABYTE
        assert resident_bytes(gateway) < 80 * MEGABYTE


def resident_bytes(running: Program) -> int:
    lines = Path(f"/proc/{running.process.pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Rss:"))
