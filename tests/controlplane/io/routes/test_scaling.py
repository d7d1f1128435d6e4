"""Scale requests, pools and decisions over REST, and what the audit log keeps of them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from scheduler.io.memory import MemoryStore
from scheduler.io.memory.boardfile import BoardFile
from scheduler.values import DecisionRecord, PoolStatus
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
    assert answer.status_code == 201
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

    assert (answer.status_code, answer.json()["dry_run"]) == (200, True)
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
        ({"reason": "x" * 1_000_000}, 422, "reason"),
        ({"reason": "line\nbreak"}, 422, "reason"),
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


async def test_the_audit_log_says_who_did_what_to_what(harbour: Harbour) -> None:
    await scaled(harbour)
    answer = await harbour.admin.post("/scale-requests", json=UP, headers={"x-request-id": "from-ops"})
    request = answer.json()["scale_request"]
    await harbour.admin.delete(f"/scale-requests/{request['id']}")
    await harbour.admin.post("/scale-requests", json={"action": "release", "region": "local", "pool": "default"})

    released, deleted, created = await audit_log(harbour)

    assert [one["action"] for one in (created, deleted, released)] == [
        "scale_request.created",
        "scale_request.deleted",
        "scale_request.released",
    ]
    assert [one["target"] for one in (created, deleted, released)] == [request["id"], request["id"], "local/default"]
    assert {one["by"] for one in (created, deleted, released)} == {request["by"]}
    assert created["request_id"] == "from-ops"
    assert (created["before"], created["after"]["request"]["reason"]) == (None, "a concert")
    assert (deleted["before"]["request"]["workers"], deleted["after"]) == (3, None)
    assert await audit_log(harbour, target=request["id"]) == [deleted, created]


async def test_the_audit_log_is_read_in_pages_by_admins_only(harbour: Harbour) -> None:
    await scaled(harbour)
    for _ in range(3):
        await asked(harbour)
    operator = await harbour.client(await harbour.key("workers:write"))

    first = (await harbour.admin.get("/audit-logs", params={"limit": 2})).json()
    rest = (await harbour.admin.get("/audit-logs", params={"limit": 2, "cursor": first["next_cursor"]})).json()

    assert (len(first["audit_logs"]), len(rest["audit_logs"]), rest["next_cursor"]) == (2, 1, None)
    assert (await operator.get("/audit-logs")).status_code == 403
    assert (await harbour.admin.get("/audit-logs", params={"cursor": "nonsense"})).status_code == 422


async def test_scopes_are_asked_for(harbour: Harbour) -> None:
    await scaled(harbour)
    reader, nobody = await harbour.client(await harbour.key("workers:read")), await harbour.client()

    assert (await reader.post("/scale-requests", json=UP)).status_code == 403
    assert (await reader.delete("/scale-requests/scl_x")).status_code == 403
    assert (await nobody.get("/scale-requests")).status_code == 401
    for path in ("/scale-requests", "/pools", "/pools/default/decisions"):
        assert (await reader.get(path)).status_code == 200


async def test_a_request_that_cannot_be_audited_is_not_in_force(harbour: Harbour) -> None:
    await scaled(harbour)
    async with harbour.plane.context.database.write() as connection:
        await connection.exec_driver_sql("DROP TABLE audit_log")

    answer = await harbour.admin.post("/scale-requests", json=UP)

    assert answer.status_code >= 500
    assert await in_force(harbour) == []


async def test_a_store_that_is_away_is_said_to_be(open_harbour: Open) -> None:
    store = Switched(MemoryStore())
    harbour = await open_harbour(store)
    await scaled(harbour)
    store.is_here = False

    answer = await harbour.admin.post("/scale-requests", json=UP)

    assert (answer.status_code, answer.json()["code"]) == (503, "STORE_UNAVAILABLE")


async def test_pools_show_their_room_and_what_their_autoscaler_said(harbour: Harbour) -> None:
    await scaled(harbour, pool="gpu", region="far", serving=0, desired=2, frozen=("settling: 40 s to go",))
    await asked(harbour, pool="gpu", region="far")
    harbour.clock.ahead += 61

    pools = (await harbour.admin.get("/pools")).json()["pools"]

    far, local = pools
    assert (local["region"], local["pool"], local["workers"], local["status"]) == ("local", "default", 1, None)
    assert (far["region"], far["pool"], far["workers"], far["scale_requests"]) == ("far", "gpu", 0, 1)
    assert (far["status"]["is_fresh"], far["status"]["frozen"]) == (False, ["settling: 40 s to go"])


async def test_decisions_are_passed_on_as_they_are_a_page_at_a_time(harbour: Harbour) -> None:
    now = harbour.store.now()
    made = [
        DecisionRecord("local", "default", now + n / 1e5, n == 1, json.dumps({"reason": f"{n}", "deep": [n]}).encode())
        for n in range(3)
    ]
    for record in [*made, DecisionRecord("local", "default", now - 9, False, b"\xff")]:
        await harbour.store.record_decision(record)

    first = (await harbour.admin.get("/pools/default/decisions", params={"limit": 2})).json()
    rest = (
        await harbour.admin.get("/pools/default/decisions", params={"limit": 2, "cursor": first["next_cursor"]})
    ).json()
    old = (
        await harbour.admin.get(
            "/pools/default/decisions", params={"before": "1999-01-01T00:00:00Z", "region": "local"}
        )
    ).json()

    assert [one["document"] for one in first["decisions"]] == [
        {"reason": "2", "deep": [2]},
        {"reason": "1", "deep": [1]},
    ]
    assert [one["is_change"] for one in first["decisions"]] == [False, True]
    assert [one["document"] for one in rest["decisions"]] == [{"reason": "0", "deep": [0]}, None]
    assert rest["next_cursor"] is None
    assert old == {"decisions": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        ("/pools/none/decisions", {}, "known: default"),
        ("/pools/default/decisions", {"region": "mars"}, "known: local"),
        ("/pools/default/decisions", {"cursor": "nonsense"}, "cursor"),
        ("/pools/default/decisions", {"cursor": "nan"}, "cursor"),
        ("/pools/default/decisions", {"cursor": "0x1p99999"}, "cursor"),
        ("/pools/default/decisions", {"limit": "0"}, "limit"),
        ("/pools/default/decisions", {"before": "yesterday"}, "before"),
    ],
)
async def test_wrong_questions_about_decisions_are_refused(
    harbour: Harbour, path: str, query: dict[str, str], words: str
) -> None:
    answer = await harbour.admin.get(path, params=query)

    assert answer.status_code == 422
    assert words in answer.json()["detail"]
