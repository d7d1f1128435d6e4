"""Relays whose peers leave at every point, descriptors reused at once, owners that interfere: each ends exactly once."""

from __future__ import annotations

import asyncio
import random
import resource

import pytest

from gateway.frames import close_frame
from gateway.relay import Cause, Close, Farewell, Limits
from tests.gateway.io.rig import MASK, SOON, End, Pair, Rig, from_client, from_worker
from tests.gateway.walks import a_frame

LIMITS = Limits(linger_seconds=0.05, buffer_bytes=2000, ping_every_seconds=0.3, slow_client_seconds=0.3)
CONVERSATION = from_client(b"x" * 300) + a_frame(9, b"ping", mask=MASK) + a_frame(8, b"\x03\xe8", mask=MASK)
ANSWER = from_worker(b"y" * 300) + a_frame(10, b"ping") + close_frame(1000, b"bye")


def leave(end: End, how: str) -> None:
    match how:
        case "reset":
            end.reset()
        case "half":
            if end.writer.can_write_eof():
                end.writer.write_eof()
            else:
                end.close()
        case _:
            end.close()


@pytest.mark.parametrize("how", ["reset", "half", "close"])
@pytest.mark.parametrize("who", ["client", "worker", "both"])
async def test_a_peer_may_leave_after_any_number_of_bytes(any_rig: Rig, who: str, how: str) -> None:
    pairs: list[Pair] = []
    for cut in (*range(12), 300, 305, 311, 312, 315, 320, len(CONVERSATION)):
        pair = await any_rig.pair(LIMITS, Farewell(Close(4502, b"lost"), Close(1001, b"gone")))
        pairs.append(pair)
        pair.client.send(CONVERSATION[:cut])
        pair.worker.send(ANSWER[:cut])
        await asyncio.sleep(0)
        if who != "worker":
            leave(pair.client, how)
        if who != "client":
            leave(pair.worker, how)

    for pair in pairs:
        assert (await pair.owner.ending()).cause in (Cause.EOF, Cause.CLOSED)
        await pair.settle()
        assert len(pair.owner.endings) == len(pair.owner.final) == 1


async def trouble(pair: Pair, draw: random.Random) -> None:
    """One random thing that happens to a relay."""
    match draw.randrange(9):
        case 0:
            pair.client.reset()
        case 1:
            pair.worker.reset()
        case 2:
            pair.relay.close((1012, b"drain"), (1012, b"drain"))
        case 3:
            pair.relay.abort()
        case 4:
            pair.client.send(draw.randbytes(50))
        case 5:
            pair.worker.send(from_worker(draw.randbytes(100_000))[: draw.randrange(100_000)])
        case 6:
            pair.client.stop_reading()
            pair.worker.send(from_worker(bytes(500_000)))
        case 7:
            pair.relay.probe(0.01, lambda _: None)
            pair.worker.close()
        case 8:
            pair.client.send(from_client(draw.randbytes(3000)))
            pair.client.close()
    await asyncio.sleep(0)


@pytest.mark.parametrize("seed", range(3))
async def test_random_trouble_on_many_relays_ends_each_exactly_once(any_rig: Rig, seed: int) -> None:
    draw = random.Random(seed)
    pairs: list[Pair] = []

    def interfere() -> None:
        draw.choice(pairs).relay.abort()

    for _ in range(60):
        pair = await any_rig.pair(LIMITS, Farewell(Close(4502, b"lost"), Close(1001, b"gone")))
        if draw.random() < 0.2:
            pair.owner.on_end = interfere
        pairs.append(pair)
        await trouble(draw.choice(pairs), draw)
    for pair in pairs:
        await trouble(pair, draw)
    for pair in pairs:
        pair.client.reset()
        pair.worker.close()

    for pair in pairs:
        await pair.owner.goodbye()
        assert len(pair.owner.endings) == len(pair.owner.final) == 1


@pytest.mark.slow
async def test_memory_is_flat_over_thousands_of_connects(any_rig: Rig) -> None:
    async def churn(times: int) -> None:
        for _ in range(times):
            async with asyncio.timeout(SOON):
                pair = await any_rig.pair(LIMITS)
                pair.client.send(from_client(b"hello"))
                await pair.worker.receive(11)
                pair.client.reset()
                pair.worker.close()
                await pair.owner.goodbye()
            any_rig.forget()

    await churn(300 if any_rig.is_tls else 1000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await churn(1000 if any_rig.is_tls else 4000)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4000
