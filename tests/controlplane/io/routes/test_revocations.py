"""Revocations over REST: who may, what ends, what is refused afterwards, and what a store that is away changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from controlplane.io import applier
from controlplane.io.sql import users
from moorage.ids import WorkspaceId
from moorage.tokens import verify
from scheduler.io.memory import MemoryStore
from scheduler.store import Store
from scheduler.values import Claimed, EndRecord, Notice, Refused, Revocation, Revoked
from tests.controlplane.io.away import Switched
from tests.controlplane.io.conftest import Document, Harbour, Open, eventually
from tests.controlplane.io.problems import is_problem
from tests.owntime import within


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applier, "SETTLE_SECONDS", 0.05)


async def revoked(harbour: Harbour, kind: str, id_: str, status: int = 201, **said: Any) -> Document:
    answer = await harbour.admin.post("/revocations", json={"kind": kind, "id": id_} | said)
    assert answer.status_code == status, answer.text
    revocation: Document = answer.json()
    return revocation


async def applied(harbour: Harbour, revocation: Document) -> Document:
    """Waits until it is."""

    async def is_applied() -> Document | None:
        found: Document = (await harbour.admin.get(f"/revocations/{revocation['id']}")).json()
        return found if found["status"] == "applied" else None

    return await eventually(is_applied)


async def tries_again(harbour: Harbour, created: Document) -> Claimed | Refused:
    token = verify(created["session_token"], harbour.plane.keys, harbour.store.now())
    answer = await harbour.store.claim(harbour.request(token))
    assert isinstance(answer, Claimed | Refused)
    return answer


@pytest.mark.parametrize("kind", ["session", "user", "key", "workspace"])
async def test_everything_under_it_ends_and_cannot_come_back(harbour: Harbour, kind: str) -> None:
    live, pending = await harbour.create(), await harbour.create()
    await harbour.attach(live)
    token = verify(live["session_token"], harbour.plane.keys, harbour.store.now())
    named = {"session": live["id"], "user": token.user, "key": await a_key_for(harbour), "workspace": token.workspace}
    if kind == "key":
        live = pending = await made_with(harbour, named["key"])

    revocation = await revoked(harbour, kind, named[kind], reason="STOLEN")

    assert (revocation["kind"], revocation["target_id"], revocation["status"]) == (kind, named[kind], "pending")
    hit = [live] if kind in ("session", "key") else [live, pending]
    for created in hit:
        assert isinstance(await tries_again(harbour, created), Refused)
        answer = await harbour.admin.post(f"/sessions/{created['id']}/token")
        assert is_problem(answer, 410, "SESSION_ENDED")
        ended = await harbour.row_is(created["id"], "COMPLETED")
        assert ended["end"] == {"code": "SESSION_ENDED", "reason": "STOLEN", "by": "api"}
    done = await applied(harbour, revocation)
    assert done["applied_at"] >= done["created_at"]
    assert [one["id"] for one in (await harbour.admin.get("/revocations")).json()["revocations"]] == [revocation["id"]]


_KEYS: dict[str, str] = {}


async def a_key_for(harbour: Harbour) -> str:
    made = (await harbour.admin.post("/keys", json={"name": "k", "scopes": ["sessions:write"]})).json()
    _KEYS[made["id"]] = made["api_key"]
    return str(made["id"])


async def made_with(harbour: Harbour, key: str) -> Document:
    client = await harbour.client(_KEYS[key])
    created: Document = (await client.post("/sessions", json={"end_user_id": "u9"})).json()
    return created


async def test_a_revoked_user_may_begin_anew(harbour: Harbour) -> None:
    before = await harbour.create()
    token = verify(before["session_token"], harbour.plane.keys, harbour.store.now())
    answer = await harbour.admin.post(f"/users/{token.user}/revoke", json={"reason": "LOGGED_OUT"})
    assert answer.status_code == 201

    after = await harbour.create()

    assert isinstance(await tries_again(harbour, after), Claimed)
    assert isinstance(await tries_again(harbour, before), Refused)


async def test_revoking_a_user_needs_no_body(harbour: Harbour) -> None:
    created = await harbour.create()
    token = verify(created["session_token"], harbour.plane.keys, harbour.store.now())

    answer = await harbour.admin.post(f"/users/{token.user}/revoke")

    assert (answer.status_code, answer.json()["reason"]) == (201, "REVOKED")


async def test_gateways_hear_of_it_at_once_with_an_end_that_outlives_every_token(harbour: Harbour) -> None:
    created = await harbour.create(ttl=86_400)
    notices = harbour.store.watch(harbour.gateway)

    await revoked(harbour, "session", created["id"])

    heard = await within(1, anext(notices))
    assert isinstance(heard, Revoked)
    assert heard.revocation.before >= heard.revocation.until - 86_400 - 10
    token = verify(created["session_token"], harbour.plane.keys, harbour.store.now())
    assert heard.revocation.until > token.session_expires_at
    assert heard.revocation.before > token.issued_at


async def test_scopes_are_checked(harbour: Harbour) -> None:
    created = await harbour.create()
    token = verify(created["session_token"], harbour.plane.keys, harbour.store.now())
    ids = {"session": created["id"], "user": token.user, "key": token.key, "workspace": token.workspace}
    allowed = {
        "sessions:write": {"session"},
        "users:write": {"user"},
        "sessions:read": set[str](),
        "workers:write": set(),
    }

    for scope, kinds in allowed.items():
        client = await harbour.client(await harbour.key(scope))
        for kind in ids.keys() - kinds:
            answer = await client.post("/revocations", json={"kind": kind, "id": ids[kind]})
            assert is_problem(answer, 403, "PERMISSION_DENIED"), (scope, kind)
    assert is_problem(await (await harbour.client("ak_no")).post("/revocations", json={}), 401, "INVALID_API_KEY")


async def test_another_workspaces_ids_are_nobodys_but_the_operator_may_close_a_workspace(harbour: Harbour) -> None:
    created = await harbour.create()
    token = verify(created["session_token"], harbour.plane.keys, harbour.store.now())
    context = harbour.plane.context
    elsewhere = WorkspaceId(context.new_id("wsp"))
    async with context.database.write() as connection:
        await users.add_workspace(connection, elsewhere, "elsewhere", context.store.now())
    stranger = await harbour.client(await harbour.key("admin:all", workspace=elsewhere))
    ids = {"session": created["id"], "user": token.user, "key": token.key, "workspace": token.workspace}

    for kind, id_ in ids.items():
        answer = await stranger.post("/revocations", json={"kind": kind, "id": id_})
        assert is_problem(answer, 404, "SESSION_NOT_FOUND" if kind == "session" else "NOT_FOUND")
    theirs = await revoked(harbour, "workspace", elsewhere)

    assert is_problem(await harbour.admin.get(f"/revocations/{theirs['id']}"), 404, "NOT_FOUND")
    assert [one["id"] for one in (await stranger.get("/revocations")).json()["revocations"]] == [theirs["id"]]
    assert (await harbour.get(created["id"]))["status"] == "PENDING"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"kind": "pool", "id": "x"}, 422, "UNPROCESSABLE"),
        ({"kind": "user"}, 422, "UNPROCESSABLE"),
        ({"kind": "user", "id": "usr_x"}, 404, "NOT_FOUND"),
        ({"kind": "session", "id": "usr_x"}, 404, "SESSION_NOT_FOUND"),
        ({"kind": "workspace", "id": "wsp_00000000000000000000000000"}, 404, "NOT_FOUND"),
        ({"kind": "user", "id": "usr_x", "reason": "a\nb"}, 422, "UNPROCESSABLE"),
        ({"kind": "user", "id": "usr_x", "until": 7}, 422, "UNPROCESSABLE"),
    ],
)
async def test_what_is_wrong_is_refused(harbour: Harbour, body: Document, status: int, code: str) -> None:
    assert is_problem(await harbour.admin.post("/revocations", json=body), status, code)


async def until_revoked(notices: AsyncIterator[Notice]) -> None:
    while not isinstance(await anext(notices), Revoked):
        pass


async def test_while_the_store_is_away_it_is_taken_and_in_force_within_a_second_of_its_return(
    open_harbour: Open,
) -> None:
    switched = Switched(MemoryStore())
    harbour = await open_harbour(cast(Store, switched))
    created = await harbour.create()
    await harbour.attach(created)
    notices = harbour.store.watch(harbour.gateway)
    switched.is_here = False

    revocation = await revoked(harbour, "session", created["id"], 202)
    refused = await harbour.admin.post(f"/sessions/{created['id']}/token")
    switched.is_here = True

    assert is_problem(refused, 410, "SESSION_ENDED")
    await within(1, until_revoked(notices))
    await applied(harbour, revocation)
    assert isinstance(await harbour.store.session(created["id"]), EndRecord)


async def test_one_that_was_not_applied_is_taken_up_by_the_next_start(open_harbour: Open) -> None:
    switched = Switched(MemoryStore())
    first = await open_harbour(cast(Store, switched))
    created = await first.create()
    switched.is_here = False
    revocation = await revoked(first, "session", created["id"], 202)
    await first.plane.close()

    second = await open_harbour()

    assert isinstance(await tries_again(second, created), Refused)
    await applied(second, revocation)
    await second.row_is(created["id"], "COMPLETED")


async def test_a_restart_of_everything_keeps_the_revoked_out_and_lets_the_others_in(open_harbour: Open) -> None:
    first = await open_harbour()
    mine, others = await first.create(), await first.create(end_user_id="u2")
    ended = await first.create(end_user_id="u3")
    token = verify(mine["session_token"], first.plane.keys, first.store.now())
    await applied(first, await revoked(first, "user", token.user))
    await first.admin.delete(f"/sessions/{ended['id']}")
    await first.plane.close()

    second = await open_harbour()

    assert [(one.kind, one.id) for one in await second.store.revocations()] == [("user", token.user)]
    assert isinstance(await tries_again(second, mine), Refused)
    assert isinstance(await tries_again(second, ended), Refused)
    assert isinstance(await tries_again(second, others), Claimed)


async def test_a_revocation_that_only_the_store_lost_is_brought_back(open_harbour: Open) -> None:
    harbour = await open_harbour()
    created = await harbour.create()
    await applied(harbour, await revoked(harbour, "session", created["id"]))
    store = cast(Any, harbour.store)
    store._fleet.revocations.__init__()
    harbour.plane.seeding._look_for_young_at = 0.0

    async def is_back() -> list[Revocation] | None:
        return await harbour.store.revocations() or None

    [found] = await eventually(is_back)
    assert found.id == created["id"]
