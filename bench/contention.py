"""contention: three gateways claim from one store at once. No slot is given twice, no empty worker is opened while there is room.

The order of the claims is the store's own: a new session's fence is its clock in microseconds. Played again, it shows every
over-grant and every mis-pack. Agones has both as open problems (#3992, #4190) and publishes 300-400 allocations/s.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

from bench import packing
from bench.arena import Arena
from bench.orders import Process
from bench.packing import Packed, Taken
from bench.rows import OURS, Goal, Row
from bench.valkey import Valkey

PROMISE = (
    "50 clients claiming from 3 gateways at once: over-grants, mis-packs, claims/s; and 300-slot workers at 5 claims/s"
)

GATEWAYS = 3
CLIENTS = 50
WORKERS, SLOTS = 40, 100  # 4,000 slots
PACED_WORKERS, PACED_SLOTS = 4, 300
PACED_PER_SECOND = 5.0
PACED_SECONDS = 40.0
PACED_LIVE = 297  # around the brink of one worker, which the pace crosses to and fro
START_WITHIN = 20.0
FILL_WITHIN = 60.0
AGONES = "Agones publishes 300-400 allocations/s"

GOALS = (
    Goal("contention_over_grants", 0),
    Goal("contention_mis_packs", 0),
    Goal("contention_paced_over_grants", 0),
    Goal("contention_paced_mis_packs", 0),
)


def run(arena: Arena) -> list[Row]:
    """Both scenes, each on a fresh store."""
    if not arena.takes_part(OURS):
        return []
    rows: list[Row] = []
    if arena.plays("fill"):
        rows += _fill(arena)
    if arena.plays("pace"):
        rows += _pace(arena)
    print(AGONES, flush=True)
    return rows


def _fill(arena: Arena) -> list[Row]:
    workers = 4 if arena.is_quick else WORKERS
    with ExitStack() as stack:
        names, gateways = _start(stack, arena, workers, SLOTS)
        print(f"contention: {CLIENTS} clients of {GATEWAYS} gateways fill {workers * SLOTS} slots", flush=True)
        started = time.monotonic()
        said = _ask(gateways, [{"do": "fill", "clients": count} for count in _shares()], FILL_WITHIN)
        elapsed = time.monotonic() - started
    taken = _taken(said)
    packed = packing.replay(taken, dict.fromkeys(names, SLOTS))
    waits = sorted(wait for each in said for wait in each["waits"])
    return [
        Row(OURS, "contention_claims", len(taken), "claims"),
        Row(OURS, "contention_claims_per_s", len(taken) / elapsed, "claims/s"),
        Row(OURS, "contention_claim_p50", waits[len(waits) // 2] * 1e3, "ms"),
        Row(OURS, "contention_claim_p99", waits[len(waits) * 99 // 100] * 1e3, "ms"),
        *_judged("contention", packed, len(taken) - workers * SLOTS),
    ]


def _pace(arena: Arena) -> list[Row]:
    seconds = 2.0 if arena.is_quick else PACED_SECONDS
    with ExitStack() as stack:
        names, gateways = _start(stack, arena, PACED_WORKERS, PACED_SLOTS)
        print(f"contention: {PACED_PER_SECOND:g} claims/s on workers of {PACED_SLOTS} slots, {seconds:g} s", flush=True)
        pace = {"do": "pace", "per_second": PACED_PER_SECOND / GATEWAYS, "seconds": seconds}
        said = _ask(gateways, [{**pace, "live": PACED_LIVE // GATEWAYS} for _ in gateways], seconds + 15)
    taken = _taken(said)
    packed = packing.replay(taken, dict.fromkeys(names, PACED_SLOTS))
    return [
        Row(OURS, "contention_paced_claims", len(taken), "claims"),
        Row(OURS, "contention_paced_workers_open", packed.most_open, "workers"),
        *_judged("contention_paced", packed, 0),
    ]


def _judged(name: str, packed: Packed, too_many: int) -> list[Row]:
    return [
        Row(OURS, f"{name}_over_grants", max(packed.over_grants, too_many), "claims"),
        Row(OURS, f"{name}_mis_packs", packed.mis_packs, "claims"),
    ]


def _start(stack: ExitStack, arena: Arena, workers: int, slots: int) -> tuple[list[str], list[Process]]:
    """A store, its workers' host, and the gateways."""
    store = stack.enter_context(Valkey(arena.folder))
    host = Process("bench.claimant", ["--store", store.url, "--workers", str(workers), "--slots", str(slots)])
    stack.callback(host.close)
    names: list[str] = host.answer(START_WITHIN)
    gateways = [Process("bench.claimant", ["--store", store.url]) for _ in range(GATEWAYS)]
    for gateway in gateways:
        stack.callback(gateway.close)
    _ask(gateways, [{"do": "fill", "clients": 0} for _ in gateways], START_WITHIN)  # they have started
    return names, gateways


def _ask(gateways: list[Process], orders: list[dict[str, Any]], within: float) -> list[dict[str, Any]]:
    for gateway, order in zip(gateways, orders, strict=True):
        gateway.tell(order)
    return [gateway.answer(within) for gateway in gateways]


def _shares() -> list[int]:
    return [CLIENTS // GATEWAYS + (number < CLIENTS % GATEWAYS) for number in range(GATEWAYS)]


def _taken(said: list[dict[str, Any]]) -> list[Taken]:
    return [Taken(**one) for each in said for one in each["taken"]]
