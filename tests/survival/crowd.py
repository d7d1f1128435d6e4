"""Clients of the SDK that talk, leave and come back, in a process of their own: `python -m tests.survival.crowd`.

Reads its orders as lines on stdin: `rest` begins no new session and lets every second client leave, `leave` lets all leave.
Writes what clients live through as facts. What the SDK does by itself (losses, tries) is read from its log.
"""

from __future__ import annotations

import argparse
import asyncio
import contextvars
import itertools
import json
import logging
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

import moorage
from moorage.errors import MoorageError
from tests.survival.balancer import Balancer, Door, Entrance
from tests.survival.history import Connected, Created, Cut, Echoed, GaveUp, Left, Paused, Refused, Sent
from tests.survival.scribe import Scribe, now
from tests.survival.witness import question, read

SAYS_EVERY = 0.2
REST_WITHIN = 3.0
LOOKS_EVERY = 0.2
PAUSE = 1.0  # so late, and the loop was not merely busy
LEAVES_WITHIN = 5.0


class Client:
    """One session, from its creation to its end."""

    def __init__(self, number: int, session: str, scribe: Scribe, entrance: Entrance) -> None:
        self.number = number
        self.session = session
        self.link: Any = None
        self.leaves = asyncio.Event()
        self.says_every = SAYS_EVERY
        self._scribe = scribe
        self._entrance = entrance
        self._lost: object = None

    async def live(self, token: str, seconds: float) -> None:
        """Talks for so long, or until the session is over or it is told to leave."""
        self.link = moorage.connect(
            self._entrance.url,
            token,
            ssl=self._entrance.ssl,
            on_reconnect=self._connected,
            open_seconds=10.0,
            connect_seconds=60.0,
        )
        try:
            connection = await self.link
        except MoorageError as error:
            self._scribe.write(GaveUp(now(), self.session, error.code.value))
            return
        self._connected(connection)
        talking = [asyncio.create_task(work) for work in (self._say(connection), self._listen(connection))]
        leaving = asyncio.create_task(self.leaves.wait())
        try:
            await asyncio.wait({*talking, leaving}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            await self._part(connection, talking)

    async def _part(self, connection: Any, tasks: list[asyncio.Task[None]]) -> None:
        errors = [task.exception() for task in tasks if task.done() and not task.cancelled()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if errors:
            error = errors[0]
            code = error.code.value if isinstance(error, MoorageError) else repr(error)
            self._scribe.write(GaveUp(now(), self.session, code))
        else:
            self._scribe.write(Left(now(), self.session))
        await connection.close()

    async def _say(self, connection: Any) -> None:
        for number in itertools.count(1):
            text = question(number)
            self._scribe.write(Sent(now(), self.session, number, len(text)))
            await connection.send(text)
            await asyncio.sleep(self.says_every)

    async def _listen(self, connection: Any) -> None:
        while True:
            text = await connection.recv()
            number, worker = read(text)
            self._scribe.write(Echoed(now(), self.session, number, worker, len(text)))

    def _connected(self, connection: Any) -> None:
        socket = connection._sockets.socket
        gateway = self._entrance.gateway_of(socket.local_address[1]) if socket is not None else ""
        self._scribe.write(Connected(now(), self.session, connection.attaches, gateway))

    def heard(self, said: str, error: MoorageError) -> None:
        """A line of the SDK's log: the loss of a connection, or a try that failed."""
        if said.startswith("connection lost"):
            self._lost = error
            closed = self.link._connection.closed
            self._scribe.write(Cut(now(), self.session, error.code.value, closed.received or 1006))
        elif said.startswith("trying again") and error is not self._lost:
            self._scribe.write(Refused(now(), self.session, error.code.value))


_client: contextvars.ContextVar[Client | None] = contextvars.ContextVar("client", default=None)


class _Overhearing(logging.Handler):
    """Tasks inherit the context in which the SDK made them: a line belongs to the client of its task."""

    def emit(self, record: logging.LogRecord) -> None:
        """Passes errors on."""
        client = _client.get()
        errors = [each for each in record.args or () if isinstance(each, MoorageError)]
        if client is not None and errors:
            client.heard(str(record.msg), errors[0])


class Crowd:
    """All of them."""

    def __init__(self, plan: dict[str, Any], scribe: Scribe, entrance: Entrance) -> None:
        self._plan = plan
        self._scribe = scribe
        self._entrance = entrance
        self._draw = random.Random(plan["seed"])
        self._clients: set[Client] = set()
        self._is_resting = False
        self._numbers = itertools.count()

    async def run(self) -> None:
        """Until told to leave."""
        headers = {"Authorization": f"Bearer {self._plan['key']}"}
        async with (
            httpx.AsyncClient(headers=headers, timeout=REST_WITHIN, trust_env=False) as rest,
            asyncio.TaskGroup() as tasks,
        ):
            watching = tasks.create_task(self._watch_the_clock())
            places = [tasks.create_task(self._place(rest)) for _ in range(self._plan["size"])]
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await self._obey()
            done, left = await asyncio.wait(places, timeout=LEAVES_WITHIN)
            for place in left:
                place.cancel()
            assert len(done) + len(left) == len(places)
            watching.cancel()

    async def _watch_the_clock(self) -> None:
        """A machine that gives this process no time shows its clients nothing: that is not the fleet's fault."""
        while True:
            began = now()
            await asyncio.sleep(LOOKS_EVERY)
            late = now() - began - LOOKS_EVERY
            if late >= PAUSE:
                self._scribe.write(Paused(now(), late))

    async def _obey(self) -> None:
        while True:
            order = (await asyncio.to_thread(sys.stdin.readline)).strip()
            self._is_resting = True
            for client in list(self._clients):
                if order != "rest" or client.number % 2:
                    client.leaves.set()
            if order != "rest":
                return

    async def _place(self, rest: httpx.AsyncClient) -> None:
        """One client after the other."""
        shortest, longest = self._plan["lives"]
        while not self._is_resting:
            number = next(self._numbers)
            issued = await self._create(rest, f"user-{number}")
            if issued is None:
                continue
            client = Client(number, issued["id"], self._scribe, self._entrance)
            client.says_every = self._plan.get("says_every", SAYS_EVERY)
            self._scribe.write(Created(now(), client.session))
            _client.set(client)
            self._clients.add(client)
            seconds = self._draw.uniform(shortest, longest) if number % 4 else 1e6  # every fourth stays to the end
            await client.live(issued["session_token"], seconds)
            self._clients.discard(client)

    async def _create(self, rest: httpx.AsyncClient, user: str) -> dict[str, Any] | None:
        """From any control plane; None where none made one for now."""
        url = self._draw.choice(self._plan["rest"])
        try:
            answer = await rest.post(f"{url}/api/v1/sessions", json={"end_user_id": user})
        except httpx.HTTPError:
            await asyncio.sleep(self._draw.uniform(0.2, 0.6))
            return None
        if answer.status_code == 201:
            issued: dict[str, Any] = answer.json()
            return issued
        self._scribe.write(Refused(now(), "rest", _code(answer)))
        await asyncio.sleep(self._draw.uniform(0.2, 0.6))
        return None


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["code"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"


@contextmanager
def overheard(plan: dict[str, Any]) -> Iterator[Scribe]:
    """Of the plan's journal; what the SDK logs is written there too."""
    logger = logging.getLogger("moorage.client")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(_Overhearing())
    with Scribe(Path(plan["journal"])) as scribe:
        yield scribe


def planned() -> dict[str, Any]:
    """The plan that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("plan", type=Path)
    plan: dict[str, Any] = json.loads(parser.parse_args().plan.read_text())
    return plan


async def _main(plan: dict[str, Any]) -> None:
    doors = [Door(**door) for door in plan["gateways"]]
    with overheard(plan) as scribe:
        async with Balancer(doors, random.Random(plan["seed"])) as balancer:
            await Crowd(plan, scribe, balancer).run()


if __name__ == "__main__":
    asyncio.run(_main(planned()))
