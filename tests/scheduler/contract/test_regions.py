"""Sessions that lost their worker and whose own region has no other: the next region that they allow takes them."""

from __future__ import annotations

from moorage.ids import SessionId, WorkerId
from scheduler.values import (
    Claimed,
    ClaimRequest,
    ClaimState,
    Concurrency,
    Directive,
    Drain,
    End,
    Ended,
    EndRecord,
    Granted,
    Held,
    Order,
    Outcome,
    Queued,
    QueueRefused,
    Refused,
    Registered,
    Revocation,
    SessionOnWorker,
    Stale,
    Usage,
    Wanted,
)
from tests.scheduler.builders import FAR, NEAR, START, a_held, a_request, a_worker
from tests.scheduler.contract.waiting import granted, wait
from tests.scheduler.world import World

EU_US = Wanted(regions=("eu", "us"))
CARRIED = Usage(bytes_in=10, bytes_out=20, messages_in=1, messages_out=2)


def back(
    held: Claimed, world: World, *, wanted: Wanted = EU_US, wait_seconds: float = 0.0, user: str = "usr_one"
) -> ClaimRequest:
    """The session's client comes again."""
    return a_request(held.session, wanted=wanted, wait_seconds=wait_seconds, user=user, now=world.now)


async def a_displaced_one(world: World, worker: Registered, *, wanted: Wanted = EU_US) -> Claimed:
    """Held by this worker, which is then lost."""
    held = await world.held(a_request(wanted=wanted, now=world.now))
    assert held.worker == worker.worker
    world.silence(worker.worker)
    await world.advance(11)
    return held


async def a_full_worker(world: World, *, region: str, slots: int = 1) -> tuple[Registered, list[Claimed]]:
    """And who fills it."""
    worker = await world.worker(a_worker(region=region, slots=slots))
    wanted = Wanted(regions=(region,))
    return worker, [await world.held(a_request(wanted=wanted, now=world.now)) for _ in range(slots)]


async def used(world: World) -> dict[WorkerId, int]:
    return {view.worker: view.used for view in await world.store.workers()}


async def ends(world: World, session: SessionId) -> list[EndRecord]:
    """In the events."""
    return [event.end for event in await world.events(session) if event.end is not None]


async def test_a_session_whose_region_has_no_other_worker_goes_to_the_next_region(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us = await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)

    again = await world.claimed(back(held, world))

    assert (us.worker, "us") == (again.worker, again.region)
    assert again.fence > held.fence
    assert again.is_resumed
    assert await used(world) == {eu.worker: 0, us.worker: 1}
    view = await world.session(held.session)
    assert (view.region, view.worker, view.state) == ("us", us.worker, ClaimState.RESERVED)


async def test_its_own_region_comes_before_later_ones(world: World) -> None:
    first = await world.worker(a_worker(region="eu"))
    await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, first)
    second = await world.worker(a_worker(region="eu"))

    assert second.worker == (await world.claimed(back(held, world))).worker


async def test_an_earlier_region_that_has_room_by_now_comes_before_its_own(world: World) -> None:
    eu, others = await a_full_worker(world, region="eu")
    us = await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, us)
    await world.worker(a_worker(region="us"))
    await world.end(others[0].session)

    again = await world.claimed(back(held, world))

    assert (eu.worker, "eu") == (again.worker, again.region)


