"""`moorage worker --dial-out` against `moorage up`: real processes, TLS everywhere, one of them killed."""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from click.testing import CliRunner

from moorage.cli.root import moorage
from tests.deadlines import PROGRAM, SOON
from tests.moorage.cli.fleet import Fleet, eventually, up


@pytest.fixture(params=["0", "2"], ids=["one process", "two gateways on a Valkey"])
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fleet]:
    with up(tmp_path, "--tls", "--workers", "0", "--gateways", request.param) as fleet:
        yield fleet


def command(fleet: Fleet, *arguments: str) -> Any:
    answer = CliRunner().invoke(moorage, [*arguments, "--json", "--data", str(fleet.data)])
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.output)


@contextmanager
def worker(fleet: Fleet, name: str) -> Iterator[subprocess.Popen[bytes]]:
    clean = {key: value for key, value in os.environ.items() if not key.upper().startswith("MOORAGE_")}
    clean["SSL_CERT_FILE"] = str(next(fleet.data.rglob("certificate.pem")))
    words = ["worker", "moorage.examples.echo:echo", "--dial-out", "--name", name, "--slots", "3"]
    words += ["--link", fleet.running.link, "--data", str(fleet.data), "--drain-seconds", "0"]
    with (fleet.data / f"{name}.log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", "moorage.cli", *words], env=clean, stderr=log)
    try:
        eventually(lambda: [each for each in workers(fleet) if each["name"] == name and each["status"] == "serving"])
        yield process
    finally:
        process.kill()
        process.wait()


def workers(fleet: Fleet) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = command(fleet, "workers")
    return listed


@contextmanager
def client(fleet: Fleet) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "moorage.cli", "connect", "--data", str(fleet.data), "--quiet", "5"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def say(process: subprocess.Popen[str], line: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    return _line(process.stdout)


def _line(stream: IO[str]) -> str:
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        assert selector.select(2 * SOON), "no line in time"
    return stream.readline().rstrip("\n")


def listening(process: subprocess.Popen[bytes]) -> list[str]:
    """Inodes of the sockets that a process listens on."""
    inodes = {
        found[1]
        for each in Path(f"/proc/{process.pid}/fd").iterdir()
        if (found := re.match(r"socket:\[(\d+)\]", str(each.readlink())))
    }
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return [row[9] for row in rows if row[3] == "0A" and row[9] in inodes]


def test_a_session_at_a_worker_that_listens_nowhere_survives_the_kill_of_it(fleet: Fleet) -> None:
    with worker(fleet, "first") as first, client(fleet) as talking:
        heard = say(talking, "hello")
        [view] = workers(fleet)
        ports = listening(first)
        with worker(fleet, "second") as second:
            first.send_signal(signal.SIGKILL)
            eventually(lambda: [each for each in workers(fleet) if (each["name"], each["held"]) == ("second", 1)])
            again = say(talking, "still there")
            second.send_signal(signal.SIGTERM)
            status = second.wait(PROGRAM)

    assert heard == "hello"
    assert again == "still there"
    assert (view["address"], view["used"]) == ("dial-out", 1)
    assert ports == []
    assert status == 0
