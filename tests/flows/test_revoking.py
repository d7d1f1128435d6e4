"""Revocations reach live sockets on every gateway within a second, after an outage too, and outlive a restart of everything."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from controlplane.io.app import ControlPlane
from controlplane.io.keyfiles import embedded_keyring
from controlplane.policy import ControlPlanePolicy
from gateway.io.app import Gateway
from gateway.io.tokenkeys import TokenKeys
from moorage.ids import KeyId, UserId, WorkspaceId
from scheduler.io.revoking import revoke_exactly
from scheduler.values import EndRecord, Outcome, Revocation
from tests.builders import a_session, an_id
from tests.flows.places import ON_EVERY_STORE, Place
from tests.flows.system import MakeSystem, System, another_gateway, closed
from tests.owntime import within

pytestmark = ON_EVERY_STORE

WITHIN = 1.0
VICTIM = {"user": an_id("usr", 77), "key": an_id("key", 77), "workspace": an_id("wsp", 77)}
CLAIMS: dict[str, Any] = {
    "user": UserId(VICTIM["user"]),
    "key": KeyId(VICTIM["key"]),
    "workspace": WorkspaceId(VICTIM["workspace"]),
}


def connected(gateway: Gateway, token: str) -> connect:
    headers = {"authorization": f"Bearer {token}"}
    return connect(gateway.node, additional_headers=headers, compression=None, ping_interval=None, proxy=None)


def a_revocation(system: System, kind: str, named: str) -> Revocation:
    now = system.store.now()
    return Revocation(kind, named, now + 3600, now, "STOLEN")


async def closed_within(seconds: float, *clients: ClientConnection) -> list[int]:
    return [code for code, _ in await within(seconds, asyncio.gather(*map(closed, clients)))]


@pytest.mark.parametrize("kind", ["session", "user", "key", "workspace"])
async def test_each_kind_closes_its_sockets_on_every_gateway(a_system: MakeSystem, kind: str) -> None:
    async with a_system() as system, another_gateway(system) as other:
        await system.worker()
        claims = {} if kind == "session" else {kind: CLAIMS[kind]}
        here, there = system.token(0, **claims), system.token(0 if kind == "session" else 1, **claims)
        async with system.connect(2) as spared, connected(other, there) as second:
            clients = [second]
            if kind != "session":
                clients.append(await system.connect(0, token=here))
            await asyncio.gather(*(client.send("hello") for client in clients))
            await asyncio.gather(*(client.recv() for client in clients))
            named = a_session(0) if kind == "session" else VICTIM[kind]

            revoking = asyncio.create_task(revoke_exactly(system.store, a_revocation(system, kind, named)))
            codes = await closed_within(WITHIN, *clients)

            await spared.send("still here")
            assert await spared.recv() == "still here"
            assert set(codes) == {4410}
            assert await revoking == 0
        for number in {0} if kind == "session" else {0, 1}:
            record = await system.settled(number, Outcome.COMPLETED)
            assert isinstance(record, EndRecord)
            assert (record.reason, record.by, record.is_estimated) == ("STOLEN", "api", False)
            assert record.usage.messages_in == record.usage.messages_out == 1
        for gateway in (system.gateway, other):
            with pytest.raises(InvalidStatus) as refused:
                async with connected(gateway, there):
                    pass
            assert refused.value.response.status_code == 410


async def test_a_younger_token_of_the_same_user_is_let_in(a_system: MakeSystem) -> None:
    async with a_system() as system:
        await system.worker()
        await system.store.seed({}, [a_revocation(system, "user", VICTIM["user"])])

        async with system.connect(0, said={"user": CLAIMS["user"]}) as client:
            await client.send("anew")
            assert await client.recv() == "anew"


@pytest.mark.parametrize("kind", ["session", "user"])
async def test_what_was_revoked_while_the_store_was_away_closes_within_a_second_of_its_return(
    system: System, kind: str
) -> None:
    await system.worker()
    async with system.connect(0, said={"user": CLAIMS["user"]}) as client, system.connect(1) as spared:
        system.reach.cut()
        named = a_session(0) if kind == "session" else VICTIM["user"]
        await system.truth.seed({}, [a_revocation(system, kind, named)])
        await spared.send("relays go on")
        assert await spared.recv() == "relays go on"
        assert client.close_code is None

        system.reach.mend()
        codes = await closed_within(WITHIN, client)

        assert codes == [4410]
        record = await system.settled(0, Outcome.COMPLETED)
        assert isinstance(record, EndRecord)
        assert not record.is_estimated
        await spared.send("and on")
        assert await spared.recv() == "and on"


@contextlib.asynccontextmanager
async def everything(
    a_system: MakeSystem, folder: Path
) -> AsyncIterator[tuple[System, ControlPlane, httpx.AsyncClient]]:
    """A store, a control plane on a data folder, and a gateway that knows its keys from the store."""
    async with a_system() as system:
        await system.worker()
        policy = ControlPlanePolicy(data_folder=folder, port=0, sweep_every_seconds=0.05)
        plane = ControlPlane(policy, system.store, embedded_keyring(folder), CollectorRegistry())
        await plane.start()
        keys = TokenKeys(system.store, CollectorRegistry())
        await keys.load()
        gateway = Gateway(system.policy, system.store, lambda: keys.current, CollectorRegistry())
        await gateway.start()
        admin = (folder / "admin.key").read_text().strip()
        headers = {"authorization": f"Bearer {admin}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{plane.port}/api/v1", headers=headers) as client:
            system.gateway, before = gateway, system.gateway
            try:
                yield system, plane, client
            finally:
                system.gateway = before
                await gateway.close()
                await plane.close()


async def created(client: httpx.AsyncClient, user: str) -> dict[str, Any]:
    answer = await client.post("/sessions", json={"end_user_id": user})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_from_the_request_to_the_closed_socket_and_through_a_restart_of_everything(
    a_system: MakeSystem, place: Place, tmp_path: Path
) -> None:
    async with everything(a_system, tmp_path) as (system, _, client):
        session, other = await created(client, "eve"), await created(client, "ada")
        user = session["user_id"]
        async with connected(system.gateway, session["session_token"]) as live:
            answer = await client.post(f"/users/{user}/revoke", json={"reason": "STOLEN"})
            codes = await closed_within(WITHIN, live)
        assert (answer.status_code, codes) == (201, [4410])

    await place.lose_the_data(0.1)
    async with everything(a_system, tmp_path) as (system, _, client):
        with pytest.raises(InvalidStatus) as refused:
            async with connected(system.gateway, session["session_token"]):
                pass
        assert refused.value.response.status_code == 410
        async with connected(system.gateway, other["session_token"]) as spared:
            await spared.send("hello")
            assert await spared.recv() == "hello"
        ended = (await client.get(f"/sessions/{session['id']}")).json()
        assert (ended["status"], ended["end"]["reason"]) == ("COMPLETED", "STOLEN")
