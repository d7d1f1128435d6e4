"""What the fleet orders, and how a worker leaves."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading

import pytest

from moorage.errors import Code
from moorage.examples.echo import echo
from moorage.io.worker import Worker
from scheduler import values
from scheduler.values import Directive, Drain, End, Order, SessionView
from tests.deadlines import PROGRAM
from tests.moorage.io.harbour import (
    JOIN_KEY,
    WAIT,
    Harbour,
    Journal,
    a_worker,
    closed,
    eventually,
    headers_for,
    refusal,
    session_id,
)

A, B, C = session_id("a"), session_id("b"), session_id("c")


# Orders.


async def test_a_session_ended_in_the_store_ends_here(harbour: Harbour) -> None:
    journal = Journal()
    async with a_worker(harbour, journal) as worker:
        socket = await harbour.attach(A)
        await harbour.store.end(End(A, values.Outcome.COMPLETED, Code.SESSION_ENDED, "terminated", "api"))

        assert await closed(socket) == (4410, '{"code":"SESSION_ENDED"}')
        await eventually(lambda: journal.finished)
        assert worker.in_use == 0


async def test_a_moved_session_is_closed_for_another_worker_and_not_ended(harbour: Harbour) -> None:
    journal = Journal()
    async with a_worker(harbour, journal) as worker:
        socket = await harbour.attach(A)
        assert worker.worker_id is not None
        await harbour.gateways[0].deliver(worker.worker_id, Directive(Order.MOVE, A))

        assert await closed(socket) == (1012, '{"code":"DRAINING"}')
        await eventually(lambda: journal.finished)
        assert worker.in_use == 0
        assert journal.sessions[0].ended is not None
        assert journal.sessions[0].ended.outcome is None
        assert isinstance(await harbour.store.session(A), SessionView)


async def test_an_order_about_an_older_attach_is_not_about_this_one(harbour: Harbour) -> None:
    async with a_worker(harbour, echo) as worker:
        socket = await harbour.attach(A)
        assert worker.worker_id is not None
        for order in (Order.MOVE, Order.END_SESSION):
            await harbour.gateways[0].deliver(worker.worker_id, Directive(order, A, fence=1))
            await harbour.gateways[0].deliver(worker.worker_id, Directive(order, B))
        await socket.send("still here")

        assert await socket.recv() == "still here"
        await socket.close()


async def test_a_draining_worker_keeps_its_sessions_and_gets_no_new_ones(harbour: Harbour) -> None:
    async with a_worker(harbour, echo) as worker:
        socket = await harbour.attach(A)
        claimed = await harbour.claim(B)
        assert worker.worker_id is not None
        await harbour.gateways[0].deliver(worker.worker_id, Directive(Order.DRAIN, deadline=harbour.store.now() + 60))
        await eventually(lambda: worker.is_draining)

        assert await refusal(claimed.address, headers_for(claimed)) == (503, "DRAINING")
        await socket.send("still here")
        assert await socket.recv() == "still here"
        await socket.close()


async def test_an_undrained_worker_takes_new_sessions_again(harbour: Harbour) -> None:
    async with a_worker(harbour, echo) as worker:
        assert worker.worker_id is not None
        await harbour.store.drain(worker.worker_id, Drain(harbour.store.now() + 60, 10.0))
        await eventually(lambda: worker.is_draining)
        await harbour.store.uncordon(worker.worker_id)
        await eventually(lambda: not worker.is_draining)

        async with await harbour.attach(A) as socket:
            await socket.send("hello")
            assert await socket.recv() == "hello"


async def test_past_a_drains_deadline_the_worker_leaves_it_to_the_gateways_who_is_told_when(harbour: Harbour) -> None:
    async with a_worker(harbour, echo) as worker:
        socket = await harbour.attach(A)
        assert worker.worker_id is not None
        await harbour.gateways[0].deliver(worker.worker_id, Directive(Order.DRAIN, deadline=harbour.store.now() - 1))
        await eventually(lambda: worker.is_draining)

        await socket.send("still here")
        assert await socket.recv() == "still here"
        await socket.close()


async def test_a_retired_worker_leaves(harbour: Harbour) -> None:
    worker = Worker(echo, gateways=harbour.links, join_key=JOIN_KEY)
    serving = asyncio.ensure_future(worker.serve())
    await worker.ready()
    assert worker.worker_id is not None

    await harbour.store.retire(worker.worker_id)

    await asyncio.wait_for(serving, WAIT)
    assert await harbour.store.worker(worker.worker_id) is None


async def test_a_retired_worker_in_a_pod_stays_idle_until_its_pod_is_deleted(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NAMESPACE", "NAME", "UID"):
        monkeypatch.setenv(f"MOORAGE_POD_{name}", "it")
    worker = Worker(echo, gateways=harbour.links, join_key=JOIN_KEY)
    serving = asyncio.ensure_future(worker.serve())
    await worker.ready()
    assert worker.worker_id is not None

    await harbour.store.retire(worker.worker_id)
    await eventually(lambda: worker.is_draining)

    assert not serving.done()
    retired = await harbour.store.worker(worker.worker_id)
    assert retired is not None
    assert retired.state is values.WorkerState.RETIRED
    worker.leave()  # SIGTERM
    await asyncio.wait_for(serving, WAIT)


# Leaving.


async def test_a_leaving_worker_lets_its_sessions_finish(harbour: Harbour) -> None:
    worker = Worker(echo, gateways=harbour.links, join_key=JOIN_KEY, drain_seconds=30.0)
    serving = asyncio.ensure_future(worker.serve())
    await worker.ready()
    socket = await harbour.attach(A)

    worker.leave()
    await socket.send("one more")
    assert await socket.recv() == "one more"
    await socket.close()

    await asyncio.wait_for(serving, WAIT)
    assert worker.worker_id is not None
    assert await harbour.store.worker(worker.worker_id) is None


async def test_a_leaving_worker_gets_nothing_new(harbour: Harbour) -> None:
    worker = Worker(echo, gateways=harbour.links, join_key=JOIN_KEY, drain_seconds=30.0)
    serving = asyncio.ensure_future(worker.serve())
    await worker.ready()
    socket = await harbour.attach(A)
    claimed = await harbour.claim(B)

    worker.leave()
    assert await eventually(lambda: worker.is_draining)
    assert await refusal(claimed.address, headers_for(claimed)) == (503, "DRAINING")

    async def is_known() -> bool:
        return all(view.state is not values.WorkerState.SERVING for view in await harbour.store.workers())

    await eventually(is_known)
    worker.leave()  # hurried: what is left moves on at once
    assert (await closed(socket))[0] == 1012
    await asyncio.wait_for(serving, WAIT)


async def test_a_drain_ends_at_its_deadline(harbour: Harbour) -> None:
    worker = Worker(echo, gateways=harbour.links, join_key=JOIN_KEY, drain_seconds=0.1)
    serving = asyncio.ensure_future(worker.serve())
    await worker.ready()
    socket = await harbour.attach(A)

    worker.leave()

    assert (await closed(socket))[0] == 1012
    await asyncio.wait_for(serving, WAIT)
    assert isinstance(await harbour.store.session(A), SessionView)


async def test_cancelling_closes_everything(harbour: Harbour) -> None:
    worker = Worker(echo, gateways=harbour.links, join_key=JOIN_KEY)
    serving = asyncio.ensure_future(worker.serve())
    await worker.ready()
    socket = await harbour.attach(A)

    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(serving, WAIT)

    assert (await closed(socket))[0] == 1012
    assert not [thread for thread in threading.enumerate() if thread.name == "moorage-link"]


SERVES = """
import moorage
from moorage.examples.echo import echo
moorage.Worker(echo, slots=2, drain_seconds=20).run()
print("left")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_a_worker_process(harbour: Harbour, number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SERVES,
        env={**os.environ, "MOORAGE_LINK": harbour.links[0], "MOORAGE_JOIN_KEY": JOIN_KEY},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        await eventually(harbour.is_serving, PROGRAM)
        socket = await harbour.attach(A)

        process.send_signal(number)
        await socket.send("one more")
        assert await socket.recv() == "one more"
        await socket.close()

        assert await asyncio.wait_for(process.stdout.read(), PROGRAM) == b"left\n"
        assert await asyncio.wait_for(process.wait(), WAIT) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    assert await harbour.store.workers() == []
