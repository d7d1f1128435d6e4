"""Starts ours: `python -m bench.ours` on the proxy's core, with a secret and the tokens made with it."""

from __future__ import annotations

import importlib.util
import os
import select
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench import credentials, machine
from bench.arena import Casting
from bench.peers import Proxy
from bench.rows import OURS_PURE

START_WITHIN = 20.0
PUMP = "gateway.io.compiled.pump"


@dataclass(frozen=True, slots=True)
class Ours(Proxy):
    """Our gateway; `tokens` opens as many sessions as were asked for, and workers may join at `link_port`."""

    link_port: int = 0
    join_key: str = ""


class SdkWorker:
    """A process with a worker of the SDK, registered at one of our gateways; `address` as in the SDK."""

    def __init__(self, gateway: Ours, slots: int, address: str = "") -> None:
        link = {"MOORAGE_LINK": f"ws://127.0.0.1:{gateway.link_port}", "MOORAGE_JOIN_KEY": gateway.join_key}
        link["MOORAGE_WORKER_ADDRESS"] = address
        with machine.pinned(machine.load_core()):
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bench.echo", str(slots)],
                env={**os.environ, **link},
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], START_WITHIN)[0] or not self.process.stdout.readline():
            self.__exit__()
            raise machine.CannotMeasureError("the SDK's worker was not registered; what it wrote is above")

    @property
    def pid(self) -> int:
        """For signals."""
        return self.process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()  # it may be stopped, and would not hear a polite word
        machine.stop(self.process)


def missing(name: str) -> str | None:
    """A sentence that says why ours cannot run, None when it can."""
    if any(importlib.util.find_spec(module) is None for module in ("gateway.io.engine", "scheduler.io.memory")):
        return f"{name} is not whole yet and is left out"
    if name == OURS_PURE or importlib.util.find_spec(PUMP) is not None:
        return None
    return "the compiled relay was not built and is left out: install a C compiler and run pip install -e . again"


def start(name: str, folder: Path, casting: Casting, extra: tuple[str, ...] = ()) -> Ours:
    """A gateway process with one registered worker behind `casting.worker_port`; with none when that is 0."""
    secret = folder / f"secret-{machine.free_port()}"
    credentials.write_secret(secret)
    return start_with(name, secret, casting, extra)


def start_with(name: str, secret: Path, casting: Casting, extra: tuple[str, ...] = ()) -> Ours:
    """The same with a secret that several of them share."""
    folder = secret.parent
    port, link_port = machine.free_port(), machine.free_port()
    words = ["--wire", "pure" if name == OURS_PURE else "compiled", "--secret", str(secret)]
    words += ["--port", str(port), "--link-port", str(link_port), "--worker-port", str(casting.worker_port)]
    if casting.tls:
        words += ["--tls", str(folder / "cert.pem"), str(folder / "key.pem")]
    token_file = folder / f"tokens-{port}"
    credentials.write_tokens(token_file, credentials.read_keys(secret), max(casting.tokens, 1))
    with machine.pinned(machine.proxy_core()):
        process = subprocess.Popen([sys.executable, "-m", "bench.ours", *words, *extra], text=True)
    machine.wait_until(lambda: machine.listens(port) or process.poll() is not None, START_WITHIN, f"{name} on its port")
    if process.poll() is not None:
        raise machine.CannotMeasureError(f"{name} did not start; what it wrote is above")
    return Ours(name, process, port, token_file, link_port, credentials.join_key(secret))
