"""`moorage up --gateways 2`: one port, several processes, and what a client sees of their deaths and restarts: nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from moorage import Connection, connect
from moorage.cli import running
from tests.deadlines import PROGRAM, SOON
from tests.moorage.cli.fleet import Fleet, eventually, up
from tests.moorage.cli.test_processes import page, refused
from tests.moorage.cli.test_up_stopping import is_alive

KNOCKS = 60


OPTIONS = ("--gateways", "2", "--workers", "1", "--slots", "90", "--drain-seconds", "0.5")


@pytest.fixture(scope="module")
def running_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "moorage.toml").write_text("[gateway.handshakes]\nconnects_per_second_per_address = 0\n")
    with up(folder, *OPTIONS) as fleet:
        yield fleet


@pytest.fixture
def fleet(running_fleet: Fleet) -> Fleet:
    """Whole again, whatever the test before did to it."""
    eventually(lambda: is_ready(running_fleet), PROGRAM)
    return running_fleet


@pytest.fixture
def own_fleet(tmp_path: Path) -> Iterator[Fleet]:
    """To be stopped."""
    with up(tmp_path, *OPTIONS) as fleet:
        yield fleet


def a_session(fleet: Fleet) -> dict[str, Any]:
    key = (fleet.data / "admin.key").read_text().strip()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = Request(f"{fleet.running.rest}/api/v1/sessions", b'{"end_user_id": "ada"}', headers)  # noqa: S310
    with urlopen(request, timeout=SOON) as answer:  # noqa: S310 - our own address
        made: dict[str, Any] = json.load(answer)
    return made


@asynccontextmanager
async def clients(fleet: Fleet, count: int) -> AsyncIterator[list[Connection]]:
    """Sessions that talk."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(connect(made["node_id"], made["session_token"]))
            for made in [a_session(fleet) for _ in range(count)]
        ]


async def all_hear(talking: list[Connection], word: str) -> None:
    async with asyncio.timeout(PROGRAM):
        await asyncio.gather(*(hears(client, word) for client in talking))


async def hears(client: Connection, word: str) -> None:
    """What was on its way when a gateway died is lost, so it is said again."""
    while True:
        await client.send(word)
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                while await client.recv() != word:
                    pass
                return


def pids(fleet: Fleet) -> dict[str, int]:
    """Of the parts that serve now."""
    here = running.read(fleet.data)
    assert here is not None
    return {part.name: part.pid for part in here.parts}


def sample(fleet: Fleet, name: str, **labels: str) -> float | None:
    with urlopen(f"{fleet.running.observe}/metrics", timeout=SOON) as answer:  # noqa: S310 - our own address
        text = answer.read().decode()
    for family in text_string_to_metric_families(text):
        for each in family.samples:
            if (each.name, each.labels) == (name, labels):
                return float(each.value)
    return None


def is_ready(fleet: Fleet) -> bool:
    ready = page(f"{fleet.running.observe}/readyz")
    return bool(ready["status"] == "ok" and all(ready["parts"].values()))


async def test_a_killed_gateway_is_started_again_and_its_clients_go_on(fleet: Fleet) -> None:
    deaths = sample(fleet, "moorage_up_process_restarts_total", process="gateway-1") or 0
    async with clients(fleet, 6) as talking:
        await all_hear(talking, "before")
        before = pids(fleet)

        os.kill(before["gateway-1"], signal.SIGKILL)
        await all_hear(talking, "after")

        await asyncio.to_thread(
            eventually, lambda: pids(fleet).get("gateway-1", before["gateway-1"]) != before["gateway-1"]
        )
        await asyncio.to_thread(eventually, lambda: is_ready(fleet))

    assert sample(fleet, "moorage_up_process_restarts_total", process="gateway-1") == deaths + 1
    assert pids(fleet)["gateway-2"] == before["gateway-2"]


async def test_no_queued_connection_is_lost_while_no_gateway_lives(fleet: Fleet) -> None:
    port = int(fleet.running.node.rpartition(":")[2])
    for name in ("gateway-1", "gateway-2"):
        os.kill(pids(fleet)[name], signal.SIGKILL)

    async with asyncio.timeout(PROGRAM):
        answers = await asyncio.gather(*(knock(port) for _ in range(KNOCKS)))

    assert {answer.split(b" ")[1] for answer in answers} == {b"401"}


