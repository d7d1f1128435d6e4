"""Ends that the owner orders: farewells wait for the boundary, each owner hears once."""

from __future__ import annotations

import pytest

from gateway.relay import Cause, Close, Farewell
from tests.gateway.io.closes import read_close, read_masked_close
from tests.gateway.io.rig import (
    Rig,
    from_worker,
    outline,
)


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
