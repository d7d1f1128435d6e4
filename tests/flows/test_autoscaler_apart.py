"""Gateway, control plane and autoscaler as processes of their own over one store; the autoscaler's workers come and go."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from moorage import connect
from tests.moorage.cli.fleet import Program, a_store, eventually, program

FREE = ("--metrics-port", "0")
QUICK = "every = 1\nsettle_seconds = 2\ndown_window = 2\ndown_every = 1\nlead_seconds = 2\nmaximum = 4\n"

pytestmark = pytest.mark.timeout(180)


@dataclass
class House:
    """One of each."""

    folder: Path
    store: str
    control: Program
    gateway: Program

    @property
    def api(self) -> httpx.Client:
        """With the admin key; to be closed."""
        key = (self.folder / "data/admin.key").read_text().strip()
        base = f"{self.control.said['rest']}/api/v1"
        return httpx.Client(base_url=base, headers={"authorization": f"Bearer {key}"}, timeout=10.0, trust_env=False)

    def policies(self) -> Path:
        """Workers that find this gateway."""
        join = (self.folder / "data/join.key").read_text().strip()
        where = ["--link", self.gateway.said["link"], "--join-key", join, "--region", "eu", "--pool", "gpu"]
        worker = ["worker", "moorage.examples.echo:echo", "--slots", "4", "--drain-seconds", "0", "--stop-with-stdin"]
        command = json.dumps([sys.executable, "-m", "moorage.cli", *worker, *where])
        path = self.folder / "pools.toml"
        target = f'target = {{ kind = "local", command = {command} }}'
        path.write_text(f'[[pools]]\nregion = "eu"\npool = "gpu"\nslots = 4\n{target}\n{QUICK}')
        return path

    def serving(self) -> list[str]:
        """Names."""
        with self.api as api:
            listed: list[dict[str, Any]] = api.get("/workers").raise_for_status().json()["workers"]
        return sorted(worker["name"] for worker in listed if worker["status"] == "serving")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        store = stack.enter_context(a_store(tmp_path))
        rest = ("--store", store, "--rest-port", "0", *FREE, "--data", "data")
        control = stack.enter_context(program(tmp_path, "controlplane", *rest))
        doors = ("--store", store, "--port", "0", "--link-port", "0", *FREE, "--drain-seconds", "0.5")
        gateway = stack.enter_context(program(tmp_path, "gateway", *doors))
        yield House(tmp_path, store, control, gateway)


@pytest.fixture
def autoscaler(house: House) -> Iterator[Program]:
    options = ("--store", house.store, "--policy", str(house.policies()), *FREE)
    with program(house.folder, "autoscaler", *options) as running:
        eventually(lambda: house.serving() == ["gpu-1"], within=30.0)
        yield running


async def test_sessions_make_it_grow_and_their_ends_make_it_shrink(house: House, autoscaler: Program) -> None:
    with house.api as api:
        made = [api.post("/sessions", json={"end_user_id": f"u{number}"}).json() for number in range(7)]
    async with asyncio.TaskGroup() as tasks:
        all_are_in = asyncio.Barrier(len(made))
        talks = [tasks.create_task(_talk(each, all_are_in)) for each in made]

    with house.api as api:
        ended = [api.get(f"/sessions/{each['id']}").json() for each in made]
        decisions = api.get("/pools/gpu/decisions").json()["decisions"]

    assert [talk.result() for talk in talks] == ["hello"] * 7
    assert {each["status"] for each in ended} == {"COMPLETED"}
    assert any(each["is_change"] for each in decisions)
    await asyncio.to_thread(eventually, lambda: house.serving() == ["gpu-1"], 60.0)
    assert await asyncio.to_thread(autoscaler.stop) == 0


def test_a_wish_over_rest_is_followed_and_let_go_of(house: House, autoscaler: Program) -> None:
    wish = {"action": "set", "workers": 3, "region": "eu", "pool": "gpu", "reason": "a launch", "ttl_seconds": 600}
    with house.api as api:
        eventually(lambda: any(each["status"] for each in api.get("/pools").json()["pools"]))
        made = api.post("/scale-requests", json=wish)
        assert made.is_success, made.text

        eventually(lambda: len(house.serving()) == 3, within=30.0)

        assert api.delete(f"/scale-requests/{made.json()['scale_request']['id']}").is_success
    eventually(lambda: len(house.serving()) == 1, within=60.0)


async def _talk(made: dict[str, Any], all_are_in: asyncio.Barrier) -> str:
    """Waits in the queue where it must, and stays until everybody has talked."""
    async with connect(made["node_id"], made["session_token"]) as client:
        await client.send("hello")
        heard = await client.recv()
        async with asyncio.timeout(60.0):
            await all_are_in.wait()
    return str(heard)
