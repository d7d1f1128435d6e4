"""A locked database and a full disk: typed, bounded, nothing lost, and over when the cause is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from controlplane.io.routes import health
from moorage.ids import SessionId
from scheduler.values import SessionView
from tests.controlplane.io.conftest import Harbour, Open
from tests.deadlines import SOON
from tests.owntime import own_time

BUSY = 0.3
SQLITE_ONLY = pytest.mark.parametrize("databases", ["sqlite"], indirect=True, scope="session")


@asynccontextmanager
async def full(harbour: Harbour) -> AsyncIterator[None]:
    """The database cannot grow by a page."""
    database = harbour.plane.context.database
    async with database.write() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        await connection.execute(text(f"PRAGMA max_page_count={pages}"))
    try:
        yield
    finally:
        async with database.write() as connection:
            await connection.execute(text("PRAGMA max_page_count=1073741823"))


async def test_a_locked_database_refuses_writes_in_bounded_time_and_reads_go_on(
    open_harbour: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", SOON)
    harbour = await open_harbour(busy_seconds=BUSY)
    created = await harbour.create()

    async with harbour.locked():
        async with own_time() as own:
            answers = await asyncio.gather(
                *(harbour.admin.post("/sessions", json={"end_user_id": f"u{index}"}) for index in range(5))
            )
        found = await harbour.get(created["id"])
        live = await harbour.admin.get(f"{harbour.url}/readyz")

    assert {answer.status_code for answer in answers} == {503}
    assert {answer.json()["code"] for answer in answers} == {"STORE_UNAVAILABLE"}
    assert all(answer.headers["retry-after"] for answer in answers)
    assert own.seconds < 10 * BUSY
    assert found["status"] == "PENDING"
    assert live.status_code == 200
    assert (await harbour.create())["status"] == "PENDING"


async def test_a_locked_database_loses_no_worker(open_harbour: Open) -> None:
    harbour = await open_harbour(busy_seconds=BUSY)
    client = await harbour.client(harbour.welcome.join_key)

    async with harbour.locked():
        answer = await client.post(f"/workers/{harbour.workers[0]}/heartbeat", json={"seq": 1})

    assert answer.status_code == 200


async def test_a_session_terminated_while_the_database_is_locked_is_over_and_its_row_follows(
    open_harbour: Open,
) -> None:
    harbour = await open_harbour(busy_seconds=BUSY)
    created = await harbour.create()
    await harbour.attach(created)
    await harbour.row_is(created["id"], "ACTIVE")

    async with harbour.locked():
        answer = await harbour.admin.delete(f"/sessions/{created['id']}")
        known = await harbour.store.session(SessionId(created["id"]))

    assert answer.status_code == 503
    assert not isinstance(known, SessionView)
    assert (await harbour.row_is(created["id"], "COMPLETED"))["end"]["by"] == "api"


@SQLITE_ONLY
async def test_a_full_disk_refuses_what_needs_room_and_nothing_else(harbour: Harbour) -> None:
    created = await harbour.create()
    await harbour.attach(created)
    await harbour.row_is(created["id"], "ACTIVE")

    async with full(harbour):
        codes = {await _created_code(harbour) for _ in range(30)}
        found = await harbour.get(created["id"])
        workers = await harbour.admin.get("/workers")

    assert "INTERNAL" in codes
    assert codes <= {"INTERNAL", "201"}
    assert found["status"] == "ACTIVE"
    assert workers.status_code == 200
    assert await _created_code(harbour) == "201"


@SQLITE_ONLY
async def test_a_full_disk_loses_no_event(harbour: Harbour) -> None:
    created = [await harbour.create(metadata={"filler": "x" * 2000}) for _ in range(4)]

    async with full(harbour):
        while await _created_code(harbour) == "201":
            pass
        for session in created:
            await harbour.attach(session)

    for session in created:
        await harbour.row_is(session["id"], "ACTIVE")


async def _created_code(harbour: Harbour) -> str:
    body = {"end_user_id": "u", "metadata": {"filler": "x" * 3000}}
    answer = await harbour.admin.post("/sessions", json=body)
    if answer.status_code == 201:
        return "201"
    assert answer.status_code == 500
    assert answer.headers["retry-after"] == "30"
    return str(answer.json()["code"])
