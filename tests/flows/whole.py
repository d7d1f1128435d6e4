"""A whole `moorage up`, asked as its users ask it: over REST, by its metrics, through a client."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.request import urlopen

import httpx

import moorage
from moorage.cli.running import read
from tests.moorage.cli.fleet import Fleet

SOON = 30.0


async def until(question: Callable[[], Any], within: float = SOON) -> None:
    async with asyncio.timeout(within):
        while not await asyncio.to_thread(question):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


@asynccontextmanager
async def api(fleet: Fleet) -> AsyncIterator[httpx.AsyncClient]:
    key = (fleet.data / "admin.key").read_text().strip()
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(
        base_url=f"{fleet.running.rest}/api/v1", headers=headers, timeout=10.0, trust_env=False
    ) as client:
        yield client


def metric(fleet: Fleet, name: str, **labels: str) -> float:
    """The sum of a metric's samples with these labels."""
    with urlopen(f"{fleet.running.observe}/metrics", timeout=5) as answer:  # noqa: S310 - our own address
        lines = answer.read().decode().splitlines()
    wanted = [line for line in lines if re.match(rf"{name}[{{ ]", line)]
    chosen = [line for line in wanted if all(f'{key}="{value}"' in line for key, value in labels.items())]
    return sum(float(line.rpartition(" ")[2]) for line in chosen)


def serving(fleet: Fleet) -> int:
    return int(metric(fleet, "moorage_scheduler_workers", state="serving"))


def pids(fleet: Fleet) -> dict[str, int]:
    here = read(fleet.data)
    return {worker.name: worker.pid for worker in here.workers} if here else {}


async def a_client(http: httpx.AsyncClient, user: str, open_things: AsyncExitStack) -> tuple[str, moorage.Connection]:
    made = (await http.post("/sessions", json={"end_user_id": user})).raise_for_status().json()
    url, token = made["worker_url"], made["session_token"]
    return made["id"], await open_things.enter_async_context(moorage.connect(url, token))


async def talk(connection: moorage.Connection, said: str) -> None:
    async with asyncio.timeout(10.0):
        await connection.send(said)
        assert said in str(await connection.recv())
