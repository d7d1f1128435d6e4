"""Waiting for a slot: whose turn it is, and who hears."""

from __future__ import annotations

from moorage.errors import Code
from scheduler.values import (
    Claimed,
    Granted,
    Queued,
    Refused,
    Wanted,
)
from tests.scheduler.builders import FAR, NEAR, START, a_request, a_worker
from tests.scheduler.contract.waiting import granted, wait
from tests.scheduler.world import World


async def test_without_room_a_session_waits_and_is_told_its_place(world: World) -> None:
    await world.worker(a_worker(slots=1))
    await world.attach()
    first, second = a_request(wait_seconds=30), a_request(wait_seconds=20)

    answers = [await wait(world, request) for request in (first, second)]

    assert answers == [
        Queued(first.request, 1, None, START + 30),
        Queued(second.request, 2, None, START + 20),
    ]
    view = await world.store.queue(second.session)
    assert view is not None
    assert (view.position, view.waited_seconds) == (2, 0.0)


async def test_who_does_not_wait_is_refused(world: World) -> None:
    await world.worker(a_worker(slots=1))
    await world.attach()

    answer = await world.store.claim(a_request(wait_seconds=0))

    assert isinstance(answer, Refused)
    assert answer.code is Code.NO_CAPACITY


async def test_a_freed_slot_is_the_next_ones_and_only_its_gateway_hears(world: World) -> None:
    worker = await world.worker(a_worker(slots=1))
    held = await world.attach()
    request = a_request(wait_seconds=30, gateway=FAR)
    await wait(world, request)

    await world.end(held.session, by="client", fence=held.fence)

    assert (await world.view(worker.worker)).reserved == 1
    [notice] = await world.heard(FAR)
    assert isinstance(notice, Granted)
    assert (notice.request, notice.claimed.session) == (request.request, request.session)
    assert await world.heard(NEAR) == []
    await world.store.confirm(request.session, notice.claimed.fence)
    assert (await world.view(worker.worker)).held == 1


async def test_a_granted_request_repeated_gets_its_claim(world: World) -> None:
    await world.worker(a_worker(slots=1))
    held = await world.attach()
    request = a_request(wait_seconds=30)
    await wait(world, request)
    await world.end(held.session)

    assert isinstance(await world.store.claim(request), Claimed)


async def test_a_waiting_request_repeated_keeps_its_place(world: World) -> None:
    await world.worker(a_worker(slots=1))
    await world.attach()
    first = a_request(wait_seconds=30)
    answer = await wait(world, first)
    await wait(world, a_request(wait_seconds=30))

    assert await wait(world, first) == answer


async def test_workspaces_take_turns_and_within_one_the_first_comes_first(world: World) -> None:
    await world.worker(a_worker(slots=6))
    held = [await world.attach() for _ in range(6)]
    requests = {
        name: a_request(workspace=workspace, wait_seconds=60)
        for name, workspace in [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("b2", "b"), ("c1", "c")]
    }
    places = {name: (await wait(world, request)).position for name, request in requests.items()}

    for one in held:
        await world.end(one.session)

    names = {request.session: name for name, request in requests.items()}
    assert [names[session] for session in await granted(world)] == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert places == {"a1": 1, "a2": 2, "a3": 3, "b1": 2, "b2": 4, "c1": 3}


async def test_a_workspace_that_comes_late_is_not_behind_the_whole_line_of_another(world: World) -> None:
    await world.worker(a_worker(slots=1))
    held = await world.attach()
    for _ in range(20):
        await wait(world, a_request(workspace="many", wait_seconds=60))

    late = a_request(workspace="few", wait_seconds=60)
    assert (await wait(world, late)).position == 2
    await world.end(held.session)
    [first] = await granted(world)
    await world.end(first)

    assert await granted(world) == [late.session]


async def test_a_slot_goes_to_the_first_it_can_serve(world: World) -> None:
    await world.worker(a_worker(pool="gpu", slots=1))
    await world.worker(a_worker(pool="cpu", slots=1))
    await world.held(a_request(wanted=Wanted(pools=("gpu",))))
    cpu = await world.held(a_request(wanted=Wanted(pools=("cpu",))))
    await wait(world, a_request(wanted=Wanted(pools=("gpu",)), wait_seconds=30))
    second = a_request(wanted=Wanted(pools=("cpu",)), wait_seconds=30)
    await wait(world, second)

    await world.end(cpu.session)

    assert await granted(world) == [second.session]


async def test_new_room_is_given_to_those_who_wait(world: World) -> None:
    await world.worker(a_worker(slots=1))
    await world.attach()
    requests = [a_request(wait_seconds=30) for _ in range(3)]
    for request in requests:
        await wait(world, request)

    await world.worker(a_worker(slots=2))

    assert await granted(world) == [request.session for request in requests[:2]]


async def test_room_that_an_uncordon_brings_back_is_given_to_those_who_wait(world: World) -> None:
    worker = await world.worker(a_worker())
    await world.store.cordon(worker.worker)
    request = a_request(wait_seconds=30)
    await wait(world, request)

    await world.store.uncordon(worker.worker)

    assert await granted(world) == [request.session]
