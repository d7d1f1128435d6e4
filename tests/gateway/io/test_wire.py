"""Streams and listeners of both wires: what a handshake needs before the relay takes over."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from pathlib import Path

import pytest

from gateway.io.wire import Stream, Wire
from tests.gateway.io.rig import SOON, Rig


async def test_a_stream_knows_its_peer_and_receives_what_it_sends(any_rig: Rig) -> None:
    peer, stream = await any_rig.client()
    sockname = peer.writer.get_extra_info("sockname")

    peer.send(b"GET / HTTP/1.1\r\n")

    assert (stream.peer_host, stream.peer_port) == (sockname[0], sockname[1])
    assert await stream.receive() == b"GET / HTTP/1.1\r\n"
    stream.abort()


async def test_receive_waits_for_bytes_that_come_later_and_then_for_the_end(any_rig: Rig) -> None:
    peer, stream = await any_rig.client()
    waiting = asyncio.ensure_future(stream.receive())
    await asyncio.sleep(0)

    peer.send(b"late")

    assert await asyncio.wait_for(waiting, SOON) == b"late"
    peer.close()
    assert await asyncio.wait_for(stream.receive(), SOON) == b""
    stream.abort()


async def test_a_cancelled_receive_loses_nothing(any_rig: Rig) -> None:
    peer, stream = await any_rig.client()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(stream.receive(), 0.02)

    peer.send(b"kept")

    assert await asyncio.wait_for(stream.receive(), SOON) == b"kept"
    stream.abort()


async def test_unread_bytes_come_first_and_again(any_rig: Rig) -> None:
    peer, stream = await any_rig.client()
    peer.send(b"world")

    stream.unread(b"lo ")
    stream.unread(b"hel")
    got = await stream.receive()
    while len(got) < 11:
        got += await stream.receive()

    assert got == b"hello world"
    stream.abort()


async def test_at_most_64_kib_come_at_once(any_rig: Rig) -> None:
    peer, stream = await any_rig.client()
    peer.send(bytes(300_000))
    got: list[int] = []

    while sum(got) < 300_000:
        got.append(len(await asyncio.wait_for(stream.receive(), SOON)))

    assert max(got) <= 65536
    stream.abort()


async def test_a_reset_is_an_error(rig: Rig) -> None:
    peer, stream = await rig.client()
    peer.reset()

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(stream.receive(), SOON)
    stream.abort()


async def test_wait_gone_returns_when_the_peer_goes_and_keeps_the_bytes(any_rig: Rig) -> None:
    peer, stream = await any_rig.client()
    peer.send(b"last words")
    await peer.writer.drain()
    waiting = asyncio.ensure_future(stream.wait_gone())
    done, _ = await asyncio.wait([waiting], timeout=0.05)
    assert not done

    peer.close()

    await asyncio.wait_for(waiting, SOON)
    assert await stream.receive() == b"last words"
    stream.abort()


async def test_a_cancelled_wait_gone_leaves_the_stream_usable(any_rig: Rig) -> None:
    peer, stream = await any_rig.client()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(stream.wait_gone(), 0.02)

    peer.send(b"still here")

    assert await asyncio.wait_for(stream.receive(), SOON) == b"still here"
    stream.abort()


async def test_finish_delivers_the_answer_even_when_unread_bytes_are_there(any_rig: Rig) -> None:
    peer, stream = await any_rig.client()
    peer.send(bytes(100_000))
    await stream.receive()

    stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    finishing = asyncio.ensure_future(stream.finish(1.0))

    assert await peer.receive(28) == b"HTTP/1.1 400 Bad Request\r\n\r\n"
    assert await peer.rest() == b""
    peer.close()
    await asyncio.wait_for(finishing, SOON)


async def test_finish_waits_no_longer_than_its_linger(any_rig: Rig) -> None:
    _, stream = await any_rig.client()

    await asyncio.wait_for(stream.finish(0.05), SOON)

    with pytest.raises(ConnectionError):
        await stream.receive()


async def test_a_peer_that_takes_nothing_gets_64_kib_queued_and_is_then_aborted(rig: Rig) -> None:
    peer, stream = await rig.client()
    peer.stop_reading()

    for _ in range(500):
        stream.send(bytes(60_000))

    with pytest.raises(ConnectionError):
        await stream.receive()


async def test_an_abort_wakes_who_waits_and_may_come_twice(any_rig: Rig) -> None:
    _, stream = await any_rig.client()
    waiting = asyncio.ensure_future(stream.receive())
    await asyncio.sleep(0)

    stream.abort()
    stream.abort()

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(waiting, SOON)


async def test_connect_refuses_names_and_reports_a_closed_port(wire: Wire) -> None:
    with socket.socket() as deaf:  # bound and not listening: nobody else gets the port
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]

        with pytest.raises(OSError, match="literal"):
            await wire.connect("localhost", port)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.wait_for(wire.connect("127.0.0.1", port), SOON)


async def test_ipv6_and_mapped_addresses(wire: Wire) -> None:
    accepted: asyncio.Queue[Stream] = asyncio.Queue()
    sock = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    sock.setblocking(False)
    listener = wire.listen(sock, accepted.put_nowait)
    port = sock.getsockname()[1]

    dialled = [await wire.connect(host, port) for host in ("::1", "127.0.0.1")]
    hosts = {(await asyncio.wait_for(accepted.get(), SOON)).peer_host for _ in dialled}

    assert hosts == {"::1", "127.0.0.1"}
    for stream in dialled:
        stream.abort()
    listener.close()


async def test_a_paused_listener_leaves_connections_in_the_backlog(rig: Rig) -> None:
    rig.listener.pause()
    opening = asyncio.ensure_future(rig.client())
    done, _ = await asyncio.wait([opening], timeout=0.1)
    assert not done

    rig.listener.resume()

    _, stream = await asyncio.wait_for(opening, SOON)
    stream.abort()


async def test_without_descriptors_the_backlog_waits_instead_of_spinning(rig: Rig) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    in_use = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    peer = socket.socket()
    peer.setblocking(False)
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use - 1, hard))
    try:
        with contextlib.suppress(BlockingIOError):
            peer.connect(("127.0.0.1", rig.port))
        cpu = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        await asyncio.sleep(0.3)
        spent = resource.getrusage(resource.RUSAGE_SELF).ru_utime - cpu
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    stream = await rig.accepted()

    assert spent < 0.2
    stream.abort()
    peer.close()
