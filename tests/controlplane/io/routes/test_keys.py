"""API keys over REST: shown once, bounded by their scopes, and dead at once when revoked."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.credentials import is_well_formed
from controlplane.io import applier
from controlplane.io.sql import users
from moorage.ids import WorkspaceId
from tests.controlplane.io.conftest import Document, Harbour
from tests.controlplane.io.problems import is_problem


async def made(harbour: Harbour, *scopes: str, **said: Any) -> Document:
    answer = await harbour.admin.post("/keys", json={"name": "backend", "scopes": list(scopes)} | said)
    assert answer.status_code == 201, answer.text
    key: Document = answer.json()
    return key


async def test_a_key_is_shown_once_and_does_what_its_scopes_allow(harbour: Harbour) -> None:
    key = await made(harbour, "sessions:write", "sessions:read")
    client = await harbour.client(key["api_key"])

    assert is_well_formed(key["api_key"])
    assert (await client.post("/sessions", json={"end_user_id": "u1"})).status_code == 201
    assert is_problem(await client.get("/keys"), 403, "PERMISSION_DENIED")
    listed = await harbour.admin.get("/keys")
    assert key["api_key"] not in listed.text
    assert [one["name"] for one in listed.json()["keys"]] == ["backend", "bootstrap admin"]
    again = (await harbour.admin.get(f"/keys/{key['id']}")).json()
    assert again | {"last_used_at": None} == {name: value for name, value in key.items() if name != "api_key"}


async def test_it_expires_when_it_was_to(harbour: Harbour) -> None:
    key = await made(harbour, "sessions:read", ttl=60)
    client = await harbour.client(key["api_key"])
    assert (await client.get("/sessions")).status_code == 200

    harbour.clock.ahead += 61

    assert is_problem(await client.get("/sessions"), 401, "API_KEY_EXPIRED")


async def test_its_own_limits_hold(harbour: Harbour) -> None:
    key = await made(harbour, "sessions:read", requests_per_minute=1, requests_per_hour=0)
    client = await harbour.client(key["api_key"])

    answers = [await client.get("/sessions") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]


async def test_a_revoked_key_opens_nothing_at_once_and_ends_what_was_made_with_it(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applier, "SETTLE_SECONDS", 0.05)
    key = await made(harbour, "sessions:write")
    client = await harbour.client(key["api_key"])
    created = (await client.post("/sessions", json={"end_user_id": "u1"})).json()
    other = await harbour.create(end_user_id="u2")
    await harbour.attach(created)

    answer = await harbour.admin.delete(f"/keys/{key['id']}")

    assert answer.status_code == 200
    assert (answer.json()["kind"], answer.json()["target_id"]) == ("key", key["id"])
    assert is_problem(await client.post("/sessions", json={"end_user_id": "u1"}), 401, "INVALID_API_KEY")
    ended = await harbour.row_is(created["id"], "COMPLETED")
    assert ended["end"] == {"code": "SESSION_ENDED", "reason": "REVOKED", "by": "api"}
    assert (await harbour.get(other["id"]))["status"] == "PENDING"
    assert (await harbour.admin.get(f"/keys/{key['id']}")).json()["revoked_at"]


async def test_the_bootstrap_key_is_not_revoked_here(harbour: Harbour) -> None:
    [bootstrap] = (await harbour.admin.get("/keys")).json()["keys"]

    answer = await harbour.admin.delete(f"/keys/{bootstrap['id']}")

    assert is_problem(answer, 409, "CONFLICT")
    assert (await harbour.admin.get("/keys")).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["sessions:destroy"]},
        {"name": ""},
        {"ttl": 0},
        {"ttl": 1e12},
        {"sessions_per_key": -1},
        {"requests_per_hour": 1 << 40},
        {"workspace": "wsp_x"},
    ],
)
async def test_what_is_wrong_is_named(harbour: Harbour, wrong: Document) -> None:
    answer = await harbour.admin.post("/keys", json={"name": "backend", "scopes": ["sessions:read"]} | wrong)

    assert is_problem(answer, 422, "UNPROCESSABLE")
    assert next(iter(wrong)) in answer.json()["detail"]


async def test_another_workspaces_keys_are_nobodys(harbour: Harbour) -> None:
    context = harbour.plane.context
    elsewhere = WorkspaceId(context.new_id("wsp"))
    async with context.database.write() as connection:
        await users.add_workspace(connection, elsewhere, "elsewhere", context.store.now())
    stranger = await harbour.client(await harbour.key("admin:all", workspace=elsewhere))
    key = await made(harbour, "sessions:read")

    assert is_problem(await stranger.get(f"/keys/{key['id']}"), 404, "NOT_FOUND")
    assert is_problem(await stranger.delete(f"/keys/{key['id']}"), 404, "NOT_FOUND")
    assert is_problem(await harbour.admin.delete("/keys/nonsense"), 404, "NOT_FOUND")
    assert [one["name"] for one in (await stranger.get("/keys")).json()["keys"]] == ["test"]


async def test_pages_of_keys_meet(harbour: Harbour) -> None:
    for number in range(3):
        await made(harbour, "sessions:read", name=f"k{number}")

    first = (await harbour.admin.get("/keys", params={"limit": 2})).json()
    rest = (await harbour.admin.get("/keys", params={"limit": 2, "cursor": first["next_cursor"]})).json()

    assert [one["name"] for one in first["keys"] + rest["keys"]] == ["k2", "k1", "k0", "bootstrap admin"]
    assert rest["next_cursor"] is None
    assert is_problem(await harbour.admin.get("/keys", params={"cursor": "x"}), 422, "UNPROCESSABLE")
