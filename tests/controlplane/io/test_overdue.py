"""Tests of controlplane/io/overdue.py: sessions that nobody else would end."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from controlplane.progress import absent_for
from moorage.deadlines import RESUME
from moorage.tokens import verify
from scheduler.io.memory import MemoryStore
from scheduler.values import Queued, SessionView
from tests.controlplane.io.away import Switched
from tests.controlplane.io.conftest import Harbour, Open, eventually
from tests.deadlines import SOON


async def test_a_session_that_never_connects_expires(harbour: Harbour) -> None:
    created = await harbour.create()

    harbour.clock.ahead = 301

    ended = await harbour.row_is(created["id"], "EXPIRED")
    assert ended["end"] == {"code": "SESSION_EXPIRED", "reason": "NEVER_CONNECTED", "by": "scheduler"}
    assert ended["usage"]["seconds"] == 0


async def test_before_its_time_nothing_expires(harbour: Harbour) -> None:
    created = await harbour.create()
    harbour.clock.ahead = 290

    await harbour.plane.sweep.round()

    assert (await harbour.row(created["id"]))["status"] == "PENDING"


async def test_a_session_that_waits_for_a_slot_is_not_overdue(open_harbour: Open) -> None:
    harbour = await open_harbour(connect_within_seconds=0.01)
    for index in range(10):
        await harbour.attach(await harbour.create(end_user_id=f"u{index}"))
    waiting = await harbour.create(end_user_id="waits")
    token = verify(waiting["session_token"], harbour.plane.keys, harbour.store.now())
    assert isinstance(await harbour.store.claim(harbour.request(token, wait_seconds=60)), Queued)
    harbour.clock.ahead = 1

    await harbour.plane.sweep.round()

    assert (await harbour.row(waiting["id"]))["status"] == "PENDING"


async def test_an_active_session_that_the_store_forgot_fails_once_nobody_can_bring_it_back(open_harbour: Open) -> None:
    first = await open_harbour()
    created = await first.create()
    await first.attach(created)
    await first.row_is(created["id"], "ACTIVE")
    await first.plane.close()

    second = await open_harbour()  # the memory store is new
    await second.plane.sweep.round()
    assert (await second.row(created["id"]))["status"] == "ACTIVE"
    second.clock.ahead = absent_for(RESUME) + 1

    ended = await second.row_is(created["id"], "FAILED")
    assert ended["end"] == {"code": "WORKER_LOST", "reason": "WORKER_LOST", "by": "scheduler"}
    assert ended["is_usage_estimated"] is True  # the new store does not know what it had carried


async def test_an_active_session_that_came_back_lives_on(open_harbour: Open) -> None:
    first = await open_harbour()
    created = await first.create()
    await first.attach(created)
    await first.row_is(created["id"], "ACTIVE")
    await first.plane.close()
    second = await open_harbour()
    await second.plane.sweep.round()

    claimed = await second.attach(created)
    second.clock.ahead = absent_for(RESUME) + 1
    await second.plane.sweep.round()

    assert isinstance(await second.store.session(claimed.session), SessionView)
    assert (await second.row(created["id"]))["status"] == "ACTIVE"


async def test_an_end_whose_event_was_lost_is_read_from_the_store(harbour: Harbour) -> None:
    created = await harbour.create()
    await harbour.attach(created)
    await harbour.row_is(created["id"], "ACTIVE")
    harbour.plane.consumer.stop()
    await asyncio.wait_for(harbour.plane._tasks[0], SOON)
    await harbour.store.end(harbour.an_end(created))

    await harbour.plane.sweep.round()

    assert (await harbour.row_is(created["id"], "COMPLETED"))["end"]["reason"] == "LOST_EVENT"


async def test_a_termination_while_the_store_is_away_takes_effect_when_it_is_back(open_harbour: Open) -> None:
    store = Switched(MemoryStore())
    harbour = await open_harbour(store)
    created = await harbour.create()
    claimed = await harbour.attach(created)
    store.is_here = False

    answer = await harbour.admin.post(f"/sessions/{created['id']}/terminate", json={"reason": "enough"})
    token = await harbour.admin.post(f"/sessions/{created['id']}/token")
    assert answer.status_code == 202
    assert answer.json()["status"] in ("PENDING", "ACTIVE")
    assert token.status_code == 410
    store.is_here = True

    ended = await harbour.row_is(created["id"], "COMPLETED")
    assert ended["end"] == {"code": "SESSION_ENDED", "reason": "enough", "by": "api"}
    assert not isinstance(await store.session(claimed.session), SessionView)


async def test_while_the_store_is_away_rows_are_still_shown_and_the_rest_is_typed(open_harbour: Open) -> None:
    store = Switched(MemoryStore())
    harbour = await open_harbour(store)
    created = await harbour.create()
    store.is_here = False

    workers = await harbour.admin.get("/workers")
    ready = await harbour.admin.get(f"{harbour.url}/readyz")

    assert (await harbour.get(created["id"]))["status"] == "PENDING"
    assert (workers.status_code, workers.json()["code"]) == (503, "STORE_UNAVAILABLE")
    assert workers.headers["retry-after"] == "1"
    assert (ready.status_code, ready.json()["store"]) == (503, "unreachable")


async def test_last_uses_of_keys_are_written_now_and_then(harbour: Harbour) -> None:
    await harbour.admin.get("/sessions")

    async def noted() -> float | None:
        async with harbour.plane.context.database.read() as connection:
            found = (await connection.execute(text("SELECT last_used_at FROM api_keys"))).scalar_one()
        return None if found is None else float(found)

    assert await eventually(noted) > 0


async def test_old_answers_are_forgotten(open_harbour: Open) -> None:
    harbour = await open_harbour(idempotency_seconds=100.0, connect_within_seconds=10_000.0)
    headers, body = {"idempotency-key": "k"}, {"end_user_id": "u"}
    first = (await harbour.admin.post("/sessions", json=body, headers=headers)).json()
    harbour.clock.ahead = 1000
    await harbour.plane.sweep.round()

    second = (await harbour.admin.post("/sessions", json=body, headers=headers)).json()

    assert second["id"] != first["id"]
