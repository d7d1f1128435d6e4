"""How many sessions may be live at once."""

from __future__ import annotations

import asyncio
from typing import Any

from moorage.ids import is_id
from scheduler.values import Concurrency
from tests.controlplane.io.conftest import Open


async def test_concurrent_sessions_are_limited_by_user_key_and_workspace(open_harbour: Open) -> None:
    harbour = await open_harbour(concurrency=Concurrency(per_user=1, per_key=2, per_workspace=3))
    one, other = [await harbour.client(await harbour.key("sessions:write")) for _ in range(2)]

    async def code(client: Any, user: str) -> str:
        answer = await client.post("/sessions", json={"end_user_id": user})
        return str(answer.json().get("code") or answer.json()["id"])

    first = await code(one, "anna")
    assert await code(one, "anna") == "SESSION_LIMIT_EXCEEDED"  # the user's
    await code(one, "bert")
    assert await code(one, "carl") == "SESSION_LIMIT_EXCEEDED"  # the key's
    await code(other, "carl")
    assert await code(other, "dora") == "SESSION_LIMIT_EXCEEDED"  # the workspace's
    assert is_id("ses", await code(harbour.admin, "anna"))  # the bootstrap key has none

    await one.post(f"/sessions/{first}/terminate")
    await harbour.admin.delete(f"/sessions/{(await harbour.create(end_user_id='x'))['id']}")


async def test_no_crowd_gets_past_a_limit(open_harbour: Open) -> None:
    harbour = await open_harbour(concurrency=Concurrency(per_key=3))
    client = await harbour.client(await harbour.key("sessions:write"))

    answers = await asyncio.gather(*(client.post("/sessions", json={"end_user_id": f"u{i}"}) for i in range(12)))

    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [429] * 9
    assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 429)
