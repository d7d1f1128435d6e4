"""A whole Moorage in one process for the benches: REST API on SQLite, gateway, store, and a stand-in for the echo worker.

    python -m bench.harbour --folder F --worker-port W --wire compiled [--store URL] --plan singles=100,user=1000,rest=9000

`--plan` names groups of sessions; each group is one user's, and all are one workspace's. Their rows are written and tokens
made before anything is said. Then it says where it is as one line of JSON, and answers a line for each line it gets:
`lag` (longest the loop was late since the last time, ms), `step` (the same in CPU time of its own thread, which other
processes do not lengthen), `left` (rows of sessions that have not ended), `estimated`
(end records that a gateway did not have the last word on).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import structlog
import uvloop
from prometheus_client import CollectorRegistry
from sqlalchemy import func, select

from bench.ours import HANDSHAKES, LIMITS, stand_in, store_at
from controlplane.io.app import ControlPlane
from controlplane.io.keyfiles import embedded_keyring
from controlplane.io.sql import keys, sessions, users
from controlplane.io.sql.tables import LIVE_ROWS, SESSIONS
from controlplane.policy import NO_RATE_LIMIT, ControlPlanePolicy
from controlplane.sessions import Opening, SessionWish, opened, token_of
from gateway.io.app import Gateway
from gateway.policy import GatewayPolicy
from moorage.ids import SessionId, UserId
from moorage.io.runtime import settle
from moorage.tokens import mint
from scheduler.io.sweeper import sweep_forever
from scheduler.store import Store
from scheduler.values import Concurrency, EndRecord

_STEP = 0.002
_UNLIMITED = Concurrency()

Sessions = dict[str, str]
"""Session to token."""


class Lag:
    """How late the loop was at most, since it was last asked."""

    def __init__(self) -> None:
        self._longest = 0.0
        self._longest_step = 0.0

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            started, cpu = time.monotonic(), time.thread_time()
            await asyncio.sleep(_STEP)
            self._longest = max(self._longest, time.monotonic() - started - _STEP)
            self._longest_step = max(self._longest_step, time.thread_time() - cpu)

    def take_ms(self) -> float:
        """And begins anew."""
        longest, self._longest = self._longest, 0.0
        return longest * 1000

    def take_step_ms(self) -> float:
        """And begins anew."""
        longest, self._longest_step = self._longest_step, 0.0
        return longest * 1000


async def serve(options: argparse.Namespace) -> None:
    """Until its input ends."""
    async with AsyncExitStack() as stack:
        store = await store_at(options.store)
        policy = ControlPlanePolicy(
            data_folder=options.folder, port=0, concurrency=_UNLIMITED, rate_limit=NO_RATE_LIMIT
        )
        plane = ControlPlane(policy, store, embedded_keyring(options.folder))
        welcome = await plane.start()
        stack.push_async_callback(plane.close)
        gateway_policy = GatewayPolicy(
            port=0, link_port=0, wire=options.wire, limits=LIMITS, handshakes=HANDSHAKES, node="ws://bench"
        )
        gateway = Gateway(gateway_policy, store, lambda: plane.keys, CollectorRegistry())
        await gateway.start()
        stack.push_async_callback(gateway.close)
        groups = {name: await _group(plane, name, int(count)) for name, count in options.plan}
        said = {
            "rest": plane.port,
            "clients": gateway.port,
            "workspace": welcome.workspace,
            "key": welcome.new_admin_key,
            "groups": {name: {"user": user, "tokens": tokens} for name, (user, tokens) in groups.items()},
        }
        lag = Lag()
        async with asyncio.TaskGroup() as tasks:
            kept = [
                tasks.create_task(sweep_forever(store)),
                tasks.create_task(stand_in(store, options.worker_port)),
                tasks.create_task(lag.watch()),
            ]
            while not await store.workers():  # noqa: ASYNC110 - the stand-in has no event to wait for
                await asyncio.sleep(0.01)
            print(json.dumps(said), flush=True)
            await _answer(plane, store, lag, [one for _, tokens in groups.values() for one in tokens])
            for task in kept:
                task.cancel()


async def _group(plane: ControlPlane, name: str, count: int) -> tuple[UserId, Sessions]:
    """So many pending sessions of one user, written as the API writes them."""
    context = plane.context
    now = context.store.now()
    tokens: Sessions = {}
    async with context.database.write() as connection:
        workspace = await users.workspace_named(connection, "default")
        [key] = await keys.bootstrap(connection)
        assert workspace is not None
        user = await users.user_or_new(connection, UserId(context.new_id("usr")), workspace, name, now)
        for _ in range(count):
            opening = Opening(SessionId(context.new_id("ses")), os.urandom(8).hex(), workspace, user, key.id, None)
            session = opened(SessionWish(name), opening, context.policy, now)
            await sessions.add(connection, session)
            tokens[session.id] = mint(token_of(session, _UNLIMITED, 3600.0, now, opening.jti), plane.keys)
    return user, tokens


async def _answer(plane: ControlPlane, store: Store, lag: Lag, ids: list[str]) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        match line.decode().strip():
            case "lag":
                print(lag.take_ms(), flush=True)
            case "step":
                print(lag.take_step_ms(), flush=True)
            case "left":
                async with plane.context.database.read() as connection:
                    statement = select(func.count()).select_from(SESSIONS).where(LIVE_ROWS)
                    print((await connection.execute(statement)).scalar_one(), flush=True)
            case "estimated":
                records = [await store.session(SessionId(one)) for one in ids]
                print(sum(isinstance(one, EndRecord) and one.is_estimated for one in records), flush=True)


def _plan(text: str) -> list[tuple[str, str]]:
    return [(name, count) for name, _, count in (part.partition("=") for part in text.split(","))]


def main() -> None:
    """Parses the command line and serves."""
    parser = argparse.ArgumentParser(prog="python -m bench.harbour")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--worker-port", type=int, required=True)
    parser.add_argument("--wire", choices=("compiled", "pure"), default="compiled")
    parser.add_argument("--store", default="")
    parser.add_argument("--plan", type=_plan, required=True)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR), cache_logger_on_first_use=True
    )
    settle()
    uvloop.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
