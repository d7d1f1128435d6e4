"""The gateway's own pings: who is given up, what never reaches the worker, who answers a probe."""

from __future__ import annotations

import asyncio
import dataclasses

from gateway.relay import Cause, Close, Farewell, Side
from tests.gateway.io.closes import BRIEF, read_masked_close
from tests.gateway.io.rig import MASK, SOON, Rig, from_client, from_worker, outline
from tests.gateway.walks import a_frame


async def test_a_silent_client_is_pinged_and_given_up(any_rig: Rig) -> None:
    limits = dataclasses.replace(BRIEF, ping_every_seconds=0.2, pong_within_seconds=0.3)
    pair = await any_rig.pair(limits, Farewell(worker=Close(1001, b"silent")))

    ping = await pair.client.receive(18)

    assert ping[:2] == b"\x89\x10"
    assert outline(await pair.owner.ending()) == (Cause.SILENT, Side.CLIENT, None, True)
    assert await read_masked_close(pair) == (1001, b"silent")
    await pair.settle()


async def test_own_pongs_keep_a_client_alive_and_never_reach_the_worker(any_rig: Rig) -> None:
    limits = dataclasses.replace(BRIEF, ping_every_seconds=0.2, pong_within_seconds=0.4)
    pair = await any_rig.pair(limits)

    for _ in range(4):
        ping = await pair.client.receive(18)
        pong = a_frame(10, ping[2:], mask=MASK)
        pair.client.send(pong[:9])
        await asyncio.sleep(0)
        pair.client.send(pong[9:])
    message = from_client(b"still here")
    pair.client.send(message)

    assert await pair.worker.receive(len(message)) == message
    assert pair.relay.traffic().bytes_from_client == len(message)
    assert not pair.owner.ended.is_set()
    await pair.settle()


async def test_pings_and_pongs_of_others_pass(any_rig: Rig) -> None:
    pair = await any_rig.pair()
    down, up = a_frame(9, bytes(16)), a_frame(10, bytes(16), mask=MASK)

    pair.worker.send(down)
    pair.client.send(up)

    assert await pair.client.receive(len(down)) == down
    assert await pair.worker.receive(len(up)) == up
    await pair.settle()


async def test_a_ping_waits_for_the_boundary(any_rig: Rig) -> None:
    pair = await any_rig.pair(dataclasses.replace(BRIEF, ping_every_seconds=0.1, pong_within_seconds=9))
    frame = from_worker(bytes(range(100)))
    pair.worker.send(frame[:50])
    await pair.client.receive(50)
    await asyncio.sleep(0.6)

    pair.worker.send(frame[50:] + frame)

    assert await pair.client.receive(52) == frame[50:]
    rest = await pair.client.receive(18 + len(frame))
    assert sorted([rest.find(frame), rest.find(b"\x89\x10")]) in ([0, 18], [0, len(frame)])
    await pair.settle()


async def test_a_probe_is_answered_when_anything_comes_and_denied_in_silence(any_rig: Rig) -> None:
    pair = await any_rig.pair()
    answers: asyncio.Queue[bool] = asyncio.Queue()

    pair.relay.probe(SOON, answers.put_nowait)
    ping = await pair.client.receive(18)
    pair.client.send(a_frame(10, ping[2:], mask=MASK))
    assert await asyncio.wait_for(answers.get(), SOON) is True
    pair.relay.probe(0.05, answers.put_nowait)
    assert await asyncio.wait_for(answers.get(), SOON) is False

    pair.relay.probe(SOON, answers.put_nowait)
    pair.relay.abort()
    assert await asyncio.wait_for(answers.get(), SOON) is False
    await pair.owner.goodbye()
    pair.relay.probe(SOON, answers.put_nowait)
    assert await asyncio.wait_for(answers.get(), SOON) is False
