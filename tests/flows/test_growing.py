"""`moorage up --min-workers 1 --max-workers 3` as people run it: the fleet follows the sessions and cuts none."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.flows.whole import a_client, api, metric, pids, serving, talk, until
from tests.moorage.cli.fleet import up

ELASTIC = ("--min-workers", "1", "--max-workers", "3", "--slots", "4", "--shrink-after", "2", "--drain-seconds", "1")

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("more", [(), ("--gateways", "2")], ids=["one process", "two gateways"])
async def test_the_fleet_grows_under_sessions_and_shrinks_without_cutting_one(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    with up(tmp_path, *ELASTIC, *more) as fleet:
        assert len(fleet.running.workers) == 1
        async with api(fleet) as http, AsyncExitStack() as open_things:
            clients = await asyncio.gather(*(a_client(http, f"u{number}", open_things) for number in range(10)))
            await until(lambda: serving(fleet) == 3)
            await asyncio.gather(*(talk(client, session) for session, client in clients))
            assert len(pids(fleet)) == 3

            for _, client in clients[1:]:
                await client.close()
            await until(lambda: len(pids(fleet)) < 3)
            await talk(clients[0][1], "still here")

            await clients[0][1].close()
            await until(lambda: len(pids(fleet)) == 1 and serving(fleet) == 1)
            ended = [(await http.get(f"/sessions/{session}")).json() for session, _ in clients]

        assert [each["status"] for each in ended] == ["COMPLETED"] * 10
        assert metric(fleet, "moorage_autoscaler_sessions_cut_total") == 0
        assert metric(fleet, "moorage_autoscaler_wrong_victims_total") == 0
        assert metric(fleet, "moorage_autoscaler_changes_total", change="remove") >= 1
        assert fleet.stop() == 0
        assert "Traceback" not in fleet.log.read_text()


async def test_a_killed_worker_is_replaced_and_its_session_goes_on(tmp_path: Path) -> None:
    with up(tmp_path, *ELASTIC) as fleet:
        async with api(fleet) as http, AsyncExitStack() as open_things:
            _, client = await a_client(http, "ada", open_things)
            await talk(client, "hello")
            name, pid = "example-1", pids(fleet)["example-1"]

            os.kill(pid, signal.SIGKILL)

            await until(lambda: name not in pids(fleet) and f"{name}.2" in pids(fleet))
            await until(lambda: metric(fleet, "moorage_scheduler_workers", state="serving") >= 1)


async def test_a_scale_request_is_a_floor_until_it_is_released(tmp_path: Path) -> None:
    with up(tmp_path, *ELASTIC) as fleet:
        async with api(fleet) as http:
            wish = {"action": "set", "workers": 3, "region": "local", "pool": "default", "reason": "a launch"}
            made = await http.post("/scale-requests", json={**wish, "ttl_seconds": 600})
            assert made.is_success, made.text
            await until(lambda: serving(fleet) == 3)

            gone = await http.delete(f"/scale-requests/{made.json()['scale_request']['id']}")
            assert gone.is_success, gone.text
            await until(lambda: len(pids(fleet)) == 1)


async def test_a_restart_keeps_what_was_learned(tmp_path: Path) -> None:
    with up(tmp_path, *ELASTIC) as fleet:
        async with api(fleet) as http, AsyncExitStack() as open_things:
            for number in range(5):
                await a_client(http, f"u{number}", open_things)
            await until(lambda: serving(fleet) >= 2)
            looks = metric(fleet, "moorage_autoscaler_decisions_total")
            # that it has raised it learns at the look that follows
            await until(lambda: metric(fleet, "moorage_autoscaler_decisions_total") > looks)
        assert fleet.stop() == 0
    before = remembered(fleet.data)

    with up(tmp_path, *ELASTIC) as fleet:
        await until(lambda: metric(fleet, "moorage_autoscaler_decisions_total") >= 2)
        assert fleet.stop() == 0

    assert before["pace"]["raised_at"] is not None
    assert remembered(fleet.data)["pace"]["raised_at"] == before["pace"]["raised_at"]


def remembered(data: Path) -> dict[str, Any]:
    """The pool's memory on disk."""
    with closing(sqlite3.connect(data / "board.sqlite")) as board:
        (document,) = board.execute("SELECT document FROM memories").fetchone()
    found: dict[str, Any] = json.loads(document)
    return found


def test_more_at_least_than_at_most_is_refused_with_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "moorage.cli",
            "up",
            "--min-workers",
            "4",
            "--max-workers",
            "3",
            "--data",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 1
    assert "--min-workers" in done.stderr
    assert "at most 3" in done.stderr
