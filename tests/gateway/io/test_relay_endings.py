"""Each cause of an end is reported once, and told politely to whoever can still be told."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from gateway.frames import close_frame
from gateway.relay import Cause, Close, Farewell, Limits, Side
from tests.gateway.io.rig import (
    MASK,
    SOON,
    Pair,
    RecordingOwner,
    Rig,
    a_frame,
    from_client,
    from_worker,
    masked,
    outline,
    send_all,
)

BRIEF = Limits(linger_seconds=0.3)


async def read_close(pair: Pair) -> tuple[int, bytes]:
    """The close frame the client gets."""
    first, size = await pair.client.receive(2)
    payload = await pair.client.receive(size)
    assert first == 0x88
    return int.from_bytes(payload[:2], "big"), payload[2:]


async def read_masked_close(pair: Pair) -> tuple[int, bytes]:
    """The close frame the worker gets."""
    first, size = await pair.worker.receive(2)
    mask = await pair.worker.receive(4)
    payload = masked(await pair.worker.receive(size & 127), mask)
    assert first == 0x88
    return int.from_bytes(payload[:2], "big"), payload[2:]


@pytest.mark.parametrize("code", [1000, 1001, 4999, None])
async def test_a_close_answered_by_the_worker_ends_the_relay_as_closed_by_the_client(
    any_rig: Rig, code: int | None
) -> None:
    pair = await any_rig.pair()
    body = code.to_bytes(2, "big") + b"bye" if code else b""
    up, down = a_frame(8, body, mask=MASK), a_frame(8, body)

    pair.client.send(up)
    assert await pair.worker.receive(len(up)) == up
    pair.worker.send(down)

    assert outline(await pair.owner.ending()) == (Cause.CLOSED, Side.CLIENT, code, True)
    assert pair.owner.endings[0].close_seen
    assert await pair.client.rest() == down
    assert await pair.worker.rest() == b""
    await pair.settle()


async def test_a_close_by_the_worker_that_nobody_answers_ends_after_the_linger(any_rig: Rig) -> None:
    pair = await any_rig.pair()

    pair.worker.send(close_frame(1011, b"oops") + b"\xffgarbage is ignored")

    assert await read_close(pair) == (1011, b"oops")
    assert outline(await pair.owner.ending()) == (Cause.CLOSED, Side.WORKER, 1011, True)
    await pair.owner.goodbye()


async def test_a_worker_that_closes_and_goes_while_bytes_are_pending_is_closed(any_rig: Rig) -> None:
    pair = await any_rig.pair()
    pair.client.send(from_client(bytes(50_000)))
    await pair.worker.receive(10)

    pair.worker.send(close_frame(1000, b""))
    await pair.worker.writer.drain()
    pair.worker.reset() if pair.worker.writer.transport.get_write_buffer_size() else pair.worker.close()

    assert outline(await pair.owner.ending()) == (Cause.CLOSED, Side.WORKER, 1000, True)
    await pair.settle()


async def test_a_client_that_closes_first_still_gets_what_the_worker_says_before_its_own_close(any_rig: Rig) -> None:
    pair = await any_rig.pair()

    pair.client.send(a_frame(8, b"\x03\xe8", mask=MASK))
    await pair.worker.receive(8)
    pair.worker.send(from_worker(b"last words") + close_frame(1000, b""))

    assert await pair.client.rest() == from_worker(b"last words") + close_frame(1000, b"")
    await pair.settle()


async def test_a_worker_that_ends_without_a_close_is_reported_after_its_bytes_and_the_client_is_told(
    any_rig: Rig,
) -> None:
    pair = await any_rig.pair(farewell=Farewell(client=Close(4502, b"{}")))

    pair.worker.send(from_worker(b"unfinished business"))
    pair.worker.close()

    assert await pair.client.receive(21) == from_worker(b"unfinished business")
    assert await read_close(pair) == (4502, b"{}")
    assert await pair.client.rest() == b""
    assert outline(await pair.owner.ending()) == (Cause.EOF, Side.WORKER, None, True)
    pair.client.close()
    await pair.owner.goodbye()


async def test_a_worker_that_dies_in_mid_frame_leaves_the_client_without_a_close(any_rig: Rig) -> None:
    pair = await any_rig.pair(farewell=Farewell(client=Close(4502, b"{}")))
    partial = from_worker(bytes(100))[:50]

    pair.worker.send(partial)
    assert await pair.client.receive(50) == partial
    pair.worker.reset()

    assert await pair.client.rest() == b""
    assert outline(await pair.owner.ending()) == (Cause.EOF, Side.WORKER, None, False)
    pair.client.close()
    await pair.owner.goodbye()


@pytest.mark.parametrize("polite", [True, False])
async def test_a_client_that_goes_without_a_close_is_reported_and_the_worker_is_told(
    any_rig: Rig, polite: bool
) -> None:
    pair = await any_rig.pair(farewell=Farewell(worker=Close(1001, b"gone")))
    pair.client.send(from_client(b"hi"))
    await pair.worker.receive(8)

    pair.client.close() if polite else pair.client.reset()

    assert await read_masked_close(pair) == (1001, b"gone")
    assert outline(await pair.owner.ending())[:2] == (Cause.EOF, Side.CLIENT)
    pair.worker.close()
    await pair.owner.goodbye()


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


async def test_an_ordered_end_tells_both_and_ignores_the_owners_farewell(any_rig: Rig) -> None:
    pair = await any_rig.pair(farewell=Farewell(Close(4400), Close(4400)))

    pair.relay.close((1012, b"draining"), (1012, b"drained"))
    pair.relay.close((4499, b"twice"), None)

    assert pair.owner.endings == []
    assert await read_close(pair) == (1012, b"draining")
    assert await read_masked_close(pair) == (1012, b"drained")
    assert outline(await pair.owner.ending()) == (Cause.ORDERED, None, None, True)
    await pair.settle()
    pair.relay.close((4499, b"too late"), None)
    pair.relay.abort()
    assert len(pair.owner.endings) == len(pair.owner.final) == 1


async def test_a_farewell_waits_for_the_boundary_while_the_source_lives(any_rig: Rig) -> None:
    pair = await any_rig.pair()
    frame = from_worker(bytes(100))
    pair.worker.send(frame[:50])
    await pair.client.receive(50)

    pair.relay.close((1012, b""), None)
    await pair.owner.ending()
    pair.worker.send(frame[50:])

    assert await pair.client.receive(52) == frame[50:]
    assert await read_close(pair) == (1012, b"")
    pair.worker.send(frame)
    assert await pair.client.rest() == b""
    await pair.settle()


async def test_a_farewell_waits_for_the_boundary_no_longer_than_the_linger(any_rig: Rig) -> None:
    pair = await any_rig.pair()
    pair.worker.send(from_worker(bytes(100))[:50])
    await pair.client.receive(50)

    pair.relay.close((1012, b""), None)

    assert await pair.client.rest() == b""
    await pair.owner.goodbye()


async def test_an_abort_closes_both_and_tells_the_owner_once(any_rig: Rig) -> None:
    pair = await any_rig.pair()

    pair.relay.abort()
    pair.relay.abort()

    assert (await pair.owner.ending()).cause is Cause.ORDERED
    await pair.owner.goodbye()
    assert await pair.client.rest() == b""
    assert await pair.worker.rest() == b""


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


async def test_the_byte_limit_of_a_live_relay_can_change(any_rig: Rig) -> None:
    pair = await any_rig.pair()
    message = from_client(b"x")
    pair.client.send(message)
    await pair.worker.receive(len(message))

    pair.relay.set_session_bytes(len(message))
    pair.client.send(message)

    assert outline(await pair.owner.ending()) == (Cause.BYTES, None, None, True)
    await pair.settle()


async def test_an_owner_may_end_other_relays_from_within_its_own_end(any_rig: Rig) -> None:
    pairs = [await any_rig.pair() for _ in range(4)]

    def end_all() -> None:
        for pair in pairs:
            pair.relay.abort()

    pairs[0].owner.on_end = end_all
    for pair in pairs:
        pair.worker.reset()

    for pair in pairs:
        await pair.owner.goodbye()
        assert len(pair.owner.endings) == len(pair.owner.final) == 1


async def test_closing_the_wire_ends_live_relays(any_rig: Rig) -> None:
    pairs = [await any_rig.pair() for _ in range(3)]
    stray, stray_stream = await any_rig.client()

    any_rig.wire.close()

    for pair in pairs:
        await pair.owner.goodbye()
        assert await pair.client.rest() == b""
    assert await stray.rest() == b""
    with pytest.raises(ConnectionError):
        await stray_stream.receive()


async def test_who_still_waits_on_a_stream_that_is_relayed_hears_of_it(rig: Rig) -> None:
    client, client_stream = await rig.client()
    worker, worker_stream = await rig.worker()
    waiting = asyncio.ensure_future(client_stream.wait_gone())
    await asyncio.sleep(0)
    owner = RecordingOwner()

    relay = rig.wire.relay(client_stream, worker_stream, BRIEF, owner)

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(waiting, SOON)
    client_stream.abort()
    await Pair(client, worker, owner, relay).settle()


async def test_a_paused_client_that_leaves_is_noticed_while_the_worker_reads_nothing(rig: Rig) -> None:
    if rig.wire.name == "pure":
        pytest.skip("asyncio does not look at a socket it does not read: its worker's lease ends such a session")
    pair = await rig.pair(dataclasses.replace(BRIEF, buffer_bytes=1000))
    pair.worker.stop_reading()
    flood = asyncio.ensure_future(send_all(pair.client.writer, from_client(bytes(100_000)), 500))
    done, _ = await asyncio.wait([flood], timeout=0.5)
    assert not done

    pair.client.reset()

    assert outline(await pair.owner.ending())[:2] == (Cause.EOF, Side.CLIENT)
    with pytest.raises((ConnectionError, RuntimeError)):  # uvloop's word for a write after an abort
        await flood
    pair.worker.close()
    await pair.owner.goodbye()
