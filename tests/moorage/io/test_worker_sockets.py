"""A session of the worker SDK across sockets: cut, replaced, resumed, given up."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from moorage.examples.counter import counter
from moorage.examples.echo import echo
from moorage.io.session import Session
from moorage.io.worker import Worker
from scheduler import values
from tests.moorage.io.harbour import (
    JOIN_KEY,
    Harbour,
    Journal,
    a_worker,
    closed,
    ended,
    eventually,
    headers_for,
    session_id,
    upgrade,
)

A = session_id("a")


@pytest.mark.parametrize("how", ["1001", "1012", "4502", "cut"])
async def test_a_session_outlives_its_socket(harbour: Harbour, how: str) -> None:
    journal = Journal()
    async with a_worker(harbour, journal) as worker:
        first = await harbour.attach(A)
        await first.send("one")
        await eventually(lambda: journal.heard)
        if how == "cut":
            first.transport.abort()
        else:
            await first.close(int(how))
        await eventually(lambda: not journal.sessions[0].is_attached)
        assert worker.in_use == 1

        second = await harbour.attach(A)
        await second.send("two")
        await eventually(lambda: len(journal.heard) == 2)

        assert journal.heard == ["one", "two"]
        assert len(journal.sessions) == 1
        assert journal.sessions[0].attaches == 2
        await second.close()


async def test_sending_waits_for_the_client_to_come_back(harbour: Harbour) -> None:
    sent: list[int] = []

    async def counting(session: Session) -> None:
        await session.recv()
        for number in range(3):
            await session.send(str(number))
            sent.append(number)
        await session.recv()

    async with a_worker(harbour, counting) as worker:
        first = await harbour.attach(A)
        await first.send("go")
        first.transport.abort()
        await eventually(lambda: worker.in_use == 1)

        second = await harbour.attach(A)
        heard = [await second.recv() for _ in range(3 - len(sent))] or ["2"]

        assert heard[-1] == "2"
        await second.close()


async def test_what_was_received_before_the_cut_is_still_read(harbour: Harbour) -> None:
    read = asyncio.Event()
    heard: list[str | bytes] = []

    async def slow(session: Session) -> None:
        await read.wait()
        heard.extend([message async for message in session])

    async with a_worker(harbour, slow, max_queue=16):
        first = await harbour.attach(A)
        await first.send("one")
        await first.send("two")
        await first.close(1001)
        second = await harbour.attach(A)
        await second.send("three")
        read.set()
        await second.close()
        await eventually(lambda: heard)

        assert heard == ["one", "two", "three"]


async def test_a_newer_attach_replaces_the_older_socket(harbour: Harbour) -> None:
    async with a_worker(harbour, echo, slots=1) as worker:
        first = await harbour.attach(A)
        second = await harbour.attach(A)

        assert await closed(first) == (4409, '{"code":"SESSION_SUPERSEDED"}')
        await second.send("mine")
        assert await second.recv() == "mine"
        assert worker.in_use == 1
        await second.close()


async def test_a_counter_keeps_counting_across_reconnects(harbour: Harbour) -> None:
    async with a_worker(harbour, counter):
        first = await harbour.attach(A)
        await first.send("add")
        assert json.loads(await first.recv())["count"] == 1
        await first.close(1001)
        second = await harbour.attach(A)
        await second.send("add")

        assert json.loads(await second.recv())["count"] == 2
        await second.send("stop")
        assert await closed(second) == (1000, "stopped")


async def test_nobody_coming_back_ends_the_session_by_the_store(harbour: Harbour) -> None:
    journal = Journal()
    async with a_worker(harbour, journal) as worker:
        claimed = await harbour.claim(A, resume_seconds=0.1)
        socket = await upgrade(claimed.address, headers_for(claimed))
        await harbour.store.confirm(A, claimed.fence)
        socket.transport.abort()
        await harbour.store.suspend(A, claimed.fence, values.NO_USAGE, is_worker_lost=False)

        await eventually(lambda: journal.finished)

        assert worker.in_use == 0
        assert (await ended(harbour, A)).reason == "CLIENT_GONE"


async def test_nobody_coming_back_ends_the_session_even_where_the_store_is_not_heard(harbour: Harbour) -> None:
    journal = Journal()
    worker = Worker(journal, gateways=harbour.links, join_key=JOIN_KEY, drain_seconds=0.0)
    worker.options = replace(worker.options, resume_slack=-29.9)
    serving = asyncio.ensure_future(worker.serve())
    await worker.ready()
    socket = await harbour.attach(A)
    socket.transport.abort()

    await eventually(lambda: journal.finished)

    assert journal.sessions[0].ended is not None
    assert journal.sessions[0].ended.reason == "CLIENT_GONE"
    worker.leave()
    await serving
