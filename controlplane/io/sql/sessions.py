"""Statements on sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, bindparam, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.io.sql.tables import LIVE_ROWS, REVOCATIONS, SESSIONS, USERS
from controlplane.sessions import LIVE, EndNote, Session, Status
from moorage.ids import KeyId, SessionId, UserId, WorkspaceId
from scheduler.values import Usage

_ROW = SESSIONS.c
_LIVE_COUNTS = select(  # put together once: it runs at every creation
    *(
        select(func.count()).where(LIVE_ROWS, _ROW[name] == bindparam(name)).scalar_subquery()
        for name in ("user", "key", "workspace")
    )
)


_OF_KIND = {"session": _ROW.id, "user": _ROW.user, "key": _ROW.key, "workspace": _ROW.workspace}
Mark = tuple[float, SessionId]
"""Where a page of tombstones ended."""


_SAVE = update(SESSIONS).where(_ROW.id == bindparam("its_id"))


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions a list shows: newest first, after `before`."""

    workspace: WorkspaceId
    user: UserId | None = None
    end_user_id: str | None = None
    statuses: tuple[Status, ...] = ()
    before: str | None = None
    limit: int = 50


async def add(connection: AsyncConnection, session: Session) -> None:
    """A new session."""
    await connection.execute(insert(SESSIONS).values(_columns(session)))


async def save(connection: AsyncConnection, session: Session) -> None:
    """All of a session that is held in this transaction."""
    await connection.execute(update(SESSIONS).where(_ROW.id == session.id).values(_columns(session)))


async def save_all(connection: AsyncConnection, sessions: Sequence[Session]) -> None:
    """The same of many: one trip to the database's thread instead of one each (500 rows: 30 ms instead of 450)."""
    if sessions:
        await connection.execute(_SAVE, [{"its_id": session.id, **_columns(session)} for session in sessions])


async def find(connection: AsyncConnection, session: SessionId, workspace: WorkspaceId | None = None) -> Session | None:
    """One session as it is now; to change it, `hold` it."""
    statement = select(SESSIONS).where(_ROW.id == session)
    if workspace is not None:
        statement = statement.where(_ROW.workspace == workspace)
    row = (await connection.execute(statement)).mappings().first()
    return None if row is None else _session(row)


async def hold(connection: AsyncConnection, session: SessionId) -> Session | None:
    """One session that nobody else changes until the commit."""
    return (await hold_all(connection, [session])).get(session)


async def hold_all(connection: AsyncConnection, ids: Sequence[SessionId]) -> dict[SessionId, Session]:
    """Those of these that exist; locked in one order for everybody, so that two never wait for each other."""
    statement = select(SESSIONS).where(_ROW.id.in_(ids)).order_by(_ROW.id).with_for_update()
    rows = (await connection.execute(statement)).mappings()
    return {SessionId(row["id"]): _session(row) for row in rows}


async def listed(connection: AsyncConnection, wanted: SessionFilter) -> list[Session]:
    """Ids sort by the time they were made, so they are the order and the cursor."""
    statement = select(SESSIONS).where(*_matching(wanted)).order_by(_ROW.id.desc()).limit(wanted.limit)
    return [_session(row) for row in (await connection.execute(statement)).mappings()]


async def live_counts(
    connection: AsyncConnection, user: UserId, key: KeyId, workspace: WorkspaceId
) -> tuple[int, int, int]:
    """Live sessions of a user, a key and a workspace."""
    whose = {"user": user, "key": key, "workspace": workspace}
    of_user, of_key, of_workspace = (await connection.execute(_LIVE_COUNTS, whose)).one()
    return of_user, of_key, of_workspace


async def overdue(connection: AsyncConnection, now: float, after: str, limit: int) -> list[Session]:
    """A page of pending sessions whose time to connect is over, and of those whose termination the store has not heard of.

    What falls under a revocation that is being applied is left to its gateways, which know what was carried."""
    late = (_ROW.status == Status.PENDING.value) & (_ROW.connect_by <= now)
    ids = (_ROW.id, _ROW.user, _ROW.key, _ROW.workspace)
    settling = exists().where(REVOCATIONS.c.applied_at.is_(None), REVOCATIONS.c.target.in_(ids))
    wanted = (LIVE_ROWS, or_(late, _ROW.end_wanted.is_not(None) & ~settling), _ROW.id > after)
    statement = select(SESSIONS).where(*wanted).order_by(_ROW.id).limit(limit)
    return [_session(row) for row in (await connection.execute(statement)).mappings()]


