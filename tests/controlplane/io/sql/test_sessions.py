"""Tests of controlplane/io/sql/sessions.py: what is asked often is found by an index, however much has ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from controlplane.io.database import Database
from controlplane.io.sql import sessions, users
from controlplane.io.sql.sessions import SessionFilter
from controlplane.progress import after_end
from controlplane.sessions import Session, Status
from moorage.ids import UserId
from scheduler.values import Outcome
from tests.controlplane.builders import KEY, NOW, SESSION, USER, WORKER, WORKSPACE, a_session, an_end
from tests.controlplane.io.databases import Databases

FULL = replace(
    after_end(a_session(status=Status.ACTIVE), an_end(Outcome.FAILED)),
    features=("vision",),
    metadata={"a": [1, {"b": None}]},
    labels=frozenset({("x", "y")}),
    regions=("eu", "us"),
    pools=("gpu",),
    worker=WORKER,
    started_at=NOW + 1,
    quality_score=4.5,
    error_count=0,
    event_at=NOW + 2,
    event_seq=7,
    end_wanted="enough",
)


@pytest.mark.parametrize("session", [a_session(), FULL], ids=["new", "full"])
async def test_a_session_comes_back_as_it_was_written(database: Database, session: Session) -> None:
    async with database.write() as connection:
        await sessions.add(connection, session)

    async with database.read() as connection:
        assert await sessions.find(connection, SESSION, WORKSPACE) == session
    async with database.write() as connection:
        assert await sessions.hold_all(connection, [SESSION]) == {SESSION: session}


async def test_a_save_changes_everything(database: Database) -> None:
    async with database.write() as connection:
        await sessions.add(connection, a_session())
        await sessions.save(connection, FULL)
        assert await sessions.find(connection, SESSION) == FULL


async def test_a_user_made_by_somebody_else_meanwhile_is_the_one(database: Database) -> None:
    async with database.write() as connection:
        again = await users.user_or_new(connection, UserId("usr_other"), WORKSPACE, "u1", NOW)

    assert again == USER


async def test_nothing_that_is_asked_often_reads_all_that_ever_was(database: Database, databases: Databases) -> None:
    asked: list[tuple[str, Any]] = []

    def note(connection: object, cursor: object, said: str, given: Any, context: object, many: bool) -> None:
        if said.startswith("SELECT sessions") or "FROM sessions" in said:
            asked.append((said, given))

    event.listen(database._engines.reader.sync_engine, "before_cursor_execute", note)
    async with database.read() as connection:
        await sessions.active(connection, "", 10)
        await sessions.overdue(connection, NOW, "", 10)
        await sessions.live_counts(connection, USER, KEY, WORKSPACE)
        await sessions.tombstones(connection, NOW, (NOW, SESSION), 10)
        await sessions.wanted_ends(connection, "", 10)
        for kind, named in (("session", SESSION), ("user", USER), ("key", KEY), ("workspace", WORKSPACE)):
            await sessions.latest_end(connection, kind, named)
        await sessions.listed(connection, SessionFilter(WORKSPACE, end_user_id="u1"))
        steps = [step for said, given in list(asked) for step in await databases.plan(connection, said, given)]

    assert not [step for step in steps if "SCAN sessions" in step or "Seq Scan on sessions" in step]
    used = {name for step in steps for name in step.split() if name.startswith("ix_sessions")}
    assert used >= {
        "ix_sessions_live_status_id",
        "ix_sessions_live_user",
        "ix_sessions_live_key",
        "ix_sessions_live_workspace",
        "ix_sessions_expires_at",
    }
    assert databases.name != "sqlite" or "ix_sessions_user_id" in used
