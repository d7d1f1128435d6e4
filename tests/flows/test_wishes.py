"""What operators wish for a pool of `moorage up`: it survives a kill, and who comes to a pool of none waits for a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.deadlines import SOON
from tests.flows.whole import a_client, api, serving, talk, until
from tests.moorage.cli.fleet import up

FROM_NONE = ("--min-workers", "0", "--max-workers", "2", "--slots", "4", "--shrink-after", "2", "--drain-seconds", "1")
PLACE = {"region": "local", "pool": "default"}

pytestmark = pytest.mark.timeout(300)


async def test_a_session_waits_for_the_first_worker_of_a_pool_that_was_held_at_none_over_a_kill(tmp_path: Path) -> None:
    with up(tmp_path, *FROM_NONE) as fleet:
        async with api(fleet) as http:
            await until_seen(http, "/pools", lambda said: said["pools"] and said["pools"][0]["status"])
            wish = {"action": "set", "workers": 0, **PLACE, "reason": "a quiet night"}
            made = (await http.post("/workers/scale", json=wish)).raise_for_status().json()
        fleet.process.kill()
        fleet.process.wait()

    with up(tmp_path, *FROM_NONE) as fleet:
        async with api(fleet) as http, AsyncExitStack() as open_things:
            kept = (await http.get("/scale-requests")).json()["scale_requests"]
            await until(lambda: serving(fleet) == 0)
            coming = asyncio.create_task(a_client(http, "ada", open_things))
            await until_seen(http, "/capacity", lambda said: said["total"]["waiting"] == 1)

            (await http.post("/workers/scale", json={"action": "release", **PLACE})).raise_for_status()
            _, client = await coming
            await talk(client, "at last")
            found = (await http.get("/pools/default/decisions")).json()["decisions"]

    assert kept == [made["scale_request"]]
    assert any(one["is_change"] and one["document"]["inputs"]["waiting"] == 1 for one in found)


async def until_seen(http: httpx.AsyncClient, path: str, is_so: Callable[[Any], bool]) -> None:
    """What the API answers there."""
    async with asyncio.timeout(SOON):
        while not is_so((await http.get(path)).json()):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
