"""recover: from the death of a worker's process, or the silence of its host, to the last of its clients closed with 4502."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack

from bench import contestants
from bench.arena import Arena, Casting
from bench.generator import Load
from bench.launch import SdkWorker
from bench.machine import CannotMeasureError
from bench.rows import OURS, OURS_PURE, Goal, Row

PROMISE = "time from kill -9 of a worker, and from its host's silence, to its last client closed with WORKER_LOST"

SESSIONS = 2_000
QUICK_SESSIONS = 50
WORKER_LOST = 4502
GIVE_UP_AFTER = 20.0

GOALS = (Goal("recover_killed", 1.0), Goal("recover_silent", 6.5))

# A stopped process keeps its TCP connections, acknowledged by the kernel: as silent as a host can be without losing packets.
CASES = (("killed", signal.SIGKILL), ("silent", signal.SIGSTOP))


def run(arena: Arena) -> list[Row]:
    """Each case on a fresh gateway and a fresh worker made with the SDK, its sessions at a frame boundary."""
    rows: list[Row] = []
    for name in (OURS, OURS_PURE):
        for case, signal_number in CASES:
            rows += _case(arena, name, case, signal_number)
    return rows


def _case(arena: Arena, name: str, case: str, signal_number: signal.Signals) -> list[Row]:
    sessions = QUICK_SESSIONS if arena.is_quick else SESSIONS
    with ExitStack() as stack:
        gateway = contestants.gateway(arena, stack, name, Casting(worker_port=0, tokens=sessions))
        if gateway is None:
            return []
        print(f"recover {name} {case}: {sessions} sessions", flush=True)
        worker = stack.enter_context(SdkWorker(gateway, slots=sessions))
        client = contestants.client(stack, Load(gateway.port, tokens=gateway.tokens))
        client.open(sessions)
        client.trip()
        started_ns = time.monotonic_ns()
        os.kill(worker.pid, signal_number)
        gone = client.watch(GIVE_UP_AFTER)
        if gone.by_code != {WORKER_LOST: sessions}:
            raise CannotMeasureError(
                f"{case}: {sessions} sessions ended so: {gone.by_code}, {gone.still_open} still open"
            )
        return [Row(name, f"recover_{case}", (gone.last_ns - started_ns) / 1e9, "s")]
