"""Ends: one record for each session, the first valid one, and no way back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from moorage.errors import Code
from scheduler.values import (
    NO_USAGE,
    ClaimState,
    CloseSession,
    Directive,
    End,
    Ended,
    EndSession,
    Order,
    Outcome,
    QueueRefused,
    Stale,
    Usage,
)
from tests.scheduler.builders import NEAR, a_request, a_session, a_worker
from tests.scheduler.world import World


async def test_the_attach_ends_its_session_and_the_record_says_all(world: World) -> None:
    worker = await world.worker(a_worker())
    held = await world.attach()
    await world.advance(3)
    wish = End(held.session, Outcome.COMPLETED, None, "CLOSED", "client", held.fence, Usage(1, 2, 3, 4))

    answer = await world.store.end(wish)

    assert isinstance(answer, Ended)
    assert answer.is_first
    record = answer.record
    assert (record.outcome, record.reason, record.by) == (Outcome.COMPLETED, "CLOSED", "client")
    assert (Usage(1, 2, 3, 4), 3.0, world.now) == (record.usage, record.held_seconds, record.ended_at)
    assert not record.is_estimated
    assert record == await world.store.session(held.session)
    assert (await world.view(worker.worker)).used == 0


async def test_later_ends_are_told_who_was_first(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()
    first = await world.end(held.session, by="client", fence=held.fence)

    later = [
        await world.store.end(End(held.session, Outcome.FAILED, Code.INTERNAL, "LATE", by, fence))
        for by, fence in (("gateway", held.fence), ("worker", held.fence), ("api", None))
    ]

    assert [Ended(first, is_first=False)] * 3 == later
    assert (await world.event_types(held.session)).count("session.ended") == 1


async def test_of_many_ends_at_once_one_wins(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()
    wishes = [End(held.session, Outcome.COMPLETED, None, f"E{i}", "api") for i in range(10)]

    answers = await asyncio.gather(*(world.store.end(wish) for wish in wishes))

    assert sum(isinstance(answer, Ended) and answer.is_first for answer in answers) == 1
    assert len({answer.record for answer in answers if isinstance(answer, Ended)}) == 1


async def test_an_end_with_an_old_fence_ends_nothing(world: World) -> None:
    await world.worker(a_worker())
    old = await world.attach()
    new = await world.attach(old.session)

    answer = await world.store.end(End(old.session, Outcome.COMPLETED, None, "", "client", old.fence))

    assert Stale(old.session, new.fence) == answer
    assert ClaimState.HELD is (await world.session(old.session)).state


async def test_an_end_with_a_fence_of_a_session_that_is_not_here_is_stale(world: World) -> None:
    session = a_session()

    answer = await world.store.end(End(session, Outcome.COMPLETED, None, "", "client", 7))

    assert Stale(session, None) == answer


async def test_an_end_by_api_closes_the_client_and_tells_the_worker(world: World) -> None:
    worker = await world.worker(a_worker())
    held = await world.attach()

    await world.store.end(End(held.session, Outcome.COMPLETED, Code.SESSION_ENDED, "TERMINATED", "api"))

    assert [CloseSession(held.session, held.fence, Code.SESSION_ENDED)] == await world.heard(NEAR)
    orders = await world.orders(worker.worker)
    assert [Directive(Order.END_SESSION, held.session, held.fence, None, "TERMINATED")] == orders


async def test_an_end_by_api_of_a_held_session_is_marked_as_estimated(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()
    await world.store.checkpoint(held.session, held.fence, Usage(5, 5, 5, 5))

    record = await world.end(held.session)

    assert record.is_estimated
    assert Usage(5, 5, 5, 5) == record.usage


async def test_an_end_by_the_attach_closes_nobody(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()

    await world.end(held.session, by="client", fence=held.fence)

    assert await world.heard(NEAR) == []


async def test_an_end_while_dialling_closes_the_dialling_gateway(world: World) -> None:
    await world.worker(a_worker())
    claimed = await world.claimed(a_request())

    await world.end(claimed.session)

    assert [CloseSession(claimed.session, claimed.fence, Code.SESSION_ENDED)] == await world.heard(NEAR)
    assert Stale(claimed.session, None) == await world.store.confirm(claimed.session, claimed.fence)


async def test_ending_a_suspended_session_closes_nobody(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()
    await world.store.suspend(held.session, held.fence, Usage(), is_worker_lost=False)

    record = await world.end(held.session)

    assert await world.heard(NEAR) == []
    assert not record.is_estimated


async def test_events_of_a_session_are_numbered_from_one_without_a_gap(world: World) -> None:
    await world.worker(a_worker())
    one = await world.attach()
    await world.store.suspend(one.session, one.fence, Usage(), is_worker_lost=False)
    await world.attach(one.session)
    await world.end(one.session)

    events = await world.events(one.session)

    assert [event.seq for event in events] == [1, 2, 3, 4]
    assert [event.type for event in events] == [
        "session.started",
        "session.suspended",
        "session.resumed",
        "session.ended",
    ]


async def test_a_waiting_session_that_is_ended_leaves_the_queue(world: World) -> None:
    await world.worker(a_worker(slots=1))
    await world.attach()
    request = a_request(wait_seconds=60)
    await world.store.claim(request)

    await world.end(request.session)

    [notice] = await world.heard(NEAR)
    assert isinstance(notice, QueueRefused)
    assert (request.request, Code.SESSION_ENDED) == (notice.request, notice.refused.code)
    assert await world.store.queue(request.session) is None


async def test_the_holder_is_asked_to_end_with_what_it_carried(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()
    wish = End(held.session, Outcome.COMPLETED, Code.SESSION_ENDED, "ENOUGH", "api")

    was_asked = await world.store.ask_to_end(wish)
    heard = await world.heard(NEAR)
    answer = await world.store.end(replace(wish, fence=held.fence, usage=Usage(1, 2, 3, 4)))

    assert was_asked
    assert EndSession(replace(wish, fence=held.fence)) in heard
    assert isinstance(answer, Ended)
    assert (Usage(1, 2, 3, 4), False, "api") == (answer.record.usage, answer.record.is_estimated, answer.record.by)


async def test_nobody_is_asked_to_end_what_nobody_holds(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()
    await world.store.suspend(held.session, held.fence, NO_USAGE, is_worker_lost=False)
    wish = End(held.session, Outcome.COMPLETED, Code.SESSION_ENDED, "ENOUGH", "api")

    assert not await world.store.ask_to_end(wish)
    assert not await world.store.ask_to_end(replace(wish, session=a_session()))
