"""The established relay: bytes arrive untouched, held back where nobody takes them, and counted."""

from __future__ import annotations

import asyncio

import pytest

from gateway.relay import Cause, Limits, Side, Traffic
from tests.gateway.io.rig import MASK, Pair, RecordingOwner, Rig, from_client, from_worker, outline, send_all
from tests.gateway.walks import a_frame

BRIEF = Limits(linger_seconds=0.3)


async def test_messages_pass_both_ways_and_are_counted(any_rig: Rig) -> None:
    pair = await any_rig.pair()
    up, down = from_client(b"question"), from_worker(b"answer")

    pair.client.send(up * 3)
    pair.worker.send(down * 2)

    assert await pair.worker.receive(len(up) * 3) == up * 3
    assert await pair.client.receive(len(down) * 2) == down * 2
    assert pair.relay.traffic() == Traffic(3 * len(up), 2 * len(down), 3, 2)
    assert any_rig.wire.relays() == 1
    assert await pair.settle() == pair.relay.traffic()


async def test_bytes_that_came_before_the_relay_are_walked_like_others(any_rig: Rig) -> None:
    client, client_stream = await any_rig.client()
    worker, worker_stream = await any_rig.worker()
    early, late = from_client(b"early"), from_client(b"late")
    client_stream.unread(early[:4])
    worker_stream.unread(from_worker(b"soon"))
    owner = RecordingOwner()

    relay = any_rig.wire.relay(client_stream, worker_stream, BRIEF, owner)
    client.send(early[4:] + late)

    assert await worker.receive(len(early + late)) == early + late
    assert await client.receive(6) == from_worker(b"soon")
    assert relay.traffic().messages_from_client == 2
    await Pair(client, worker, owner, relay).settle()


async def test_a_violation_among_the_early_bytes_is_reported_after_the_relay_exists(rig: Rig) -> None:
    _, client_stream = await rig.client()
    _, worker_stream = await rig.worker()
    client_stream.unread(from_worker(b"unmasked"))
    owner = RecordingOwner()

    rig.wire.relay(client_stream, worker_stream, BRIEF, owner)

    assert owner.endings == []
    assert outline(await owner.ending()) == (Cause.PROTOCOL, Side.CLIENT, None, True)


@pytest.mark.parametrize("size", [1, 3, 1000, 70_000, 1_000_000])
async def test_messages_of_any_size_pass_byte_for_byte(any_rig: Rig, size: int) -> None:
    pair = await any_rig.pair(Limits(linger_seconds=0.3, buffer_bytes=10_000))
    payload = bytes(i * 7 & 255 for i in range(1000)) * (size // 1000 + 1)
    up, down = from_client(payload[:size]), from_worker(payload[:size])

    pair.client.send(up)
    pair.worker.send(down)

    assert await pair.worker.receive(len(up)) == up
    assert await pair.client.receive(len(down)) == down
    await pair.settle()


async def test_a_message_sent_byte_by_byte_arrives_whole(any_rig: Rig) -> None:
    pair = await any_rig.pair()
    message = from_client(b"fragmented") + a_frame(9, b"ping", mask=MASK)

    for i in range(len(message)):
        pair.client.send(message[i : i + 1])
        await asyncio.sleep(0)

    assert await pair.worker.receive(len(message)) == message
    await pair.settle()


@pytest.mark.parametrize("to_client", [True, False])
async def test_a_slow_reader_gets_everything_and_holds_the_sender_back(any_rig: Rig, to_client: bool) -> None:
    pair = await any_rig.pair(Limits(linger_seconds=0.3, buffer_bytes=32_000, slow_client_seconds=0))
    total, frame = 300, (from_worker if to_client else from_client)(bytes(range(256)) * 200)
    sender, reader = (pair.worker, pair.client) if to_client else (pair.client, pair.worker)
    reader.stop_reading()

    sending = asyncio.ensure_future(send_all(sender.writer, frame, total))
    done, _ = await asyncio.wait([sending], timeout=0.5)
    assert not done
    reader.read_again()
    got = b""
    while len(got) < total * len(frame):
        got += await reader.receive(min(100_000, total * len(frame) - len(got)))

    assert got == frame * total
    await sending
    await pair.settle()