async def test_regions_are_tried_in_their_order(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    asia = await world.worker(a_worker(region="asia"))
    await world.worker(a_worker(region="us"))
    wanted = Wanted(regions=("eu", "asia", "us"))
    held = await a_displaced_one(world, eu, wanted=wanted)

    assert asia.worker == (await world.claimed(back(held, world, wanted=wanted))).worker


async def test_a_region_that_it_does_not_allow_is_none_to_go_to(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us = await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)

    answer = await world.store.claim(back(held, world, wanted=Wanted(regions=("eu",))))

    assert isinstance(answer, Refused)
    assert await used(world) == {eu.worker: 1, us.worker: 0}


async def test_the_old_worker_hears_that_the_session_moved(world: World) -> None:
    eu = await world.worker(a_worker(region="eu", slots=1))
    us = await world.worker(a_worker(region="us"))
    held = await world.held(a_request(wanted=EU_US))
    await world.store.suspend(held.session, held.fence, CARRIED, is_worker_lost=True)

    again = await world.claimed(back(held, world))

    assert us.worker == again.worker
    assert [Directive(Order.END_SESSION, held.session, held.fence, reason="MOVED")] == await world.orders(eu.worker)
    assert await used(world) == {eu.worker: 0, us.worker: 1}


async def test_a_drained_worker_counts_who_went_to_another_region(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us = await world.worker(a_worker(region="us"))
    held = await world.held(a_request(wanted=EU_US))
    await world.store.drain(eu.worker, Drain(world.now + 5, 1))
    await world.advance(6)

    again = await world.claimed(back(held, world))

    assert us.worker == again.worker
    drain = (await world.view(eu.worker)).drain
    assert drain is not None
    assert (drain.sessions_moved, drain.sessions_left) == (1, 0)


async def test_what_it_carried_and_its_events_go_on(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    await world.worker(a_worker(region="us"))
    held = await world.held(a_request(wanted=EU_US))
    await world.advance(4)
    await world.store.suspend(held.session, held.fence, CARRIED, is_worker_lost=True)
    world.silence(eu.worker)
    await world.advance(11)

    again = await world.held(back(held, world))
    await world.advance(3)
    answer = await world.store.end(End(held.session, Outcome.COMPLETED, None, "BYE", "client", again.fence, CARRIED))

    assert isinstance(answer, Ended)
    assert answer.record.usage == CARRIED + CARRIED
    assert answer.record.held_seconds == 7
    assert not answer.record.is_estimated
    events = sorted(await world.events(held.session), key=lambda event: event.seq)
    assert [event.seq for event in events] == [1, 2, 3, 4]
    types = ["session.started", "session.suspended", "session.resumed", "session.ended"]
    assert types == [event.type for event in events]
    assert [event.data["region"] for event in events[:3]] == ["eu", "eu", "us"]
    assert again.carried_bytes == 30


async def test_what_its_last_attach_carried_may_still_be_reported(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)
    again = await world.held(back(held, world))

    late = await world.store.suspend(held.session, held.fence, CARRIED, is_worker_lost=True)

    assert late == Stale(held.session, again.fence)
    record = await world.end(held.session, by="client", fence=again.fence)
    assert record.usage == CARRIED
    assert not record.is_estimated


async def test_it_ends_once_whoever_ends_it(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us = await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)
    await world.held(back(held, world))

    record = await world.end(held.session)

    again = await world.store.end(End(held.session, Outcome.FAILED, None, "LATER", "api"))
    assert again == Ended(record, False)
    assert [record] == await ends(world, held.session)
    assert await used(world) == {eu.worker: 0, us.worker: 0}
    await world.advance(120)
    assert [record] == await ends(world, held.session)
    refused = await world.store.claim(back(held, world))
    assert isinstance(refused, Refused)


async def test_limits_count_it_once(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)
    await world.held(back(held, world))
    two, one = Concurrency(per_user=2), Concurrency(per_user=1)

    second = await world.store.claim(a_request(wanted=EU_US, limits=two, now=world.now))
    third = await world.store.claim(a_request(wanted=EU_US, limits=two, now=world.now))
    assert isinstance(second, Claimed)
    await world.end(second.session)
    await world.end(held.session)
    fourth = await world.store.claim(a_request(wanted=EU_US, limits=one, now=world.now))

    assert isinstance(third, Refused)
    assert isinstance(fourth, Claimed)


async def test_who_does_not_come_in_the_new_region_gets_the_whole_time_again(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us = await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)
    await world.claimed(back(held, world))

    await world.advance(11)

    assert (await world.session(held.session)).state is ClaimState.SUSPENDED
    assert us.worker == (await world.claimed(back(held, world))).worker
    await world.advance(41)
    record = await world.record(held.session)
    assert (record.outcome, record.reason) == (Outcome.FAILED, "WORKER_LOST")
    assert [record] == await ends(world, held.session)


async def test_the_same_request_again_is_answered_the_same(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)
    request = back(held, world)

    first = await world.claimed(request)

    assert first == await world.claimed(request)


async def test_it_may_change_its_region_more_than_once(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us = await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)
    there = await world.held(back(held, world))
    eu = await world.worker(a_worker(region="eu"))
    world.silence(us.worker)
    await world.advance(11)

    again = await world.held(back(there, world))

    assert (eu.worker, "eu") == (again.worker, again.region)
    events = sorted(await world.events(held.session), key=lambda event: event.seq)
    assert [event.seq for event in events] == [1, 2, 3, 4, 5]


async def test_a_session_that_was_never_attached_is_placed_anew(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us = await world.worker(a_worker(region="us"))
    reserved = await world.claimed(a_request(wanted=EU_US))
    world.silence(eu.worker)
    await world.advance(6)

    again = await world.claimed(back(reserved, world))

    assert us.worker == again.worker
    assert not again.is_resumed
    assert await used(world) == {eu.worker: 0, us.worker: 1}


async def test_its_own_worker_takes_it_again_where_no_region_has_room(world: World) -> None:
    eu = await world.worker(a_worker(region="eu", slots=1))
    await a_full_worker(world, region="us")
    held = await world.held(a_request(wanted=EU_US))
    await world.store.suspend(held.session, held.fence, CARRIED, is_worker_lost=True)

    assert eu.worker == (await world.claimed(back(held, world))).worker


async def test_where_no_region_has_room_it_waits_for_the_first_that_has(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us, others = await a_full_worker(world, region="us")
    held = await a_displaced_one(world, eu)

    await wait(world, back(held, world, wait_seconds=60))
    await world.end(others[0].session)

    [notice] = [notice for notice in await world.heard() if isinstance(notice, Granted)]
    assert (held.session, us.worker, "us") == (notice.claimed.session, notice.claimed.worker, notice.claimed.region)
    assert notice.claimed.fence > held.fence
    assert notice.claimed.is_resumed
    await world.store.confirm(held.session, notice.claimed.fence)
    assert (await world.session(held.session)).state is ClaimState.HELD
    assert await world.store.queue(held.session) is None
    assert await used(world) == {eu.worker: 0, us.worker: 1}


async def test_it_gets_its_own_slot_when_its_worker_comes_back_while_it_waits(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us, others = await a_full_worker(world, region="us")
    held = await a_displaced_one(world, eu)
    await wait(world, back(held, world, wait_seconds=60))

    listed = (SessionOnWorker(held.session, held.fence, False),)
    await world.worker(a_worker(region="eu", again=eu.worker, claim_key=eu.claim_key, sessions=listed))

    [notice] = [notice for notice in await world.heard() if isinstance(notice, Granted)]
    assert eu.worker == notice.claimed.worker
    await world.end(others[0].session)
    assert await granted(world) == []
    assert await used(world) == {eu.worker: 1, us.worker: 0}


async def test_a_new_worker_of_its_own_region_takes_it_while_it_waits(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us, _ = await a_full_worker(world, region="us")
    held = await a_displaced_one(world, eu)
    await wait(world, back(held, world, wait_seconds=60))

    new = await world.worker(a_worker(region="eu"))

    [notice] = [notice for notice in await world.heard() if isinstance(notice, Granted)]
    assert new.worker == notice.claimed.worker
    assert await used(world) == {eu.worker: 0, new.worker: 1, us.worker: 1}


async def test_who_waits_in_vain_is_told_once_and_may_still_return(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    await a_full_worker(world, region="us")
    held = await a_displaced_one(world, eu)
    await wait(world, back(held, world, wait_seconds=5))

    await world.advance(6)

    [notice] = [notice for notice in await world.heard() if isinstance(notice, QueueRefused)]
    assert notice.refused.code.value == "ADMISSION_TIMEOUT"
    assert (await world.session(held.session)).state is ClaimState.SUSPENDED
    await world.advance(31)
    assert (await world.record(held.session)).reason == "WORKER_LOST"


async def test_a_waiter_hears_when_the_last_worker_of_all_its_regions_is_gone(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us, _ = await a_full_worker(world, region="us")
    held = await a_displaced_one(world, eu)
    await wait(world, back(held, world, wait_seconds=60))
    await world.heard()

    await world.store.remove(us.worker)

    [notice] = [notice for notice in await world.heard() if isinstance(notice, QueueRefused)]
    assert notice.refused.code.value == "NO_CAPACITY"
    assert await world.store.queue(held.session) is None


async def test_who_leaves_the_queue_leaves_all_its_queues(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us, others = await a_full_worker(world, region="us")
    held = await a_displaced_one(world, eu)
    request = back(held, world, wait_seconds=60)
    await wait(world, request)

    await world.store.leave_queue(request.request)
    await world.end(others[0].session)

    assert await granted(world) == []
    assert await used(world) == {eu.worker: 1, us.worker: 0}


async def test_a_grant_that_is_not_wanted_is_given_back(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us, others = await a_full_worker(world, region="us")
    held = await a_displaced_one(world, eu)
    request = back(held, world, wait_seconds=60)
    await wait(world, request)
    await world.end(others[0].session)
    await world.heard()

    await world.store.leave_queue(request.request)

    view = await world.session(held.session)
    assert (view.state, view.worker) == (ClaimState.SUSPENDED, us.worker)


async def test_a_session_that_ends_while_it_waits_ends_once_in_all_queues(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us, others = await a_full_worker(world, region="us")
    held = await a_displaced_one(world, eu)
    await wait(world, back(held, world, wait_seconds=60))

    record = await world.end(held.session)

    await world.heard()
    await world.end(others[0].session)
    assert await granted(world) == []
    assert [record] == await ends(world, held.session)
    assert await used(world) == {eu.worker: 0, us.worker: 0}


async def test_a_later_connection_takes_its_place_in_all_queues(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us, others = await a_full_worker(world, region="us")
    held = await a_displaced_one(world, eu)
    first = back(held, world, wait_seconds=60)
    await wait(world, first)

    second = a_request(held.session, gateway=FAR, wanted=EU_US, wait_seconds=60, now=world.now)
    assert isinstance(await world.store.claim(second), Queued)
    told = [notice.request for notice in await world.heard(NEAR) if isinstance(notice, QueueRefused)]
    await world.end(others[0].session)

    assert first.request in told
    [notice] = [notice for notice in await world.heard(FAR) if isinstance(notice, Granted)]
    assert (second.request, us.worker) == (notice.request, notice.claimed.worker)
    assert await used(world) == {eu.worker: 0, us.worker: 1}


async def test_a_gateway_that_was_cut_off_hears_that_the_session_goes_on_elsewhere(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)
    again = await world.held(back(held, world))

    assert [Stale(held.session, again.fence)] == await world.adopt(FAR, a_held_in(held))


def a_held_in(claimed: Claimed) -> Held:
    return a_held(claimed.session, claimed.fence, claimed.worker, region=claimed.region)


async def test_a_revocation_finds_it_in_its_new_region(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us = await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)
    await world.held(back(held, world))

    assert await world.store.revoke(Revocation("user", "usr_one", START + 3600, world.now + 1, "R")) == 1
    assert len(await ends(world, held.session)) == 1
    assert await used(world) == {eu.worker: 0, us.worker: 0}
