"""Where a test's Kubernetes is: that of KUBECONFIG, or one that $CLUSTER_TOOL starts, stops, and may break."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.redis_server import free_port

UP_SECONDS = 120.0
KILL_SECONDS = 20.0
WHY_NOT = "no Kubernetes: set KUBECONFIG, or CLUSTER_TOOL to a program that starts one (`up --kwok`)"


@dataclass(frozen=True)
class Place:
    """A cluster. `state`: the folder of one that we started, with the pids of its programs; None: somebody else's."""

    kubeconfig: Path
    state: Path | None = None
    tool: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """That the tool was started with."""
        return dict(os.environ) | ({"CLUSTER_STATE": str(self.state)} if self.state else {})


def start(how: str) -> Place:
    """KUBECONFIG's, or a new one of the tool: `how` is its option, or ""."""
    if said := os.environ.get("KUBECONFIG"):
        return Place(Path(said))
    tool = os.environ["CLUSTER_TOOL"]
    state = Path(tempfile.mkdtemp(prefix="moorage-cluster-"))
    ports = {"CLUSTER_API_PORT": str(free_port()), "CLUSTER_ETCD_PORT": str(_pair_of_free_ports())}
    environment = dict(os.environ) | {"CLUSTER_STATE": str(state)} | ports
    command = [tool, "up", *([how] if how else [])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=UP_SECONDS, check=False)
    place = Place(state / "kubeconfig", state, tool)
    if done.returncode:
        stop(place)
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-500:]}")
    return place


def require_any() -> None:
    """Skips where there is no cluster; fails where there must be one."""
    tool = os.environ.get("CLUSTER_TOOL")
    if os.environ.get("KUBECONFIG") or (tool and Path(tool).exists()):
        return
    if os.environ.get("CI") == "true":
        pytest.fail(WHY_NOT, pytrace=False)
    pytest.skip(WHY_NOT)


def stop(place: Place) -> None:
    """Only of one that we started."""
    if place.state is not None:
        subprocess.run([place.tool, "down"], env=place.environment, capture_output=True, timeout=60, check=False)


def pid_of(place: Place, program: str) -> int:
    """Of one that we started."""
    assert place.state is not None
    return int((place.state / "pids" / program).read_text())


def start_again(place: Place, program: str) -> None:
    """Kills it and starts it with the same words."""
    assert place.state is not None
    pid = pid_of(place, program)
    words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode().split("\0")
    _kill(pid)
    log = place.state / "logs" / f"{program}.again.log"
    script = f'setsid "$@" >>{log} 2>&1 </dev/null & echo $! >{place.state}/pids/{program}'
    subprocess.run(["sh", "-c", script, "sh", *words], check=True, timeout=10)


def _kill(pid: int) -> None:
    """Until it is gone: its port is its own for as long as it dies."""
    process = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(process, signal.SIGKILL)
        if not select.select([process], [], [], KILL_SECONDS)[0]:
            raise RuntimeError(f"process {pid} was killed and is still there")
    finally:
        os.close(process)


def _pair_of_free_ports() -> int:
    """etcd takes the port and the one above it."""
    while True:
        port = free_port()
        if port % 2 == 0 and free_port() == port + 1:  # nor is that one given to anybody else
            return port
