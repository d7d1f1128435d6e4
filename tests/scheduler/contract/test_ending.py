"""Ends: one record for each session, the first valid one, and no way back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from moorage.errors import Code
from moorage.ids import WorkspaceId
from scheduler.values import (
    NO_USAGE,
    Claimed,
    ClaimState,
    CloseSession,
    Directive,
    Done,
    End,
    Ended,
    EndSession,
    Extended,
    Order,
    Outcome,
    QueueRefused,
    Refused,
    Revocation,
    Revoked,
    Stale,
    Usage,
)
from tests.scheduler.builders import FAR, NEAR, START, a_request, a_session, a_worker
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


async def test_a_session_that_never_connected_ends_too_and_cannot_come_any_more(world: World) -> None:
    await world.worker(a_worker())
    session = a_session()
    wish = End(session, Outcome.EXPIRED, None, "NEVER", "api", workspace=WorkspaceId("wsp_one"))

    answer = await world.store.end(wish)

    assert isinstance(answer, Ended)
    assert answer.is_first
    assert (answer.record.held_seconds, answer.record.usage) == (0.0, NO_USAGE)
    [event] = await world.events(session)
    assert ("session.ended", 1, answer.record) == (event.type, event.seq, event.end)
    assert event.data["workspace"] == "wsp_one"
    claim = await world.store.claim(a_request(session))
    assert isinstance(claim, Refused)
    assert claim.code is Code.SESSION_EXPIRED


async def test_an_ended_session_is_refused_for_as_long_as_its_tokens_could_live(world: World) -> None:
    await world.worker(a_worker())
    held = await world.held(a_request(expires_in=7200))
    await world.end(held.session)

    for _ in range(4):
        await world.advance(1500)
        answer = await world.store.claim(a_request(held.session))
        assert isinstance(answer, Refused)
        assert answer.code is Code.SESSION_ENDED


async def test_time_to_live_ends_a_held_session_as_expired(world: World) -> None:
    worker = await world.worker(a_worker())
    held = await world.held(a_request(expires_in=20))

    await world.advance(19.75)
    assert ClaimState.HELD is (await world.session(held.session)).state
    await world.advance(0.25)

    record = await world.record(held.session)
    assert (record.outcome, record.code, record.by) == (Outcome.EXPIRED, Code.SESSION_EXPIRED, "scheduler")
    assert [CloseSession(held.session, held.fence, Code.SESSION_EXPIRED)] == await world.heard(NEAR)
    assert [(Order.END_SESSION, held.session)] == [
        (order.order, order.session) for order in await world.orders(worker.worker)
    ]
    refused = await world.store.claim(a_request(held.session))
    assert isinstance(refused, Refused)
    assert refused.code is Code.SESSION_EXPIRED


@pytest.mark.parametrize("is_suspended", [True, False])
async def test_time_to_live_ends_a_session_that_is_not_attached(world: World, is_suspended: bool) -> None:
    await world.worker(a_worker())
    request = a_request(expires_in=5)
    claimed = await world.claimed(request)
    if is_suspended:
        await world.store.suspend(claimed.session, claimed.fence, Usage(), is_worker_lost=False)

    await world.advance(5)

    assert Outcome.EXPIRED is (await world.record(claimed.session)).outcome


async def test_an_extension_moves_the_end_and_the_gateway_hears(world: World) -> None:
    await world.worker(a_worker())
    held = await world.held(a_request(expires_in=10))

    assert Done() == await world.store.extend(held.session, START + 20)

    assert [Extended(held.session, START + 20)] == await world.heard(NEAR)
    await world.advance(15)
    again = await world.attach(held.session)
    assert again.expires_at == START + 20
    await world.advance(5)
    assert Outcome.EXPIRED is (await world.record(held.session)).outcome


async def test_a_shorter_life_takes_effect_as_well(world: World) -> None:
    await world.worker(a_worker())
    held = await world.held(a_request(expires_in=3600))

    await world.store.extend(held.session, START + 2)
    await world.advance(2)

    assert Outcome.EXPIRED is (await world.record(held.session)).outcome


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


async def test_a_revoked_session_user_key_or_workspace_ends_what_is_live(world: World) -> None:
    await world.worker(a_worker())
    victims = {
        "session": await world.held(a_request(user="u1", key="k1", workspace="w1")),
        "user": await world.held(a_request(user="u2", key="k2", workspace="w2")),
        "key": await world.held(a_request(user="u3", key="k3", workspace="w3")),
        "workspace": await world.held(a_request(user="u4", key="k4", workspace="w4")),
    }
    spared = await world.held(a_request(user="u5", key="k5", workspace="w5"))
    names = {"session": victims["session"].session, "user": "u2", "key": "k3", "workspace": "w4"}

    counts = [
        await world.store.revoke(Revocation(kind, name, world.now + 100, world.now)) for kind, name in names.items()
    ]

    assert counts == [1, 1, 1, 1]
    for victim in victims.values():
        record = await world.record(victim.session)
        assert (record.outcome, record.code, record.by) == (Outcome.COMPLETED, Code.SESSION_ENDED, "api")
    assert ClaimState.HELD is (await world.session(spared.session)).state
    closed = {notice.session for notice in await world.heard(NEAR) if isinstance(notice, CloseSession)}
    assert {victim.session for victim in victims.values()} == closed


async def test_every_gateway_hears_of_a_revocation_and_late_ones_can_read_it(world: World) -> None:
    revocation = Revocation("user", "usr_one", world.now + 100, world.now, "STOLEN")

    await world.store.revoke(revocation)

    assert [Revoked(revocation)] == await world.heard(NEAR)
    assert [Revoked(revocation)] == await world.heard(FAR)
    assert [revocation] == await world.store.revocations()


async def test_a_revocation_refuses_older_tokens_until_its_end_and_spares_newer_ones(world: World) -> None:
    await world.worker(a_worker())
    await world.store.revoke(Revocation("user", "usr_one", world.now + 100, world.now + 1))

    old = await world.store.claim(a_request(token_issued_at=START))
    unknown = await world.store.claim(a_request(token_issued_at=None))
    new = await world.store.claim(a_request(token_issued_at=START + 1))
    await world.advance(100)
    late = await world.store.claim(a_request(token_issued_at=START))

    assert isinstance(old, Refused)
    assert old.code is Code.SESSION_ENDED
    assert isinstance(unknown, Refused)
    assert isinstance(new, Claimed)
    assert isinstance(late, Claimed)
    assert await world.store.revocations() == []


async def test_a_revoked_session_that_never_connected_cannot_come(world: World) -> None:
    await world.worker(a_worker())
    session = a_session()

    assert await world.store.revoke(Revocation("session", session, world.now + 100, world.now)) == 0

    assert isinstance(await world.store.claim(a_request(session)), Refused)


async def test_what_was_seeded_is_refused_and_its_end_is_not_first(world: World) -> None:
    await world.worker(a_worker())
    session = a_session()
    revocation = Revocation("key", "key_bad", world.now + 100, world.now + 1)

    await world.store.seed({session: world.now + 600}, [revocation])

    refused = await world.store.claim(a_request(session))
    assert isinstance(refused, Refused)
    assert refused.code is Code.SESSION_ENDED
    ended = await world.store.end(End(session, Outcome.COMPLETED, None, "", "api"))
    assert isinstance(ended, Ended)
    assert not ended.is_first
    assert await world.events(session) == []
    assert isinstance(await world.store.claim(a_request(key="key_bad")), Refused)
    assert [revocation] == await world.store.revocations()


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
