"""Tests of controlplane/io/routes/joinkeys.py and the acts behind it."""

from __future__ import annotations

from tests.controlplane.io.conftest import Harbour

WORKER = {"name": "w", "region": "eu", "pool": "gpu", "address": "10.0.0.7:9000", "slots": 4}


async def test_a_join_key_is_shown_once_and_works_until_it_is_deleted(harbour: Harbour) -> None:
    made = (await harbour.admin.post("/join-keys", json={"name": "gpus", "pool": "gpu"})).json()
    client = await harbour.client(made["join_key"])

    assert (await client.post("/workers", json=WORKER)).status_code == 201
    assert made["join_key"] not in (await harbour.admin.get("/join-keys")).text

    assert (await harbour.admin.delete(f"/join-keys/{made['id']}")).status_code == 204
    assert (await client.post("/workers", json=WORKER)).status_code == 401


async def test_all_join_keys_are_listed_with_a_hint(harbour: Harbour) -> None:
    made = (await harbour.admin.post("/join-keys", json={"name": "gpus", "pool": "gpu", "region": "eu"})).json()

    listed = (await harbour.admin.get("/join-keys")).json()["join_keys"]

    assert [key["name"] for key in listed] == ["bootstrap", "gpus"]
    assert listed[1] == {name: value for name, value in made.items() if name != "join_key"}
    assert listed[1]["hint"].startswith(made["join_key"][:6])


async def test_an_unknown_join_key_is_not_found(harbour: Harbour) -> None:
    for key in ("key_00000000000000000000000000", "nope"):
        answer = await harbour.admin.delete(f"/join-keys/{key}")

        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


async def test_only_an_admin_may_handle_them(harbour: Harbour) -> None:
    client = await harbour.client(await harbour.key("workers:write", "workers:read", "sessions:write"))

    for answer in (await client.get("/join-keys"), await client.post("/join-keys", json={})):
        assert (answer.status_code, answer.json()["code"]) == (403, "PERMISSION_DENIED")
