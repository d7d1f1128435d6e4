"""Gateway, control plane and worker as processes of their own, over one store: how they work, stop and fail to start."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from moorage import connect
from tests.deadlines import PROGRAM, SOON
from tests.moorage.cli.fleet import Program, a_store, clean, end, eventually, program, start
from tests.redis_server import free_port

FREE = ("--metrics-port", "0")
DOORS = ("--port", "0", "--link-port", "0", *FREE)
NOBODY = "redis://127.0.0.1:1"


@dataclass
class Cast:
    """One of each."""

    folder: Path
    store: str
    control: Program
    gateway: Program
    worker: subprocess.Popen[str]

    def rest(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """With the admin key."""
        key = (self.folder / "data/admin.key").read_text().strip()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.control.said['rest']}/api/v1{path}", data, headers)  # noqa: S310 - our own address
        with urlopen(request, timeout=SOON) as answer:  # noqa: S310
            return json.load(answer)


@pytest.fixture
def cast(tmp_path: Path) -> Iterator[Cast]:
    with ExitStack() as stack:
        store = stack.enter_context(a_store(tmp_path))
        control = stack.enter_context(
            program(tmp_path, "controlplane", "--store", store, "--rest-port", "0", *FREE, "--data", "data")
        )
        gateway = stack.enter_context(program(tmp_path, "gateway", "--store", store, *DOORS, "--drain-seconds", "0.5"))
        with (tmp_path / "worker.log").open("w") as log:
            link = ["--link", gateway.said["link"], "--slots", "4"]
            worker = start(["worker", "moorage.examples.echo:echo", *link], tmp_path, log.fileno())
        stack.callback(end, worker)
        cast = Cast(tmp_path, store, control, gateway, worker)
        eventually(lambda: any(each["status"] == "serving" for each in cast.rest("/workers")["workers"]))
        yield cast


async def test_a_session_is_created_talked_to_and_everybody_leaves_in_order(cast: Cast) -> None:
    made = cast.rest("/sessions", {"end_user_id": "ada"})

    async with connect(made["node_id"], made["session_token"]) as client:
        await client.send("hello")
        heard = await client.recv()

    assert heard == "hello"
    assert [cast.gateway.stop(), stopped(cast.worker), cast.control.stop()] == [0, 0, 0]


def stopped(process: subprocess.Popen[str]) -> int:
    process.terminate()
    return process.wait(PROGRAM)


def test_each_is_ready_and_says_of_what(cast: Cast) -> None:
    assert page(f"{cast.gateway.said['observe']}/readyz") == {
        "status": "ok",
        "parts": {"gateway": True, "keys": True, "store": True},
    }
    assert page(f"{cast.control.said['observe']}/readyz") == {
        "status": "ok",
        "parts": {"controlplane": True, "store": True, "database": True},
    }


def page(url: str) -> Any:
    try:
        with urlopen(url, timeout=SOON) as answer:  # noqa: S310 - our own address
            return json.load(answer)
    except HTTPError as error:
        with error:
            return json.load(error)


def test_a_gateway_waits_for_the_token_keys_and_is_alive_meanwhile(tmp_path: Path) -> None:
    port = free_port()
    options = ["--port", "0", "--link-port", "0", "--metrics-port", str(port)]
    with a_store(tmp_path) as store, (tmp_path / "log").open("w") as log:
        process = start(["gateway", "--json", "--store", store, *options], tmp_path, log.fileno())
        eventually(lambda: "waiting_for_token_keys" in (tmp_path / "log").read_text())

        alive, ready = (page(f"http://127.0.0.1:{port}/{name}") for name in ("livez", "readyz"))

        end(process)
    assert alive == {"status": "ok"}
    assert (ready["status"], ready["parts"]["keys"]) == ("not ready", False)
    assert process.returncode == 0


@pytest.mark.parametrize(
    "command", [["gateway", "--port", "0", "--link-port", "0"], ["controlplane", "--rest-port", "0"]]
)
def test_a_program_that_waits_for_its_store_is_alive_and_says_for_what(tmp_path: Path, command: list[str]) -> None:
    port = free_port()
    (tmp_path / "moorage.toml").write_text("[store]\nwait_seconds = 60\n")
    with (tmp_path / "log").open("w") as log:
        arguments = [*command, "--store", NOBODY, "--metrics-port", str(port)]
        process = start(arguments, tmp_path, log.fileno())
        eventually(lambda: "store_awaited" in (tmp_path / "log").read_text())

        alive, ready = (page(f"http://127.0.0.1:{port}/{name}") for name in ("livez", "readyz"))

        end(process)
    assert alive == {"status": "ok"}
    assert (ready["status"], ready["parts"]["store"], ready["parts"][command[0]]) == ("not ready", False, False)


def test_a_gateway_stays_ready_when_the_store_goes_away(tmp_path: Path) -> None:
    with ExitStack() as stack:
        away = stack.enter_context(ExitStack())
        store = away.enter_context(a_store(tmp_path))
        stack.enter_context(program(tmp_path, "controlplane", "--store", store, "--rest-port", "0", *FREE))
        gateway = stack.enter_context(program(tmp_path, "gateway", "--store", store, *DOORS))

        away.close()
        eventually(lambda: not page(f"{gateway.said['observe']}/readyz")["parts"]["store"])

        assert page(f"{gateway.said['observe']}/readyz")["status"] == "ok"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["gateway", *DOORS], "`moorage gateway` shares its store with other processes"),
        (["gateway", *DOORS, "--store", "memory:"], "memory cannot be shared"),
        (["controlplane", *FREE, "--rest-port", "0", "--store", ""], "`moorage controlplane` shares its store"),
        (["gateway", *DOORS, "--store", "http://there"], "store.url (--store, MOORAGE_STORE__URL) is wrong"),
        (["gateway", *DOORS, "--store", NOBODY], "the store cannot be used: cannot connect to Redis at 127.0.0.1:1"),
        (["controlplane", *FREE, "--rest-port", "0", "--store", NOBODY], "cannot connect to Redis at 127.0.0.1:1"),
        (["up", *DOORS, "--rest-port", "0", "--store", NOBODY], "cannot connect to Redis at 127.0.0.1:1"),
        (["up", *DOORS, "--rest-port", "0", "--store", NOBODY, "--gateways", "2"], "cannot connect to Redis at"),
        (["up", *DOORS, "--rest-port", "0", "--store", "memory:", "--gateways", "2"], "memory cannot be shared"),
        (["gateway", *DOORS, "--store", NOBODY], "start it, or correct store.url (--store, MOORAGE_STORE__URL)"),
        (["gateway", *DOORS, "--store", NOBODY, "--tls-cert", "c.pem"], "gateway.tls.certificate and gateway.tls.key"),
    ],
)
def test_what_keeps_a_program_from_starting_is_one_sentence(
    tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    done = refused(tmp_path, arguments, MOORAGE_STORE__WAIT_SECONDS="0.3")

    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def refused(folder: Path, arguments: list[str], **settings: str) -> subprocess.CompletedProcess[str]:
    """It fails, with one line that is an error."""
    done = subprocess.run(
        [sys.executable, "-m", "moorage.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=PROGRAM,
        check=False,
        cwd=folder,
        env={**clean(), **settings},
    )
    assert (done.returncode, done.stdout) == (1, ""), done
    assert [line for line in done.stderr.splitlines() if not line.startswith("{")][:-1] == []
    return done


def test_a_store_of_another_schema_is_refused(tmp_path: Path) -> None:
    with a_store(tmp_path) as store:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(tmp_path / "s"))
            sock.sendall(b"SET {moorage:schema}schema 999\r\n")
            assert sock.recv(100) == b"+OK\r\n"

        done = refused(tmp_path, ["gateway", *DOORS, "--store", store])

    assert "was written by schema version 999" in done.stderr


def test_a_taken_port_is_refused_by_each_program_for_its_own_ports(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        links = refused(tmp_path, ["gateway", *DOORS[:2], *FREE, "--store", NOBODY, "--link-port", port])
        rest = refused(tmp_path, ["controlplane", *FREE, "--store", NOBODY, "--rest-port", port])

    assert f"port {port} for workers' links cannot be used" in links.stderr
    assert f"port {port} for REST cannot be used" in rest.stderr


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    hidden = "import sys; sys.modules['hiredis'] = None; sys.argv[0] = 'moorage'; from moorage.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", hidden, "gateway", *DOORS, "--store", NOBODY],
        capture_output=True,
        text=True,
        timeout=PROGRAM,
        check=False,
        cwd=tmp_path,
        env=clean(),
    )

    assert done.returncode == 1
    assert "needs hiredis, which the [redis] extra brings: pip install 'moorage[redis]'" in done.stderr


def test_hangup_takes_over_what_can_change_and_says_what_cannot(tmp_path: Path) -> None:
    file = tmp_path / "moorage.toml"
    file.write_text("[gateway.limits]\nframe_bytes = 65536\n")
    with ExitStack() as stack:
        store = stack.enter_context(a_store(tmp_path))
        stack.enter_context(program(tmp_path, "controlplane", "--store", store, "--rest-port", "0", *FREE))
        gateway = stack.enter_context(program(tmp_path, "gateway", "--store", store, *DOORS))
        file.write_text("[gateway]\nwait_seconds = 5\n[gateway.limits]\nframe_bytes = 32768\n")
        gateway.process.send_signal(signal.SIGHUP)
        eventually(lambda: "restart_needed" in gateway.log.read_text())
    told = [json.loads(line) for line in gateway.log.read_text().splitlines() if "reload" in line or "restart" in line]

    assert [line["changed"] for line in told if line["event"] == "reloaded"] == [["gateway.limits.frame_bytes"]]
    assert [line["settings"] for line in told if line["event"] == "restart_needed"] == [["gateway.wait_seconds"]]
