"""Starts ours: `python -m bench.ours` on the proxy's core, with a secret and the tokens made with it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from bench import credentials, machine
from bench.peers import Proxy
from bench.rows import OURS_PURE

START_WITHIN = 20.0
PUMP = "gateway.io.compiled.pump"

# What a production start sets too: glibc gives memory back so eagerly by default that TLS buffers fault in every trip.
HEAP = {
    "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
    "MALLOC_TOP_PAD_": str(16 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(4 << 20),
}


def missing(name: str) -> str | None:
    """A sentence that says why ours cannot run, None when it can."""
    if importlib.util.find_spec("gateway.io.listener") is None:
        return f"{name} has no listener yet and is left out"
    if name == OURS_PURE or importlib.util.find_spec(PUMP) is not None:
        return None
    return "the compiled relay was not built and is left out: install a C compiler and run pip install -e . again"


def start(name: str, folder: Path, worker_port: int, tls: bool, tokens: int) -> Proxy:
    """A gateway process with one registered worker behind `worker_port`; its proxy's `tokens` open that many sessions."""
    port = machine.free_port()
    secret = credentials.write_secret(folder)
    words = [
        "--wire",
        "pure" if name == OURS_PURE else "compiled",
        "--port",
        str(port),
        "--worker-port",
        str(worker_port),
    ]
    words += ["--secret", str(secret)]
    if tls:
        words += ["--tls", str(folder / "cert.pem"), str(folder / "key.pem")]
    token_file = folder / f"tokens-{port}"
    credentials.write_tokens(token_file, credentials.read_keys(secret), max(tokens, 1))
    with machine.pinned(machine.proxy_core()):
        process = subprocess.Popen([sys.executable, "-m", "bench.ours", *words], env={**os.environ, **HEAP}, text=True)
    machine.wait_until(lambda: machine.listens(port) or process.poll() is not None, START_WITHIN, f"{name} on its port")
    if process.poll() is not None:
        raise machine.CannotMeasureError(f"{name} did not start; what it wrote is above")
    return Proxy(name, process, port, token_file)
