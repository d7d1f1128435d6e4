"""Two connections of one session: which of them stays, at one gateway and at two."""

from __future__ import annotations

import asyncio

import pytest
from websockets.exceptions import InvalidStatus

from gateway.policy import GatewayPolicy
from moorage.errors import Code
from scheduler.values import (
    ClaimState,
    Duplicates,
    End,
    Outcome,
    SessionView,
)
from tests.builders import a_session
from tests.flows.places import ON_EVERY_STORE
from tests.flows.system import MakeSystem, System, closed, until
from tests.flows.talk import code_in, says

pytestmark = ON_EVERY_STORE


async def test_a_newer_connection_replaces_the_older_one(system: System) -> None:
    worker = await system.worker(slots=1)

    async with system.connect() as older:
        await says(older, "first")
        async with system.connect() as newer:
            refused = await closed(older)
            await says(newer, "second")
            held = await system.session()

    assert refused == (4409, '{"code":"SESSION_SUPERSEDED"}')
    assert isinstance(held, SessionView)
    assert held.state is ClaimState.HELD
    assert len(worker.requests) == 2


async def test_reject_keeps_a_live_older_connection(a_system: MakeSystem) -> None:
    async with a_system(GatewayPolicy(duplicates=Duplicates.REJECT)) as system:
        await system.worker()
        async with system.connect() as older:
            with pytest.raises(InvalidStatus) as refused:
                async with system.connect():
                    pass
            await says(older, "still here")

    assert refused.value.response.status_code == 409
    assert code_in(refused.value.response.body.decode()) == "SESSION_SUPERSEDED"


async def test_reject_lets_in_who_comes_back_from_a_dead_connection(a_system: MakeSystem) -> None:
    async with a_system(GatewayPolicy(duplicates=Duplicates.REJECT)) as system:
        await system.worker()
        async with system.connect() as older:
            older.transport.pause_reading()  # its host is gone: nothing answers a ping
            async with system.connect() as newer:
                await says(newer, "let me in")
            older.transport.resume_reading()


async def test_ten_clients_at_once_leave_one(system: System) -> None:
    await system.worker(slots=1)

    async def stay() -> int:
        try:
            async with system.connect() as client:
                return (await closed(client))[0]
        except InvalidStatus as refused:
            return refused.response.status_code  # superseded before its worker had answered

    clients = [asyncio.create_task(stay()) for _ in range(10)]
    await until(lambda: sum(client.done() for client in clients) == 9)
    held = await system.session()
    await system.store.end(End(a_session(), Outcome.COMPLETED, Code.SESSION_ENDED, "enough", "api"))
    codes = [await client for client in clients]

    assert isinstance(held, SessionView)
    assert codes.count(4410) == 1
    assert set(codes) <= {4409, 409, 4410}


@pytest.mark.parametrize("duplicates", [Duplicates.REPLACE, Duplicates.REJECT])
async def test_a_second_connection_may_come_through_another_gateway(
    a_system: MakeSystem, duplicates: Duplicates
) -> None:
    policy = GatewayPolicy(duplicates=duplicates)
    async with a_system(policy) as system, a_system(policy) as other:
        await system.worker()
        token = system.token()
        async with system.connect(token=token) as older:
            if duplicates is Duplicates.REPLACE:
                async with other.connect(token=token) as newer:
                    refused = await closed(older)
                    await says(newer, "newer")
                assert refused[0] == 4409
            else:
                with pytest.raises(InvalidStatus):
                    async with other.connect(token=token):
                        pass
                await says(older, "older")
