"""Tests of controlplane/io/routes/workers.py and the acts behind it."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import httpx
import pytest

from moorage.claims import Claim, sign_claim, verify_claim
from moorage.ids import SessionId, WorkerId
from scheduler.values import Directive, Order
from tests.controlplane.io.conftest import Harbour, Open

WORKER: dict[str, Any] = {"name": "go-1", "region": "eu", "pool": "gpu", "address": "10.0.0.7:9000", "slots": 4}


async def joiner(harbour: Harbour) -> httpx.AsyncClient:
    return await harbour.client(harbour.welcome.join_key)


async def joined(harbour: Harbour, **said: Any) -> tuple[httpx.AsyncClient, dict[str, Any]]:
    client = await joiner(harbour)
    answer = await client.post("/workers", json=WORKER | said)
    assert answer.status_code == 201, answer.text
    return client, answer.json()


async def test_a_worker_in_any_language_joins_over_rest(harbour: Harbour) -> None:
    _, registered = await joined(harbour, labels={"gpu": "a100"}, version="1.2")

    shown = (await harbour.admin.get(f"/workers/{registered['worker_id']}")).json()
    key = b64decode(registered["claim_key"])
    claim = Claim(WorkerId(registered["worker_id"]), SessionId("ses_1"), 1)
    assert registered.keys() == {
        "worker_id", "status", "lease_seconds", "heartbeat_every", "resume_seconds", "claim_key", "epoch",
    }  # fmt: skip
    assert registered["lease_seconds"] > registered["heartbeat_every"]
    assert verify_claim(sign_claim(claim, key), key) == claim
    assert (shown["name"], shown["labels"], shown["slots"], shown["status"]) == ("go-1", {"gpu": "a100"}, 4, "serving")


async def test_a_worker_is_told_the_deadlines_in_force(open_harbour: Open) -> None:
    harbour = await open_harbour(lease_seconds=8.0, resume_seconds=120.0)

    _, registered = await joined(harbour)

    assert (registered["lease_seconds"], registered["resume_seconds"]) == (8.0, 120.0)


async def test_a_worker_that_starts_serves_once_it_says_it_is_ready(harbour: Harbour) -> None:
    client, registered = await joined(harbour, is_starting=True)
    worker = registered["worker_id"]
    assert registered["status"] == "starting"

    await client.post(f"/workers/{worker}/heartbeat", json={"seq": 1, "is_ready": True})

    assert (await harbour.admin.get(f"/workers/{worker}")).json()["status"] == "serving"


async def test_a_heartbeat_is_acknowledged_and_brings_orders(harbour: Harbour) -> None:
    client, registered = await joined(harbour)
    worker = registered["worker_id"]
    await harbour.admin.post(f"/workers/{worker}/drain", json={"deadline_seconds": 60, "rate_per_second": 5})

    answer = await client.post(f"/workers/{worker}/heartbeat", json={"seq": 1, "in_use": 0, "load": 0.5})

    ack = answer.json()
    assert ack["seq"] == 1
    assert [directive["order"] for directive in ack["directives"]] == ["drain"]
    assert 0 < ack["directives"][0]["seconds"] <= 60


async def test_a_worker_that_dials_out_gets_its_orders_to_attach_with_its_heartbeat(harbour: Harbour) -> None:
    client, registered = await joined(harbour, address="dial-out")
    worker = registered["worker_id"]
    order = Directive(
        Order.ATTACH,
        SessionId("ses_1"),
        7,
        harbour.store.now() + 3,
        gateway="http://10.0.0.5:7404",
        ticket="t" * 32,
    )
    await harbour.store.direct(WorkerId(worker), order)

    answer = await client.post(f"/workers/{worker}/heartbeat", json={"seq": 1})

    [directive] = answer.json()["directives"]
    assert 0 < directive.pop("seconds") <= 3
    assert directive == {
        "order": "attach",
        "session": "ses_1",
        "fence": 7,
        "reason": "",
        "gateway": "http://10.0.0.5:7404",
        "ticket": "t" * 32,
    }


async def test_a_worker_says_what_attached_detached_and_ended(harbour: Harbour) -> None:
    client, registered = await joined(harbour)
    created = await harbour.create(pool="gpu", region="eu")
    claimed = await harbour.attach(created)
    session = {"session": created["id"], "fence": claimed.fence}
    ended = session | {"outcome": "COMPLETED", "reason": "all said"}

    await client.post(f"/workers/{registered['worker_id']}/heartbeat", json={"seq": 1, "attached": [session]})
    await client.post(f"/workers/{registered['worker_id']}/heartbeat", json={"seq": 2, "ended": [ended]})

    row = await harbour.row_is(created["id"], "COMPLETED")
    assert (row["end"]["by"], row["end"]["reason"]) == ("worker", "all said")


async def test_a_worker_joins_again_with_its_id_and_the_key_it_got(harbour: Harbour) -> None:
    client, first = await joined(harbour)

    again = await client.post("/workers", json=WORKER | {"again": first["worker_id"], "claim_key": first["claim_key"]})
    stolen = await client.post("/workers", json=WORKER | {"again": first["worker_id"], "claim_key": "AAAA"})

    assert again.json()["worker_id"] == first["worker_id"]
    assert (stolen.status_code, stolen.json()["code"]) == (403, "PERMISSION_DENIED")


async def test_an_unknown_worker_is_told_to_register(harbour: Harbour) -> None:
    client = await joiner(harbour)

    answer = await client.post("/workers/wrk_00000000000000000000000000/heartbeat", json={"seq": 1})

    assert (answer.status_code, answer.json()["code"]) == (404, "WORKER_NOT_FOUND")


@pytest.mark.parametrize("key", ["", "jk_wrong", "x" * 5000])
async def test_without_a_join_key_nobody_joins_or_beats(harbour: Harbour, key: str) -> None:
    client = await harbour.client(key)

    join = await client.post("/workers", json=WORKER)
    beat = await client.post(f"/workers/{harbour.workers[0]}/heartbeat", json={"seq": 1})

    assert {join.status_code, beat.status_code} == {401}
    assert {join.json()["code"], beat.json()["code"]} == {"INVALID_JOIN_KEY"}


async def test_an_api_key_lets_no_worker_in(harbour: Harbour) -> None:
    assert (await harbour.admin.post("/workers", json=WORKER)).json()["code"] == "INVALID_JOIN_KEY"


async def test_a_join_key_is_good_for_its_pool_and_region(harbour: Harbour) -> None:
    made = (await harbour.admin.post("/join-keys", json={"name": "gpus", "pool": "gpu", "region": "eu"})).json()
    client = await harbour.client(made["join_key"])

    own = await client.post("/workers", json=WORKER)
    other = await client.post("/workers", json=WORKER | {"pool": "cpu"})
    foreign = await client.post(f"/workers/{harbour.workers[0]}/heartbeat", json={"seq": 1})
    goodbye = await client.delete(f"/workers/{harbour.workers[0]}")

    assert own.status_code == 201
    assert [answer.json()["code"] for answer in (other, foreign, goodbye)] == ["INVALID_JOIN_KEY"] * 3


async def test_an_address_outside_the_networks_is_refused(harbour: Harbour) -> None:
    answer = await (await joiner(harbour)).post("/workers", json=WORKER | {"address": "8.8.8.8:9000"})

    assert (answer.status_code, answer.json()["code"]) == (403, "PERMISSION_DENIED")
    assert "worker_networks" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"address": "worker.local:9000"}, "address must be ip:port"),
        ({"slots": 0}, "slots: "),
        ({"slots": 2.5}, "slots: "),
        ({"slots": True}, "slots: "),
        ({"colour": "red"}, "colour: unknown field"),
        ({"sessions": [{"session": "nope", "fence": 1}]}, "session: 'nope' is no ses_ id"),
        ({"sessions": [{"session": "s", "fence": -1}]}, "sessions.0.fence: "),
        ({"sessions": [{"session": "s", "fence": 1 << 64}]}, "sessions.0.fence: "),
        ({"again": "nope"}, "'nope' is no wrk_ id"),
        ({"claim_key": "§"}, "claim_key: must be base64"),
        ({"kubernetes": {"namespace": "n"}}, "kubernetes.pod: required"),
    ],
)
async def test_a_wrong_registration_is_refused_with_its_field(
    harbour: Harbour, said: dict[str, Any], named: str
) -> None:
    answer = await (await joiner(harbour)).post("/workers", json=WORKER | said)

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(named)


async def test_lists_show_region_pool_status_and_how_many_there_are(open_harbour: Open) -> None:
    harbour = await open_harbour(workers=3)
    await joined(harbour)
    await harbour.admin.post(f"/workers/{harbour.workers[1]}/cordon")

    async def names(**params: Any) -> tuple[list[str], int]:
        found = (await harbour.admin.get("/workers", params=params)).json()
        return [worker["name"] for worker in found["workers"]], found["total"]

    assert await names() == (["worker-0", "worker-1", "worker-2", "go-1"], 4)
    assert await names(region="eu") == (["go-1"], 1)
    assert await names(pool="default", limit=1) == (["worker-0"], 3)
    assert await names(status="cordoned") == (["worker-1"], 1)


async def test_a_wrong_filter_is_refused(harbour: Harbour) -> None:
    answer = await harbour.admin.get("/workers", params={"status": "happy"})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("status: ")


async def test_a_cordoned_worker_can_be_uncordoned(harbour: Harbour) -> None:
    worker = harbour.workers[0]

    cordoned = await harbour.admin.post(f"/workers/{worker}/cordon")
    open_again = await harbour.admin.post(f"/workers/{worker}/uncordon")

    assert (cordoned.json()["status"], open_again.json()["status"]) == ("cordoned", "serving")


async def test_a_drain_shows_how_far_it_is_and_can_be_undone(harbour: Harbour) -> None:
    worker = harbour.workers[0]
    created = await harbour.create()
    await harbour.attach(created)

    draining = await harbour.admin.post(f"/workers/{worker}/drain", json={"deadline_seconds": 60, "rate_per_second": 2})
    before = (await harbour.admin.get(f"/workers/{worker}/drain")).json()
    await harbour.admin.delete(f"/sessions/{created['id']}")
    after = (await harbour.admin.get(f"/workers/{worker}/drain")).json()
    undrained = await harbour.admin.post(f"/workers/{worker}/undrain")

    assert draining.json()["status"] == "draining"
    assert (before["sessions_at_start"], before["sessions_left"], before["rate_per_second"]) == (1, 1, 2)
    assert after["sessions_left"] == 0
    assert undrained.json()["status"] == "serving"
    assert (await harbour.admin.get(f"/workers/{worker}/drain")).status_code == 404


async def test_a_drain_has_usual_bounds_and_refuses_others(harbour: Harbour) -> None:
    worker = harbour.workers[0]

    assert (await harbour.admin.post(f"/workers/{worker}/drain")).status_code == 200
    assert (await harbour.admin.post(f"/workers/{worker}/drain", json={"rate_per_second": 0})).status_code == 422
    assert (await harbour.admin.post(f"/workers/{worker}/drain", json={"deadline": 5})).status_code == 422


async def test_a_worker_says_goodbye_and_an_operator_removes_one(harbour: Harbour) -> None:
    client, registered = await joined(harbour)

    assert (await client.delete(f"/workers/{registered['worker_id']}")).status_code == 204
    assert (await harbour.admin.delete(f"/workers/{harbour.workers[0]}")).status_code == 204
    assert (await harbour.admin.get("/workers")).json() == {"workers": [], "total": 0}


@pytest.mark.parametrize(
    "method_path", ["GET ", "POST /cordon", "POST /uncordon", "POST /drain", "GET /drain", "POST /undrain", "DELETE "]
)
async def test_an_unknown_worker_is_not_found(harbour: Harbour, method_path: str) -> None:
    method, _, path = method_path.partition(" ")
    for worker in ("wrk_00000000000000000000000000", "nope"):
        answer = await harbour.admin.request(method, f"/workers/{worker}{path}")

        assert (answer.status_code, answer.json()["code"]) == (404, "WORKER_NOT_FOUND")


async def test_capacity_tells_the_room_by_pool_and_in_total(harbour: Harbour) -> None:
    await joined(harbour)
    await harbour.attach(await harbour.create(pool="gpu"))

    found = (await harbour.admin.get("/capacity")).json()

    assert found["total"] == {"workers": 2, "slots": 14, "used": 1, "free": 13, "waiting": 0}
    assert [(room["region"], room["pool"], room["free"]) for room in found["pools"]] == [
        ("eu", "gpu", 3),
        ("local", "default", 10),
    ]


async def test_nodes_are_the_gateways_clients_may_be_sent_to(harbour: Harbour) -> None:
    found = (await harbour.admin.get("/nodes")).json()

    assert found == {"nodes": [{"gateway_id": "gtw_test", "node_id": "ws://127.0.0.1:7400"}]}
