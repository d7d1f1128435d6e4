"""storm: a gateway process is killed, and its clients come back through the others, all at once, with the SDK's back-off.

Three gateways on one Valkey, an echo worker, and load generators with the clients, each a process of its own. The sessions are
live when their gateway dies: each comes back to its own slot with a higher fence.
"""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from pathlib import Path

from bench import contestants, credentials, launch, machine
from bench.arena import Arena, Casting
from bench.generator import Client, Load, Roamed
from bench.launch import Ours
from bench.machine import CannotMeasureError
from bench.rows import OURS, Goal, Row
from bench.valkey import Valkey

PROMISE = (
    "5,000 clients that come back at once after kill -9 of their gateway: until the last is back, admission, refusals"
)

CLIENTS = 5_000
QUICK_CLIENTS = 100
SURVIVORS = 2
WIDTH = 64  # opened at once before the storm
GIVE_UP_AFTER = 40.0

GOALS = (
    Goal("storm_back_max", 10.0),
    Goal("storm_away", 0),
    Goal("storm_untyped_refusals", 0),
)


def run(arena: Arena) -> list[Row]:
    """Once."""
    if not arena.takes_part(OURS):
        return []
    missing = launch.missing(OURS)
    if missing is not None:
        raise CannotMeasureError(missing)
    clients = QUICK_CLIENTS if arena.is_quick else CLIENTS
    with ExitStack() as stack:
        doomed, others = _gateways(stack, arena.folder, clients)
        client = contestants.client(stack, Load(doomed.port, tokens=doomed.tokens))
        client.open(clients, WIDTH)
        client.trip()
        print(f"storm: kill -9 of a gateway with {clients} clients, {len(others)} others stay", flush=True)
        return _rows(clients, _storm(client, doomed, others, clients))


def _gateways(stack: ExitStack, folder: Path, clients: int) -> tuple[Ours, list[Ours]]:
    """On one store; a survivor stands in for the worker."""
    secret = folder / "secret-storm"
    credentials.write_secret(secret)
    store = stack.enter_context(Valkey(folder))
    worker = contestants.worker(stack)
    found: list[Ours] = []
    for number in range(1 + SURVIVORS):
        casting = Casting(worker.port if number == 1 else 0, tokens=clients)
        gateway = launch.start_with(OURS, secret, casting, ("--store", store.url))
        stack.callback(gateway.close)
        found.append(gateway)
    return found[0], found[1:]


def _storm(client: Client, doomed: Ours, others: list[Ours], clients: int) -> Roamed:
    client.roam(clients, GIVE_UP_AFTER, [gateway.port for gateway in others])
    os.kill(doomed.process.pid, signal.SIGKILL)
    roamed = client.roamed(GIVE_UP_AFTER + 15)
    machine.wait_until(lambda: doomed.process.poll() is not None, 5, "the gateway's death")
    return roamed


def _rows(clients: int, seen: Roamed) -> list[Row]:
    rows = [Row(OURS, "storm_clients", clients, "clients"), Row(OURS, "storm_away", seen.away, "clients")]
    for metric, figures in (("back", seen.back_us), ("admission", seen.admission_us)):
        rows += [
            Row(OURS, f"storm_{metric}_{part}", value / 1e6, "s")
            for part, value in zip(("p50", "p99", "max"), figures, strict=True)
        ]
    rows += [Row(OURS, f"storm_refused_{reason}", count, "refusals") for reason, count in seen.refusals.items()]
    untyped = sum(count for reason, count in seen.refusals.items() if reason == "cut" or reason.endswith(":-"))
    return [*rows, Row(OURS, "storm_untyped_refusals", untyped, "refusals")]
