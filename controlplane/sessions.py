"""A session's row and the rules of its life: how it opens, what its token says, how long it may last.

How it ends is not decided here: controlplane/progress.py reads that from the store's events and end records.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from controlplane.documents import json_bytes
from controlplane.offers import demands
from controlplane.policy import ControlPlanePolicy
from moorage.errors import Code, MoorageError, error_for
from moorage.ids import KeyId, SessionId, UserId, WorkerId, WorkspaceId
from moorage.tokens import MAX_CONTEXT_BYTES, SessionToken, TokenLimits
from scheduler.values import NO_USAGE, Concurrency, Labels, Usage


class Status(Enum):
    """Where a session is."""

    PENDING = "PENDING"  # created, no client yet
    ACTIVE = "ACTIVE"  # a client connected; stays so while suspended
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class Happening(Enum):
    """What can happen to a session."""

    STARTED = "started"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"


_ENDINGS = {
    Happening.COMPLETED: Status.COMPLETED,
    Happening.FAILED: Status.FAILED,
    Happening.EXPIRED: Status.EXPIRED,
}

NEXT: dict[tuple[Status, Happening], Status] = {
    (Status.PENDING, Happening.STARTED): Status.ACTIVE,
    (Status.PENDING, Happening.SUSPENDED): Status.ACTIVE,  # its start was lost with a store; being suspended proves it
    (Status.PENDING, Happening.RESUMED): Status.ACTIVE,
    (Status.ACTIVE, Happening.STARTED): Status.ACTIVE,
    (Status.ACTIVE, Happening.SUSPENDED): Status.ACTIVE,
    (Status.ACTIVE, Happening.RESUMED): Status.ACTIVE,
    **{(Status.PENDING, happening): status for happening, status in _ENDINGS.items()},
    **{(Status.ACTIVE, happening): status for happening, status in _ENDINGS.items()},
}
"""Allowed changes. Ended is final: no pair leads out of it."""

LIVE = frozenset({Status.PENDING, Status.ACTIVE})


@dataclass(frozen=True, slots=True)
class EndNote:
    """Why a session ended, as shown: `code` None where its clients needed no telling."""

    code: str | None
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Session:
    """One session's row. Times are Unix seconds."""

    id: SessionId
    workspace: WorkspaceId
    user: UserId
    end_user_id: str
    key: KeyId
    status: Status
    connection_type: str
    quality: str
    jti: str
    created_at: float
    expires_at: float
    connect_by: float
    features: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    labels: Labels = frozenset()
    regions: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    region: str | None = None
    pool: str | None = None
    worker: WorkerId | None = None
    node: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    end: EndNote | None = None
    held_seconds: float = 0.0
    usage: Usage = NO_USAGE
    is_usage_estimated: bool = False  # it ended, and more may have been carried than `usage` says
    quality_score: float | None = None
    error_count: int | None = None
    event_at: float = 0.0  # of the newest event applied,
    event_seq: int = 0  # and its number within the session
    end_wanted: str | None = None  # a termination the store could not be told yet: its reason


@dataclass(frozen=True, slots=True)
class SessionWish:
    """What a caller asks for, parsed."""

    end_user_id: str
    connection_type: str = "websocket"
    quality: str = "standard"
    features: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    regions: tuple[str, ...] = ()
    pool: str | None = None
    labels: Labels = frozenset()
    ttl_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """What is made up for a new session: its names and its owner."""

    id: SessionId
    jti: str
    workspace: WorkspaceId
    user: UserId
    key: KeyId
    node: str | None


