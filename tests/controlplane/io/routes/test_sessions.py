"""Tests of controlplane/io/routes/sessions.py and the acts behind it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from controlplane.policy import Offer
from moorage.errors import Code
from moorage.ids import is_id
from moorage.tokens import inspect, verify
from scheduler.values import Concurrency, End, EndRecord, Outcome, Usage
from tests.controlplane.io.conftest import Harbour, Open

FIELDS = {
    "id", "status", "end_user_id", "user_id", "quality", "features", "metadata", "connection_type", "region", "regions",
    "pool", "labels", "worker_id", "node_id", "worker_url", "created_at", "started_at", "ended_at", "expires_at", "end",
    "usage", "quality_score", "error_count", "queue",
}  # fmt: skip


async def test_only_the_end_user_is_needed_for_a_session(harbour: Harbour) -> None:
    answer = await harbour.admin.post("/sessions", json={"end_user_id": "user_123"})

    session = answer.json()
    assert answer.status_code == 201
    assert session.keys() == FIELDS | {"session_token", "token_expires_at"}
    assert is_id("ses", session["id"])
    assert is_id("usr", session["user_id"])
    assert session["status"] == "PENDING"
    assert session["worker_url"] == session["node_id"] == "ws://127.0.0.1:7400"
    assert answer.headers["location"] == f"/api/v1/sessions/{session['id']}"
    assert answer.headers["cache-control"] == "no-store"


async def test_what_was_asked_is_told_again_and_is_in_the_token(harbour: Harbour) -> None:
    asked: dict[str, Any] = {
        "end_user_id": "user_123",
        "connection_type": "websocket",
        "quality": "high",
        "features": ["vision"],
        "metadata": {"source": "web", "nested": [1, None, {"deep": 1.5}]},
        "regions": ["eu-west", "us-east"],
        "pool": "gpu",
        "labels": {"tier": "2"},
        "ttl": 600,
    }

    created = await harbour.create(**asked)

    token = verify(created["session_token"], harbour.plane.keys, harbour.store.now())
    assert {name: created[name] for name in asked if name != "ttl"} == {n: v for n, v in asked.items() if n != "ttl"}
    assert token.context == {"quality": "high", "features": ["vision"], "metadata": asked["metadata"]}
    assert (token.regions, token.pools, token.labels) == (("eu-west", "us-east"), ("gpu",), (("tier", "2"),))
    assert token.session_expires_at - token.issued_at == pytest.approx(600)
    assert token.user == created["user_id"]


async def test_one_region_may_be_said_short(harbour: Harbour) -> None:
    created = await harbour.create(region="eu-west")

    assert (created["region"], created["regions"]) == ("eu-west", ["eu-west"])


async def test_quality_maps_to_pools_and_labels_by_settings(open_harbour: Open) -> None:
    harbour = await open_harbour(qualities={"high": Offer(("gpu",), frozenset({("tier", "2")}))})

    created = await harbour.create(quality="high")

    assert (created["pool"], created["labels"]) == ("gpu", {"tier": "2"})


async def test_an_end_user_is_one_user_however_often_and_at_once(harbour: Harbour) -> None:
    created = await asyncio.gather(*(harbour.create(end_user_id="same") for _ in range(5)))

    assert len({session["user_id"] for session in created}) == 1
    assert len({session["id"] for session in created}) == 5


async def test_the_token_is_told_at_creation_only(harbour: Harbour) -> None:
    created = await harbour.create()

    found = await harbour.get(created["id"])

    assert found.keys() == FIELDS
    assert created["session_token"] not in (await harbour.admin.get("/sessions")).text


async def test_a_session_in_use_shows_its_worker_and_what_it_carried(harbour: Harbour) -> None:
    created = await harbour.create()

    claimed = await harbour.attach(created)
    await harbour.store.checkpoint(claimed.session, claimed.fence, Usage(10, 20, 1, 2))

    found = await harbour.get(created["id"])
    assert (found["status"], found["worker_id"]) == ("ACTIVE", harbour.workers[0])
    assert (found["region"], found["pool"]) == ("local", "default")
    assert found["started_at"] is not None
    assert (found["usage"]["bytes_in"], found["usage"]["messages_out"]) == (10, 2)


async def test_a_terminated_session_is_read_as_ended_at_once(harbour: Harbour) -> None:
    created = await harbour.create()
    claimed = await harbour.attach(created)
    verdict = {"quality_score": 4.5, "error_count": 2, "reason": "user said goodbye"}

    answer = await harbour.admin.post(f"/sessions/{created['id']}/terminate", json=verdict)

    ended = answer.json()
    assert answer.status_code == 200
    assert ended["status"] == "COMPLETED"
    assert ended["end"] == {"code": "SESSION_ENDED", "reason": "user said goodbye", "by": "api"}
    assert (ended["quality_score"], ended["error_count"]) == (4.5, 2)
    assert await harbour.get(created["id"]) == ended == await harbour.row(created["id"])
    record = await harbour.store.session(claimed.session)
    assert isinstance(record, EndRecord)
    assert record.code is Code.SESSION_ENDED


async def test_the_first_end_wins_and_later_ones_are_told_so(harbour: Harbour) -> None:
    created = await harbour.create()
    claimed = await harbour.attach(created)
    lost = End(claimed.session, Outcome.FAILED, Code.WORKER_LOST, "WORKER_LOST", "gateway", claimed.fence)
    await harbour.store.end(lost)

    ended = (await harbour.admin.delete(f"/sessions/{created['id']}")).json()

    assert (ended["status"], ended["end"]["by"]) == ("FAILED", "gateway")


async def test_deleting_twice_answers_the_same_and_never_connected_ends_too(harbour: Harbour) -> None:
    created = await harbour.create()

    first = await harbour.admin.delete(f"/sessions/{created['id']}")
    second = await harbour.admin.delete(f"/sessions/{created['id']}")

    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert first.json()["status"] == "COMPLETED"
    assert first.json()["started_at"] is None


async def test_a_verdict_may_come_after_the_end(harbour: Harbour) -> None:
    created = await harbour.create()
    await harbour.admin.delete(f"/sessions/{created['id']}")

    judged = (await harbour.admin.post(f"/sessions/{created['id']}/terminate", json={"quality_score": 3})).json()

    assert judged["quality_score"] == 3
    assert judged["end"]["reason"] == "TERMINATED"


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


async def test_lists_go_newest_first_a_page_at_a_time(harbour: Harbour) -> None:
    made = [(await harbour.create())["id"] for _ in range(5)]
    seen, cursor = [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await harbour.admin.get("/sessions", params=params)).json()
        seen.append([session["id"] for session in page["sessions"]])
        if (cursor := page["next_cursor"]) is None:
            break

    assert [len(page) for page in seen] == [2, 2, 1]
    assert sorted(session for page in seen for session in page) == sorted(made)


async def test_lists_can_be_narrowed_to_users_and_statuses(harbour: Harbour) -> None:
    anna, bert = await harbour.create(end_user_id="anna"), await harbour.create(end_user_id="bert")
    await harbour.admin.delete(f"/sessions/{bert['id']}")

    async def ids(**params: Any) -> list[str]:
        answer = await harbour.admin.get("/sessions", params=params)
        return [session["id"] for session in answer.json()["sessions"]]

    assert await ids(end_user_id="anna") == await ids(user_id=anna["user_id"]) == [anna["id"]]
    assert await ids(status="COMPLETED") == [bert["id"]]
    assert set(await ids(status=["PENDING", "COMPLETED"])) == {anna["id"], bert["id"]}
    assert await ids(end_user_id="nobody") == []


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"limit": 0}, "limit: "),
        ({"limit": 201}, "limit: "),
        ({"cursor": "nonsense"}, "cursor must be"),
        ({"status": "RUNNING"}, "status"),
        ({"user_id": "u1"}, "'u1' is no usr_ id"),
        ({"offset": 3}, "offset: unknown field"),
    ],
)
async def test_a_wrong_question_is_refused_with_its_name(harbour: Harbour, params: dict[str, Any], named: str) -> None:
    answer = await harbour.admin.get("/sessions", params=params)

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(named)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "end_user_id: required"),
        ({"end_user_id": ""}, "end_user_id: "),
        ({"end_user_id": "x" * 257}, "end_user_id: "),
        ({"end_user_id": "a\0b"}, "end_user_id: "),
        ({"end_user_id": 5}, "end_user_id: "),
        ({"end_user_id": "u", "qualitty": "high"}, "qualitty: unknown field"),
        ({"end_user_id": "u", "quality": "best"}, "quality: must be one of standard, high, premium"),
        ({"end_user_id": "u", "metadata": {"a": "x" * 5000}}, "metadata: takes"),
        ({"end_user_id": "u", "metadata": {"a": 1 << 80}}, "metadata: integers must fit 64 bits"),
        ({"end_user_id": "u", "metadata": []}, "metadata: "),
        ({"end_user_id": "u", "features": "vision"}, "features: "),
        ({"end_user_id": "u", "features": ["x"] * 33}, "features: "),
        ({"end_user_id": "u", "labels": {f"l{i}": "v" for i in range(7)}}, "labels: "),
        ({"end_user_id": "u", "labels": {"a b": "c"}}, "labels.a b"),
        ({"end_user_id": "u", "region": "eu", "regions": ["us"]}, "the body: send region or regions"),
        ({"end_user_id": "u", "ttl": 0}, "ttl: "),
        ({"end_user_id": "u", "ttl": 1e300}, "ttl: "),
        ({"end_user_id": "u", "ttl": 90_000}, "ttl: must be at most 86400 seconds"),
        ([], "the body: must be a JSON object"),
        ("text", "the body: must be a JSON object"),
    ],
)
async def test_a_wrong_wish_is_refused_with_its_field(harbour: Harbour, body: Any, named: str) -> None:
    answer = await harbour.admin.post("/sessions", json=body)

    assert answer.status_code == 422
    assert answer.json()["code"] == "UNPROCESSABLE"
    assert answer.json()["detail"].startswith(named)


@pytest.mark.parametrize("path", ["/sessions/ses_nope", "/sessions/ses_00000000000000000000000000", "/sessions/%00"])
async def test_an_unknown_session_is_not_found(harbour: Harbour, path: str) -> None:
    for answer in (await harbour.admin.get(path), await harbour.admin.delete(path)):
        assert (answer.status_code, answer.json()["code"]) == (404, "SESSION_NOT_FOUND")


async def test_concurrent_sessions_are_limited_by_user_key_and_workspace(open_harbour: Open) -> None:
    harbour = await open_harbour(concurrency=Concurrency(per_user=1, per_key=2, per_workspace=3))
    one, other = [await harbour.client(await harbour.key("sessions:write")) for _ in range(2)]

    async def code(client: Any, user: str) -> str:
        answer = await client.post("/sessions", json={"end_user_id": user})
        return str(answer.json().get("code") or answer.json()["id"])

    first = await code(one, "anna")
    assert await code(one, "anna") == "SESSION_LIMIT_EXCEEDED"  # the user's
    await code(one, "bert")
    assert await code(one, "carl") == "SESSION_LIMIT_EXCEEDED"  # the key's
    await code(other, "carl")
    assert await code(other, "dora") == "SESSION_LIMIT_EXCEEDED"  # the workspace's
    assert is_id("ses", await code(harbour.admin, "anna"))  # the bootstrap key has none

    await one.post(f"/sessions/{first}/terminate")
    await harbour.admin.delete(f"/sessions/{(await harbour.create(end_user_id='x'))['id']}")


async def test_no_crowd_gets_past_a_limit(open_harbour: Open) -> None:
    harbour = await open_harbour(concurrency=Concurrency(per_key=3))
    client = await harbour.client(await harbour.key("sessions:write"))

    answers = await asyncio.gather(*(client.post("/sessions", json={"end_user_id": f"u{i}"}) for i in range(12)))

    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [429] * 9
    assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 429)


async def test_limits_of_the_key_travel_in_the_token(harbour: Harbour) -> None:
    client = await harbour.client(await harbour.key("sessions:write", sessions_per_key=5))

    created = (await client.post("/sessions", json={"end_user_id": "u"})).json()

    limits = verify(created["session_token"], harbour.plane.keys, harbour.store.now()).limits
    assert (limits.sessions_per_user, limits.sessions_per_key, limits.sessions_per_workspace) == (10, 5, 100)


async def test_the_same_request_again_gets_the_same_answer(harbour: Harbour) -> None:
    headers, body = {"idempotency-key": "order-17"}, {"end_user_id": "u", "metadata": {"a": 1, "b": 2}, "ttl": 500}
    first = await harbour.admin.post("/sessions", json=body, headers=headers)
    await harbour.attach(first.json())

    second = await harbour.admin.post("/sessions", json=dict(reversed(body.items())), headers=headers)

    assert second.status_code == first.status_code == 201
    assert second.json() == first.json()
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"


async def test_at_once_the_same_request_makes_one_session(harbour: Harbour) -> None:
    headers, body = {"idempotency-key": "order-18"}, {"end_user_id": "u"}

    answers = await asyncio.gather(*(harbour.admin.post("/sessions", json=body, headers=headers) for _ in range(6)))

    assert len({answer.text for answer in answers}) == 1


async def test_an_idempotency_key_is_good_for_one_body_and_one_caller(harbour: Harbour) -> None:
    headers = {"idempotency-key": "order-19"}
    first = await harbour.admin.post("/sessions", json={"end_user_id": "u"}, headers=headers)

    other_body = await harbour.admin.post("/sessions", json={"end_user_id": "v"}, headers=headers)
    other_key = await harbour.client(await harbour.key("sessions:write"))
    other_caller = await other_key.post("/sessions", json={"end_user_id": "u"}, headers=headers)

    assert (other_body.status_code, other_body.json()["code"]) == (409, "CONFLICT")
    assert other_caller.json()["id"] != first.json()["id"]


async def test_a_strange_idempotency_key_is_refused(harbour: Harbour) -> None:
    answer = await harbour.admin.post("/sessions", json={"end_user_id": "u"}, headers={"idempotency-key": "a b"})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("Idempotency-Key must be")


async def test_no_token_can_be_read_from_the_data_folder(harbour: Harbour) -> None:
    created = await harbour.admin.post("/sessions", json={"end_user_id": "u"}, headers={"idempotency-key": "order-20"})
    token: str = created.json()["session_token"]
    await harbour.plane.close()

    for path in harbour.plane.context.policy.data_folder.glob("moorage.db*"):
        content = path.read_bytes()
        assert token.encode() not in content
        assert token.rpartition(".")[2].encode() not in content
        assert harbour.admin_key.encode() not in content


async def test_a_waiting_session_shows_its_place_in_the_queue(harbour: Harbour) -> None:
    store = harbour.store
    full = [await harbour.create(end_user_id=f"u{index}") for index in range(10)]
    for created in full:
        await harbour.attach(created)
    waiting = await harbour.create(end_user_id="waits")
    token = verify(waiting["session_token"], harbour.plane.keys, store.now())
    await store.claim(harbour.request(token, wait_seconds=10))

    found = await harbour.get(waiting["id"])

    assert found["status"] == "PENDING"
    assert found["queue"]["position"] == 1


async def test_a_public_address_is_what_clients_are_told(open_harbour: Open) -> None:
    harbour = await open_harbour(node_url="wss://play.example")

    assert (await harbour.create())["worker_url"] == "wss://play.example"


async def test_a_token_names_the_key_that_made_it(harbour: Harbour) -> None:
    _, claims = inspect((await harbour.create())["session_token"])

    assert is_id("key", claims["akid"])
    assert "lim" not in claims
