"""`python -m bench.replaying.stalls [SECONDS]`: how long the autoscaler's loop is held at 1,000 workers, over a Valkey of its own.

The autoscaler is the real one, set up as `moorage autoscaler` sets it up (uvloop, the collector settled), but for its target,
which is a list. Sessions come and go meanwhile from another process. A pulse asks to be called every millisecond: what is longer
between two calls, the loop was held. In CPU time of its thread that is the loop's own doing, whatever else the machine does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, thread_time

import structlog
import uvloop
from prometheus_client import CollectorRegistry

from autoscaler.decision import Frozen, Removal
from autoscaler.io.leading import StoreLeader
from autoscaler.io.loop import Autoscaler, Makers
from autoscaler.io.metrics import AutoscalerMetrics
from autoscaler.io.signals import NoSignals
from autoscaler.io.target import Written
from autoscaler.observation import MemberSeen, Phase, TargetSeen
from autoscaler.policy import LocalTarget, PoolPolicy
from bench.herd import PEOPLE, POLICY, REGION
from bench.valkey import Valkey
from moorage import ids
from moorage.ids import GatewayId, RequestId, SessionId
from moorage.io.runtime import settle
from scheduler.io.redis.store import RedisStore
from scheduler.storeurl import parse_store_url
from scheduler.values import Claimed, ClaimRequest, Kubernetes, Registered, Registration, Wanted

POOL = "stalls"
WORKERS, SLOTS, SESSIONS = 1_000, 20, 12_000
AT_ONCE = 50
CHURN = 100  # sessions a second that come
PULSE = 0.001
SECONDS = 60.0


class Members:
    """A target that has what it is asked for, and writes nothing down."""

    def __init__(self, replicas: int) -> None:
        self.replicas = replicas
        self._members = tuple(
            MemberSeen(f"uid-{number}", f"pod-{number}", Phase.RUNNING, True, 0.0) for number in range(replicas)
        )

    async def look(self) -> TargetSeen | None:
        return TargetSeen(self.replicas, self._members)

    async def raise_to(self, replicas: int, *, was: int) -> Written:
        return Written(was)

    async def remove(self, victims: Sequence[Removal], *, was: int) -> Written:
        return Written(was)

    async def protect(self, busy: Sequence[str], idle: Sequence[str]) -> None:
        return

    def announce(self, frozen: Sequence[Frozen]) -> None:
        return

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        return


class Pulse:
    """Holds of the loop in ms: (wall, CPU of its thread) of each that was longer than two pulses."""

    def __init__(self) -> None:
        self.holds: list[tuple[float, float]] = []
        self.beats = 0
        self.looks = self.serving = self.free = 0.0

    def note(self, registry: CollectorRegistry) -> None:
        """What the autoscaler did meanwhile, by its own metrics."""
        labels = {"region": REGION, "pool": POOL}
        self.looks, self.serving, self.free = (
            registry.get_sample_value(f"moorage_autoscaler_{name}", labels) or 0.0
            for name in ("tick_seconds_count", "serving_workers", "free_slots")
        )

    async def run(self) -> None:
        """Until cancelled."""
        at, spent = perf_counter(), thread_time()
        while True:
            await asyncio.sleep(PULSE)
            now, cpu = perf_counter(), thread_time()
            self.beats += 1
            if now - at > 2.0 * PULSE:
                self.holds.append(((now - at - PULSE) * 1e3, (cpu - spent) * 1e3))
            at, spent = now, cpu


async def _watch(url: str, seconds: float) -> Pulse:
    store = RedisStore(parse_store_url(url), POLICY)
    await store.open()
    registry = CollectorRegistry()
    metrics = AutoscalerMetrics(registry)
    makers = Makers(
        lambda policy: StoreLeader(store, f"autoscaler:{policy.pool}"), lambda _policy, _leader: Members(WORKERS)
    )
    scaler = Autoscaler(store, makers, NoSignals(), metrics)
    policy = PoolPolicy(REGION, POOL, LocalTarget(()), SLOTS, maximum=2 * WORKERS)
    await scaler.start([policy])
    await asyncio.sleep(2.0 * policy.every)  # the first looks fill memory and caches
    pulse = Pulse()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await pulse.run()
    pulse.note(registry)
    await scaler.close()
    await store.close()
    return pulse


class Crowd:
    """The workers, their sessions, and the gateway they came by: in a process of its own."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._gateway = GatewayId(ids.make("gtw", store.now(), os.urandom))

    async def gather(self) -> None:
        """All join, and most slots are taken."""
        await self._store.join(self._gateway, "ws://bench")
        await self._register(0)
        for start in range(1, WORKERS, AT_ONCE):
            await asyncio.gather(*(self._register(n) for n in range(start, min(WORKERS, start + AT_ONCE))))
        for start in range(0, SESSIONS, AT_ONCE):
            await asyncio.gather(*(self._hold(n, 60.0 + n % 600) for n in range(start, start + AT_ONCE)))

    async def churn(self) -> None:
        """Sessions go on to come, and those that were not confirmed to lapse."""
        number = 0
        while True:
            await asyncio.gather(*(self._hold(number + n, 3600.0) for n in range(CHURN // 10)))
            await self._store.renew(self._gateway)
            number += CHURN // 10
            await asyncio.sleep(0.1)

    async def _register(self, number: int) -> None:
        pod = Kubernetes("bench", f"pod-{number}", f"uid-{number}")
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}:80"
        said = Registration(f"worker-{number}", REGION, POOL, address, SLOTS, gateway=self._gateway, kubernetes=pod)
        assert isinstance(await self._store.register(said), Registered)

    async def _hold(self, number: int, lives: float) -> None:
        now, person = self._store.now(), PEOPLE[number % len(PEOPLE)]
        session, request = (ids.make(prefix, now, os.urandom) for prefix in ("ses", "req"))
        of = (SessionId(session), person.workspace, person.user, person.key, self._gateway)
        wanted = Wanted((REGION,), (POOL,))
        claimed = await self._store.claim(ClaimRequest(RequestId(request), *of, wanted, now + lives, 30, 0))
        if isinstance(claimed, Claimed):
            await self._store.confirm(claimed.session, claimed.fence)


async def _crowd(url: str) -> None:
    store = RedisStore(parse_store_url(url), POLICY)
    await store.open()
    crowd = Crowd(store)
    await crowd.gather()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await crowd.churn()


def main(seconds: float) -> None:
    """Prints how often and how long."""
    with tempfile.TemporaryDirectory(prefix="moorage-bench-") as folder, Valkey(Path(folder)) as server:
        words = [sys.executable, "-m", "bench.replaying.stalls", "--crowd", server.url]
        crowd = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        try:
            assert crowd.stdout is not None
            said = crowd.stdout.readline()
            assert said == "ready\n", f"the workers did not join: {said!r}"
            settle()
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                pulse = runner.run(_watch(server.url, seconds))
        finally:
            crowd.kill()
            crowd.wait()
            if crowd.stdout is not None:
                crowd.stdout.close()
    wall, cpu = (sorted(each[place] for each in pulse.holds)[::-1] for place in (0, 1))
    print(
        f"{pulse.serving:g} workers serve, {pulse.free:g} slots free, {pulse.looks:g} looks, {pulse.beats} beats in {seconds:g} s"
    )
    for name, held in (("wall", wall), ("CPU", cpu)):
        over = sum(each > 20.0 for each in held)
        print(f"held, {name}: most {', '.join(f'{each:.1f}' for each in held[:5])} ms; over 20 ms: {over}")


if __name__ == "__main__":
    quiet = structlog.make_filtering_bound_logger(logging.WARNING)
    structlog.configure(wrapper_class=quiet, logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    if sys.argv[1:2] == ["--crowd"]:
        uvloop.run(_crowd(sys.argv[2]))
    else:
        main(float(sys.argv[1]) if sys.argv[1:] else SECONDS)
