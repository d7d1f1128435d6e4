"""Scale requests over REST: what is answered, kept, refused, and given once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from scheduler.io.memory import MemoryStore
from scheduler.io.memory.boardfile import BoardFile
from scheduler.values import PoolStatus
from tests.controlplane.io.away import Switched
from tests.controlplane.io.conftest import Document, Harbour, Open

UP = {"action": "scale_up", "region": "local", "pool": "default", "delta_workers": 2, "reason": "a concert"}
PATHS = ["/scale-requests", "/workers/scale"]


async def scaled(harbour: Harbour, **said: Any) -> PoolStatus:
    """An autoscaler says that it looks after the pool of the harbour's worker."""
    now = harbour.store.now()
    usual: Document = {
        "region": "local",
        "pool": "default",
        "target": "local",
        "minimum": 1,
        "maximum": 6,
        "slots_per_worker": 10,
        "labels": frozenset({("tier", "gold")}),
        "desired": 1,
        "serving": 1,
        "starting": 0,
        "draining": 0,
        "lead_seconds": 12.0,
        "frozen": (),
        "at": now,
        "until": now + 60,
    }
    status = PoolStatus(**usual | said)
    await harbour.store.publish_pool(status)
    return status


async def asked(harbour: Harbour, **body: Any) -> Document:
    answer = await harbour.admin.post("/scale-requests", json=UP | body)
    assert answer.status_code in (200, 201), answer.text
    found: Document = answer.json()
    return found


async def in_force(harbour: Harbour, **query: str) -> list[Document]:
    answer = await harbour.admin.get("/scale-requests", params=query)
    assert answer.status_code == 200, answer.text
    found: list[Document] = answer.json()["scale_requests"]
    assert answer.json()["total"] == len(found)
    return found


async def audit_log(harbour: Harbour, **query: str) -> list[Document]:
    found: list[Document] = (await harbour.admin.get("/audit-logs", params=query)).json()["audit_logs"]
    return found


@pytest.mark.parametrize("path", PATHS)
async def test_a_request_is_answered_with_what_will_happen_and_stays_in_force(harbour: Harbour, path: str) -> None:
    await scaled(harbour)

    answer = await harbour.admin.post(path, json=UP)

    said = answer.json()
    request = said["scale_request"]
    assert (answer.status_code, said["id"]) == (201, request["id"])
    assert answer.headers["location"] == f"/api/v1/scale-requests/{request['id']}"
    assert (request["workers"], request["floor"], request["ceiling"]) == (3, 3, None)
    assert said["outlook"] == {
        "target_workers": 3,
        "to_start": 2,
        "undrained": 0,
        "removable_now": 0,
        "to_drain": 0,
        "estimated_seconds": 12.0,
    }
    assert (said["pool_status"]["maximum"], said["pool_status"]["labels"]) == (6, {"tier": "gold"})
    assert await in_force(harbour) == [request]
    assert (await harbour.admin.get(f"/scale-requests/{request['id']}")).json() == request


async def test_a_dry_run_answers_alike_and_changes_nothing(harbour: Harbour) -> None:
    await scaled(harbour)

    answer = await harbour.admin.post("/scale-requests", json=UP | {"dry_run": True})

    assert (answer.status_code, answer.json()["dry_run"], answer.json()["id"]) == (200, True, None)
    assert answer.json()["outlook"]["target_workers"] == 3
    assert await in_force(harbour) == []
    assert await audit_log(harbour) == []


async def test_fewer_says_who_can_go_now_and_who_has_sessions(open_harbour: Open) -> None:
    harbour = await open_harbour(workers=3)
    await harbour.attach(await harbour.create())
    await scaled(harbour, serving=3, desired=3)

    one = await asked(harbour, action="scale_down", delta_workers=1, dry_run=True)
    two = await asked(harbour, action="set", delta_workers=None, workers=1)

    assert (one["outlook"]["removable_now"], one["outlook"]["to_drain"]) == (1, 0)
    assert one["outlook"]["estimated_seconds"] == 0.0
    assert (two["outlook"]["removable_now"], two["outlook"]["to_drain"]) == (2, 0)


