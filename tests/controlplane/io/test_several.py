"""Several control planes on one database and one store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from controlplane.credentials import Credential
from controlplane.io.app import ControlPlane
from controlplane.io.bootstrap import MADE_JOIN_KEYS, bootstrap
from controlplane.io.consumer import EARLY_KEPT, Consumer, forget_early, write_early, write_events
from controlplane.io.keyfiles import embedded_keyring
from controlplane.io.overdue import ROLE
from controlplane.io.sql import sessions as rows
from controlplane.io.sql.tables import SESSIONS
from controlplane.policy import ControlPlanePolicy
from controlplane.sessions import Session
from moorage.ids import SessionId
from scheduler.io.memory import MemoryStore
from scheduler.values import Concurrency, End, Ended, Event, Outcome, Usage
from tests.controlplane.io.conftest import Harbour, Open, eventually
from tests.controlplane.io.databases import Databases
from tests.deadlines import SOON


@pytest.fixture
async def two(open_harbour: Open) -> tuple[Harbour, Harbour]:
    first = await open_harbour()
    return first, await open_harbour(first.store, workers=0)


@pytest.fixture
async def empty_url(databases: Databases, tmp_path: Path) -> AsyncIterator[str]:
    url = await databases.empty(tmp_path)
    yield url
    await databases.drop(url)


async def test_the_same_request_to_both_at_once_makes_one_session(two: tuple[Harbour, Harbour]) -> None:
    headers, body = {"idempotency-key": "order-1"}, {"end_user_id": "u"}

    answers = await asyncio.gather(
        *(harbour.admin.post("/sessions", json=body, headers=headers) for harbour in two * 5)
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1


async def test_no_crowd_at_two_doors_gets_past_a_limit(open_harbour: Open) -> None:
    limit = Concurrency(per_user=0, per_key=3, per_workspace=0)
    first = await open_harbour(concurrency=limit)
    second = await open_harbour(first.store, workers=0, concurrency=limit)
    key = await first.key("sessions:write")
    clients = [await first.client(key), await second.client(key)]

    answers = await asyncio.gather(
        *(client.post("/sessions", json={"end_user_id": f"u{i}"}) for i in range(6) for client in clients)
    )

    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [429] * 9


async def test_a_new_user_met_by_both_at_once_is_one(two: tuple[Harbour, Harbour]) -> None:
    answers = await asyncio.gather(
        *(harbour.admin.post("/sessions", json={"end_user_id": "new"}) for harbour in two * 3)
    )

    assert len({answer.json()["user_id"] for answer in answers}) == 1


async def test_those_that_start_at_once_make_one_admin_key_and_a_join_key_each(empty_url: str, tmp_path: Path) -> None:
    store = MemoryStore()
    planes = [_plane(empty_url, tmp_path / name, store) for name in ("a", "b", "c")]

    welcomes = await asyncio.gather(*(plane.start() for plane in planes))

    assert len([welcome for welcome in welcomes if welcome.new_admin_key]) == 1
    assert len({welcome.workspace for welcome in welcomes}) == 1
    for plane in planes:
        assert await store.join_key(_digest(plane)) is not None
    await asyncio.gather(*(plane.close() for plane in planes))


async def test_join_keys_that_were_made_do_not_pile_up(harbour: Harbour, tmp_path: Path) -> None:
    for index in range(MADE_JOIN_KEYS + 3):
        folder = tmp_path / str(index)
        folder.mkdir()
        policy = replace(harbour.plane.context.policy, data_folder=folder)
        await bootstrap(replace(harbour.plane.context, policy=policy))

    made = (await harbour.admin.get("/join-keys")).json()["join_keys"]
    assert len(made) == MADE_JOIN_KEYS


async def test_what_both_read_is_written_once(two: tuple[Harbour, Harbour]) -> None:
    first, second = two
    created = [await first.create(end_user_id=f"u{index}") for index in range(8)]
    for session in created:
        claimed = await first.attach(session)
        end = End(claimed.session, Outcome.COMPLETED, None, "DONE", "client", claimed.fence, Usage(1, 2, 3, 4))
        await first.store.end(end)

    for session in created:
        ended = await second.row_is(session["id"], "COMPLETED")
        assert {name: ended["usage"][name] for name in ("bytes_in", "messages_out")} == {
            "bytes_in": 1,
            "messages_out": 4,
        }
    assert _ended(first) + _ended(second) == len(created)


async def test_one_of_them_sweeps_and_another_follows_at_once(two: tuple[Harbour, Harbour]) -> None:
    first, second = two
    created = await first.create()
    await eventually(lambda: _is_led(first))
    await first.plane.close()

    second.clock.ahead = 301
    first.clock.ahead = 301  # the store's

    assert (await second.row_is(created["id"], "EXPIRED"))["end"]["reason"] == "NEVER_CONNECTED"


async def test_a_consumer_that_dies_before_it_writes_costs_nothing(two: tuple[Harbour, Harbour]) -> None:
    first, second = two
    await _stop_consumers(two)
    created = await _lived(first)
    assert await first.store.events("dead", 100, 0)

    await Consumer(second.plane.context).step()

    assert (await second.row(created["id"]))["status"] == "COMPLETED"
    assert _ended(first) + _ended(second) == 1


async def test_a_consumer_that_dies_before_it_acknowledges_costs_nothing(two: tuple[Harbour, Harbour]) -> None:
    first, second = two
    await _stop_consumers(two)
    created = await _lived(first)
    await write_events(first.plane.context, await first.store.events("dead", 100, 0))
    before = await second.row(created["id"])

    await Consumer(second.plane.context).step()

    assert await second.row(created["id"]) == before
    assert before["status"] == "COMPLETED"
    assert _ended(first) + _ended(second) == 1
    assert not await first.store.events("any", 100, 0)


async def test_events_that_come_before_their_row_are_written_when_it_is_there(two: tuple[Harbour, Harbour]) -> None:
    first, second = two
    await _stop_consumers(two)
    created = await _lived(first)
    row = await _taken_out(first, SessionId(created["id"]))
    events = await first.store.events("any", 100, 0)
    await write_events(first.plane.context, events)
    await write_events(second.plane.context, events)  # delivered again
    await first.store.acknowledge("any", events)

    await first.plane.context.database.change(lambda connection: rows.add(connection, row))

    ended = await second.row_is(created["id"], "COMPLETED")
    assert ended["usage"]["bytes_in"] == 1
    assert ended["worker_id"] == first.workers[0]
    assert first.plane.context.metrics.events_early._value.get() == len(events)
    assert await write_early(first.plane.context) == 0


async def test_events_whose_row_never_comes_are_given_up(harbour: Harbour) -> None:
    context = harbour.plane.context
    stranger = SessionId("ses_00000000000000000000000000")
    await write_events(context, [Event("1", "session.resumed", context.store.now(), stranger, None, 1)])
    await forget_early(context)
    assert context.metrics.events_unknown._value.get() == 0

    harbour.clock.ahead = EARLY_KEPT + 1
    await forget_early(context)

    assert context.metrics.events_unknown._value.get() == 1


async def test_a_session_ended_at_both_doors_at_once_ends_once(two: tuple[Harbour, Harbour]) -> None:
    created = await two[0].create()
    await two[0].attach(created)

    answers = await asyncio.gather(
        *(
            harbour.admin.post(f"/sessions/{created['id']}/terminate", json={"reason": f"r{index}"})
            for index, harbour in enumerate(two * 3)
        )
    )

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["end"]["reason"] for answer in answers}) == 1
    assert _ended(two[0]) + _ended(two[1]) == 1


def _plane(url: str, folder: Path, store: MemoryStore) -> ControlPlane:
    policy = ControlPlanePolicy(data_folder=folder, port=0, database_url=url)
    return ControlPlane(policy, store, embedded_keyring(folder))


def _digest(plane: ControlPlane) -> str:
    return Credential((plane.context.policy.data_folder / "join.key").read_text().strip()).digest


def _ended(harbour: Harbour) -> float:
    counter: Any = harbour.plane.context.metrics.sessions_ended
    return sum(float(child._value.get()) for child in counter._metrics.values())


async def _is_led(harbour: Harbour) -> bool | None:
    return not await harbour.store.lead(ROLE, "somebody else", 0) or None


async def _stop_consumers(two: tuple[Harbour, Harbour]) -> None:
    for harbour in two:
        harbour.plane.consumer.stop()
        await asyncio.wait_for(harbour.plane._tasks[0], SOON)


async def _lived(harbour: Harbour) -> dict[str, Any]:
    """A session with its whole life in events that nobody has read."""
    created = await harbour.create()
    claimed = await harbour.attach(created)
    end = End(claimed.session, Outcome.COMPLETED, None, "DONE", "client", claimed.fence, Usage(1, 2, 3, 4))
    assert isinstance(await harbour.store.end(end), Ended)
    return created


async def _taken_out(harbour: Harbour, session: SessionId) -> Session:
    """The row, as a transaction that is not committed yet would hold it."""
    database = harbour.plane.context.database
    row = await database.ask(lambda connection: rows.find(connection, session))
    assert row is not None
    await database.change(lambda connection: connection.execute(delete(SESSIONS).where(SESSIONS.c.id == session)))
    return row
