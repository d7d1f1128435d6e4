"""Tests of controlplane/io/routes/drains.py and gateways.py, and the acts behind them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from moorage.ids import GatewayId
from scheduler.drainplans import cancelled
from scheduler.values import DrainState
from tests.controlplane.io.conftest import Harbour, Open

SECOND = GatewayId("gtw_01m80ys39aebt8zzbwp2kn8dv6")


async def ordered(harbour: Harbour, **said: Any) -> dict[str, Any]:
    answer = await harbour.admin.post("/drains", json=said)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def status_of(harbour: Harbour, worker: str) -> str:
    return str((await harbour.admin.get(f"/workers/{worker}")).json()["status"])


async def test_a_worker_is_drained_read_listed_and_let_serve_again(harbour: Harbour) -> None:
    await harbour.attach(await harbour.create())
    worker = harbour.workers[0]

    answer = await harbour.admin.post(
        "/drains",
        json={"kind": "worker", "worker_id": worker, "deadline_seconds": 60, "rate_per_second": 4, "reason": "kernel"},
    )
    drain = answer.json()
    during = await status_of(harbour, worker)
    read = (await harbour.admin.get(f"/drains/{drain['id']}")).json()
    listed = (await harbour.admin.get("/drains", params={"state": "waiting", "kind": "worker"})).json()
    ended = (await harbour.admin.delete(f"/drains/{drain['id']}")).json()

    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/drains/{drain['id']}"
    assert (drain["kind"], drain["worker_id"], drain["state"], drain["reason"]) == (
        "worker", worker, "waiting", "kernel",
    )  # fmt: skip
    assert (drain["sessions_at_start"], drain["sessions_left"], drain["sessions_told"]) == (1, 1, 0)
    assert drain["eta_seconds"] == pytest.approx(60.25, abs=1)
    assert drain["by"].startswith("key_")
    assert (read["id"], listed["total"], listed["drains"][0]["id"]) == (drain["id"], 1, drain["id"])
    assert (during, ended["state"], await status_of(harbour, worker)) == ("draining", "cancelled", "serving")


@pytest.mark.parametrize(
    "target",
    [{"kind": "pool", "region": "local", "pool": "default"}, {"kind": "region", "region": "local"}],
    ids=["pool", "region"],
)
async def test_a_place_is_drained_with_all_its_workers(open_harbour: Open, target: dict[str, str]) -> None:
    harbour = await open_harbour(workers=2)

    drain = await ordered(harbour, **target)

    assert (drain["region"], drain["pool"]) == ("local", target.get("pool"))
    assert {await status_of(harbour, worker) for worker in harbour.workers} == {"draining"}


async def test_a_gateway_is_drained_while_another_takes_clients(harbour: Harbour) -> None:
    await harbour.store.join(SECOND, "ws://127.0.0.1:7410")

    drain = await ordered(harbour, kind="gateway", gateway_id=SECOND)
    seen = {found["id"]: found for found in (await harbour.admin.get("/gateways")).json()["gateways"]}
    await harbour.admin.delete(f"/drains/{drain['id']}")
    again = {found["id"]: found for found in (await harbour.admin.get("/gateways")).json()["gateways"]}

    assert seen[SECOND] == {"id": SECOND, "node": "ws://127.0.0.1:7410", "sessions": 0, "cordoned": True}
    assert seen[harbour.gateway]["cordoned"] is False
    assert again[SECOND]["cordoned"] is False


async def test_the_only_gateway_is_not_drained(harbour: Harbour) -> None:
    await harbour.store.leave(harbour.gateway)
    await harbour.store.join(SECOND, "ws://127.0.0.1:7410")

    answer = await harbour.admin.post("/drains", json={"kind": "gateway", "gateway_id": SECOND})

    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
    assert "no other gateway" in answer.json()["detail"]


async def test_a_dry_run_says_what_would_begin_and_begins_nothing(harbour: Harbour) -> None:
    await harbour.attach(await harbour.create())
    worker = harbour.workers[0]

    answer = await harbour.admin.post("/drains", json={"kind": "worker", "worker_id": worker, "dry_run": True})

    assert answer.status_code == 200
    assert (answer.json()["dry_run"], answer.json()["sessions_left"]) == (True, 1)
    assert (await harbour.admin.get("/drains")).json()["total"] == 0
    assert await status_of(harbour, worker) == "serving"


async def test_a_second_drain_of_the_same_says_which_one_runs(harbour: Harbour) -> None:
    worker = harbour.workers[0]
    first = await ordered(harbour, kind="worker", worker_id=worker)

    second = await harbour.admin.post("/drains", json={"kind": "worker", "worker_id": worker})
    older = await harbour.admin.post(f"/workers/{worker}/drain")

    for answer in (second, older):
        assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
        assert first["id"] in answer.json()["detail"]


async def test_an_order_is_given_once_under_its_key(harbour: Harbour) -> None:
    body = {"kind": "worker", "worker_id": harbour.workers[0], "deadline_seconds": 60}
    key = {"idempotency-key": "once"}

    first = await harbour.admin.post("/drains", json=body, headers=key)
    again = await harbour.admin.post("/drains", json=body, headers=key)
    other = await harbour.admin.post("/drains", json=body | {"reason": "other"}, headers=key)

    assert first.json()["id"] == again.json()["id"]
    assert (first.status_code, again.status_code, again.headers["idempotency-replayed"]) == (201, 201, "true")
    assert "idempotency-replayed" not in first.headers
    assert (other.status_code, other.json()["code"]) == (409, "CONFLICT")


async def test_of_many_orders_at_once_one_is_taken(harbour: Harbour) -> None:
    body = {"kind": "region", "region": "local"}

    answers = await asyncio.gather(*(harbour.admin.post("/drains", json=body) for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    running = (await harbour.admin.get("/drains", params={"state": "waiting"})).json()
    assert running["total"] == 1
    assert await status_of(harbour, harbour.workers[0]) == "draining"


@pytest.mark.parametrize(
    ("said", "status", "code", "named"),
    [
        ({"kind": "worker", "worker_id": "wrk_01m80ys39aebt8zzbwp2kn8dv6"}, 404, "WORKER_NOT_FOUND", "no worker"),
        ({"kind": "worker", "worker_id": "nope"}, 404, "WORKER_NOT_FOUND", "no wrk_ id"),
        ({"kind": "gateway", "gateway_id": SECOND}, 404, "NOT_FOUND", "no live gateway"),
        ({"kind": "gateway", "gateway_id": "nope"}, 404, "NOT_FOUND", "no gtw_ id"),
        ({"kind": "region", "region": "mars"}, 422, "UNPROCESSABLE", "mars"),
        ({"kind": "pool", "region": "local", "pool": "none"}, 422, "UNPROCESSABLE", "none"),
        ({"kind": "pool", "pool": "default"}, 422, "UNPROCESSABLE", "pool and region"),
        ({"kind": "worker", "region": "local"}, 422, "UNPROCESSABLE", "worker_id"),
        ({"kind": "fleet"}, 422, "UNPROCESSABLE", "kind"),
        ({"kind": "region", "region": "local", "rate_per_second": 0}, 422, "UNPROCESSABLE", "rate_per_second"),
        ({"kind": "region", "region": "local", "deadline_seconds": -1}, 422, "UNPROCESSABLE", "deadline_seconds"),
        ({"kind": "region", "region": "local", "deadline": "2026-01-01T00:00:00"}, 422, "UNPROCESSABLE", "deadline"),
        (
            {"kind": "region", "region": "local", "deadline_seconds": 1, "deadline": "2026-01-01T00:00:00Z"},
            422,
            "UNPROCESSABLE",
            "give one of them",
        ),
        ({"kind": "region", "region": "local", "colour": "red"}, 422, "UNPROCESSABLE", "colour"),
    ],
)
async def test_a_wrong_order_is_refused_by_name(
    harbour: Harbour, said: dict[str, Any], status: int, code: str, named: str
) -> None:
    answer = await harbour.admin.post("/drains", json=said)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert named in answer.json()["detail"]
    assert await harbour.store.drains() == []


async def test_an_instant_is_a_deadline_too(harbour: Harbour) -> None:
    drain = await ordered(harbour, kind="region", region="local", deadline="2099-01-01T00:00:00Z")

    assert drain["deadline"] == "2099-01-01T00:00:00.000Z"


async def test_what_is_not_there_is_not_found(harbour: Harbour) -> None:
    for answer in (await harbour.admin.get("/drains/drn_none"), await harbour.admin.delete("/drains/drn_none")):
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


async def test_cancelling_twice_answers_the_same(harbour: Harbour) -> None:
    drain = await ordered(harbour, kind="region", region="local")

    states = [(await harbour.admin.delete(f"/drains/{drain['id']}")).json()["state"] for _ in range(2)]

    assert states == ["cancelled", "cancelled"]


async def test_undraining_a_worker_cancels_its_drain(harbour: Harbour) -> None:
    worker = harbour.workers[0]
    await harbour.admin.post(f"/workers/{worker}/drain", json={"deadline_seconds": 60, "reason": "disk"})
    [before] = (await harbour.admin.get("/drains")).json()["drains"]

    answer = await harbour.admin.post(f"/workers/{worker}/undrain")

    assert (before["worker_id"], before["reason"]) == (worker, "disk")
    assert answer.json()["status"] == "serving"
    assert [plan.state for plan in await harbour.store.drains()] == [DrainState.CANCELLED]


async def test_a_worker_of_a_drained_region_is_not_undrained_alone(harbour: Harbour) -> None:
    drain = await ordered(harbour, kind="region", region="local")

    answer = await harbour.admin.post(f"/workers/{harbour.workers[0]}/uncordon")

    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
    assert drain["id"] in answer.json()["detail"]


async def test_a_key_needs_its_scope(harbour: Harbour) -> None:
    reader = await harbour.client(await harbour.key("workers:read"))
    nobody = await harbour.client(await harbour.key("sessions:read"))

    refused = [
        await reader.post("/drains", json={"kind": "region", "region": "local"}),
        await reader.delete("/drains/drn_none"),
        await nobody.get("/drains"),
        await nobody.get("/gateways"),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(403, "PERMISSION_DENIED")}
    assert (await reader.get("/drains")).json() == {"drains": [], "total": 0}


async def test_a_drain_cancelled_elsewhere_is_shown_as_such(harbour: Harbour) -> None:
    drain = await ordered(harbour, kind="region", region="local")
    [plan] = await harbour.store.drains()
    await harbour.store.put_drain(cancelled(plan))

    assert (await harbour.admin.get(f"/drains/{drain['id']}")).json()["state"] == "cancelled"