async def test_a_release_forgets_the_pools_requests_and_no_others(harbour: Harbour) -> None:
    await scaled(harbour)
    await scaled(harbour, pool="other")
    mine = [
        (await asked(harbour))["scale_request"],
        (await asked(harbour, action="hold", delta_workers=None))["scale_request"],
    ]
    other = (await asked(harbour, pool="other"))["scale_request"]

    answer = await harbour.admin.post(
        "/workers/scale", json={"action": "release", "region": "local", "pool": "default"}
    )

    assert answer.status_code == 200
    assert answer.json()["scale_request"] is None
    assert answer.json()["released"] == mine
    assert await in_force(harbour) == [other]


async def test_a_release_needs_no_autoscaler(harbour: Harbour) -> None:
    answer = await harbour.admin.post(
        "/workers/scale", json={"action": "release", "region": "local", "pool": "default"}
    )

    assert (answer.status_code, answer.json()["released"]) == (200, [])


async def test_a_deleted_request_is_gone(harbour: Harbour) -> None:
    await scaled(harbour)
    request = (await asked(harbour))["scale_request"]

    deleted = await harbour.admin.delete(f"/scale-requests/{request['id']}")
    again = await harbour.admin.delete(f"/scale-requests/{request['id']}")

    assert (deleted.status_code, deleted.json()) == (200, request)
    assert (again.status_code, again.json()["code"]) == (404, "NOT_FOUND")
    assert await in_force(harbour) == []


async def test_lists_are_filtered_and_newest_first(harbour: Harbour) -> None:
    await scaled(harbour)
    await scaled(harbour, pool="other")
    made = [
        (await asked(harbour))["scale_request"]["id"],
        (await asked(harbour, action="hold", delta_workers=None))["scale_request"]["id"],
        (await asked(harbour, pool="other"))["scale_request"]["id"],
    ]

    assert [one["id"] for one in await in_force(harbour)] == made[::-1]
    assert [one["id"] for one in await in_force(harbour, pool="other")] == [made[2]]
    assert [one["id"] for one in await in_force(harbour, action="hold", region="local")] == [made[1]]
    assert (await harbour.admin.get("/scale-requests", params={"color": "red"})).status_code == 422


