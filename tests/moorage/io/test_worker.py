"""The worker SDK against the real store and link: what a session lives through at its worker."""

from __future__ import annotations

import asyncio

import pytest

from moorage.errors import Code, MoorageError
from moorage.examples.echo import echo
from moorage.io.session import Session
from moorage.link import Outcome
from scheduler import values
from tests.moorage.io.harbour import (
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

A, B = session_id("a"), session_id("b")


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
