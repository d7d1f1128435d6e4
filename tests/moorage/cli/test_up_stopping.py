"""How `moorage up` stops: drained, in a hurry, killed, or before it was ready."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from moorage.cli import running
from tests.deadlines import PROGRAM
from tests.moorage.cli.fleet import PORTS, Fleet, end, eventually, first_line, start, up


def test_terminate_drains_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with up(tmp_path, "--workers", "1", "--drain-seconds", "0.5") as fleet, ExitStack() as stack:
        worker = fleet.running.workers[0].pid
        a_client(fleet, stack)
        began_at = time.monotonic()

        status = fleet.stop()

        assert status == 0
        assert time.monotonic() - began_at < 25  # by itself it would take 30 s for the drain
        assert running.read(fleet.data) is None
        eventually(lambda: not is_alive(worker))


def test_a_second_signal_cuts_the_drain_short(tmp_path: Path) -> None:
    with up(tmp_path, "--workers", "1", "--drain-seconds", "300") as fleet, ExitStack() as stack:
        for _ in range(3):
            a_client(fleet, stack)
        fleet.process.terminate()
        eventually(lambda: "drain_started" in fleet.log.read_text())

        fleet.process.terminate()

        assert fleet.process.wait(PROGRAM) == 0


def test_workers_leave_when_their_parent_is_killed(tmp_path: Path) -> None:
    with up(tmp_path, "--workers", "1") as fleet:
        worker = fleet.running.workers[0].pid

        fleet.process.kill()
        fleet.process.wait()

        eventually(lambda: not is_alive(worker), within=PROGRAM)


def a_client(fleet: Fleet, stack: ExitStack) -> None:
    """Connected, and waiting until the stack is unwound."""
    process = subprocess.Popen(
        [sys.executable, "-m", "moorage.cli", "connect", "--data", str(fleet.data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    stack.callback(process.communicate)
    stack.callback(process.kill)
    assert process.stdin is not None
    process.stdin.write("here\n")
    process.stdin.flush()
    assert first_line(process) == "here\n"


def is_alive(pid: int) -> bool:
    """Also false for a zombie: it has left, nobody fetched its status."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_stop_before_it_is_ready_is_in_order_too(tmp_path: Path) -> None:
    log = tmp_path / "up.log"
    arguments = ["up", "--json", "--data", str(tmp_path / "data"), "--target", "nowhere:talk", *PORTS]
    with log.open("w") as errors:
        process = start(arguments, tmp_path, errors.fileno())
    try:
        eventually(lambda: "worker_died" in log.read_text())

        process.terminate()
        said, _ = process.communicate(timeout=PROGRAM)
    finally:
        end(process)

    assert (process.returncode, said) == (0, "")
    assert "there is no module nowhere here" in log.read_text()
