"""`moorage up` as people run it: real processes, real ports, and the other commands against it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from moorage.cli import running
from moorage.cli.root import moorage
from moorage.cli.up import greeting
from tests.moorage.cli.fleet import PORTS, Fleet, eventually, first_line, start, up


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with up(tmp_path_factory.mktemp("fleet"), "--tls", "--workers", "2") as fleet:
        yield fleet


def command(fleet: Fleet, *arguments: str, told: str | None = None) -> Any:
    """A command's JSON answer."""
    answer = CliRunner().invoke(moorage, [*arguments, "--json", "--data", str(fleet.data)], input=told)
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.output)


def page(url: str) -> str:
    with urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
        text: str = answer.read().decode()
    return text


def test_its_data_folder_tells_other_commands_where_it_is(fleet: Fleet) -> None:
    assert running.read(fleet.data) is not None
    assert fleet.running.node.startswith("wss://127.0.0.1:")
    assert (fleet.data / "admin.key").stat().st_mode & 0o777 == 0o600
    assert (fleet.data / "join.key").stat().st_mode & 0o777 == 0o600
    assert [process.name for process in fleet.running.workers] == ["example-1", "example-2"]


def test_a_session_is_created_read_listed_and_ended(fleet: Fleet) -> None:
    made = command(fleet, "session", "create", "ada", "--metadata", '{"a": 1}')
    read = command(fleet, "session", "get", made["id"])
    listed = command(fleet, "session", "list", "--user", "ada")
    ended = command(fleet, "session", "end", made["id"], "--reason", "done")

    assert read["status"] == "PENDING"
    assert made["id"] in [session["id"] for session in listed["sessions"]]
    assert (ended["status"], ended["end"]["reason"]) == ("COMPLETED", "done")


def test_connect_takes_lines_from_a_pipe_and_prints_what_comes_back(fleet: Fleet) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "moorage.cli", "connect", "--data", str(fleet.data), "--quiet", "0.3"],
        input="hello\nagain\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\nagain\n", "")


