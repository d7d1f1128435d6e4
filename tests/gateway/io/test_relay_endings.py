"""Each cause of an end is reported once, and told politely to whoever can still be told."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from gateway.frames import close_frame
from gateway.relay import Cause, Close, Farewell, Side
from tests.gateway.io.closes import BRIEF, read_close, read_masked_close
from tests.gateway.io.rig import MASK, SOON, Pair, RecordingOwner, Rig, from_client, from_worker, outline, send_all
from tests.gateway.walks import a_frame


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
