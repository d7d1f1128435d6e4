"""Acts on sessions: rules, statements and the store in the right order.

The store ends sessions; the row follows. So an act that ends one asks the store first and writes its record after, by
the same rule as the event consumer, and whoever comes second changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.idempotency import Answered
from controlplane.io.context import Context
from controlplane.io.sql import answers, users
from controlplane.io.sql import sessions as rows
from controlplane.keys import Caller
from controlplane.nodes import node_for
from controlplane.progress import after_end, seen_live
from controlplane.sessions import LIVE, Opening, Session, SessionWish, closed, opened, over, token_of
from moorage.errors import Code, error_for
from moorage.ids import SessionId, UserId, WorkspaceId
from moorage.tokens import MAX_TOKEN_BYTES, mint
from scheduler.io.ending import end_exactly
from scheduler.store import Unavailable
from scheduler.values import End, Ended, EndRecord, Outcome, QueueView, SessionView, Stale

BUSY_RETRY = 1.0


@dataclass(frozen=True, slots=True)
class Once:
    """An idempotency key and the fingerprint of what was asked under it."""

    name: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Issued:
    """A session and a token for it."""

    session: Session
    token: str
    token_expires_at: float
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a backend says of a session that it ends."""

    reason: str = "TERMINATED"
    quality_score: float | None = None
    error_count: int | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A session's row with what the store knows better, and its place in the queue."""

    session: Session
    queue: QueueView | None = None


async def create(context: Context, caller: Caller, wish: SessionWish, once: Once | None) -> Issued:
    """A new session with its first token. Raises SESSION_LIMIT_EXCEEDED, CONFLICT, UNPROCESSABLE."""
    _try(context, caller, wish)
    nodes = await _live_nodes(context)

    async def work(connection: AsyncConnection) -> tuple[Session, bool]:
        earlier = await _replayed(context, connection, caller, wish, once)
        if earlier is not None:
            return earlier, True
        session = await _created(context, connection, caller, wish, nodes)
        if once is not None:
            row = Answered(caller.key, once.name, once.fingerprint, session.id, session.node, session.created_at)
            await answers.add(connection, row)
        return session, False

    session, is_replay = await context.database.change(work, *_one_at_a_time(caller, wish, once))
    if not is_replay:
        context.metrics.sessions_created.inc()
    return replace(_issued(context, caller, session, session.created_at, session.jti), is_replay=is_replay)


async def find(context: Context, workspace: WorkspaceId, session: SessionId) -> Session:
    """The row. Raises SESSION_NOT_FOUND, also for another workspace's session."""
    return _there(session, await context.database.ask(lambda connection: rows.find(connection, session, workspace)))


async def held_row(connection: AsyncConnection, session: SessionId) -> Session:
    """The row, which nobody else changes until the commit. Raises SESSION_NOT_FOUND."""
    return _there(session, await rows.hold(connection, session))


async def show(context: Context, session: Session) -> Shown:
    """With what the store knows better; the row alone while the store is away."""
    if session.status not in LIVE:
        return Shown(session)
    try:
        view = await context.store.session(session.id)
        queue = None if view is not None else await context.store.queue(session.id)
    except Unavailable:
        return Shown(session)
    match view:
        case SessionView():
            session = seen_live(session, view)
        case EndRecord():
            return Shown(after_end(session, view))
    node = node_for(session.id, await _live_nodes(context), context.policy.node_url, session.node)
    return Shown(replace(session, node=node), queue)


async def issue(context: Context, caller: Caller, session: Session) -> Issued:
    """Another token for a live session. Raises SESSION_ENDED, SESSION_EXPIRED."""
    now = context.store.now()
    refused = closed(session, now)
    if refused is not None:
        raise refused
    node = node_for(session.id, await _live_nodes(context), context.policy.node_url, session.node)
    return _issued(context, caller, replace(session, node=node), now, context.draw(12).hex())


async def terminate(context: Context, session: Session, verdict: Verdict) -> tuple[Session, bool]:
    """Ends it, or answers how it ended before; False where the store is away and will be told once it is back."""
    if session.status not in LIVE:
        return await _note(context, session.id, verdict, None), True
    wish = End(session.id, Outcome.COMPLETED, Code.SESSION_ENDED, verdict.reason, "api", workspace=session.workspace)
    try:
        answer = await end_exactly(context.store, wish)
    except Unavailable:
        return await _want_end(context, session.id, verdict), False
    match answer:
        case Ended(record):
            return await _note(context, session.id, verdict, record), True
        case Stale():
            detail = f"session {session.id} is changing hands: try again"
            raise error_for(Code.CONFLICT, detail, retry_after=BUSY_RETRY)


async def write_end(context: Context, connection: AsyncConnection, session: Session, record: EndRecord) -> Session:
    """Its end into its row, unless it is there already."""
    ended = ended_by(context, session, record)
    if ended is not session:
        await rows.save(connection, ended)
    return ended


