"""What operators wish for pools, and what autoscalers say of them: kept as said, bounded, the same in every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moorage.errors import Code
from scheduler.policy import SchedulerPolicy
from scheduler.values import Done, Refused, ScaleAction
from tests.scheduler.builders import START, a_decision, a_scale_request, a_status
from tests.scheduler.world import Make, World, a_world


async def test_requests_are_kept_as_said_the_oldest_first(world: World) -> None:
    late = a_scale_request(action=ScaleAction.SCALE_UP, delta_workers=2, created_at=world.now + 1)
    early = a_scale_request(pool="", region="a region, quoted: {x} ü", created_at=world.now)

    answers = [await world.store.put_scale_request(request) for request in (late, early)]

    assert answers == [Done(), Done()]
    assert await world.store.scale_requests() == [early, late]


async def test_the_same_request_again_is_done_and_another_of_its_id_is_not(world: World) -> None:
    request = a_scale_request()
    await world.store.put_scale_request(request)

    again = await world.store.put_scale_request(request)
    other = await world.store.put_scale_request(replace(request, workers=9))

    assert again == Done()
    assert isinstance(other, Refused)
    assert other.code is Code.CONFLICT
    assert await world.store.scale_requests() == [request]


async def test_a_request_is_over_when_its_time_is(world: World) -> None:
    short, long = a_scale_request(ttl_seconds=5), a_scale_request(ttl_seconds=50)
    for request in (short, long):
        await world.store.put_scale_request(request)

    await world.advance(5)

    assert await world.store.scale_requests() == [long]
    assert not await world.store.drop_scale_request(short.id)


async def test_a_dropped_request_is_gone_and_an_unknown_one_is_said_to_be(world: World) -> None:
    request, other = a_scale_request(), a_scale_request()
    for one in (request, other):
        await world.store.put_scale_request(one)

    assert await world.store.drop_scale_request(request.id)
    assert not await world.store.drop_scale_request(request.id)
    assert await world.store.scale_requests() == [other]


async def test_beyond_the_bound_a_request_is_refused_until_one_has_expired(make: Make) -> None:
    async with a_world(make, SchedulerPolicy(scale_requests=2)) as world:
        await world.store.put_scale_request(a_scale_request(ttl_seconds=5))
        await world.store.put_scale_request(a_scale_request())
        late = a_scale_request()

        refused = await world.store.put_scale_request(late)
        await world.advance(5)
        done = await world.store.put_scale_request(late)

    assert refused == Refused(Code.CONFLICT, "2 scale requests are in force, the most there may be; release some")
    assert done == Done()


async def test_pools_are_seen_as_published_and_for_a_day_after_they_fell_silent(world: World) -> None:
    first, second = (
        a_status(region="eu", pool="a", labels=[("tier", "gold")]),
        a_status(region="us", pool="b", maximum=0),
    )
    for status in (second, first, replace(second, minimum=1)):
        await world.store.publish_pool(status)

    seen = await world.store.pool_statuses()
    world.clock.seconds += 86_400
    later = await world.store.pool_statuses()
    world.clock.seconds += 30
    at_last = await world.store.pool_statuses()

    assert seen == later == [first, replace(second, minimum=1)]
    assert at_last == []


async def test_decisions_come_newest_first_and_those_before_a_time(world: World) -> None:
    made = [a_decision(b'{"n": %d}' % n, at=START + n / 8, is_change=n % 2 == 0) for n in range(5)]
    for record in made:
        await world.store.record_decision(record)
    await world.store.record_decision(a_decision(b"\xff\x00", pool="other", at=START))

    assert await world.store.decisions("eu", "gpu", 100) == made[::-1]
    assert await world.store.decisions("eu", "gpu", 2) == [made[4], made[3]]
    assert await world.store.decisions("eu", "gpu", 2, before=made[3].at) == [made[2], made[1]]
    assert await world.store.decisions("eu", "gpu", 0) == []
    assert await world.store.decisions("eu", "nowhere", 5) == []
    assert [one.document for one in await world.store.decisions("eu", "other", 5)] == [b"\xff\x00"]


async def test_the_oldest_decisions_go_beyond_the_bound(make: Make) -> None:
    async with a_world(make, SchedulerPolicy(decisions_per_pool=3)) as world:
        made = [a_decision(at=START + n) for n in range(5)]
        for record in made:
            await world.store.record_decision(record)

        assert await world.store.decisions("eu", "gpu", 100) == [made[4], made[3], made[2]]


async def test_a_change_is_an_event_once_and_a_look_is_none(world: World) -> None:
    document = (
        b'{"inputs": {"replicas": 2}, "done": {"replicas": 5}, "reason": "a crowd", "serving": [1], "winner": null}'
    )
    change = a_decision(document, is_change=True)
    await world.store.record_decision(a_decision(at=START + 1))
    await world.store.record_decision(change)
    await world.store.record_decision(replace(change, at=START + 2))
    await world.store.record_decision(replace(change, at=START + 2))

    events = [event for event in await world.events() if event.type == "pool.scaled"]

    told = {"region": "eu", "pool": "gpu", "replicas_before": 2, "replicas": 5, "reason": "a crowd"}
    assert [event.data for event in events] == [told, told]
    assert [event.at for event in events] == [world.now, world.now]
    assert {(event.session, event.worker, event.end, event.seq) for event in events} == {(None, None, None, 0)}


async def test_a_document_over_its_bound_is_not_kept(make: Make) -> None:
    async with a_world(make, SchedulerPolicy(decision_bytes=10, memory_bytes=10)) as world:
        with pytest.raises(ValueError, match="at most 10"):
            await world.store.record_decision(a_decision(b"x" * 11))
        with pytest.raises(ValueError, match="at most 10"):
            await world.store.keep_memory("autoscaler", b"x" * 11)

        assert await world.store.decisions("eu", "gpu", 5) == []
        assert await world.store.memory("autoscaler") is None


async def test_a_memory_is_what_was_kept_last(world: World) -> None:
    assert await world.store.memory("eu gpu") is None

    for document in (b"one", bytes(range(256)), b""):
        await world.store.keep_memory("eu gpu", document)
        assert await world.store.memory("eu gpu") == document

    assert await world.store.memory("other") is None