def test_connect_with_a_token_of_an_ended_session_says_so(fleet: Fleet) -> None:
    made = command(fleet, "session", "create", "grace")
    command(fleet, "session", "end", made["id"])

    done = subprocess.run(
        [sys.executable, "-m", "moorage.cli", "connect", "--data", str(fleet.data), "--token", made["session_token"]],
        input="",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("Error: SESSION_ENDED")


def test_workers_are_cordoned_drained_and_taken_back(fleet: Fleet) -> None:
    worker = command(fleet, "workers")[0]["id"]

    states = [
        command(fleet, "workers", "cordon", worker)["status"],
        command(fleet, "workers", "uncordon", worker)["status"],
        command(fleet, "workers", "drain", worker, "--deadline", "5")["status"],
        command(fleet, "workers", "undrain", worker)["status"],
    ]

    assert states == ["cordoned", "serving", "draining", "serving"]


def test_an_unknown_session_is_one_sentence_with_its_request(fleet: Fleet) -> None:
    answer = CliRunner().invoke(moorage, ["session", "get", "ses_nothing", "--data", str(fleet.data)])

    assert answer.exit_code == 1
    assert answer.output.startswith("Error: SESSION_NOT_FOUND: ")
    assert "(request req_" in answer.output


def test_metrics_of_all_parts_are_on_one_page(fleet: Fleet) -> None:
    shown = page(f"{fleet.running.observe}/metrics")

    for name in (
        "moorage_gateway_connects_total",
        "moorage_gateway_queue_seconds_bucket",
        "moorage_gateway_claim_seconds_bucket",
        'moorage_scheduler_slots{pool="default",region="local"}',
        'moorage_scheduler_workers{pool="default",region="local",state="serving"}',
        'moorage_scheduler_queue_length{pool="default",region="local"} 0.0',
        "moorage_scheduler_store_up 1.0",
        "moorage_controlplane_requests_total",
        "moorage_up_loop_lag_seconds_bucket",
        "process_resident_memory_bytes",
    ):
        assert name in shown
    assert re.search(r"(ses|wrk|usr|key|gtw)_[0-9a-z]{26}", shown) is None


def test_it_is_alive_and_ready(fleet: Fleet) -> None:
    assert json.loads(page(f"{fleet.running.observe}/livez")) == {"status": "ok"}
    assert json.loads(page(f"{fleet.running.observe}/readyz")) == {
        "status": "ok",
        "parts": {"up": True, "gateway": True, "store": True},
    }


def test_the_api_describes_itself(fleet: Fleet) -> None:
    assert "/api/v1/sessions" in json.loads(page(f"{fleet.running.rest}/api/v1/openapi.json"))["paths"]


def test_doctor_knows_its_own_ports_and_store(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    for setting, url in (("GATEWAY__PORT", fleet.running.node), ("CONTROLPLANE__PORT", fleet.running.rest)):
        monkeypatch.setenv(f"MOORAGE_{setting}", url.rpartition(":")[2])
    monkeypatch.setenv("MOORAGE_OBSERVE__PORT", "0")
    monkeypatch.setenv("MOORAGE_GATEWAY__LINK_PORT", "0")

    found = {finding["subject"]: finding for finding in command(fleet, "doctor")}

    assert "Moorage that runs here" in found["port of clients"]["sentence"]
    assert "Moorage that runs here" in found["port of REST"]["sentence"]
    assert "answers" in found["store"]["sentence"]


def test_hangup_reads_the_certificate_again(fleet: Fleet) -> None:
    def reloads() -> bool:
        shown = page(f"{fleet.running.observe}/metrics").splitlines()
        counts = [line for line in shown if line.startswith("moorage_gateway_certificate_reloads_total")]
        return any(float(line.rpartition(" ")[2]) >= 1 for line in counts)

    fleet.process.send_signal(signal.SIGHUP)

    eventually(reloads)


def test_a_worker_that_dies_is_started_again(fleet: Fleet) -> None:
    os.kill(fleet.running.workers[0].pid, signal.SIGKILL)

    def names() -> set[str]:
        return {worker["name"] for worker in command(fleet, "workers") if worker["status"] == "serving"}

    eventually(lambda: "example-1.2" in names())


def test_terminate_drains_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with up(tmp_path, "--workers", "1", "--drain-seconds", "0.5") as fleet:
        worker = fleet.running.workers[0].pid
        client = a_client(fleet)
        began_at = time.monotonic()

        status = fleet.stop()

        assert status == 0
        assert time.monotonic() - began_at < 10
        assert running.read(fleet.data) is None
        eventually(lambda: not is_alive(worker))
        client.kill()
        client.communicate()


def test_a_second_signal_cuts_the_drain_short(tmp_path: Path) -> None:
    with up(tmp_path, "--workers", "1", "--drain-seconds", "300") as fleet:
        clients = [a_client(fleet) for _ in range(3)]
        fleet.process.terminate()
        eventually(lambda: "drain_started" in fleet.log.read_text())
        began_at = time.monotonic()

        fleet.process.terminate()

        assert fleet.process.wait(15) == 0
        assert time.monotonic() - began_at < 15
        for client in clients:
            client.kill()
            client.communicate()


def test_workers_leave_when_their_parent_is_killed(tmp_path: Path) -> None:
    with up(tmp_path, "--workers", "1") as fleet:
        worker = fleet.running.workers[0].pid

        fleet.process.kill()
        fleet.process.wait()

        eventually(lambda: not is_alive(worker), within=30)


def test_the_first_start_shows_the_admin_key_and_the_next_does_not(tmp_path: Path) -> None:
    arguments = ["up", "--data", str(tmp_path / "data"), "--workers", "0", "--port", "0", "--rest-port", "0"]
    arguments += ["--metrics-port", "0", "--link-port", "0"]

    first, second = (greeted(arguments, tmp_path) for _ in range(2))

    key = (tmp_path / "data/admin.key").read_text().strip()
    assert key in first
    assert "shown this once" in first
    assert key not in second
    assert "Create a session" in second


def test_a_taken_port_is_one_sentence_that_says_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        answer = CliRunner().invoke(moorage, ["up", "--port", str(port)])

    assert answer.exit_code == 1
    assert f"port {port} for clients cannot be used on 127.0.0.1: it is taken" in answer.output
    assert "--port or MOORAGE_GATEWAY__PORT" in answer.output
    assert not Path("data").exists()


def test_a_second_one_on_the_same_folder_is_refused_and_leaves_the_first_alone(fleet: Fleet) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "moorage.cli", "up", "--data", str(fleet.data), "--workers", "0", *PORTS],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert f"belongs to a Moorage that runs, process {fleet.running.pid}" in done.stderr
    assert running.read(fleet.data) is not None


def test_the_greeting_names_everything_and_the_key_only_when_it_is_new() -> None:
    here = running.Running(1, "ws://h:1", "http://h:2", "http://h:3", "ws://h:4/link", "compiled", "/data")

    said = "\n".join(greeting(here, None))

    for part in ("ws://h:1", "http://h:2/api/v1", "http://h:3/metrics", "ws://h:4/link", "/data/admin.key", "curl"):
        assert part in said
    assert "ak_new" in "\n".join(greeting(here, "ak_new"))


def a_client(fleet: Fleet) -> subprocess.Popen[str]:
    """Connected, and waiting."""
    process = subprocess.Popen(
        [sys.executable, "-m", "moorage.cli", "connect", "--data", str(fleet.data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write("here\n")
    process.stdin.flush()
    assert first_line(process) == "here\n"
    return process


def greeted(arguments: list[str], folder: Path) -> str:
    """What a start says until it is ready."""
    with (folder / "log").open("w") as errors:
        process = start(arguments, folder, errors.fileno())
    assert process.stdout is not None
    said = [first_line(process)]
    while "moorage connect" not in said[-1] and said[-1]:
        said.append(process.stdout.readline())
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0
    return "".join(said)


def is_alive(pid: int) -> bool:
    """Also false for a zombie: it has left, nobody fetched its status."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("MOORAGE_ADMIN_KEY", "short", "the start failed: MOORAGE_ADMIN_KEY must be"),
        ("MOORAGE_CONTROLPLANE__DATABASE_URL", "nothing://", "the start failed: "),
    ],
)
def test_what_keeps_a_part_from_starting_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(setting, value)

    done = subprocess.run(
        [sys.executable, "-m", "moorage.cli", "up", "--data", str(tmp_path / "data"), "--workers", "0", *PORTS],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert [line for line in done.stderr.splitlines() if line.startswith("Error: ")] == done.stderr.splitlines()
    assert sentence in done.stderr


def test_links_over_tls_carry_the_example_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "moorage.toml"
    file.write_text("[gateway.link_tls]\nenabled = true\n")

    with up(tmp_path, "--workers", "1", "--config", str(file)) as fleet:
        workers = command(fleet, "workers")

    assert fleet.running.link.startswith("wss://")
    assert [worker["status"] for worker in workers] == ["serving"]


def test_a_stop_before_it_is_ready_is_in_order_too(tmp_path: Path) -> None:
    log = tmp_path / "up.log"
    arguments = ["up", "--json", "--data", str(tmp_path / "data"), "--target", "nowhere:talk", *PORTS]
    with log.open("w") as errors:
        process = start(arguments, tmp_path, errors.fileno())
    eventually(lambda: "worker_died" in log.read_text())

    process.terminate()
    said, _ = process.communicate(timeout=20)

    assert (process.returncode, said) == (0, "")
    assert "there is no module nowhere here" in log.read_text()
