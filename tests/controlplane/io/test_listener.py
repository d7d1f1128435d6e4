"""Tests of controlplane/io/listener.py."""

from __future__ import annotations

import asyncio
import signal
from time import monotonic

import pytest

from controlplane.io import listener
from tests.connections import a_connection, connections
from tests.controlplane.io.conftest import Harbour, Open
from tests.deadlines import SOON

BEFORE_THE_USUAL = 4.0  # uvicorn would cut after five seconds, a listener with its own HEAD_SECONDS after ten


async def test_the_programs_signal_handlers_stay(harbour: Harbour) -> None:
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert "uvicorn" not in repr(signal.getsignal(signal.SIGINT))


@pytest.mark.parametrize(
    "said", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /"]
)
async def test_a_request_head_that_does_not_come_is_cut_off(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(listener, "HEAD_SECONDS", 0.2)
    async with a_connection(harbour.plane.port) as (reader, writer):
        writer.write(said)

        await asyncio.wait_for(reader.read(), BEFORE_THE_USUAL)


async def test_connections_far_over_the_limit_are_cut_without_waiting_for_a_request(
    open_harbour: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "SPARE", 1)
    harbour = await open_harbour(connections=2)
    async with connections(harbour.plane.port, 5) as opened:
        waiting = [asyncio.create_task(reader.read()) for reader, _ in opened]
        done, _ = await asyncio.wait(waiting[3:], timeout=SOON)

        assert done == set(waiting[3:])
        assert not any(task.done() for task in waiting[:3])
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_head_without_end_is_refused(harbour: Harbour) -> None:
    async with a_connection(harbour.plane.port) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000)

        answer = await asyncio.wait_for(reader.read(), SOON)

    assert answer.startswith(b"HTTP/1.1 400")


async def test_answers_on_a_kept_connection_are_not_held_back(harbour: Harbour) -> None:
    took = []
    for _ in range(20):
        began_at = monotonic()
        await harbour.admin.get(f"{harbour.url}/livez")
        took.append(monotonic() - began_at)

    assert min(took) < 0.04  # with Nagle's algorithm every answer but the first waits 40 ms for a delayed ACK


async def test_a_slow_request_outlives_the_head_deadline(open_harbour: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "HEAD_SECONDS", 0.05)
    harbour = await open_harbour()
    async with harbour.plane.context.database.write():
        asking = asyncio.create_task(harbour.admin.post("/sessions", json={"end_user_id": "u"}))
        await asyncio.sleep(0.2)  # four deadlines

    assert (await asking).status_code == 201
