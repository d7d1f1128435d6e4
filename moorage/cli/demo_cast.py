"""Who takes part in the demo: a user with a session and its connection, and the backend's calls of the API."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from moorage import Connection
    from moorage.cli.demo import Stage

REPLY_WITHIN = 5.0


class StoryBroke(Exception):
    """What did not happen."""


@dataclass(slots=True)
class Client:
    """One user's session and its connection."""

    user: str
    session: str
    token: str
    url: str
    ws: Connection | None = None

    @property
    def line(self) -> Connection:
        """The connection, once there is one."""
        assert self.ws is not None
        return self.ws


async def call(api: httpx.AsyncClient, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Raises StoryBroke."""
    answer = await api.request(method, path, json=body)
    if not answer.is_success:
        raise StoryBroke(f"{method} {path} answered {answer.status_code}: {answer.text[:300]}")
    said = answer.json() if answer.content else {}
    assert isinstance(said, dict)
    return said


async def create(api: httpx.AsyncClient, user: str) -> Client:
    """A session for one user."""
    made = await call(api, "POST", "/sessions", {"end_user_id": user, "metadata": {"said_by": "moorage demo"}})
    return Client(user, made["id"], made["session_token"], made["worker_url"])


async def talk(stage: Stage, client: Client) -> None:
    """Three messages, each said back."""
    for number in range(1, 4):
        said = f"hello {number} from {client.user}"
        began_at = time.monotonic()
        async with asyncio.timeout(REPLY_WITHIN):
            await client.line.send(said)
            heard = await client.line.recv()
        if said not in str(heard):
            raise StoryBroke(f"{client.user} said {said!r} and heard {heard!r}")
        if number == 1:
            stage.say(
                f"{client.user:<7} said {said!r}, heard {heard!r} after {1000 * (time.monotonic() - began_at):.1f} ms"
            )
