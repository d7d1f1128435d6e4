"""revoke: from POST /revocations to the closed socket, with 9,000 live sessions, on each store.

REST, SQLite, gateway and (in memory) the store share one process and one core, as in `moorage up`: what a revocation costs the
others is how late their loop gets.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench import contestants, launch, machine
from bench.arena import Arena
from bench.holders import Close, Holders
from bench.machine import CannotMeasureError
from bench.rows import OURS, Goal, Row
from bench.valkey import Valkey

PROMISE = "POST /revocations to the closed socket: one session, a user with 1,000, a workspace with 9,000; how late the loop gets"

STORES = ("memory", "redis")
START_WITHIN = 60.0
GIVE_UP_AFTER = 20.0
ROWS_WITHIN = 90.0
SESSION_ENDED = 4410

GOALS = tuple(
    goal
    for store in STORES
    for goal in (
        Goal(f"revoke_session_p99_{store}", 1.0),
        Goal(f"revoke_user_p99_{store}", 1.0),
        Goal(f"revoke_workspace_p99_{store}", 1.0),
        Goal(f"revoke_workspace_step_{store}", 50.0),
        Goal(f"revoke_estimated_{store}", 0),
    )
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Live at once, and of them: revoked one by one, and of one user."""

    live: int = 9_000
    singles: int = 200
    user: int = 1_000


QUICK = Sizes(60, 5, 20)


class House:
    """The process that is measured."""

    def __init__(self, folder: Path, worker_port: int, store: str, sizes: Sizes) -> None:
        folder.mkdir()
        plan = f"singles={sizes.singles},user={sizes.user},rest={sizes.live}"
        words = ["--folder", str(folder), "--worker-port", str(worker_port), "--plan", plan]
        with machine.pinned(machine.proxy_core()):
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bench.harbour", *words, *(["--store", store] if store else [])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        said: dict[str, Any] = json.loads(self._hear(START_WITHIN))
        self.clients: int = said["clients"]
        self.workspace: str = said["workspace"]
        self.groups: dict[str, Any] = said["groups"]
        self._rest: int = said["rest"]
        self._key: str = said["key"]

    def ask(self, what: str) -> float:
        """A figure; see bench.harbour."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return float(self._hear(START_WITHIN))

    def revoke(self, kind: str, named: str) -> None:
        """POST; raises what is not 201."""
        body = json.dumps({"kind": kind, "id": named})
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        with closing(HTTPConnection("127.0.0.1", self._rest, timeout=GIVE_UP_AFTER)) as connection:
            connection.request("POST", "/api/v1/revocations", body, headers)
            answer = connection.getresponse()
            if answer.status != HTTPStatus.CREATED:
                raise CannotMeasureError(f"POST /revocations was answered {answer.status}: {answer.read(300)!r}")

    def close(self) -> None:
        """Ends it."""
        machine.stop(self.process)

    def _hear(self, within: float) -> str:
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], within)[0]:
            raise CannotMeasureError(f"the process under test said nothing for {within:g} s")
        return self.process.stdout.readline() or "0"


def run(arena: Arena) -> list[Row]:
    """Each store in a fresh process."""
    if not arena.takes_part(OURS):
        return []
    missing = launch.missing(OURS)
    if missing is not None:
        raise CannotMeasureError(missing)
    rows: list[Row] = []
    for store in STORES:
        if arena.plays(store):
            rows += _on(arena, store, QUICK if arena.is_quick else Sizes())
    return rows


def _on(arena: Arena, store: str, sizes: Sizes) -> list[Row]:
    with ExitStack() as stack:
        url = stack.enter_context(Valkey(arena.folder)).url if store == "redis" else ""
        worker = contestants.worker(stack)
        house = House(arena.folder / f"house-{store}", worker.port, url, sizes)
        stack.callback(house.close)
        holders = stack.enter_context(Holders(house.clients))
        print(f"revoke on {store}: {sizes.live} live sessions", flush=True)
        return [
            Row(OURS, f"revoke_{metric}_{store}", value, unit)
            for metric, value, unit in _measured(house, holders, sizes)
        ]


def _measured(house: House, holders: Holders, sizes: Sizes) -> list[tuple[str, float, str]]:
    singles, user, rest = (dict(house.groups[name]["tokens"]) for name in ("singles", "user", "rest"))
    later = sizes.singles + sizes.user
    first = dict(list(rest.items())[:-later])
    holders.open({**singles, **user, **first})
    figures: list[tuple[str, float, str]] = []
    house.ask("lag")
    house.ask("step")
    seconds = [_revoked(house, holders, "session", session, 1)[0] for session in singles]
    figures += _figures("session", seconds, house)

    seconds = _revoked(house, holders, "user", house.groups["user"]["user"], len(user))
    figures += _figures("user", seconds, house)

    holders.open({session: token for session, token in rest.items() if session not in first})
    house.ask("lag")
    house.ask("step")
    started, cpu = time.monotonic(), machine.cpu_ns(house.process.pid)
    seconds = _revoked(house, holders, "workspace", house.workspace, len(rest))
    figures.append(("workspace_cpu", (machine.cpu_ns(house.process.pid) - cpu) / 1e9, "s"))
    figures += _figures("workspace", seconds, house)
    machine.wait_until(lambda: house.ask("left") == 0, ROWS_WITHIN, "the last row of a revoked session")
    figures.append(("workspace_rows", time.monotonic() - started, "s"))
    figures.append(("workspace_rows_step", house.ask("step"), "ms"))
    figures.append(("estimated", house.ask("estimated"), "records"))
    return figures


def _revoked(house: House, holders: Holders, kind: str, named: str, count: int) -> list[float]:
    """Seconds from the POST to each closed socket."""
    started = time.monotonic()
    posting = threading.Thread(target=house.revoke, args=(kind, named))
    posting.start()
    closes = holders.closes(count, GIVE_UP_AFTER)
    posting.join()
    _check(kind, closes, count)
    return [close.at - started for close in closes.values()]


def _check(kind: str, closes: dict[str, Close], count: int) -> None:
    wrong = [close.code for close in closes.values() if close.code != SESSION_ENDED]
    if len(closes) != count or wrong:
        raise CannotMeasureError(f"{kind}: {len(closes)} of {count} sessions were closed, {len(wrong)} not with 4410")


def _figures(what: str, seconds: list[float], house: House) -> list[tuple[str, float, str]]:
    ordered = sorted(seconds)
    return [
        (f"{what}_p50", ordered[len(ordered) // 2], "s"),
        (f"{what}_p99", ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], "s"),
        (f"{what}_max", ordered[-1], "s"),
        (f"{what}_lag", house.ask("lag"), "ms"),
        (f"{what}_step", house.ask("step"), "ms"),
    ]
