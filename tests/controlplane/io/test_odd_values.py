"""What one database takes and another refuses is taken or refused alike."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moorage.errors import Code
from scheduler.values import End, Outcome, Registered, Registration, Usage
from tests.controlplane.io.conftest import Harbour, Open

REFUSED = (400, 422)
LONGEST = 128  # name, pool and region of a worker, as the scheduler has it
ODD = {
    "nul-inside": "a\u0000b",
    "nul": "\u0000",
    "surrogate": "\ud800",
    "last": "\U0010ffff",
    "longest": "é" * 256,
    "sql": "'; DROP TABLE sessions; --",
    "parameters": "%s $1 :name",
}


@pytest.mark.parametrize("text", list(ODD.values()), ids=list(ODD))
async def test_odd_texts_are_kept_as_they_are_or_refused(harbour: Harbour, text: str) -> None:
    for body in ({"end_user_id": text}, {"end_user_id": "u", "metadata": {"text": text, text: 1}}):
        content = _json(body)

        answer = await harbour.admin.post("/sessions", content=content, headers={"content-type": "application/json"})

        assert answer.status_code in (201, *REFUSED), answer.text
        if answer.status_code == 201:
            shown = await harbour.get(answer.json()["id"])
            assert {name: shown[name] for name in body} == body


@pytest.mark.parametrize("count", [0, 2**31 - 1, 2**31, 2**63, -1])
async def test_odd_numbers_are_kept_or_refused(harbour: Harbour, count: int) -> None:
    created = await harbour.create()

    answer = await harbour.admin.post(f"/sessions/{created['id']}/terminate", json={"error_count": count})

    assert answer.status_code in (200, *REFUSED), answer.text


@pytest.mark.parametrize("limit", [2**31 - 1, 2**31, 2**63])
async def test_odd_limits_of_keys_are_kept_or_refused(harbour: Harbour, limit: int) -> None:
    body: dict[str, Any] = {"name": "k", "scopes": ["sessions:read"], "requests_per_minute": limit}

    answer = await harbour.admin.post("/keys", json=body)

    assert answer.status_code in (201, *REFUSED), answer.text


@pytest.mark.parametrize("text", list(ODD.values()), ids=list(ODD))
async def test_odd_reasons_and_names_are_kept_or_refused(harbour: Harbour, text: str) -> None:
    created = await harbour.create()
    headers = {"content-type": "application/json"}

    ended = await harbour.admin.post(
        f"/sessions/{created['id']}/terminate", content=_json({"reason": text}), headers=headers
    )
    named = await harbour.admin.post("/join-keys", content=_json({"name": text}), headers=headers)

    assert ended.status_code in (200, *REFUSED), ended.text
    assert named.status_code in (201, *REFUSED), named.text


async def test_what_is_as_long_as_it_may_be_has_room(harbour: Harbour) -> None:
    created = await harbour.create(
        end_user_id="u" * 256,
        connection_type="c" * 63,
        quality="standard",
        region="r" * 63,
        labels={"k" * 63: "v" * 63},
    )
    key = await harbour.admin.post("/keys", json={"name": "k" * 256, "scopes": ["sessions:read"]})
    join_key = await harbour.admin.post("/join-keys", json={"name": "j" * 256, "pool": "p" * 63, "region": "r" * 63})
    revoked = await harbour.admin.post(f"/sessions/{created['id']}/terminate", json={"reason": "r" * 256})

    assert (key.status_code, join_key.status_code, revoked.status_code) == (201, 201, 200)


async def test_a_worker_with_the_longest_names_holds_no_event_up(open_harbour: Open) -> None:
    harbour = await open_harbour(workers=0)
    registration = Registration("w" * LONGEST, "r" * LONGEST, "p" * LONGEST, "127.0.0.1:9000", 10)
    registered = await harbour.store.register(registration)
    assert isinstance(registered, Registered)
    harbour.workers.append(registered.worker)
    created = await harbour.create()

    claimed = await harbour.attach(created)
    await harbour.store.end(
        End(claimed.session, Outcome.FAILED, Code.INTERNAL, "x" * 5000, "gateway", claimed.fence, Usage(2**53, 0, 0, 0))
    )

    assert (await harbour.row_is(created["id"], "FAILED"))["region"] == "r" * LONGEST


@pytest.mark.parametrize("text", ["%00", "a%00b", "%F0%9F"])
async def test_odd_questions_are_answered_or_refused(harbour: Harbour, text: str) -> None:
    answer = await harbour.admin.get(f"/sessions?end_user_id={text}")

    assert answer.status_code in (200, *REFUSED), answer.text


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()
