"""A session's life as its client sees it: replaced, refused, ended, expired, extended, revoked, moved, resumed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import InvalidStatus

from gateway.policy import GatewayPolicy
from moorage.errors import Code
from moorage.ids import GatewayId, RequestId, SessionId
from scheduler.io.ending import end_exactly
from scheduler.policy import SchedulerPolicy
from scheduler.values import (
    ClaimRequest,
    ClaimState,
    Drain,
    End,
    Ended,
    EndRecord,
    Notice,
    Outcome,
    Revocation,
    SessionView,
    Wanted,
)
from tests.builders import a_session, a_token
from tests.flows.places import ON_EVERY_STORE
from tests.flows.system import MakeSystem, System, closed, until
from tests.flows.talk import code_in, says
from tests.owntime import own_time, within

pytestmark = ON_EVERY_STORE


async def test_a_terminated_session_closes_within_a_second(system: System) -> None:
    worker = await system.worker()

    async with system.connect() as client, own_time() as own:
        await system.store.end(End(a_session(), Outcome.COMPLETED, Code.SESSION_ENDED, "by the API", "api"))
        refused = await closed(client)
        elapsed = own.seconds
    await until(lambda: worker.connections[0].close_code)

    assert refused == (4410, '{"code":"SESSION_ENDED"}')
    assert elapsed < 1
    assert worker.connections[0].close_code == 4410


async def test_a_termination_counts_every_message(system: System) -> None:
    await system.worker()
    async with system.connect() as client:
        await says(client, "twelve bytes")

        ended = await end_exactly(
            system.store, End(a_session(), Outcome.COMPLETED, Code.SESSION_ENDED, "by the API", "api")
        )
        code, _ = await closed(client)

    assert isinstance(ended, Ended)
    assert code == 4410
    assert not ended.record.is_estimated
    assert (ended.record.usage.messages_in, ended.record.usage.messages_out) == (1, 1)
    assert (ended.record.usage.bytes_in, ended.record.usage.bytes_out) == (18, 14)


async def test_a_terminated_session_does_not_come_back(system: System) -> None:
    await system.worker()
    await system.store.end(End(a_session(), Outcome.COMPLETED, Code.SESSION_ENDED, "by the API", "api"))

    with pytest.raises(InvalidStatus) as refused:
        async with system.connect():
            pass

    assert refused.value.response.status_code == 410


async def test_a_session_ends_with_its_time_to_live(system: System) -> None:
    await system.worker()

    async with system.connect(said={"session_expires_at": system.store.now() + 0.6}) as client:
        refused = await closed(client)
    record = await system.settled(0, Outcome.EXPIRED)

    assert refused == (4419, '{"code":"SESSION_EXPIRED"}')
    assert isinstance(record, EndRecord)


async def test_an_extension_moves_the_end(system: System) -> None:
    await system.worker()
    end = system.store.now() + 0.6

    async with system.connect(said={"session_expires_at": end}) as client:
        await system.store.extend(a_session(), end + 0.8)
        refused = await closed(client)
        ended_at = system.store.now()

    assert refused[0] == 4419
    assert end + 0.8 <= ended_at < end + 2


@pytest.mark.parametrize("kind", ["session", "user", "key", "workspace"])
async def test_a_revocation_reaches_live_connections_within_a_second_and_keeps_tokens_out(
    system: System, kind: str
) -> None:
    await system.worker()
    token = a_token()
    subject = {"session": token.session, "user": token.user, "key": token.key, "workspace": token.workspace}[kind]

    async with system.connect() as client, own_time() as own:
        now = system.store.now()
        await system.store.revoke(Revocation(kind, subject, now + 3600, now + 0.001))
        refused = await closed(client)
        elapsed = own.seconds
    with pytest.raises(InvalidStatus) as later:
        async with system.connect(said={"issued_at": now - 1}):
            pass

    assert refused[0] == 4410
    assert elapsed < 1
    assert later.value.response.status_code == 410


async def test_a_killed_worker_is_lost_and_its_session_resumes_on_another(system: System) -> None:
    first = await system.worker(slots=1)

    async with system.connect() as client:
        await says(client, "before")
        second = await system.worker()
        first.kill()
        refused = await closed(client)
    async with system.connect() as client:
        await says(client, "after")

    assert refused[0] == 4502
    assert len(second.requests) == 1
    assert int(second.header("Moorage-Claim")[0].split(".")[2]) > int(first.header("Moorage-Claim")[0].split(".")[2])


async def test_a_silent_worker_is_lost_when_its_lease_lapses(a_system: MakeSystem) -> None:
    async with a_system(scheduler=replace(SchedulerPolicy(), suspect_after=0.6, worker_lost_after=1.0)) as system:
        worker = await system.worker()
        async with system.connect() as client:
            worker.is_beating = False
            refused = await closed(client)
        seen = await system.settled(0, ClaimState.SUSPENDED)

    assert refused == (4502, '{"code":"WORKER_LOST","retry_after":0.5}')
    assert isinstance(seen, SessionView)


async def test_a_suspended_session_that_nobody_resumes_ends(a_system: MakeSystem) -> None:
    async with a_system(GatewayPolicy(resume_seconds=0.3)) as system:
        worker = await system.worker()
        async with system.connect(0) as client:
            client.transport.abort()
        async with system.connect(1) as client:
            await until(lambda: len(worker.connections) == 2)
            worker.connections[1].transport.abort()
            await closed(client)
        gone = await system.settled(0, Outcome.COMPLETED)
        lost = await system.settled(1, Outcome.FAILED)

    assert isinstance(gone, EndRecord)
    assert isinstance(lost, EndRecord)
    assert (gone.reason, lost.reason) == ("CLIENT_GONE", "WORKER_LOST")


async def test_a_drained_worker_moves_its_sessions_with_1012(system: System) -> None:
    first = await system.worker(slots=1)
    async with system.connect() as client:
        second = await system.worker()
        await system.store.drain(first.id, Drain(system.store.now(), 100))
        await system.store.move_away(first.id, 1)
        refused = await closed(client)
    async with system.connect() as client:
        await says(client, "moved")

    assert refused[0] == 1012
    assert code_in(refused[1]) == "DRAINING"
    assert len(second.requests) == 1


async def test_the_worker_sees_why_its_client_left(system: System) -> None:
    codes: list[int | None] = []

    async def note(connection: ServerConnection) -> None:
        await connection.wait_closed()
        codes.append(connection.close_code)

    await system.worker(note)
    async with system.connect() as client:
        client.transport.abort()
    await until(lambda: codes)

    assert codes == [1001]


@pytest.mark.parametrize("what", ["ended", "superseded", "worker lost"])
async def test_what_is_said_of_an_attach_before_its_confirmation_arrives_is_not_lost(system: System, what: str) -> None:
    """Notices and answers come over two connections, in any order."""
    worker = await system.worker()
    confirmed = system.store.confirm
    heard: list[Notice] = []
    hear = system.gateway._notices.carry_out

    async def note(notice: Notice, *others: Any) -> None:
        await hear(notice, *others)
        heard.append(notice)

    async def confirm(session: SessionId, fence: int) -> Any:
        answer = await confirmed(session, fence)
        system.store.confirm = confirmed  # type: ignore[method-assign]
        if what == "ended":
            await system.truth.end(End(session, Outcome.COMPLETED, Code.SESSION_ENDED, "by the API", "api"))
        elif what == "superseded":
            await system.truth.claim(replace_gateway(fence))
        else:
            await system.truth.remove(worker.id)
        await until(lambda: heard)
        return answer

    def replace_gateway(fence: int) -> ClaimRequest:
        token = a_token(0, now=system.store.now())
        elsewhere = GatewayId("gtw_elsewhere")
        who = (token.session, token.workspace, token.user, token.key)
        return ClaimRequest(
            RequestId(f"elsewhere.{fence}"), *who, elsewhere, Wanted(), token.session_expires_at, 30.0, 0.0
        )

    system.gateway._notices.carry_out = note  # type: ignore[method-assign, assignment]
    system.store.confirm = confirm  # type: ignore[method-assign]
    async with system.connect() as client:
        told = await within(1.0, closed(client))
    del system.store.confirm, system.gateway._notices.carry_out

    assert told[0] == {"ended": 4410, "superseded": 4409, "worker lost": 4502}[what]
    assert len(system.gateway._attachments) == 0
