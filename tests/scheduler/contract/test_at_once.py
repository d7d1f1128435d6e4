"""Many operations in the same turn of the loop: each is decided as if it had come alone, one after the other."""

from __future__ import annotations

import asyncio
from collections import Counter

from moorage.errors import Code
from scheduler.values import (
    Claimed,
    ClaimRequest,
    ClaimState,
    Concurrency,
    Done,
    End,
    Ended,
    Outcome,
    Queued,
    Refused,
    Usage,
)
from tests.scheduler.builders import a_request, a_worker
from tests.scheduler.world import World

MANY = 70


def an_end(claim: Claimed) -> End:
    return End(claim.session, Outcome.COMPLETED, None, "TEST", "client", claim.fence, Usage(1, 2, 3, 4))


async def claims(world: World, requests: list[ClaimRequest]) -> list[object]:
    return list(await asyncio.gather(*(world.store.claim(request) for request in requests)))


async def test_claims_at_once_fill_one_worker_before_the_next(world: World) -> None:
    for _ in range(3):
        await world.worker(a_worker(slots=30))

    answers = await claims(world, [a_request(user=f"usr_{number}") for number in range(MANY)])

    claimed = [answer for answer in answers if isinstance(answer, Claimed)]
    assert len(claimed) == MANY
    assert Counter([30, 30, 10]) == Counter(Counter(claim.worker for claim in claimed).values())


async def test_claims_at_once_over_grant_nothing(world: World) -> None:
    await world.worker(a_worker(slots=20))

    answers = await claims(world, [a_request(user=f"usr_{number}") for number in range(MANY)])

    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert {Code.NO_CAPACITY} == {answer.code for answer in refused}
    assert len(refused) == MANY - 20
    assert [view.used for view in await world.store.workers()] == [20]


async def test_a_limit_holds_among_claims_at_once(world: World) -> None:
    await world.worker(a_worker(slots=100))

    answers = await claims(world, [a_request(limits=Concurrency(per_user=5)) for _ in range(MANY)])

    assert Counter({Refused: MANY - 5, Claimed: 5}) == Counter(type(answer) for answer in answers)


async def test_the_same_request_twice_at_once_is_one_claim(world: World) -> None:
    await world.worker(a_worker(slots=10))
    request = a_request()

    first, second = await claims(world, [request, request])

    assert first == second
    assert [view.used for view in await world.store.workers()] == [1]


async def test_waiters_that_come_at_once_stand_in_line(world: World) -> None:
    await world.worker(a_worker(slots=1))
    held = await world.held(a_request())

    answers = await claims(world, [a_request(wait_seconds=60.0, user=f"usr_{number}") for number in range(5)])

    assert [answer.position for answer in answers if isinstance(answer, Queued)] == [1, 2, 3, 4, 5]
    await world.store.end(an_end(held))
    assert [view.used for view in await world.store.workers()] == [1]


async def test_confirmations_ends_and_claims_at_once_leave_what_they_would_one_by_one(world: World) -> None:
    for _ in range(2):
        await world.worker(a_worker(slots=50))
    first = [answer for answer in await claims(world, [a_request() for _ in range(40)]) if isinstance(answer, Claimed)]
    held = [await world.held(a_request()) for _ in range(20)]

    confirmed = asyncio.gather(*(world.store.confirm(claim.session, claim.fence) for claim in first))
    ended = asyncio.gather(*(world.store.end(an_end(claim)) for claim in held))
    more = await claims(world, [a_request() for _ in range(30)])

    assert {Done()} == set(await confirmed)
    assert all(isinstance(answer, Ended) and answer.is_first for answer in await ended)
    assert all(isinstance(answer, Claimed) for answer in more)
    views = await world.store.workers()
    assert (sum(view.held for view in views), sum(view.reserved for view in views)) == (40, 30)
    states = Counter(view.state for view in await world.store.sessions())
    assert Counter({ClaimState.HELD: 40, ClaimState.RESERVED: 30}) == states


async def test_who_gives_up_right_after_the_claim_leaves_nothing(world: World) -> None:
    await world.worker(a_worker(slots=10))
    request = a_request()

    claim = asyncio.ensure_future(world.store.claim(request))
    await asyncio.sleep(0)
    claim.cancel()
    await world.store.leave_queue(request.request, request.session)

    assert [view.used for view in await world.store.workers()] == [0]
    await asyncio.gather(claim, return_exceptions=True)
