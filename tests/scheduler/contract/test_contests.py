"""`reject`: the older connection stays if its client is alive."""

from __future__ import annotations

from moorage.errors import Code
from scheduler.values import Claimed, ClaimState, CloseSession, Contested, Duplicates, Probed, ProbeSession, Refused
from tests.scheduler.builders import FAR, NEAR, a_request, a_worker
from tests.scheduler.world import World


async def test_the_holder_is_asked_and_one_that_lives_stays(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach(gateway=NEAR)
    request = a_request(held.session, gateway=FAR, duplicates=Duplicates.REJECT)

    answer = await world.store.claim(request)
    asked = await world.heard(NEAR)
    await world.store.probed(held.session, held.fence, request.request, is_alive=True)

    assert Contested(request.request, held.fence) == answer
    assert [ProbeSession(held.session, held.fence, request.request)] == asked
    assert [Probed(request.request, is_alive=True)] == await world.heard(FAR)
    assert ClaimState.HELD is (await world.session(held.session)).state


async def test_one_that_is_dead_is_suspended_and_the_asker_claims_again(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach(gateway=NEAR)
    request = a_request(held.session, gateway=FAR, duplicates=Duplicates.REJECT)
    await world.store.claim(request)
    await world.heard(NEAR)

    await world.store.probed(held.session, held.fence, request.request, is_alive=False)

    assert [Probed(request.request, is_alive=False)] == await world.heard(FAR)
    assert [CloseSession(held.session, held.fence, Code.SESSION_SUPERSEDED)] == await world.heard(NEAR)
    assert ClaimState.SUSPENDED is (await world.session(held.session)).state
    again = await world.held(a_request(held.session, gateway=FAR, duplicates=Duplicates.REJECT))
    assert held.worker == again.worker


async def test_silence_for_two_seconds_is_death(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach(gateway=NEAR)
    request = a_request(held.session, gateway=FAR, duplicates=Duplicates.REJECT)
    await world.store.claim(request)

    await world.advance(1.75)
    assert await world.heard(FAR) == []
    await world.advance(0.25)

    assert [Probed(request.request, is_alive=False)] == await world.heard(FAR)
    assert ClaimState.SUSPENDED is (await world.session(held.session)).state


async def test_an_answer_that_comes_too_late_changes_nothing(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach(gateway=NEAR)
    request = a_request(held.session, gateway=FAR, duplicates=Duplicates.REJECT)
    await world.store.claim(request)
    await world.advance(2)
    new = await world.attach(held.session, gateway=FAR)
    await world.heard(FAR)

    await world.store.probed(held.session, held.fence, request.request, is_alive=False)

    assert new.fence == (await world.session(held.session)).fence
    assert ClaimState.HELD is (await world.session(held.session)).state
    assert await world.heard(FAR) == []


async def test_a_holder_whose_gateway_is_gone_is_dead_at_once(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach(gateway=NEAR)
    world.renewing.remove(NEAR)
    await world.advance(16)

    answer = await world.store.claim(a_request(held.session, gateway=FAR, duplicates=Duplicates.REJECT, now=world.now))

    assert isinstance(answer, Claimed)
    assert held.worker == answer.worker


async def test_a_suspended_session_is_not_contested(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()
    await world.store.leave(NEAR)

    answer = await world.store.claim(a_request(held.session, gateway=FAR, duplicates=Duplicates.REJECT))

    assert isinstance(answer, Claimed)


async def test_a_dialling_holder_that_is_dead_gives_its_slot_up(world: World) -> None:
    worker = await world.worker(a_worker())
    claimed = await world.claimed(a_request(gateway=NEAR))
    request = a_request(claimed.session, gateway=FAR, duplicates=Duplicates.REJECT)
    await world.store.claim(request)

    await world.store.probed(claimed.session, claimed.fence, request.request, is_alive=False)

    assert (await world.view(worker.worker)).used == 0
    assert isinstance(await world.store.claim(a_request(claimed.session)), Claimed)


async def test_asking_twice_with_one_request_probes_once(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach(gateway=NEAR)
    request = a_request(held.session, gateway=FAR, duplicates=Duplicates.REJECT)

    answers = [await world.store.claim(request) for _ in range(2)]

    assert [Contested(request.request, held.fence)] * 2 == answers
    assert len(await world.heard(NEAR)) == 1


async def test_a_contested_session_that_ends_meanwhile_is_not_alive(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach(gateway=NEAR)
    request = a_request(held.session, gateway=FAR, duplicates=Duplicates.REJECT)
    await world.store.claim(request)
    await world.end(held.session)

    await world.advance(2)

    assert [Probed(request.request, is_alive=False)] == await world.heard(FAR)
    refused = await world.store.claim(a_request(held.session, gateway=FAR))
    assert isinstance(refused, Refused)
    assert refused.code is Code.SESSION_ENDED
