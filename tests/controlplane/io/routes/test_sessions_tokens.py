"""Tokens of sessions: when they are told, what they carry, and that nothing at rest gives them away."""

from __future__ import annotations

from moorage.ids import is_id
from moorage.tokens import inspect, verify
from tests.controlplane.io.conftest import Harbour
from tests.controlplane.io.routes.test_sessions import FIELDS


async def test_the_token_is_told_at_creation_only(harbour: Harbour) -> None:
    created = await harbour.create()

    found = await harbour.get(created["id"])

    assert found.keys() == FIELDS
    assert created["session_token"] not in (await harbour.admin.get("/sessions")).text


async def test_another_token_can_be_had_while_a_session_lives(harbour: Harbour) -> None:
    created = await harbour.create()

    answer = await harbour.admin.post(f"/sessions/{created['id']}/token")

    issued = answer.json()
    token = verify(issued["session_token"], harbour.plane.keys, harbour.store.now())
    assert answer.status_code == 201
    assert token.session == created["id"] == issued["session_id"]
    assert issued["worker_url"] == "ws://127.0.0.1:7400"
    assert issued["session_token"] != created["session_token"]


async def test_an_ended_session_gets_no_token(harbour: Harbour) -> None:
    created = await harbour.create()
    await harbour.admin.delete(f"/sessions/{created['id']}")

    answer = await harbour.admin.post(f"/sessions/{created['id']}/token")

    assert (answer.status_code, answer.json()["code"]) == (410, "SESSION_ENDED")


async def test_limits_of_the_key_travel_in_the_token(harbour: Harbour) -> None:
    client = await harbour.client(await harbour.key("sessions:write", sessions_per_key=5))

    created = (await client.post("/sessions", json={"end_user_id": "u"})).json()

    limits = verify(created["session_token"], harbour.plane.keys, harbour.store.now()).limits
    assert (limits.sessions_per_user, limits.sessions_per_key, limits.sessions_per_workspace) == (10, 5, 100)


async def test_no_token_can_be_read_from_the_data_folder(harbour: Harbour) -> None:
    created = await harbour.admin.post("/sessions", json={"end_user_id": "u"}, headers={"idempotency-key": "order-20"})
    token: str = created.json()["session_token"]
    await harbour.plane.close()

    for path in harbour.plane.context.policy.data_folder.glob("moorage.db*"):
        content = path.read_bytes()
        assert token.encode() not in content
        assert token.rpartition(".")[2].encode() not in content
        assert harbour.admin_key.encode() not in content


async def test_a_token_names_the_key_that_made_it(harbour: Harbour) -> None:
    _, claims = inspect((await harbour.create())["session_token"])

    assert is_id("key", claims["akid"])
    assert "lim" not in claims
