"""admit: CPU of the proxy for one connection, from accept to relayed, ours with token check and claim, peers with neither."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

from bench import contestants
from bench.arena import Arena, Casting
from bench.generator import Answer, Client, Load
from bench.interleave import Contestant, Plan, Slices, interleaved, medians, ratios
from bench.rows import Goal, Row

PROMISE = (
    "proxy CPU per connection from accept to relayed (ours with HS256 check and claim), and latency at 500 connects/s"
)

CONNECTIONS = 200  # opened in one slice, 16 at once; closed outside what is measured
WIDTH = 16
CONNECTS_PER_SECOND = 500
PACED_SECONDS = 2.0
PACED_ROUNDS = 5

GOALS = (Goal("admit_ratio", 1.0, than=("envoy",)),)


def run(arena: Arena) -> list[Row]:
    """Plain, then TLS beside it."""
    rows: list[Row] = []
    for tls in (False, True):
        if not arena.plays("tls" if tls else "plain"):
            continue
        print(
            f"admit {'TLS' if tls else 'plain'}: {CONNECTIONS} connections a slice, then {CONNECTS_PER_SECOND}/s",
            flush=True,
        )
        rows += _measure(arena, tls, Plan.quick() if arena.is_quick else Plan())
    return rows


def _measure(arena: Arena, tls: bool, plan: Plan) -> Iterator[Row]:
    paced = replace(plan, rounds=1 if arena.is_quick else PACED_ROUNDS)
    seconds = 0.2 if arena.is_quick else PACED_SECONDS
    tokens = CONNECTIONS * (plan.rounds + 1) + int(CONNECTS_PER_SECOND * seconds * paced.rounds)
    with ExitStack() as stack:
        worker = contestants.worker(stack)
        present: list[Contestant] = []
        for proxy in contestants.proxies(arena, stack, Casting(worker.port, tls=tls, tokens=tokens)):
            client = contestants.client(stack, Load(proxy.port, tls=tls, tokens=proxy.tokens))
            client.open(CONNECTIONS, WIDTH)
            client.close_all()
            present.append(Contestant(proxy, client))
        suffix = "_tls" if tls else ""
        yield from _opened(suffix, interleaved(present, worker.pid, _open, plan, after=Client.close_all))
        yield from _offered(
            suffix, interleaved(present, worker.pid, lambda client: client.rate(CONNECTS_PER_SECOND, seconds), paced)
        )


def _open(client: Client) -> Answer:
    return client.open(CONNECTIONS, WIDTH)


def _opened(suffix: str, slices: Slices) -> Iterator[Row]:
    for name, value in ratios(slices).items():
        yield Row(name, f"admit{suffix}_ratio", value, "x nginx")
    for name, value in medians(slices, lambda each: each.proxy_us).items():
        yield Row(name, f"admit{suffix}_proxy", value, "us/connection")
    for name, value in medians(slices, lambda each: each.load_us).items():
        yield Row(name, f"admit{suffix}_load_and_worker", value, "us/connection")
    for name, value in medians(slices, lambda each: each.load_busy * 100).items():
        yield Row(name, f"admit{suffix}_load_busy", value, "% of core")


def _offered(suffix: str, slices: Slices) -> Iterator[Row]:
    figures = (
        ("p50", medians(slices, lambda each: each.answer.p50_us), "us to 101"),
        ("p99", medians(slices, lambda each: each.answer.p99_us), "us to 101"),
        ("whole_life", medians(slices, lambda each: each.proxy_us), "us/connection"),
    )
    for figure, values, unit in figures:
        for name, value in values.items():
            yield Row(name, f"admit{suffix}_at_{CONNECTS_PER_SECOND}_per_s_{figure}", value, unit)
