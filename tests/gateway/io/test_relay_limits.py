"""A relay's limits: who breaks one is told at a boundary, who does not read is cut."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from gateway.relay import Cause, Close, Farewell, Limits, Side
from tests.gateway.io.closes import BRIEF, read_close, read_masked_close
from tests.gateway.io.rig import MASK, SOON, Rig, from_client, from_worker, outline, send_all
from tests.gateway.walks import a_frame


@pytest.mark.parametrize(
    ("cause", "limits", "sent"),
    [
        (Cause.PROTOCOL, BRIEF, from_worker(b"unmasked")),
        (Cause.TOO_BIG, dataclasses.replace(BRIEF, frame_bytes=10), from_client(bytes(11))),
        (Cause.TOO_BIG, dataclasses.replace(BRIEF, message_bytes=10), from_client(bytes(11))),
        (Cause.RATE, dataclasses.replace(BRIEF, messages_per_second=0.1, message_burst=1), from_client(b"x")),
        (Cause.BYTES, dataclasses.replace(BRIEF, session_bytes=10), from_client(b"xyz")),
    ],
    ids=["protocol", "frame", "message", "rate", "bytes"],
)
async def test_a_client_that_breaks_a_limit_is_told_at_a_boundary(
    any_rig: Rig, cause: Cause, limits: Limits, sent: bytes
) -> None:
    pair = await any_rig.pair(limits, Farewell(Close(1009, b"no"), Close(1001, b"cut")))
    legal = from_client(b"ok")

    pair.client.send(legal + sent)

    assert await pair.worker.receive(len(legal)) == legal
    assert await read_close(pair) == (1009, b"no")
    assert await read_masked_close(pair) == (1001, b"cut")
    by = None if cause is Cause.BYTES else Side.CLIENT
    assert outline(await pair.owner.ending()) == (cause, by, None, True)
    await pair.settle()


async def test_a_worker_that_breaks_the_protocol_is_told_too(any_rig: Rig) -> None:
    pair = await any_rig.pair(farewell=Farewell(Close(1011, b""), Close(1002, b"masked")))

    pair.worker.send(from_client(b"masked"))

    assert await read_masked_close(pair) == (1002, b"masked")
    assert await read_close(pair) == (1011, b"")
    assert outline(await pair.owner.ending()) == (Cause.PROTOCOL, Side.WORKER, None, True)
    await pair.settle()


async def test_an_idle_relay_ends_and_pings_are_not_activity(any_rig: Rig) -> None:
    pair = await any_rig.pair(dataclasses.replace(BRIEF, idle_seconds=0.4), Farewell(Close(4421, b"idle")))
    started = asyncio.get_running_loop().time()
    while not pair.owner.ended.is_set():
        pair.client.send(a_frame(9, b"", mask=MASK))
        await asyncio.sleep(0.05)
        assert asyncio.get_running_loop().time() < started + SOON

    assert outline(await pair.owner.ending()) == (Cause.IDLE, None, None, True)
    assert await read_close(pair) == (4421, b"idle")
    await pair.settle()


async def test_a_client_that_does_not_read_is_cut_as_slow(any_rig: Rig) -> None:
    pair = await any_rig.pair(dataclasses.replace(BRIEF, slow_client_seconds=0.3, buffer_bytes=1000))
    pair.client.stop_reading()
    flood = asyncio.ensure_future(send_all(pair.worker.writer, from_worker(bytes(100_000)), 500))

    assert outline(await pair.owner.ending())[:2] == (Cause.SLOW, Side.CLIENT)
    await pair.owner.goodbye()
    await asyncio.wait([flood], timeout=SOON)


async def test_the_byte_limit_of_a_live_relay_can_change(any_rig: Rig) -> None:
    pair = await any_rig.pair()
    message = from_client(b"x")
    pair.client.send(message)
    await pair.worker.receive(len(message))

    pair.relay.set_session_bytes(len(message))
    pair.client.send(message)

    assert outline(await pair.owner.ending()) == (Cause.BYTES, None, None, True)
    await pair.settle()
