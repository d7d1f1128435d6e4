"""Tests of controlplane/io/bootstrap.py and app.py: starts and restarts."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from controlplane.credentials import is_well_formed
from controlplane.io.app import ControlPlane
from controlplane.io.keyfiles import ADMIN, JOIN, embedded_keyring
from controlplane.policy import ControlPlanePolicy
from moorage.tokens import verify
from scheduler.io.memory import MemoryStore
from scheduler.values import Refused
from tests.controlplane.io.conftest import Harbour, Open, eventually

PRESET = "a-preset-key-of-some-length"


async def test_the_first_start_makes_keys_tells_the_admin_key_and_keeps_both(
    open_harbour: Open, tmp_path: Path
) -> None:
    harbour = await open_harbour()

    assert harbour.welcome.new_admin_key == (tmp_path / ADMIN).read_text().strip()
    assert harbour.welcome.join_key == (tmp_path / JOIN).read_text().strip()
    assert is_well_formed(harbour.admin_key)
    for path in (tmp_path / ADMIN, tmp_path / JOIN, tmp_path / "signing.key"):
        assert path.stat().st_mode & 0o777 == 0o600
    assert harbour.admin_key not in repr(harbour.welcome)


async def test_nobody_else_can_read_the_database(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)  # a folder that was there before
    policy = ControlPlanePolicy(data_folder=tmp_path, port=0)
    plane = ControlPlane(policy, MemoryStore(), embedded_keyring(tmp_path))
    await plane.start()

    modes = {
        path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir() if path.name.startswith("moorage.db")
    }

    await plane.close()
    assert modes == {"moorage.db": 0o600, "moorage.db-wal": 0o600, "moorage.db-shm": 0o600}


async def test_a_restart_keeps_keys_tokens_and_sessions_and_tells_no_secret(open_harbour: Open) -> None:
    first = await open_harbour()
    created = await first.create()
    await first.plane.close()

    second = await open_harbour()

    assert second.welcome.new_admin_key is None
    assert second.welcome.join_key == first.welcome.join_key
    assert second.admin_key == first.admin_key
    assert (await second.get(created["id"]))["status"] == "PENDING"
    assert verify(created["session_token"], second.plane.keys, second.store.now()).session == created["id"]


async def test_presets_are_used_and_not_told(open_harbour: Open, tmp_path: Path) -> None:
    harbour = await open_harbour(admin_key=PRESET, join_key=PRESET[::-1])

    assert harbour.welcome.new_admin_key is None
    assert harbour.welcome.join_key == PRESET[::-1]
    assert (await harbour.admin.get("/sessions")).status_code == 200
    assert PRESET not in repr(harbour.plane.context.policy)


async def test_a_new_preset_replaces_the_old_key_and_may_come_back(open_harbour: Open) -> None:
    first = await open_harbour(admin_key=PRESET)
    await first.plane.close()
    second = await open_harbour(admin_key=PRESET + "-2")
    old = await second.client(PRESET)
    assert (await old.get("/sessions")).status_code == 401
    assert (await second.admin.get("/sessions")).status_code == 200
    await second.plane.close()

    third = await open_harbour(admin_key=PRESET)

    assert (await third.admin.get("/sessions")).status_code == 200


async def test_who_removed_the_admin_key_file_keeps_the_key(open_harbour: Open, tmp_path: Path) -> None:
    first = await open_harbour()
    await first.plane.close()
    (tmp_path / ADMIN).rename(tmp_path / "elsewhere")

    second = await open_harbour(admin_key=first.admin_key)
    await second.plane.close()
    (tmp_path / ADMIN).unlink(missing_ok=True)
    policy = ControlPlanePolicy(data_folder=tmp_path, port=0, database_url=first.database_url)
    plane = ControlPlane(policy, MemoryStore(), embedded_keyring(tmp_path))
    welcome = await plane.start()
    await plane.close()

    assert welcome.new_admin_key is None
    assert not (tmp_path / ADMIN).exists()


async def test_a_new_join_key_replaces_the_bootstrap_one_only(open_harbour: Open) -> None:
    first = await open_harbour()
    made = (await first.admin.post("/join-keys", json={"name": "mine"})).json()
    await first.plane.close()

    second = await open_harbour(join_key=PRESET)

    names = [key["name"] for key in (await second.admin.get("/join-keys")).json()["join_keys"]]
    store = second.store
    assert sorted(names) == ["bootstrap", "mine"]
    assert (await (await second.client(made["join_key"])).post("/workers", json={})).status_code == 422
    assert (await (await second.client(first.welcome.join_key)).delete("/workers/wrk_x")).status_code == 404
    assert store is not first.store


@pytest.mark.parametrize("said", [{"admin_key": "short"}, {"join_key": "with a space in the middle of it"}])
async def test_a_weak_preset_stops_the_start_and_leaves_nothing_open(tmp_path: Path, said: dict[str, Any]) -> None:
    policy = ControlPlanePolicy(data_folder=tmp_path, port=0, **said)
    plane = ControlPlane(policy, MemoryStore(), embedded_keyring(tmp_path))

    with pytest.raises(ValueError, match=r"MOORAGE_(ADMIN|JOIN)_KEY must be"):
        await plane.start()


async def test_a_taken_port_stops_the_start_with_its_address(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        plane = ControlPlane(
            ControlPlanePolicy(data_folder=tmp_path, port=port), MemoryStore(), embedded_keyring(tmp_path)
        )

        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            await plane.start()


async def test_a_database_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "moorage.db").mkdir()
    plane = ControlPlane(ControlPlanePolicy(data_folder=tmp_path, port=0), MemoryStore(), embedded_keyring(tmp_path))

    with pytest.raises(Exception, match=r"SQLite cannot open .*/moorage\.db"):
        await plane.start()

    await asyncio.sleep(0.05)  # aiosqlite's thread of the failed connection ends on its own


async def test_before_the_start_there_is_no_port(tmp_path: Path) -> None:
    policy = ControlPlanePolicy(data_folder=tmp_path / "new" / "folder", port=0)
    plane = ControlPlane(policy, MemoryStore(), embedded_keyring(tmp_path), CollectorRegistry())

    with pytest.raises(RuntimeError, match="has not been started"):
        _ = plane.port

    await plane.close()
    assert policy.data_folder.is_dir()


async def test_an_ended_session_stays_ended_in_a_store_that_forgot_it(open_harbour: Open) -> None:
    first = await open_harbour()
    created = await first.create()
    await first.admin.delete(f"/sessions/{created['id']}")
    await first.plane.close()

    second = await open_harbour()

    token = verify(created["session_token"], second.plane.keys, second.store.now())
    answer = await second.store.claim(second.request(token))
    assert isinstance(answer, Refused)
    assert answer.code.value == "SESSION_ENDED"


async def test_closing_twice_is_fine_and_a_request_under_way_is_answered(open_harbour: Open) -> None:
    harbour = await open_harbour()
    async with harbour.locked():  # the request waits
        asking = asyncio.create_task(harbour.admin.post("/sessions", json={"end_user_id": "u"}))
        await eventually(lambda: _arrived(harbour))
        closing = asyncio.create_task(harbour.plane.close())

    answer = await asking
    await closing
    await harbour.plane.close()

    assert answer.status_code == 201


async def _arrived(harbour: Harbour) -> bool | None:
    return harbour.plane.context.metrics.requests_under_way._value.get() > 0 or None
