"""dialout: what a worker that dials out costs the gateway beside one that it dials, for a round trip and for a connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from bench import contestants
from bench.arena import Arena, Casting
from bench.generator import Client, Load
from bench.interleave import Contestant, Plan, Slices, interleaved, medians, ratios
from bench.launch import SdkWorker
from bench.machine import CannotMeasureError
from bench.rows import OURS, Goal, Row

PROMISE = "proxy CPU for a round trip and for a connection, and latency to the 101: a worker that dials out against one dialled"

DIALLED, DIALLED_OUT = "dialled", "dialled-out"
SLOTS = 4_000
CONNECTIONS = 100  # opened in one slice
WIDTH = 16
PER_SECOND = 200
PACED_SECONDS = 1.0
PACED_ROUNDS = 5
SCENES = (("64x256", 256), ("64x16k", 16 << 10))

GOALS = (Goal("dialout_64x256_ratio", 1.03, DIALLED_OUT), Goal("dialout_64x16k_ratio", 1.03, DIALLED_OUT))


def run(arena: Arena) -> list[Row]:
    """Both workers are the SDK's, each at a gateway of its own."""
    plan = Plan.quick() if arena.is_quick else Plan()
    rows: list[Row] = []
    if not arena.takes_part(OURS):
        return rows
    for scene, size in SCENES:
        if arena.plays(scene):
            print(f"dialout {scene}: 64 connections, {size} B", flush=True)
            rows += _relayed(arena, f"dialout_{scene}", size, plan)
    if arena.plays("admit"):
        print(f"dialout admit: {CONNECTIONS} connections a slice, then {PER_SECOND}/s", flush=True)
        rows += _admitted(arena, plan)
    return rows


@contextmanager
def _pair(arena: Arena, tokens: int, message_bytes: int) -> Iterator[tuple[list[Contestant], int]]:
    """Both contestants, and the process of one worker, whose load is printed."""
    with ExitStack() as stack:
        present: list[Contestant] = []
        pid = 0
        for name, address in ((DIALLED, ""), (DIALLED_OUT, "dial-out")):
            gateway = contestants.gateway(arena, stack, OURS, Casting(worker_port=0, tokens=tokens))
            if gateway is None:
                raise CannotMeasureError("the compiled relay is what this compares, and it was not built")
            pid = stack.enter_context(SdkWorker(gateway, SLOTS, address)).pid
            client = contestants.client(stack, Load(gateway.port, message_bytes, tokens=gateway.tokens))
            present.append(Contestant(replace(gateway, name=name), client))
        yield present, pid


def _relayed(arena: Arena, metric: str, size: int, plan: Plan) -> Iterator[Row]:
    with _pair(arena, 64, size) as (present, worker_pid):
        for each in present:
            each.client.open(64)
            each.client.go(plan.warmup_seconds)
        yield from _rows(
            metric, "us/trip", interleaved(present, worker_pid, lambda client: client.go(plan.slice_seconds), plan)
        )


def _admitted(arena: Arena, plan: Plan) -> Iterator[Row]:
    paced = replace(plan, rounds=1 if arena.is_quick else PACED_ROUNDS)
    seconds = 0.2 if arena.is_quick else PACED_SECONDS
    tokens = CONNECTIONS * (plan.rounds + 1) + int(PER_SECOND * seconds * paced.rounds)
    with _pair(arena, tokens, 256) as (present, worker_pid):
        for each in present:
            each.client.open(CONNECTIONS, WIDTH)
            each.client.close_all()
        opened = interleaved(
            present, worker_pid, lambda client: client.open(CONNECTIONS, WIDTH), plan, after=Client.close_all
        )
        yield from _rows("dialout_admit", "us/connection", opened)
        offered = interleaved(present, worker_pid, lambda client: client.rate(PER_SECOND, seconds), paced)
        for figure, of in (("p50", lambda each: each.answer.p50_us), ("p99", lambda each: each.answer.p99_us)):
            for name, value in medians(offered, of).items():
                yield Row(name, f"dialout_admit_at_{PER_SECOND}_per_s_{figure}", value, "us to 101")


def _rows(metric: str, unit: str, slices: Slices) -> Iterator[Row]:
    for name, value in ratios(slices, DIALLED).items():
        yield Row(name, f"{metric}_ratio", value, "x dialled")
    for name, value in medians(slices, lambda each: each.proxy_us).items():
        yield Row(name, f"{metric}_proxy", value, unit)
