"""Revocations and remembered ends: what they close, whom they keep out, and for how long."""

from __future__ import annotations

from moorage.errors import Code
from moorage.ids import WorkspaceId
from scheduler.values import (
    NO_USAGE,
    Claimed,
    ClaimState,
    CloseSession,
    End,
    Ended,
    Granted,
    Outcome,
    QueueRefused,
    Refused,
    Revocation,
    Revoked,
    Usage,
)
from tests.scheduler.builders import FAR, NEAR, START, a_request, a_session, a_worker
from tests.scheduler.contract.waiting import wait
from tests.scheduler.world import World


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


async def test_what_is_seeded_is_in_force_for_gateways_at_once_and_ends_nothing_by_itself(world: World) -> None:
    await world.worker(a_worker())
    held = await world.held(a_request())
    revocation = Revocation("user", "usr_one", world.now + 100, world.now + 1, "STOLEN")

    await world.store.seed({}, [revocation])

    assert [Revoked(revocation)] == await world.heard(NEAR)
    assert [Revoked(revocation)] == await world.heard(FAR)
    assert ClaimState.HELD is (await world.session(held.session)).state
    assert isinstance(await world.store.claim(a_request()), Refused)


async def test_who_had_its_gateways_word_first_has_an_exact_record_and_only_the_rest_is_ended_by_the_store(
    world: World,
) -> None:
    await world.worker(a_worker())
    held, silent = await world.held(a_request()), await world.held(a_request())
    revocation = Revocation("user", "usr_one", world.now + 100, world.now + 1)
    await world.store.seed({}, [revocation])
    usage = Usage(10, 20, 1, 2)
    ending = End(held.session, Outcome.COMPLETED, Code.SESSION_ENDED, "REVOKED", "api", held.fence, usage)
    await world.store.end(ending)

    count = await world.store.revoke(revocation)

    assert count == 1
    exact, estimated = await world.record(held.session), await world.record(silent.session)
    assert (exact.usage, exact.is_estimated) == (usage, False)
    assert estimated.is_estimated


async def test_suspended_reserved_and_waiting_sessions_are_revoked_too(world: World) -> None:
    await world.worker(a_worker(slots=2))
    suspended, reserved = await world.held(a_request()), await world.claimed(a_request())
    await world.store.suspend(suspended.session, suspended.fence, NO_USAGE, is_worker_lost=False)
    waiting = await wait(world, a_request(wait_seconds=20))
    other = await wait(world, a_request(workspace="wsp_two", user="usr_two", key="key_two", wait_seconds=20))
    await world.heard(NEAR)

    count = await world.store.revoke(Revocation("workspace", "wsp_one", world.now + 100, world.now + 1))

    assert count == 2
    told = await world.heard(NEAR)
    assert [notice.request for notice in told if isinstance(notice, QueueRefused)] == [waiting.request]
    assert [notice.request for notice in told if isinstance(notice, Granted)] == [other.request]
    assert not (await world.record(suspended.session)).is_estimated
    assert (await world.record(reserved.session)).code is Code.SESSION_ENDED


async def test_revoking_again_changes_nothing(world: World) -> None:
    await world.worker(a_worker())
    held = await world.held(a_request())
    revocation = Revocation("key", "key_one", world.now + 100, world.now + 1)
    await world.store.revoke(revocation)
    record = await world.record(held.session)

    count = await world.store.revoke(revocation)

    assert count == 0
    assert await world.record(held.session) == record
    assert await world.store.revocations() == [revocation]


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
