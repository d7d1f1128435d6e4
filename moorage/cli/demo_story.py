"""What the demo does, step by step; each expectation that fails is a `StoryBroke` with a sentence."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

import moorage
from moorage.cli.demo_cast import Client, StoryBroke, call, create, talk
from moorage.cli.demo_growth import Venue, crowd
from moorage.cli.demo_house import House
from moorage.cli.rest import trusting
from moorage.cli.running import Running
from moorage.errors import Code, MoorageError

if TYPE_CHECKING:
    from moorage.cli.demo import Stage

USERS = ("ada", "grace", "edsger")
RECOVER_WITHIN = 20.0
RESEND_EVERY = 0.5  # a message that was on its way when the worker died is gone: say it again
ENDED_WITHIN = 5.0
SHOWN = re.compile(
    r"moorage_(gateway_(connects_total|sessions|relay_(bytes|messages)_total|closes_total)|scheduler_(sessions|slots_free))[{ ]"
)


async def tell(stage: Stage, house: House) -> None:
    """The whole story. Raises StoryBroke."""
    try:
        async with AsyncExitStack() as open_things:
            open_things.push_async_callback(house.close)
            await _tell(stage, house, open_things)
    except (MoorageError, OSError, RuntimeError, TimeoutError, httpx.HTTPError) as error:
        raise StoryBroke(f"{type(error).__name__}: {error}") from error
    stage.end()


async def _tell(stage: Stage, house: House, open_things: AsyncExitStack) -> None:
    with stage.step("Moorage starts: gateway, scheduler, REST API, and two worker processes"):
        here = await house.open()
        stage.say(f"clients {here.node}   REST {here.rest}   metrics {here.observe}   {here.relay} relay")
        stage.say("workers " + ", ".join(f"{worker.name} (pid {worker.pid})" for worker in here.workers))
    api = await open_things.enter_async_context(_api(here, house.data))
    with stage.step("A backend creates three sessions over REST"):
        clients = [await create(api, user) for user in USERS]
        for client in clients:
            stage.say(f"{client.user:<7} {client.session}   with a token of {len(client.token)} bytes")
    with stage.step("Three clients connect over wss and talk"):
        trusted = trusting(Path(here.certificate) if here.certificate else None)
        for client in clients:
            client.ws = await open_things.enter_async_context(moorage.connect(client.url, client.token, ssl=trusted))
        await asyncio.gather(*(talk(stage, client) for client in clients))
    with stage.step("What the metrics say"):
        await _show_metrics(stage, here)
    with stage.step("A worker dies: kill -9"):
        await _lose_a_worker(stage, here, api, clients)
    with stage.step("The backend terminates ada's session"):
        await _terminate(stage, api, clients[0])
    await crowd(Venue(stage, api, trusted, house.data), clients[1:])
    with stage.step("What the metrics say now"):
        await _show_metrics(stage, here)
    with stage.step("Moorage is asked to stop, with two clients connected"):
        await _stop(stage, house, clients[1:])


async def _stop(stage: Stage, house: House, clients: list[Client]) -> None:
    status = await house.close()
    if status != 0:
        raise StoryBroke(f"Moorage did not leave in order when it was asked to: exit status {status}")
    for client in clients:
        closed = client.line.closed
        if closed is None:
            raise StoryBroke(f"{client.user} was not told that Moorage stopped")
        stage.say(f"{client.user:<7} was told {closed.received} {closed.reason}")
    stage.say("exit status 0")


@asynccontextmanager
async def _api(here: Running, data: Path) -> AsyncIterator[httpx.AsyncClient]:
    key = (data / "admin.key").read_text().strip()
    async with httpx.AsyncClient(
        base_url=f"{here.rest}/api/v1", headers={"authorization": f"Bearer {key}"}, timeout=10.0, trust_env=False
    ) as api:
        yield api


async def _show_metrics(stage: Stage, here: Running) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=10.0) as http:
        answer = await http.get(f"{here.observe}/metrics")
    lines = [line for line in answer.text.splitlines() if SHOWN.match(line) and not line.endswith(" 0.0")]
    if not lines:
        raise StoryBroke(f"{here.observe}/metrics shows none of the gateway's counters")
    for line in lines:
        stage.say(line)


async def _lose_a_worker(stage: Stage, here: Running, api: httpx.AsyncClient, clients: list[Client]) -> None:
    before = {client.user: await _worker_of(api, client) for client in clients}
    victim = before["ada"]
    pids = {process.name: process.pid for process in here.workers}
    hit = [client for client in clients if before[client.user] == victim]
    os.kill(pids[victim], signal.SIGKILL)
    began_at = time.monotonic()
    stage.say(f"{victim} (pid {pids[victim]}) served {', '.join(client.user for client in hit)}, and is gone")
    await asyncio.gather(*(_recover(client) for client in clients))
    stage.say(f"every client talks again, by itself, {time.monotonic() - began_at:.2f} s later:")
    for client in clients:
        after = await _worker_of(api, client)
        if client in hit and after == victim:
            raise StoryBroke(f"{client.user}'s session is still shown on {victim}, which is dead")
        stage.say(f"{client.user:<7} same session, {before[client.user]} -> {after}")


async def _recover(client: Client) -> None:
    """Talks until it is answered. Replies to earlier tries may come late: only one with this text counts."""
    said = f"are you there, {client.user}?"
    async with asyncio.timeout(RECOVER_WITHIN):
        while True:
            await client.line.send(said)
            try:
                async with asyncio.timeout(RESEND_EVERY):
                    while said not in str(await client.line.recv()):
                        pass
                    return
            except TimeoutError:
                continue


async def _worker_of(api: httpx.AsyncClient, client: Client) -> str:
    session = await call(api, "GET", f"/sessions/{client.session}")
    worker = await call(api, "GET", f"/workers/{session['worker_id']}")
    return str(worker["name"])


async def _terminate(stage: Stage, api: httpx.AsyncClient, client: Client) -> None:
    began_at = time.monotonic()
    await call(api, "POST", f"/sessions/{client.session}/terminate", {"reason": "the demo is over"})
    try:
        async with asyncio.timeout(ENDED_WITHIN):
            while True:
                await client.line.recv()
    except TimeoutError:
        raise StoryBroke(f"{client.user} was not told within {ENDED_WITHIN:.0f} s that the session ended") from None
    except MoorageError as error:
        if error.code is not Code.SESSION_ENDED:
            raise
        took = 1000 * (time.monotonic() - began_at)
        stage.say(
            f"{client.user} got close code {error.row.close} {error.code.value} after {took:.0f} ms, and stays away"
        )
    session = await call(api, "GET", f"/sessions/{client.session}")
    stage.say(f"the session is {session['status']}: {session['end']['reason']}")
