"""Acts on session tokens: check one, trade one for a fresh one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.io import sessions
from controlplane.io.context import Context
from controlplane.io.sql import sessions as rows
from controlplane.keys import Caller
from controlplane.sessions import Session, closed, extended_end
from moorage.errors import Code, MoorageError, error_for
from moorage.ids import SessionId
from moorage.tokens import InvalidToken, SessionToken, verify


@dataclass(frozen=True, slots=True)
class Validity:
    """What a token is good for: `session` is known wherever the signature holds."""

    session: SessionId | None
    is_valid: bool
    expires_at: float | None = None
    detail: str = ""


async def validate(context: Context, caller: Caller, text: str) -> Validity:
    """Whether a client could connect with it now. Another workspace's tokens are nobody's business."""
    try:
        token = _verified(context, caller, text)
        session = await sessions.find(context, caller.workspace, token.session)
    except MoorageError as error:
        return Validity(None, False, detail=error.detail)
    shown = (await sessions.show(context, session)).session
    refused = closed(shown, context.store.now())
    if refused is not None:
        return Validity(token.session, False, token.expires_at, refused.detail)
    return Validity(token.session, True, token.expires_at)


async def refresh(context: Context, caller: Caller, text: str) -> sessions.Issued:
    """A fresh token, and the session's end moved with it. Raises INVALID_SESSION_TOKEN, SESSION_ENDED, SESSION_EXPIRED."""
    token = _verified(context, caller, text)
    session = await sessions.find(context, caller.workspace, token.session)
    shown = (await sessions.show(context, session)).session
    now = context.store.now()
    refused = closed(shown, now)
    if refused is not None:
        raise refused
    ends_at = extended_end(shown, context.policy, now)
    await context.store.extend(session.id, ends_at)  # Stale: not live now; its next token says when it ends
    moved = await _moved(context, session, ends_at)
    return await sessions.issue(context, caller, moved)


async def _moved(context: Context, session: Session, ends_at: float) -> Session:
    async def work(connection: AsyncConnection) -> Session:
        row = await sessions.held_row(connection, session.id)
        moved = replace(row, expires_at=max(row.expires_at, ends_at))
        await rows.save(connection, moved)
        return moved

    return await context.database.change(work)


def _verified(context: Context, caller: Caller, text: str) -> SessionToken:
    try:
        token = verify(text, context.keys.current, context.store.now())
    except InvalidToken as error:
        raise error_for(Code.INVALID_SESSION_TOKEN, str(error)) from error
    if token.workspace != caller.workspace:
        raise error_for(Code.INVALID_SESSION_TOKEN, "the token is for another workspace")
    return token
