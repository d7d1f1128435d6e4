"""Pools with what their autoscalers say, and decisions a page at a time."""

from __future__ import annotations

import json

import pytest

from scheduler.values import DecisionRecord
from tests.controlplane.io.conftest import Harbour
from tests.controlplane.io.routes.test_scaling import UP, asked, scaled


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


async def test_scopes_are_asked_for(harbour: Harbour) -> None:
    await scaled(harbour)
    reader, nobody = await harbour.client(await harbour.key("workers:read")), await harbour.client()

    assert (await reader.post("/scale-requests", json=UP)).status_code == 403
    assert (await reader.delete("/scale-requests/scl_x")).status_code == 403
    assert (await nobody.get("/scale-requests")).status_code == 401
    for path in ("/scale-requests", "/pools", "/pools/default/decisions"):
        assert (await reader.get(path)).status_code == 200
