"""Tests of controlplane/io/consumer.py: what happens in the store is written into rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from prometheus_client import generate_latest
from sqlalchemy import text

from controlplane.io.consumer import Consumer, write_events
from controlplane.io.sql import sessions as rows
from moorage.errors import Code
from moorage.ids import SessionId
from scheduler.io.memory import MemoryStore
from scheduler.values import DecisionRecord, End, Event, Outcome, Usage
from tests.controlplane.io.away import Switched
from tests.controlplane.io.conftest import Harbour, Open, eventually
from tests.owntime import within


async def test_a_sessions_life_ends_up_in_its_row(harbour: Harbour) -> None:
    created = await harbour.create()
    claimed = await harbour.attach(created)
    active = await harbour.row_is(created["id"], "ACTIVE")
    await harbour.store.suspend(claimed.session, claimed.fence, Usage(1, 2, 3, 4), is_worker_lost=False)
    resumed = await harbour.attach(created)
    harbour.clock.ahead += 5
    end = End(resumed.session, Outcome.COMPLETED, None, "CLIENT_CLOSED", "client", resumed.fence, Usage(10, 20, 30, 40))
    await harbour.store.end(end)

    ended = await harbour.row_is(created["id"], "COMPLETED")

    assert (active["worker_id"], active["region"], active["pool"]) == (harbour.workers[0], "local", "default")
    assert active["node_id"] == "ws://127.0.0.1:7400"
    assert ended["end"] == {"code": None, "reason": "CLIENT_CLOSED", "by": "client"}
    assert ended["usage"].pop("seconds") == pytest.approx(5, abs=1)
    assert ended["usage"] == {"bytes_in": 11, "bytes_out": 22, "messages_in": 33, "messages_out": 44}
    assert ended["is_usage_estimated"] is False
    assert ended["started_at"] == active["started_at"] < ended["ended_at"]


async def test_a_row_says_that_a_gateway_was_lost_with_what_it_had_metered(harbour: Harbour) -> None:
    created = await harbour.create()
    await harbour.attach(created)
    claimed = await harbour.attach(created)
    await harbour.store.end(
        End(claimed.session, Outcome.COMPLETED, None, "R", "client", claimed.fence, Usage(1, 2, 3, 4))
    )

    ended = await harbour.row_is(created["id"], "COMPLETED")

    assert (ended["usage"]["bytes_in"], ended["is_usage_estimated"]) == (1, True)


@pytest.mark.parametrize(
    ("outcome", "code", "status"),
    [
        (Outcome.FAILED, Code.WORKER_LOST, "FAILED"),
        (Outcome.EXPIRED, Code.SESSION_EXPIRED, "EXPIRED"),
        (Outcome.COMPLETED, None, "COMPLETED"),
    ],
)
async def test_each_outcome_is_a_status(harbour: Harbour, outcome: Outcome, code: Code | None, status: str) -> None:
    created = await harbour.create()
    claimed = await harbour.attach(created)

    await harbour.store.end(End(claimed.session, outcome, code, "R", "gateway", claimed.fence))

    assert (await harbour.row_is(created["id"], status))["end"]["code"] == (code.value if code else None)


async def test_written_events_are_acknowledged_and_counted(harbour: Harbour) -> None:
    created = await harbour.create()
    await harbour.attach(created)
    await harbour.row_is(created["id"], "ACTIVE")

    async def none_left() -> bool | None:
        return not await harbour.store.events("test", 10, 0) or None

    assert await eventually(none_left)
    shown = generate_latest(harbour.registry).decode()
    assert 'moorage_controlplane_events_total{type="session.started"} 1.0' in shown
    assert "moorage_controlplane_events_lag_seconds" in shown


async def test_a_batch_delivered_twice_changes_nothing(harbour: Harbour) -> None:
    created = await harbour.create()
    claimed = await harbour.attach(created)
    answer = await harbour.store.end(End(claimed.session, Outcome.COMPLETED, None, "R", "client", claimed.fence))
    before = await harbour.row_is(created["id"], "COMPLETED")
    session, worker = SessionId(created["id"]), harbour.workers[0]
    again = [
        Event("1", "session.started", harbour.store.now(), session, worker, 1),
        Event("2", "session.ended", harbour.store.now(), session, worker, 2, answer.record),  # type: ignore[union-attr]
    ]

    await write_events(harbour.plane.context, again)

    assert await harbour.row(created["id"]) == before


async def test_events_of_unknown_sessions_of_workers_and_of_pools_hold_nothing_up(harbour: Harbour) -> None:
    stranger = SessionId("ses_00000000000000000000000000")
    await harbour.store.end(End(stranger, Outcome.COMPLETED, None, "R", "api"))
    await harbour.store.record_decision(DecisionRecord("local", "default", harbour.store.now(), True, b"not even JSON"))
    created = await harbour.create()
    await harbour.attach(created)

    await harbour.row_is(created["id"], "ACTIVE")

    assert "moorage_controlplane_events_early_total 1.0" in generate_latest(harbour.registry).decode()


async def test_while_the_database_fails_events_wait_and_none_is_lost(open_harbour: Open) -> None:
    harbour = await open_harbour(busy_seconds=0.05)
    created = [await harbour.create(end_user_id=f"u{index}") for index in range(3)]
    async with harbour.locked():
        for session in created:
            await harbour.attach(session)
        await eventually(lambda: _has_failed(harbour, "consumer_failures"))
        assert await harbour.store.events("test", 100, 0)

    for session in created:
        await harbour.row_is(session["id"], "ACTIVE")


async def test_while_the_store_is_away_the_consumer_waits_for_it(open_harbour: Open) -> None:
    store = Switched(MemoryStore())
    harbour = await open_harbour(store)
    created = await harbour.create()
    store.is_here = False
    await store.inner.end(harbour.an_end(created))
    await eventually(lambda: _has_failed(harbour, "consumer_failures"))
    store.is_here = True

    await harbour.row_is(created["id"], "COMPLETED")


async def test_after_a_stop_what_is_there_is_still_written(harbour: Harbour) -> None:
    created = await harbour.create()
    harbour.plane.consumer.stop()
    consumer = Consumer(harbour.plane.context)
    consumer.stop()
    await harbour.attach(created)

    await within(1, consumer.run())

    assert (await harbour.row(created["id"]))["status"] == "ACTIVE"


async def test_a_stop_does_not_hang_on_a_database_that_fails(open_harbour: Open) -> None:
    harbour = await open_harbour(busy_seconds=0.05)
    created = await harbour.create()
    harbour.plane.consumer.stop()
    consumer = Consumer(harbour.plane.context)
    consumer.stop()
    async with harbour.locked():
        await harbour.attach(created)

        await within(2, consumer.run())

    assert await harbour.store.events("test", 10, 0)


async def test_a_public_address_stays_what_clients_are_told(open_harbour: Open) -> None:
    harbour = await open_harbour(node_url="wss://play.example")
    created = await harbour.create()

    await harbour.attach(created)

    assert (await harbour.row_is(created["id"], "ACTIVE"))["node_id"] == "wss://play.example"


async def test_a_row_that_is_newer_keeps_what_it_has(harbour: Harbour) -> None:
    created = await harbour.create()
    await harbour.attach(created)
    await harbour.row_is(created["id"], "ACTIVE")
    context, session = harbour.plane.context, SessionId(created["id"])
    async with context.database.write() as connection:
        row = await rows.hold(connection, session)
        assert row is not None
        await rows.save(connection, replace(row, event_at=context.store.now() + 100))
        await connection.execute(text("SELECT 1"))

    await write_events(context, [Event("9", "session.resumed", context.store.now(), session, None, 9)])

    async with context.database.read() as connection:
        kept = await rows.find(connection, session)
    assert kept is not None
    assert kept.event_seq != 9


async def _has_failed(harbour: Harbour, name: str) -> bool | None:
    counter = getattr(harbour.plane.context.metrics, name)
    return counter._value.get() > 0 or None
