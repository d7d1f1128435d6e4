"""Sessions over REST: what creates one, and what is told of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from controlplane.policy import Offer
from moorage.ids import is_id
from moorage.tokens import verify
from scheduler.values import Usage
from tests.controlplane.io.conftest import Harbour, Open

FIELDS = {
    "id", "status", "end_user_id", "user_id", "quality", "features", "metadata", "connection_type", "region", "regions",
    "pool", "labels", "worker_id", "node_id", "worker_url", "created_at", "started_at", "ended_at", "expires_at", "end",
    "usage", "is_usage_estimated", "quality_score", "error_count", "queue",
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


async def test_a_session_in_use_shows_its_worker_and_what_it_carried(harbour: Harbour) -> None:
    created = await harbour.create()

    claimed = await harbour.attach(created)
    await harbour.store.checkpoint(claimed.session, claimed.fence, Usage(10, 20, 1, 2))

    found = await harbour.get(created["id"])
    assert (found["status"], found["worker_id"]) == ("ACTIVE", harbour.workers[0])
    assert (found["region"], found["pool"]) == ("local", "default")
    assert found["started_at"] is not None
    assert (found["usage"]["bytes_in"], found["usage"]["messages_out"]) == (10, 2)


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
