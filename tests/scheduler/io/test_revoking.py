"""Revoking with exact records, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from moorage.errors import Code
from scheduler.io.memory import MemoryStore
from scheduler.io.revoking import SETTLE_SECONDS, revoke_exactly
from scheduler.values import Claimed, End, EndRecord, Outcome, Revocation, Revoked, Usage
from tests.scheduler.builders import NEAR, a_request, a_worker

CARRIED = Usage(10, 20, 1, 2)


async def a_store() -> MemoryStore:
    """With one gateway and one worker."""
    store = MemoryStore()
    await store.join(NEAR, "wss://near")
    await store.register(a_worker())
    return store


async def held(store: MemoryStore) -> Claimed:
    claimed = await store.claim(a_request(now=store.now()))
    assert isinstance(claimed, Claimed)
    await store.confirm(claimed.session, claimed.fence)
    return claimed


@pytest.mark.looptime
async def test_a_gateway_that_answers_has_the_first_word() -> None:
    store = await a_store()
    claimed = await held(store)
    revocation = Revocation("user", "usr_one", store.now() + 100, store.now() + 1)
    notices = store.watch(NEAR)

    revoking = asyncio.create_task(revoke_exactly(store, revocation))
    assert await anext(notices) == Revoked(revocation)
    wish = End(claimed.session, Outcome.COMPLETED, Code.SESSION_ENDED, "REVOKED", "api", claimed.fence, CARRIED)
    await store.end(wish)

    assert await revoking == 0
    record = await store.session(claimed.session)
    assert isinstance(record, EndRecord)
    assert (record.usage, record.is_estimated) == (CARRIED, False)


@pytest.mark.looptime
async def test_a_gateway_that_does_not_answer_is_not_waited_for_longer() -> None:
    store = await a_store()
    claimed = await held(store)
    started = asyncio.get_running_loop().time()

    count = await revoke_exactly(store, Revocation("user", "usr_one", store.now() + 100, store.now() + 1))

    assert count == 1
    assert asyncio.get_running_loop().time() - started == SETTLE_SECONDS
    record = await store.session(claimed.session)
    assert isinstance(record, EndRecord)
    assert record.is_estimated