async def knock(port: int) -> bytes:
    """An upgrade without a token: its answer shows that somebody took the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    writer.write(f"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}\r\n\r\n".encode())
    try:
        return await reader.readline()
    finally:
        writer.close()


async def test_a_rolling_restart_ends_no_session_and_refuses_nobody(fleet: Fleet) -> None:
    port = int(fleet.running.node.rpartition(":")[2])
    async with clients(fleet, 6) as talking:
        await all_hear(talking, "before")
        before = pids(fleet)
        answers = []

        done = rolls(fleet)
        fleet.process.send_signal(signal.SIGUSR2)
        async with asyncio.timeout(PROGRAM):
            while rolls(fleet) == done:
                answers.append(await knock(port))
        await all_hear(talking, "after")

    after = pids(fleet)
    assert {answer.split(b" ")[1] for answer in answers} == {b"401"}
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == {"gateway-1", "gateway-2"}


def rolls(fleet: Fleet) -> int:
    return fleet.log.read_text().count("rolling_restart_done")


async def test_no_counter_falls_when_a_process_ends(fleet: Fleet) -> None:
    before = sample(fleet, "moorage_gateway_connects_total", result="relayed") or 0
    async with clients(fleet, 4):
        pass
    relayed = sample(fleet, "moorage_gateway_connects_total", result="relayed")

    done = rolls(fleet)
    fleet.process.send_signal(signal.SIGUSR2)
    await asyncio.to_thread(eventually, lambda: rolls(fleet) > done, PROGRAM)

    assert relayed == before + 4
    assert sample(fleet, "moorage_gateway_connects_total", result="relayed") == relayed
    assert sample(fleet, "process_open_fds", process="gateway-2") is not None


def test_hangup_reaches_every_child(fleet: Fleet) -> None:
    def reloaded() -> set[str]:
        told = [json.loads(line) for line in fleet.log.read_text().splitlines() if '"reloaded"' in line]
        return {line.get("process", "up") for line in told}

    fleet.process.send_signal(signal.SIGHUP)

    eventually(lambda: reloaded() == {"up", "controlplane", "gateway-1", "gateway-2"})


def test_workers_and_fleet_are_shown_once(fleet: Fleet) -> None:
    assert sample(fleet, "moorage_scheduler_slots", region="local", pool="default") == 90
    assert sample(fleet, "moorage_gateway_links") == 1
    assert sample(fleet, "moorage_up_process_ready", process="valkey") == 1


async def test_a_killed_store_is_an_outage_that_live_sessions_outlast(fleet: Fleet) -> None:
    deaths = sample(fleet, "moorage_up_process_restarts_total", process="valkey") or 0
    async with clients(fleet, 4) as talking:
        os.kill(pids(fleet)["valkey"], signal.SIGKILL)
        await all_hear(talking, "without")

        await asyncio.to_thread(eventually, lambda: is_ready(fleet), PROGRAM)
        await all_hear(talking, "with")

    assert sample(fleet, "moorage_up_process_restarts_total", process="valkey") == deaths + 1


def test_sockets_and_data_are_private_and_nothing_is_left_behind(own_fleet: Fleet) -> None:
    modes = {name: stat.S_IMODE((own_fleet.data / name).stat().st_mode) for name in ("run", "valkey")}
    children = pids(own_fleet)

    status = own_fleet.stop()

    assert modes == {"run": 0o700, "valkey": 0o700}
    assert status == 0
    assert not any(map(is_alive, children.values()))
    assert running.read(own_fleet.data) is None


async def test_a_second_signal_cuts_the_drain_short(tmp_path: Path) -> None:
    with up(tmp_path, *OPTIONS[:-1], "300") as fleet:
        async with AsyncExitStack() as stack:
            for made in [a_session(fleet) for _ in range(2)]:
                await stack.enter_async_context(connect(made["node_id"], made["session_token"]))
            fleet.process.terminate()
            await asyncio.to_thread(eventually, lambda: fleet.log.read_text().count("drain_started") == 2)

            fleet.process.terminate()

            assert await asyncio.to_thread(fleet.process.wait, PROGRAM) == 0


def test_children_leave_when_their_parent_is_killed(own_fleet: Fleet) -> None:
    children = pids(own_fleet)

    own_fleet.process.kill()
    own_fleet.process.wait()

    eventually(lambda: not any(map(is_alive, children.values())), within=PROGRAM)


def test_sessions_outlive_a_restart_of_everything(tmp_path: Path) -> None:
    options = ("--gateways", "1", "--workers", "0", "--drain-seconds", "0")
    with up(tmp_path, *options) as fleet:
        made = a_session(fleet)
    with up(tmp_path, *options) as fleet:
        key = (fleet.data / "admin.key").read_text().strip()
        request = Request(  # noqa: S310 - our own address
            f"{fleet.running.rest}/api/v1/sessions/{made['id']}", headers={"Authorization": f"Bearer {key}"}
        )
        with urlopen(request, timeout=SOON) as answer:  # noqa: S310
            read = json.load(answer)

    assert read["id"] == made["id"]


def test_a_child_that_cannot_start_stops_the_start_with_its_own_sentence(tmp_path: Path) -> None:
    options = ["--port", "0", "--rest-port", "0", "--metrics-port", "0", "--link-port", "0", "--workers", "0"]
    done = refused(tmp_path, ["up", "--gateways", "1", *options], MOORAGE_SIGNING__KEY="/nowhere.pem")

    assert "controlplane: No such file or directory: /nowhere.pem" in done.stderr


def test_a_taken_port_is_found_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = refused(tmp_path, ["up", "--gateways", "1", "--rest-port", str(taken.getsockname()[1])])

    assert "for REST cannot be used" in done.stderr
    assert not (tmp_path / "data").exists()
