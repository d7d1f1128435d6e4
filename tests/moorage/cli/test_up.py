"""`moorage up` as people run it: real processes, real ports, and the other commands against it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from moorage.cli import running
from moorage.cli.root import moorage
from tests.deadlines import PROGRAM, SOON
from tests.moorage.cli.fleet import PORTS, Fleet, eventually, up

METRICS = Path(__file__).parents[3] / "docs/metrics.md"


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
    with urlopen(url, timeout=SOON) as answer:  # noqa: S310 - our own address
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

    assert (read["status"], read["is_usage_estimated"]) == ("PENDING", False)
    assert made["id"] in [session["id"] for session in listed["sessions"]]
    assert (ended["status"], ended["end"]["reason"]) == ("COMPLETED", "done")


def test_connect_takes_lines_from_a_pipe_and_prints_what_comes_back(fleet: Fleet) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "moorage.cli", "connect", "--data", str(fleet.data), "--quiet", "0.3"],
        input="hello\nagain\n",
        capture_output=True,
        text=True,
        timeout=PROGRAM,
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
        timeout=PROGRAM,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("Error: SESSION_ENDED")


def test_workers_are_cordoned_drained_and_taken_back(fleet: Fleet) -> None:
    spared = fleet.running.workers[1].name  # another test kills the first
    worker = next(each["id"] for each in command(fleet, "workers") if each["name"] == spared)

    def becomes(status: str, *words: str) -> None:
        """Not at once where it is suspect: a process that had no turn for three seconds."""
        eventually(lambda: command(fleet, "workers", words[0], worker, *words[1:])["status"] == status)

    becomes("cordoned", "cordon")
    becomes("serving", "uncordon")
    becomes("draining", "drain", "--deadline", "5")
    becomes("serving", "undrain")


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


def test_the_documentation_lists_the_metrics_there_are(fleet: Fleet) -> None:
    shown = page(f"{fleet.running.observe}/metrics")
    kinds = dict(re.findall(r"^# TYPE (moorage_\w+) (\w+)$", shown, re.MULTILINE))
    told = dict(re.findall(r"^# HELP (moorage_\w+) (.*?)\.?$", shown, re.MULTILINE))
    listed = re.findall(r"^\| `(moorage_\w+)` \| (\w+) \| (.*) \|$", METRICS.read_text(), re.MULTILINE)

    assert listed == [(name, kinds[name], told[name]) for name in sorted(told)]


def test_it_is_alive_and_ready(fleet: Fleet) -> None:
    assert json.loads(page(f"{fleet.running.observe}/livez")) == {"status": "ok"}
    assert json.loads(page(f"{fleet.running.observe}/readyz")) == {
        "status": "ok",
        "parts": {"up": True, "gateway": True, "store": True, "autoscaler": True},
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
    assert found["autoscaler"]["sentence"] in ("it follows the sessions", "frozen: local/default (coverage)")


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


def test_a_second_one_on_the_same_folder_is_refused_and_leaves_the_first_alone(fleet: Fleet) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "moorage.cli", "up", "--data", str(fleet.data), "--workers", "0", *PORTS],
        capture_output=True,
        text=True,
        timeout=PROGRAM,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert f"belongs to a Moorage that runs, process {fleet.running.pid}" in done.stderr
    assert running.read(fleet.data) is not None
