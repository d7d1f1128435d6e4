"""Statements on events that came before their session's row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.io.sql.tables import EARLY_EVENTS, SESSIONS
from scheduler.values import Event

_ROW = EARLY_EVENTS.c


async def add(connection: AsyncConnection, events: Iterable[Event], now: float) -> int:
    """Keeps those that are not kept yet; answers how many."""
    found = {_digest(event): event for event in events}
    kept = set((await connection.execute(select(_ROW.digest).where(_ROW.digest.in_(list(found))))).scalars())
    new = [_columns(digest, event, now) for digest, event in found.items() if digest not in kept]
    if new:
        await connection.execute(insert(EARLY_EVENTS), new)
    return len(new)


async def due(connection: AsyncConnection, limit: int) -> list[Event]:
    """Those whose session has a row by now, in order within a session."""
    statement = select(_ROW.body).join(SESSIONS, SESSIONS.c.id == _ROW.session)
    ordered = statement.order_by(_ROW.session, _ROW.at, _ROW.seq).limit(limit)
    return [_event(body) for body in (await connection.execute(ordered)).scalars()]


async def remove(connection: AsyncConnection, events: Iterable[Event]) -> None:
    """They are written."""
    await connection.execute(delete(EARLY_EVENTS).where(_ROW.digest.in_([_digest(event) for event in events])))


async def forget(connection: AsyncConnection, before: float) -> int:
    """Those that waited in vain since then; answers how many."""
    return (await connection.execute(delete(EARLY_EVENTS).where(_ROW.seen_at < before))).rowcount


def _columns(digest: str, event: Event, now: float) -> dict[str, object]:
    body = msgspec.json.encode(event).decode()
    return {
        "digest": digest,
        "session": event.session,
        "at": event.at,
        "seq": event.seq,
        "body": body,
        "seen_at": now,
    }


def _event(body: str) -> Event:
    said = msgspec.json.decode(body)
    data = said.pop("data")  # may hold a bool, which is an int to Python and none to msgspec
    return replace(msgspec.convert(said, Event), data=data)


def _digest(event: Event) -> str:
    """Whatever its position: the same event delivered twice is one."""
    return sha256(msgspec.json.encode(replace(event, position=""), order="sorted")).hexdigest()
