"""The same request again makes no second session."""

from __future__ import annotations

import asyncio

from tests.controlplane.io.conftest import Harbour


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