def opened(wish: SessionWish, opening: Opening, policy: ControlPlanePolicy, now: float) -> Session:
    """A new, pending session. Raises UNPROCESSABLE naming the field."""
    try:
        offer = demands(policy, wish.quality, wish.features, wish.pool, wish.labels)
    except ValueError as error:
        raise error_for(Code.UNPROCESSABLE, str(error)) from error
    _check_context(wish)
    expires_at = now + _ttl(wish, policy)
    return Session(
        id=opening.id,
        workspace=opening.workspace,
        user=opening.user,
        end_user_id=wish.end_user_id,
        key=opening.key,
        status=Status.PENDING,
        connection_type=wish.connection_type,
        quality=wish.quality,
        jti=opening.jti,
        created_at=now,
        expires_at=expires_at,
        connect_by=min(expires_at, now + policy.connect_within_seconds),
        features=wish.features,
        metadata=wish.metadata,
        labels=offer.labels,
        regions=wish.regions,
        pools=offer.pools,
        region=wish.regions[0] if wish.regions else None,
        pool=offer.pools[0] if offer.pools else None,
        node=opening.node,
    )


def over(limits: Concurrency, user: int, key: int, workspace: int) -> MoorageError | None:
    """The refusal where one more live session is too many; the numbers count those already live."""
    for whose, limit, live in (
        ("user", limits.per_user, user),
        ("API key", limits.per_key, key),
        ("workspace", limits.per_workspace, workspace),
    ):
        if limit and live >= limit:
            detail = f"this {whose} has {live} of {limit} concurrent sessions: end one first"
            return error_for(Code.SESSION_LIMIT_EXCEEDED, detail, retry_after=5.0)
    return None


def token_of(session: Session, limits: Concurrency, ttl_seconds: float, issued_at: float, jti: str) -> SessionToken:
    """What a token of this session says. Same arguments, same token: so an answer can be given again."""
    return SessionToken(
        session=session.id,
        user=session.user,
        workspace=session.workspace,
        key=session.key,
        issued_at=issued_at,
        not_before=issued_at,
        expires_at=min(issued_at + ttl_seconds, session.expires_at),
        session_expires_at=session.expires_at,
        jti=jti,
        pools=session.pools,
        regions=session.regions,
        labels=tuple(sorted(session.labels)),
        limits=TokenLimits(
            sessions_per_user=limits.per_user,
            sessions_per_key=limits.per_key,
            sessions_per_workspace=limits.per_workspace,
        ),
        context=context_of(session.quality, session.features, session.metadata),
    )


def context_of(quality: str, features: tuple[str, ...], metadata: dict[str, Any]) -> dict[str, Any]:
    """What the worker is told about a session; at most 4 KiB of JSON."""
    return {"quality": quality, "features": list(features), "metadata": metadata}


def extended_end(session: Session, policy: ControlPlanePolicy, now: float) -> float:
    """Where a refresh moves the session's end: a full time to live from now, never earlier, never past the longest."""
    longest = session.created_at + policy.max_session_seconds
    return min(max(session.expires_at, now + policy.session_ttl_seconds), max(longest, session.expires_at))


def closed(session: Session, now: float) -> MoorageError | None:
    """The refusal of anything that needs a live session."""
    if session.status is Status.EXPIRED or (session.status in LIVE and session.expires_at <= now):
        return error_for(Code.SESSION_EXPIRED, f"session {session.id} is past its time to live: create another one")
    if session.status not in LIVE or session.end_wanted is not None:
        return error_for(Code.SESSION_ENDED, f"session {session.id} has ended: create another one")
    return None


def _check_context(wish: SessionWish) -> None:
    try:
        size = json_bytes(context_of(wish.quality, wish.features, wish.metadata))
    except ValueError as error:
        raise error_for(Code.UNPROCESSABLE, f"metadata: {error}") from error
    if size > MAX_CONTEXT_BYTES:
        detail = f"metadata: takes {size} bytes of JSON together with features, at most {MAX_CONTEXT_BYTES} fit"
        raise error_for(Code.UNPROCESSABLE, detail)


def _ttl(wish: SessionWish, policy: ControlPlanePolicy) -> float:
    if wish.ttl_seconds is None:
        return min(policy.session_ttl_seconds, policy.max_session_seconds)
    if wish.ttl_seconds > policy.max_session_seconds:
        raise error_for(Code.UNPROCESSABLE, f"ttl: must be at most {policy.max_session_seconds:.0f} seconds")
    return wish.ttl_seconds
