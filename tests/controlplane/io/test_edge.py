"""Tests of controlplane/io/edge.py and web.py: ids, keys, scopes, pace, counts, and what a bug shows."""

from __future__ import annotations

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from starlette.types import Message, Receive, Scope, Send

from controlplane.io.edge import BodyLimit, Edge
from controlplane.io.metrics import Metrics
from controlplane.policy import RateLimit
from moorage.ids import is_id
from tests.controlplane.io.conftest import Harbour, Open
from tests.controlplane.io.problems import is_problem


async def test_a_given_request_id_comes_back_and_a_strange_one_is_replaced(harbour: Harbour) -> None:
    given_id = await harbour.admin.get("/sessions", headers={"x-request-id": "trace-7.a:b"})
    strange = await harbour.admin.get("/sessions", headers={"x-request-id": "a b"})
    too_long = await harbour.admin.get("/sessions", headers={"x-request-id": "x" * 65})

    assert given_id.headers["x-request-id"] == "trace-7.a:b"
    assert is_id("req", strange.headers["x-request-id"])
    assert is_id("req", too_long.headers["x-request-id"])


async def test_unknown_paths_and_methods_are_typed(harbour: Harbour) -> None:
    assert is_problem(await harbour.admin.get("/nothing"), 404, "NOT_FOUND")
    assert is_problem(await harbour.admin.get("/workers/"), 404, "NOT_FOUND")
    assert is_problem(await harbour.admin.put("/sessions"), 405, "METHOD_NOT_ALLOWED")
    assert is_problem(await harbour.admin.get(harbour.url), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer"}, {"authorization": "Basic abc"}, {"x-api-key": ""}]
)
async def test_without_a_key_nothing_is_answered(harbour: Harbour, headers: dict[str, str]) -> None:
    client = await harbour.client()

    assert is_problem(await client.get("/sessions", headers=headers), 401, "INVALID_API_KEY")


async def test_a_key_may_come_either_way(harbour: Harbour) -> None:
    client = await harbour.client()

    bearer = await client.get("/sessions", headers={"authorization": f"bearer {harbour.admin_key}"})
    header = await client.get("/sessions", headers={"x-api-key": harbour.admin_key})

    assert bearer.status_code == header.status_code == 200


async def test_unknown_revoked_and_expired_keys_are_told_apart(harbour: Harbour) -> None:
    expired = await harbour.client(await harbour.key("admin:all", expires_at=1.0))
    revoked = await harbour.client(await harbour.key("admin:all", revoked_at=1.0))
    unknown = await harbour.client("ak_unknown")
    umlaut = await harbour.client()

    assert is_problem(await expired.get("/sessions"), 401, "API_KEY_EXPIRED")
    assert is_problem(await revoked.get("/sessions"), 401, "INVALID_API_KEY")
    assert is_problem(await unknown.get("/sessions"), 401, "INVALID_API_KEY")
    assert is_problem(await umlaut.get("/sessions", headers=[(b"x-api-key", b"\xfc" * 9)]), 401, "INVALID_API_KEY")


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("sessions:read", "GET", "/sessions", 200),
        ("sessions:read", "POST", "/sessions", 403),
        ("sessions:write", "GET", "/sessions", 403),
        ("session_create", "DELETE", "/sessions/ses_00000000000000000000000000", 403),
        ("session_manage", "DELETE", "/sessions/ses_00000000000000000000000000", 404),
        ("workers:read", "GET", "/workers", 200),
        ("workers:read", "POST", "/workers/wrk_00000000000000000000000000/cordon", 403),
        ("workers:read", "DELETE", "/workers/wrk_00000000000000000000000000", 403),
        ("workers:write", "DELETE", "/workers/wrk_00000000000000000000000000", 404),
        ("sessions:read", "GET", "/capacity", 403),
    ],
)
async def test_a_key_can_do_what_its_scopes_say(
    harbour: Harbour, scope: str, method: str, path: str, status: int
) -> None:
    client = await harbour.client(await harbour.key(scope))

    answer = await client.request(method, path, json={"end_user_id": "u"} if method == "POST" else None)

    assert answer.status_code == status


async def test_a_key_that_asks_too_fast_is_told_when_to_come_back(open_harbour: Open) -> None:
    harbour = await open_harbour(rate_limit=RateLimit(per_minute=2, per_hour=100))
    client = await harbour.client(await harbour.key("sessions:read"))

    answers = [await client.get("/sessions") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"minute";q=2;w=60, "hour";q=100;w=3600'
    assert answers[0].headers["ratelimit"].startswith('"minute";r=1;')
    assert is_problem(answers[2], 429, "RATE_LIMIT_EXCEEDED")
    assert 1 <= int(answers[2].headers["retry-after"]) <= 30
    assert "ratelimit" in answers[2].headers


async def test_the_bootstrap_key_is_not_paced(harbour: Harbour) -> None:
    answer = await harbour.admin.get("/sessions")

    assert "ratelimit" not in answer.headers


async def test_requests_are_counted_by_route_never_by_id(harbour: Harbour) -> None:
    created = await harbour.create()
    await harbour.get(created["id"])
    await harbour.admin.get("/nothing")
    await harbour.admin.request("MADEUP", "/sessions")

    shown = generate_latest(harbour.registry).decode()

    assert _counted("/api/v1/sessions/{session_id}", "200") in shown
    assert _counted("unmatched", "404") in shown
    assert "ses_" not in shown
    assert "MADEUP" not in shown


async def test_a_bug_is_a_typed_500_with_nothing_of_it_inside() -> None:
    async def buggy(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("secret detail")

    async with _client(buggy) as client:
        answer = await client.get("/")

    assert is_problem(answer, 500, "INTERNAL")
    assert "secret" not in answer.text


async def test_a_bug_after_the_head_cannot_begin_a_second_answer() -> None:
    async def half(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": False})
        raise RuntimeError

    async with _client(half) as client:
        answer = await client.get("/")

    assert (answer.status_code, answer.text) == (200, "half")


async def test_a_caller_that_hangs_up_while_sending_is_let_go() -> None:
    messages: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("never called")

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        messages.append(message)

    await _edge(app)({"type": "http", "method": "POST", "path": "/", "headers": []}, receive, send)

    assert messages == []


async def test_what_is_not_http_passes_through() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    await _edge(app)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]

    assert seen == ["lifespan"]


def _edge(app: object) -> Edge:
    metrics = Metrics(CollectorRegistry())
    return Edge(app, BodyLimit(1000, 1.0), metrics, lambda: "req_1")  # type: ignore[arg-type]


def _client(app: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(_edge(app)), base_url="http://test")


def _counted(route: str, status: str) -> str:
    return f'moorage_controlplane_requests_total{{method="GET",route="{route}",status="{status}"}} 1.0'