async def active(connection: AsyncConnection, after: str, limit: int) -> list[Session]:
    """A page of active sessions, in the order of their ids."""
    wanted = (LIVE_ROWS, _ROW.status == Status.ACTIVE.value, _ROW.id > after)
    statement = select(SESSIONS).where(*wanted).order_by(_ROW.id).limit(limit)
    return [_session(row) for row in (await connection.execute(statement)).mappings()]


async def tombstones(connection: AsyncConnection, now: float, after: Mark, limit: int) -> list[Mark]:
    """A page of ended sessions whose tokens may still be valid: each until when, and its id."""
    ended = _ROW.status.not_in([status.value for status in LIVE])
    statement = select(_ROW.expires_at, _ROW.id).where(_ROW.expires_at > now, ended, *_beyond(after))
    found = await connection.execute(statement.order_by(_ROW.expires_at, _ROW.id).limit(limit))
    return [(until, SessionId(session)) for until, session in found]


async def wanted_ends(connection: AsyncConnection, after: str, limit: int) -> list[Session]:
    """A page of live sessions that were ended while the store was away: no token opens them any more."""
    wanted = (LIVE_ROWS, _ROW.end_wanted.is_not(None), _ROW.id > after)
    statement = select(SESSIONS).where(*wanted).order_by(_ROW.id).limit(limit)
    return [_session(row) for row in (await connection.execute(statement)).mappings()]


async def want_ends(connection: AsyncConnection, kind: str, named: str, reason: str) -> None:
    """Everything live of a session, user, key or workspace is to end: from now on it gets no token."""
    statement = update(SESSIONS).where(LIVE_ROWS, _OF_KIND[kind] == named)
    await connection.execute(statement.values(end_wanted=reason))


async def live_of(connection: AsyncConnection, kind: str, named: str) -> int:
    """How many rows of a session, user, key or workspace have not ended."""
    statement = select(func.count()).select_from(SESSIONS).where(LIVE_ROWS, _OF_KIND[kind] == named)
    return (await connection.execute(statement)).scalar_one()


async def latest_end(connection: AsyncConnection, kind: str, named: str) -> float:
    """When the last of its live sessions ends by itself; 0 where there is none."""
    statement = select(func.max(_ROW.expires_at)).where(LIVE_ROWS, _OF_KIND[kind] == named)
    return (await connection.execute(statement)).scalar_one() or 0.0


def _beyond(after: Mark) -> tuple[ColumnElement[bool], ...]:
    until, session = after
    return _ROW.expires_at >= until, or_(_ROW.expires_at > until, _ROW.id > session)


def _matching(wanted: SessionFilter) -> list[ColumnElement[bool]]:
    conditions = [_owned(wanted)]
    if wanted.statuses:
        conditions.append(_ROW.status.in_([status.value for status in wanted.statuses]))
    if wanted.before is not None:
        conditions.append(_ROW.id < wanted.before)
    return conditions


def _owned(wanted: SessionFilter) -> ColumnElement[bool]:
    """By workspace; by user alone where one is named, so that the user's index is taken."""
    named = [USERS.c.workspace == wanted.workspace]
    if wanted.user is not None:
        named.append(USERS.c.id == wanted.user)
    if wanted.end_user_id is not None:
        named.append(USERS.c.external_id == wanted.end_user_id)
    if len(named) == 1:
        return _ROW.workspace == wanted.workspace
    return _ROW.user == select(USERS.c.id).where(*named).scalar_subquery()


_TURNED = {"status", "features", "labels", "regions", "pools", "end", "usage"}  # the row holds them in another form
_PLAIN = [field.name for field in fields(Session) if field.name not in _TURNED]
_USAGE = ("bytes_in", "bytes_out", "messages_in", "messages_out")


def _columns(session: Session) -> dict[str, Any]:
    note = session.end
    return {
        **{name: getattr(session, name) for name in _PLAIN},
        **{name: getattr(session.usage, name) for name in _USAGE},
        "status": session.status.value,
        "features": list(session.features),
        "labels": dict(sorted(session.labels)),
        "regions": list(session.regions),
        "pools": list(session.pools),
        "end_code": note.code if note else None,
        "end_reason": note.reason if note else None,
        "end_by": note.by if note else None,
    }


def _session(row: RowMapping) -> Session:
    note = None if row["end_by"] is None else EndNote(row["end_code"], row["end_reason"] or "", row["end_by"])
    return Session(
        **{name: row[name] for name in _PLAIN},
        status=Status(row["status"]),
        features=tuple(row["features"]),
        labels=frozenset(row["labels"].items()),
        regions=tuple(row["regions"]),
        pools=tuple(row["pools"]),
        end=note,
        usage=Usage(**{name: row[name] for name in _USAGE}),
    )