def ended_by(context: Context, session: Session, record: EndRecord) -> Session:
    """The row as its end leaves it, to be saved and counted: the one place where final statuses come from."""
    ended = after_end(session, record)
    if ended is not session:
        code = record.code.value if record.code else ""
        context.metrics.sessions_ended.labels(ended.status.value, code).inc()
    return ended


def _there(session: SessionId, found: Session | None) -> Session:
    if found is None:
        raise error_for(Code.SESSION_NOT_FOUND, f"no session {session} in this workspace")
    return found


def _one_at_a_time(caller: Caller, wish: SessionWish, once: Once | None) -> list[str]:
    """Locks: creations that count the same live sessions, or repeat the same request, go one after the other."""
    same_request = [] if once is None else [f"request {caller.key} {once.name}"]
    limits = caller.concurrency
    if limits.per_workspace:  # counts whatever the other two count
        return [*same_request, f"sessions {caller.workspace}"]
    counted = [f"sessions {caller.key}"] if limits.per_key else []
    if limits.per_user:
        counted.append(f"sessions {caller.workspace} {wish.end_user_id}")
    return [*same_request, *counted]


def _try(context: Context, caller: Caller, wish: SessionWish) -> None:
    """A wish that cannot be met is refused here, before it waits for anybody."""
    opening = _opening(context, caller, UserId(context.new_id("usr")), None)
    trial = opened(wish, opening, context.policy, context.store.now())
    _issued(context, caller, trial, trial.created_at, opening.jti)


async def _created(
    context: Context, connection: AsyncConnection, caller: Caller, wish: SessionWish, nodes: list[str]
) -> Session:
    now = context.store.now()
    new = UserId(context.new_id("usr"))
    user = await users.user_or_new(connection, new, caller.workspace, wish.end_user_id, now)
    counts = await rows.live_counts(connection, user, caller.key, caller.workspace)
    refused = over(caller.concurrency, *counts)
    if refused is not None:
        raise refused
    opening = _opening(context, caller, user, None)
    opening = replace(opening, node=node_for(opening.id, nodes, context.policy.node_url))
    session = opened(wish, opening, context.policy, now)
    await rows.add(connection, session)
    return session


async def _replayed(
    context: Context, connection: AsyncConnection, caller: Caller, wish: SessionWish, once: Once | None
) -> Session | None:
    """The session that the same request opened before, as it was then."""
    earlier = None if once is None else await answers.find(connection, caller.key, once.name)
    if once is None or earlier is None:
        return None
    if earlier.fingerprint != once.fingerprint:
        detail = f"Idempotency-Key {once.name!r} was used with another body: take a new key for a new request"
        raise error_for(Code.CONFLICT, detail)
    row = await rows.find(connection, earlier.session)
    if row is None:
        return None
    opening = Opening(row.id, row.jti, row.workspace, row.user, row.key, earlier.node)
    return opened(wish, opening, context.policy, row.created_at)


async def _note(context: Context, session: SessionId, verdict: Verdict, record: EndRecord | None) -> Session:
    async def work(connection: AsyncConnection) -> Session:
        row = await held_row(connection, session)
        judged = _judged(row, verdict)
        if judged != row:
            await rows.save(connection, judged)
        return judged if record is None else await write_end(context, connection, judged, record)

    return await context.database.change(work)


async def _want_end(context: Context, session: SessionId, verdict: Verdict) -> Session:
    async def work(connection: AsyncConnection) -> Session:
        row = await held_row(connection, session)
        wanted = replace(_judged(row, verdict), end_wanted=verdict.reason)
        await rows.save(connection, wanted)
        return wanted

    return await context.database.change(work)


def _judged(session: Session, verdict: Verdict) -> Session:
    score, errors = verdict.quality_score, verdict.error_count
    return replace(
        session,
        quality_score=session.quality_score if score is None else score,
        error_count=session.error_count if errors is None else errors,
    )


def _opening(context: Context, caller: Caller, user: UserId, node: str | None) -> Opening:
    session = SessionId(context.new_id("ses"))
    return Opening(session, context.draw(12).hex(), caller.workspace, user, caller.key, node)


def _issued(context: Context, caller: Caller, session: Session, issued_at: float, jti: str) -> Issued:
    token = token_of(session, caller.concurrency, context.policy.token_ttl_seconds, issued_at, jti)
    text = mint(token, context.keys.current)
    if len(text) > MAX_TOKEN_BYTES:
        detail = f"metadata, labels, regions: together they make a token over {MAX_TOKEN_BYTES} bytes"
        raise error_for(Code.UNPROCESSABLE, detail)
    return Issued(session, text, token.expires_at)


async def _live_nodes(context: Context) -> list[str]:
    try:
        return list((await context.store.nodes()).values())
    except Unavailable:
        return []
