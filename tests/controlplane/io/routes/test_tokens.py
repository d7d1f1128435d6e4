"""Tests of controlplane/io/routes/tokens.py and the acts behind it."""

from __future__ import annotations

from typing import Any

import pytest

from moorage.ids import WorkspaceId, make
from moorage.keys import KeySet, hs256_key
from moorage.tokens import mint, verify
from scheduler.values import SessionView
from tests.controlplane.io.conftest import Harbour, Open


async def validated(harbour: Harbour, token: str) -> dict[str, Any]:
    answer = await harbour.admin.post("/tokens/validate", json={"token": token})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_good_token_is_valid_for_its_session(harbour: Harbour) -> None:
    created = await harbour.create()

    found = await validated(harbour, created["session_token"])

    assert found == {
        "session_id": created["id"],
        "is_valid": True,
        "expires_at": created["token_expires_at"],
        "detail": "",
    }


async def test_the_token_of_an_ended_session_is_not_valid_and_says_why(harbour: Harbour) -> None:
    created = await harbour.create()
    await harbour.admin.delete(f"/sessions/{created['id']}")

    found = await validated(harbour, created["session_token"])

    assert (found["session_id"], found["is_valid"]) == (created["id"], False)
    assert "has ended" in found["detail"]


@pytest.mark.parametrize("token", ["x", "a.b.c", "é", "eyJhbGciOiJub25lIn0.e30.", "x" * 100_000])
async def test_a_bad_token_is_an_answer_not_an_error(harbour: Harbour, token: str) -> None:
    found = await validated(harbour, token)

    assert (found["session_id"], found["is_valid"], found["expires_at"]) == (None, False, None)
    assert found["detail"]
    assert token not in found["detail"] or len(token) == 1


async def test_a_token_of_another_key_or_workspace_is_nobodys(harbour: Harbour) -> None:
    created = await harbour.create()
    token = verify(created["session_token"], harbour.plane.keys, harbour.store.now())
    stranger = token._replace(workspace=WorkspaceId(make("wsp", 0, bytes)))

    forged = await validated(harbour, mint(token, KeySet([hs256_key("embedded", b"x" * 32)])))
    foreign = await validated(harbour, mint(stranger, harbour.plane.keys))

    assert (forged["is_valid"], foreign["is_valid"]) == (False, False)
    assert foreign["session_id"] is None


async def test_refreshing_moves_the_token_the_row_and_the_live_sessions_end(harbour: Harbour) -> None:
    created = await harbour.create(ttl=100)
    claimed = await harbour.attach(created)

    answer = await harbour.admin.post("/tokens/refresh", json={"token": created["session_token"]})

    fresh = answer.json()
    token = verify(fresh["session_token"], harbour.plane.keys, harbour.store.now())
    live = await harbour.store.session(claimed.session)
    assert answer.status_code == 200
    assert isinstance(live, SessionView)
    assert live.expires_at == pytest.approx(token.session_expires_at, abs=0.01)
    assert token.session_expires_at == pytest.approx(harbour.store.now() + 3600, abs=5)
    assert (await harbour.row(created["id"]))["expires_at"] == fresh["expires_at"]


async def test_a_refresh_never_passes_the_longest_session(open_harbour: Open) -> None:
    harbour = await open_harbour(max_session_seconds=4000.0, connect_within_seconds=5000.0)
    created = await harbour.create(ttl=1000)
    harbour.clock.ahead = 900
    first = (await harbour.admin.post("/tokens/refresh", json={"token": created["session_token"]})).json()
    harbour.clock.ahead = 3900

    second = (await harbour.admin.post("/tokens/refresh", json={"token": first["session_token"]})).json()

    born = verify(created["session_token"], harbour.plane.keys, harbour.store.now() - 3900).issued_at
    token = verify(second["session_token"], harbour.plane.keys, harbour.store.now())
    assert token.session_expires_at == pytest.approx(born + 4000)
    assert token.expires_at == pytest.approx(born + 4000)


async def test_a_session_that_never_connected_can_be_refreshed_too(harbour: Harbour) -> None:
    created = await harbour.create(ttl=100)

    fresh = (await harbour.admin.post("/tokens/refresh", json={"token": created["session_token"]})).json()

    assert fresh["expires_at"] > created["expires_at"]


async def test_an_ended_session_cannot_be_refreshed(harbour: Harbour) -> None:
    created = await harbour.create()
    await harbour.admin.delete(f"/sessions/{created['id']}")

    answer = await harbour.admin.post("/tokens/refresh", json={"token": created["session_token"]})

    assert (answer.status_code, answer.json()["code"]) == (410, "SESSION_ENDED")


async def test_a_bad_token_cannot_be_refreshed_and_is_not_repeated(harbour: Harbour) -> None:
    created = await harbour.create()

    answer = await harbour.admin.post("/tokens/refresh", json={"token": created["session_token"][:-3] + "AAA"})

    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_SESSION_TOKEN")
    assert created["session_token"][:40] not in answer.text
