"""relay: CPU of the proxy for one round trip of one message, metering and limits on, beside nginx, haproxy and Envoy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from bench import contestants
from bench.arena import Arena, Casting
from bench.generator import Answer, Client, Load
from bench.interleave import Contestant, Plan, Slices, interleaved, medians, ratios
from bench.rows import OURS, Goal, Row

PROMISE = (
    "proxy CPU per round trip: 64 and 1,000 connections, 256 B to 1 MiB, plain and TLS, against nginx, haproxy, Envoy"
)


@dataclass(frozen=True, slots=True)
class Scene:
    """One load. `nginx_buffer` is 64k for large messages: its default of 4k costs nginx 3 to 5 times more and would flatter us."""

    name: str
    connections: int
    message_bytes: int
    tls: bool = False
    nginx_buffer: str = "4k"


SCENES = (
    Scene("64x256", 64, 256),
    Scene("64x256_tls", 64, 256, tls=True),
    Scene("1000x256", 1000, 256),
    Scene("64x16k", 64, 16 << 10, nginx_buffer="64k"),
    Scene("8x1m", 8, 1 << 20, nginx_buffer="64k"),
)

GOALS = (
    Goal("relay_64x256_ratio", 1.03),
    Goal("relay_64x256_ratio", 1.0, than=("haproxy", "envoy")),
    Goal("relay_64x256_tls_ratio", 1.10),
    Goal("relay_64x16k_ratio", 1.0),
    Goal("relay_8x1m_ratio", 1.0),
    Goal("relay_1000_over_64", 0.05),
)


def run(arena: Arena) -> list[Row]:
    """All scenes, one after the other."""
    plan = Plan.quick() if arena.is_quick else Plan()
    rows: list[Row] = []
    for scene in SCENES:
        if not arena.plays(scene.name):
            continue
        print(
            f"relay {scene.name}: {scene.connections} connections, {scene.message_bytes} B{', TLS' if scene.tls else ''}",
            flush=True,
        )
        rows += _rows(scene, _measure(arena, scene, plan))
    rows += _slope(rows)
    return rows


def _measure(arena: Arena, scene: Scene, plan: Plan) -> Slices:
    with ExitStack() as stack:
        worker = contestants.worker(stack)
        casting = Casting(worker.port, scene.tls, scene.connections, scene.nginx_buffer)
        present: list[Contestant] = []
        for proxy in contestants.proxies(arena, stack, casting):
            client = contestants.client(stack, Load(proxy.port, scene.message_bytes, scene.tls, proxy.tokens))
            client.open(scene.connections)
            client.go(plan.warmup_seconds)
            present.append(Contestant(proxy, client))

        def work(client: Client) -> Answer:
            return client.go(plan.slice_seconds)

        return interleaved(present, worker.pid, work, plan)


def _rows(scene: Scene, slices: Slices) -> Iterator[Row]:
    metric = f"relay_{scene.name}"
    for name, value in ratios(slices).items():
        yield Row(name, f"{metric}_ratio", value, "x nginx")
    figures = (
        ("proxy", medians(slices, lambda each: each.proxy_us), "us/trip"),
        ("load_and_worker", medians(slices, lambda each: each.load_us), "us/trip"),
        ("proxy_busy", medians(slices, lambda each: each.proxy_busy * 100), "% of core"),
        ("load_busy", medians(slices, lambda each: each.load_busy * 100), "% of core"),
        ("p50", medians(slices, lambda each: each.answer.p50_us), "us"),
        ("p99", medians(slices, lambda each: each.answer.p99_us), "us"),
    )
    for figure, values, unit in figures:
        for name, value in values.items():
            yield Row(name, f"{metric}_{figure}", value, unit)


def _slope(rows: list[Row]) -> Iterator[Row]:
    """How much the ratio to nginx grows from 64 connections to 1,000; better at 1,000 counts as no growth."""
    ratio = {(row.name, row.metric): row.value for row in rows}
    few, many = ratio.get((OURS, "relay_64x256_ratio")), ratio.get((OURS, "relay_1000x256_ratio"))
    if few is not None and many is not None:
        yield Row(OURS, "relay_1000_over_64", max(0.0, many - few), "x nginx")
