"""memory: resident bytes for one held session after traffic on all of them, and whether connects and disconnects leave any."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from bench import contestants, peers
from bench.arena import Arena, Casting
from bench.generator import Client, Load
from bench.peers import Proxy
from bench.rows import OURS, OURS_PURE, Goal, Row

PROMISE = "RSS per held session from 1,000 to 9,000, plain and TLS, and growth over 100,000 connects and disconnects"

GOALS = (
    Goal("memory_per_session", 4.0),
    Goal("memory_per_session_tls", 32.0),
    Goal("memory_growth", 2.0),
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many sessions are held first and last, and how many connects must leave nothing behind."""

    few: int = 1_000
    many: int = 9_000
    warm_connects: int = 10_000  # free lists, heaps and the tables of ended sessions reach their size
    connects: int = 100_000
    reused_sessions: int = 1_000


QUICK = Sizes(100, 300, 100, 200, 100)


def run(arena: Arena) -> list[Row]:
    """Each contestant alone, in a fresh process."""
    sizes = QUICK if arena.is_quick else Sizes()
    rows: list[Row] = []
    for name in (OURS, OURS_PURE, *peers.NAMES):
        for tls in (False, True):
            if not arena.plays("tls" if tls else "plain"):
                continue
            rows += _alone(
                arena, name, Casting(0, tls=tls, tokens=sizes.many), lambda proxy, load: _held(proxy, load, sizes)
            )
    for name in (OURS, OURS_PURE) if arena.plays("growth") else ():
        rows += _alone(
            arena, name, Casting(0, tokens=sizes.reused_sessions), lambda proxy, load: _reattached(proxy, load, sizes)
        )
        fresh = Casting(0, tokens=sizes.warm_connects + sizes.connects)
        rows += _alone(arena, name, fresh, lambda proxy, load: _ended(proxy, load, sizes))
    return rows


def _alone(arena: Arena, name: str, casting: Casting, measure: Callable[[Proxy, Load], Row]) -> list[Row]:
    with ExitStack() as stack:
        worker = contestants.worker(stack)
        proxy = contestants.proxy(arena, stack, name, casting.at(worker.port))
        if proxy is None:
            return []
        print(f"memory {name}{' TLS' if casting.tls else ''}", flush=True)
        return [measure(proxy, Load(proxy.port, tls=casting.tls, tokens=proxy.tokens))]


def _held(proxy: Proxy, load: Load, sizes: Sizes) -> Row:
    with Client(load) as client:
        client.open(sizes.few)
        client.trip()
        few = _settled(proxy)
        client.open(sizes.many - sizes.few)
        client.trip()
        many = _settled(proxy)
    return Row(
        proxy.name,
        f"memory_per_session{'_tls' if load.tls else ''}",
        (many - few) / (sizes.many - sizes.few) / 1024,
        "KB",
    )


def _reattached(proxy: Proxy, load: Load, sizes: Sizes) -> Row:
    """The same sessions come again and again, as after a page reload (1001): nothing may stay."""
    growth = _churned(proxy, Load(load.port, tokens=load.tokens, close_code=1001), sizes)
    return Row(proxy.name, "memory_growth", growth / 1e6, "MB")


def _ended(proxy: Proxy, load: Load, sizes: Sizes) -> Row:
    """Each session is new and ends (1000): what stays is its tombstone, until the last token it could come back with expires."""
    return Row(proxy.name, "memory_per_ended_session", _churned(proxy, load, sizes) / sizes.connects, "bytes")


def _churned(proxy: Proxy, load: Load, sizes: Sizes) -> int:
    with Client(load) as client:
        client.churn(sizes.warm_connects)
        before = _settled(proxy)
        client.churn(sizes.connects)
        return _settled(proxy) - before


def _settled(proxy: Proxy) -> int:
    """Resident bytes once what was deferred (closes, checkpoints, frees) has had time to happen."""
    time.sleep(1.0)
    return proxy.rss_bytes()