async def test_a_request_is_over_when_its_time_is(harbour: Harbour) -> None:
    await scaled(harbour)
    request = (await asked(harbour, ttl_seconds=30))["scale_request"]

    harbour.clock.ahead += 31

    assert await in_force(harbour) == []
    assert (await harbour.admin.get(f"/scale-requests/{request['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        ({"region": "mars"}, 422, "known: local"),
        ({"pool": "none"}, 422, "known there: default"),
        ({"delta_workers": 6}, 409, "beyond the maximum of 6"),
        ({"delta_workers": 10**9}, 409, "beyond the maximum of 6"),
        ({"delta_workers": 10**12}, 422, "delta_workers"),
        ({"delta_workers": 0}, 422, "delta_workers"),
        ({"delta_workers": -1}, 422, "delta_workers"),
        ({"delta_workers": True}, 422, "delta_workers"),
        ({"delta_workers": 1.5}, 422, "delta_workers"),
        ({"delta_workers": None}, 422, "takes delta_workers"),
        ({"workers": 3}, 422, "takes delta_workers"),
        ({"action": "set"}, 422, "takes workers"),
        ({"action": "hold"}, 422, "takes neither"),
        ({"action": "explode"}, 422, "action"),
        ({"action": "scale_down"}, 409, "below the minimum of 1"),
        ({"ttl_seconds": 0}, 422, "ttl_seconds"),
        ({"ttl_seconds": -5}, 422, "ttl_seconds"),
        ({"ttl_seconds": 10**9}, 422, "ttl_seconds"),
        ({"ttl_seconds": 1e-9}, 422, "ttl_seconds"),
        ({"ttl_seconds": True}, 422, "ttl_seconds"),
        ({"ttl_seconds": "3600"}, 422, "ttl_seconds"),
        ({"reason": "x" * 1_000_000}, 422, "reason"),
        ({"reason": "line\nbreak"}, 422, "reason"),
        ({"reason": "another\u2028line"}, 422, "reason"),
        ({"reason": "a terminal's \x9b31m"}, 422, "reason"),
        ({"reason": "turned \u202e around"}, 422, "reason"),
        ({"colour": "red"}, 422, "colour"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_what_makes_no_sense_is_refused_and_kept_nowhere(
    harbour: Harbour, said: Document, status: int, words: str
) -> None:
    await scaled(harbour)

    answer = await harbour.admin.post("/scale-requests", json=UP | said)

    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]
    assert await in_force(harbour) == []
    assert await audit_log(harbour) == []


async def test_a_pool_that_nobody_scales_says_what_to_do(harbour: Harbour) -> None:
    never = await harbour.admin.post("/scale-requests", json=UP)
    await scaled(harbour)
    harbour.clock.ahead += 61
    no_more = await harbour.admin.post("/scale-requests", json=UP)

    for answer in (never, no_more):
        assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
        assert "nobody scales" in answer.json()["detail"]
        assert "moorage autoscaler" in answer.json()["detail"]


async def test_an_order_is_given_once_under_its_key_also_long_after_it_is_over(harbour: Harbour) -> None:
    await scaled(harbour)
    key = {"idempotency-key": "once"}
    first = await harbour.admin.post("/scale-requests", json=UP, headers=key)
    again = await harbour.admin.post("/workers/scale", json=UP, headers=key)
    other = await harbour.admin.post("/scale-requests", json=UP | {"delta_workers": 1}, headers=key)
    await harbour.admin.delete(f"/scale-requests/{first.json()['scale_request']['id']}")
    late = await harbour.admin.post("/scale-requests", json=UP, headers=key)

    assert (first.status_code, again.status_code, late.status_code) == (201, 201, 201)
    assert first.json()["scale_request"] == again.json()["scale_request"] == late.json()["scale_request"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == late.headers["idempotency-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (409, "CONFLICT")
    assert await in_force(harbour) == []
    assert len(await audit_log(harbour)) == 2


async def test_a_release_under_a_key_is_answered_again_and_releases_nothing_new(harbour: Harbour) -> None:
    await scaled(harbour)
    request = (await asked(harbour))["scale_request"]
    key, body = {"idempotency-key": "gone"}, {"action": "release", "region": "local", "pool": "default"}
    first = await harbour.admin.post("/scale-requests", json=body, headers=key)
    newer = (await asked(harbour))["scale_request"]

    again = await harbour.admin.post("/scale-requests", json=body, headers=key)

    assert first.json()["released"] == again.json()["released"] == [request]
    assert await in_force(harbour) == [newer]


async def test_of_many_at_once_under_one_key_one_is_kept(harbour: Harbour) -> None:
    await scaled(harbour)

    answers = await asyncio.gather(
        *(harbour.admin.post("/scale-requests", json=UP, headers={"idempotency-key": "k"}) for _ in range(8))
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["scale_request"]["id"] for answer in answers}) == 1
    assert len(await in_force(harbour)) == len(await audit_log(harbour)) == 1


async def test_requests_survive_a_restart(open_harbour: Open, tmp_path: Path) -> None:
    first = await open_harbour(MemoryStore(keeper=BoardFile(tmp_path)))
    await scaled(first)
    request = (await asked(first))["scale_request"]
    await first.plane.close()

    second = await open_harbour(MemoryStore(keeper=BoardFile(tmp_path)))

    assert await in_force(second) == [request]


async def test_a_store_that_is_away_is_said_to_be(open_harbour: Open) -> None:
    store = Switched(MemoryStore())
    harbour = await open_harbour(store)
    await scaled(harbour)
    store.is_here = False

    answer = await harbour.admin.post("/scale-requests", json=UP)

    assert (answer.status_code, answer.json()["code"]) == (503, "STORE_UNAVAILABLE")
