"""The worker SDK against the real store and link: what a session lives through at its worker."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import replace

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from moorage.errors import Code, MoorageError
from moorage.examples.counter import counter
from moorage.examples.echo import echo
from moorage.io.session import Session
from moorage.io.worker import Worker
from moorage.link import Outcome
from scheduler import values
from tests.moorage.io.harbour import (
    BEAT,
    JOIN_KEY,
    WAIT,
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

A, B, C = session_id("a"), session_id("b"), session_id("c")


# A session.


async def test_a_session_knows_whose_it_is_and_what_was_asked_for(harbour: Harbour) -> None:
    journal = Journal()
    async with a_worker(harbour, journal):
        socket = await harbour.attach(A)
        await eventually(lambda: journal.sessions)
        await socket.close()

    (session,) = journal.sessions
    assert session.id == A
    assert session.user == "usr_" + "0" * 26
    assert session.workspace == "wsp_" + "0" * 26
    assert (session.metadata, session.features, session.quality) == ({"room": "blue"}, ["a"], "hd")
    assert (session.traceparent, session.path) == ("00-aa-bb-01", "/chat?x=1")


async def test_text_and_bytes_come_back_as_they_went(harbour: Harbour) -> None:
    async with a_worker(harbour, echo), await harbour.attach(A) as socket:
        await socket.send("ü")
        await socket.send(b"\x00\xff")

        assert [await socket.recv(), await socket.recv()] == ["ü", b"\x00\xff"]


async def test_a_normal_close_of_the_client_ends_the_session(harbour: Harbour) -> None:
    journal = Journal()
    async with a_worker(harbour, journal) as worker:
        socket = await harbour.attach(A)
        await socket.send("last words")
        await socket.close()

        record = await ended(harbour, A)

        assert (record.outcome, record.by) == (values.Outcome.COMPLETED, "worker")
        assert journal.heard == ["last words"]
        assert journal.finished == 1
        assert journal.sessions[0].ended is not None
        assert journal.sessions[0].ended.outcome is Outcome.COMPLETED
        assert worker.in_use == 0


async def test_a_handler_that_returns_completes_its_session(harbour: Harbour) -> None:
    async def goodbye(session: Session) -> None:
        await session.send("bye")

    async with a_worker(harbour, goodbye):
        socket = await harbour.attach(A)

        assert await socket.recv() == "bye"
        assert await closed(socket) == (1000, "")
        assert (await ended(harbour, A)).outcome is values.Outcome.COMPLETED


async def test_a_handler_that_raises_fails_its_session_and_no_other(
    harbour: Harbour, caplog: pytest.LogCaptureFixture
) -> None:
    async def fragile(session: Session) -> None:
        async for message in session:
            if message == "break":
                raise RuntimeError("boom")
            await session.send(message)

    async with a_worker(harbour, fragile):
        first, second = await harbour.attach(A), await harbour.attach(B)
        await first.send("break")

        assert await closed(first) == (1011, '{"code":"INTERNAL"}')
        assert (await ended(harbour, A)).outcome is values.Outcome.FAILED
        await second.send("still here")
        assert await second.recv() == "still here"
        await second.close()
    assert "boom" in caplog.text


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(1000, values.Outcome.COMPLETED), (1011, values.Outcome.FAILED), (4001, values.Outcome.COMPLETED)],
)
async def test_a_handler_may_close_with_a_code_of_its_own(harbour: Harbour, code: int, outcome: values.Outcome) -> None:
    async def closing(session: Session) -> None:
        await session.close(code, "w" * 200)
        with pytest.raises(MoorageError) as caught:
            await session.send("too late")
        assert caught.value.code is Code.SESSION_ENDED
        await session.close()  # again: nothing

    async with a_worker(harbour, closing):
        assert await closed(await harbour.attach(A)) == (code, "w" * 123)
        assert (await ended(harbour, A)).outcome is outcome


async def test_a_code_that_is_nobodys_to_send_is_refused(harbour: Harbour) -> None:
    seen: list[str] = []

    async def closing(session: Session) -> None:
        for code in (1005, 1006, 999, 5000):
            with pytest.raises(ValueError, match="a session is closed with"):
                await session.close(code)
            seen.append(str(code))

    async with a_worker(harbour, closing):
        assert await closed(await harbour.attach(A)) == (1000, "")
    assert len(seen) == 4


async def test_a_message_over_the_bound_fails_the_session(harbour: Harbour) -> None:
    async with a_worker(harbour, echo, max_size=100):
        socket = await harbour.attach(A)
        await socket.send("x" * 101)

        assert (await closed(socket))[0] == 1009
        assert (await ended(harbour, A)).outcome is values.Outcome.FAILED


async def test_a_handler_that_lingers_after_the_end_is_cancelled(harbour: Harbour) -> None:
    cancelled = asyncio.Event()

    async def lingering(session: Session) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with a_worker(harbour, lingering, grace_seconds=0.05) as worker:
        await (await harbour.attach(A)).close()

        await asyncio.wait_for(cancelled.wait(), WAIT)
        assert worker.in_use == 0


async def test_a_client_that_does_not_read_stops_its_sender(harbour: Harbour) -> None:
    sent = 0

    async def flood(session: Session) -> None:
        nonlocal sent
        while True:
            await session.send("x" * 100_000)
            sent += 1

    async with a_worker(harbour, flood, grace_seconds=0.1):
        claimed = await harbour.claim(A)
        socket = await upgrade(claimed.address, headers_for(claimed), max_queue=1)
        seen = -1
        async with asyncio.timeout(WAIT):
            while seen != sent:  # until a tenth of a second brings nothing new
                seen = sent
                await asyncio.sleep(0.1)

        assert sent < 1000
        socket.transport.abort()


# Across sockets.


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


# Joining.


async def test_a_worker_that_is_never_let_in_says_why(harbour: Harbour) -> None:
    worker = Worker(echo, gateways=harbour.links, join_key="wrong")
    worker.options = replace(worker.options, let_in_seconds=0.3)

    with pytest.raises(MoorageError) as caught:
        await asyncio.wait_for(worker.serve(), WAIT)

    assert caught.value.code is Code.INVALID_JOIN_KEY


async def test_a_handler_that_blocks_does_not_lose_its_worker(harbour: Harbour) -> None:
    def block() -> None:
        time.sleep(10 * BEAT)

    async def blocking(session: Session) -> None:
        async for _ in session:
            block()
            await session.send("done")

    worker = Worker(blocking, gateways=harbour.links, join_key=JOIN_KEY, drain_seconds=0.0)
    thread = threading.Thread(target=asyncio.run, args=(worker.serve(),))
    thread.start()
    await eventually(harbour.is_serving)
    socket = await harbour.attach(A)
    before = harbour.count("moorage_gateway_link_heartbeats_total")
    await socket.send("block")
    await socket.recv()

    assert harbour.count("moorage_gateway_link_heartbeats_total") - before >= 5
    await socket.close()
    await ended(harbour, A)
    (view,) = await harbour.store.workers()
    await harbour.store.retire(view.worker)
    await asyncio.to_thread(thread.join, WAIT)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"slots": 0}, "slots is from 1 to 20000"),
        ({"slots": 20_001}, "slots is from 1 to 20000"),
        ({"join_key": ""}, "needs a join key"),
        ({"gateways": ["http://gateway"]}, "a gateway is ws://"),
        ({"gateways": [" "]}, "needs at least one gateway"),
        ({"labels": {str(number): "" for number in range(65)}}, "at most 64 labels"),
        ({"pool": "x" * 300}, "at most 256 characters"),
    ],
)
def test_a_wrong_setting_is_named(options: dict[str, object], why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOORAGE_JOIN_KEY", raising=False)

    with pytest.raises(ValueError, match=why):
        Worker(echo, **{"join_key": JOIN_KEY} | options)  # type: ignore[arg-type] # that is the point


async def test_two_upgrades_at_once_for_one_slot_let_one_in(harbour: Harbour) -> None:
    async with a_worker(harbour, echo, slots=1) as worker:
        claimed = await harbour.claim(A)
        upgrades = [upgrade(claimed.address, headers_for(claimed._replace(session=session))) for session in (A, B, C)]
        answers = await asyncio.gather(*upgrades, return_exceptions=True)

        let_in = [answer for answer in answers if not isinstance(answer, BaseException)]
        assert worker.in_use == 1
        assert len(let_in) == 1
        for socket in let_in:
            await socket.close()


async def test_a_client_that_never_finishes_its_request_disturbs_nobody(harbour: Harbour) -> None:
    async with a_worker(harbour, echo) as worker:
        _, writer = await asyncio.open_connection("127.0.0.1", worker.port)
        writer.write(b"GET / HTTP/1.1\r\nHost:")
        async with await harbour.attach(A) as socket:
            await socket.send("hello")
            assert await socket.recv() == "hello"
        writer.transport.abort()


async def test_the_end_of_iteration_is_an_error_for_who_asks_for_one_more(harbour: Harbour) -> None:
    caught: list[MoorageError] = []

    async def asking(session: Session) -> None:
        try:
            while True:
                await session.recv()
        except MoorageError as error:
            caught.append(error)

    async with a_worker(harbour, asking):
        await (await harbour.attach(A)).close()
        await eventually(lambda: caught)

    assert caught[0].code is Code.SESSION_ENDED


async def test_an_unclaimed_socket_is_not_kept(harbour: Harbour) -> None:
    async with a_worker(harbour, echo) as worker:
        with pytest.raises((InvalidStatus, ConnectionClosed)):
            await connect(f"ws://127.0.0.1:{worker.port}/", proxy=None)
