"""Our process in the benches: the real gateway with the memory store in it, or on a Redis with others, and one worker registered
straight in the store.

    python -m bench.ours --wire compiled|pure --port P --link-port L --secret FILE [--worker-port W] [--tls CERT KEY] [--store URL]

Without --worker-port no worker is registered; one may join through the link with the secret's SHA-256 in hex as its key.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import logging
import signal
from hashlib import sha256
from pathlib import Path

import structlog
import uvloop
from prometheus_client import CollectorRegistry

from bench.credentials import join_key, read_keys
from gateway.io.app import Gateway
from gateway.policy import GatewayPolicy, Handshakes, TlsFiles
from gateway.relay import Limits
from moorage.deadlines import HEARTBEAT_EVERY
from moorage.ids import WorkerId
from moorage.io.runtime import settle
from scheduler.io.memory import MemoryStore
from scheduler.store import Store
from scheduler.values import Heartbeat, JoinKey, Registered, Registration

SLOTS = 30_000
SWEEP_EVERY = 0.25
EVENTS = 10_000

# Every bound that costs something for a message is on, and none is ever reached.
LIMITS = Limits(
    frame_bytes=2 << 20, message_bytes=2 << 20, messages_per_second=1e6, message_burst=1_000_000, session_bytes=1 << 50
)
HANDSHAKES = Handshakes(
    connections=9_900,
    in_progress_per_address=2_000,  # as many as in all: one address stands for all clients
    connects_per_second_per_address=1e6,
    connect_burst_per_address=1_000_000,
)


async def serve(options: argparse.Namespace) -> None:
    """Until it is ended."""
    keys = read_keys(options.secret)
    policy = GatewayPolicy(
        port=options.port,
        link_port=options.link_port,
        tls=TlsFiles(*options.tls) if options.tls else None,
        wire=options.wire,
        limits=LIMITS,
        handshakes=HANDSHAKES,
    )
    store = await store_at(options.store)
    await store.set_join_keys([JoinKey(sha256(join_key(options.secret).encode()).hexdigest(), "*", "*")])
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_sweep(store))
        tasks.create_task(_acknowledge(store))
        if options.worker_port:
            tasks.create_task(stand_in(store, options.worker_port))
        await Gateway(policy, store, lambda: keys, CollectorRegistry()).start()
        if options.profile is not None:
            _profile_between_signals(options.profile)


async def store_at(url: str) -> Store:
    """Ours alone, or the one that several processes share."""
    if not url:
        return MemoryStore()
    from scheduler.io.redis.store import RedisStore
    from scheduler.storeurl import parse_store_url

    store = RedisStore(parse_store_url(url))
    await store.open()
    return store


async def stand_in(store: Store, port: int) -> None:
    """Joins for the echo worker, which has no link, and beats for it."""
    joined = await store.register(Registration("echo", "bench", "bench", f"127.0.0.1:{port}", SLOTS))
    assert isinstance(joined, Registered)
    seq = 0
    while True:
        await asyncio.sleep(HEARTBEAT_EVERY)
        seq += 1
        await store.heartbeat(_beat(joined.worker, seq))


def _beat(worker: WorkerId, seq: int) -> Heartbeat:
    return Heartbeat(worker, seq, in_use=0)


async def _sweep(store: Store) -> None:
    while True:
        await asyncio.sleep(SWEEP_EVERY)
        await store.sweep()


async def _acknowledge(store: Store) -> None:
    """Forgets events once a second, so that they do not pile up: reading each as it comes is the control plane's expense."""
    while True:
        await asyncio.sleep(1.0)
        while events := await store.events("bench", EVENTS, 0):
            await store.acknowledge("bench", events)


def _profile_between_signals(path: Path) -> None:
    """SIGUSR1 starts, SIGUSR2 ends and writes; what happens before and after is in no profile."""
    profile = cProfile.Profile()
    loop = asyncio.get_running_loop()

    def write() -> None:
        profile.disable()
        profile.dump_stats(path)

    loop.add_signal_handler(signal.SIGUSR1, profile.enable)
    loop.add_signal_handler(signal.SIGUSR2, write)


def main() -> None:
    """Parses the command line and serves."""
    parser = argparse.ArgumentParser(prog="python -m bench.ours")
    parser.add_argument("--wire", choices=("compiled", "pure"), default="compiled")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--link-port", type=int, required=True)
    parser.add_argument("--worker-port", type=int, default=0)
    parser.add_argument("--secret", type=Path, required=True)
    parser.add_argument("--tls", type=Path, nargs=2)
    parser.add_argument("--profile", type=Path)
    parser.add_argument("--store", default="", help="a Redis that this gateway shares with others")
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR)
    )  # logs off, as for the peers
    settle()
    uvloop.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
