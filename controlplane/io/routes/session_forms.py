"""The JSON forms of sessions: what may be asked, what is told."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, JsonValue, model_validator

from controlplane.documents import rfc3339
from controlplane.io.routes.dependencies import Asked, Name, Reason, Text, Told
from controlplane.io.sessions import Issued, Shown, Verdict
from controlplane.sessions import SessionWish

MAX_LABELS = 6  # with MAX_REGIONS and 4 KiB of context a token stays under its 8 KiB
MAX_REGIONS = 8
MAX_FEATURES = 32


class NewSession(Asked):
    """POST /sessions. Only `end_user_id` is required."""

    end_user_id: Text
    connection_type: Name = "websocket"
    quality: Name = "standard"
    features: list[Name] = Field(default=[], max_length=MAX_FEATURES)
    metadata: dict[str, JsonValue] = Field(default={}, description="passed to the worker; 4 KiB of JSON with features")
    region: Name | None = Field(default=None, description="short for `regions` with one entry")
    regions: list[Name] = Field(default=[], max_length=MAX_REGIONS, description="in order of preference; empty is any")
    pool: Name | None = None
    labels: dict[Name, Name] = Field(default={}, max_length=MAX_LABELS, description="the worker must have them all")
    ttl: Annotated[float, Field(ge=1, le=31_536_000)] | None = Field(default=None, description="seconds")

    @model_validator(mode="after")
    def one_way_to_say_where(self) -> NewSession:
        """`region` and `regions` together could disagree."""
        if self.region is not None and self.regions:
            raise ValueError("send region or regions, not both")
        return self

    def wish(self) -> SessionWish:
        """What is asked for."""
        return SessionWish(
            end_user_id=self.end_user_id,
            connection_type=self.connection_type,
            quality=self.quality,
            features=tuple(dict.fromkeys(self.features)),
            metadata=self.metadata,
            regions=tuple(dict.fromkeys(self.regions)) if self.region is None else (self.region,),
            pool=self.pool,
            labels=frozenset(self.labels.items()),
            ttl_seconds=self.ttl,
        )


class EndWish(Asked):
    """POST /sessions/{id}/terminate; every field may be left out."""

    reason: Reason = "TERMINATED"
    quality_score: Annotated[float, Field(ge=-1e9, le=1e9)] | None = None
    error_count: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)] | None = None

    def verdict(self) -> Verdict:
        """What the backend says."""
        return Verdict(self.reason, self.quality_score, self.error_count)


class EndDocument(Told):
    """Why a session ended."""

    code: str | None
    reason: str
    by: str


class UsageDocument(Told):
    """`seconds` is time attached; suspended time is not in it. `in` is from the client."""

    seconds: float
    bytes_in: int
    bytes_out: int
    messages_in: int
    messages_out: int


class QueueDocument(Told):
    """A place in the admission queue; 1 is next."""

    position: int
    eta_seconds: float | None


class SessionDocument(Told):
    """A session. Times are RFC 3339 in UTC."""

    id: str
    status: str
    end_user_id: str
    user_id: str
    connection_type: str
    quality: str
    features: list[str]
    metadata: dict[str, Any]
    region: str | None
    regions: list[str]
    pool: str | None
    labels: dict[str, str]
    worker_id: str | None
    node_id: str | None
    worker_url: str | None
    created_at: str | None
    started_at: str | None
    ended_at: str | None
    expires_at: str | None
    end: EndDocument | None
    usage: UsageDocument
    is_usage_estimated: bool = Field(description="it ended, and more may have been carried than `usage` says")
    quality_score: float | None
    error_count: int | None
    queue: QueueDocument | None


class IssuedDocument(SessionDocument):
    """A session with a token for its client."""

    session_token: str
    token_expires_at: str | None


class SessionPage(Told):
    """Newest first; `next_cursor` is null on the last page."""

    sessions: list[SessionDocument]
    next_cursor: str | None


class TokenDocument(Told):
    """A token for a session's client, and where to connect with it."""

    session_id: str
    session_token: str
    worker_url: str | None
    node_id: str | None
    token_expires_at: str | None
    expires_at: str | None


def session_document(shown: Shown) -> dict[str, Any]:
    """As SessionDocument has it."""
    session, queue = shown.session, shown.queue
    end = session.end
    return {
        "id": session.id,
        "status": session.status.value,
        "end_user_id": session.end_user_id,
        "user_id": session.user,
        "connection_type": session.connection_type,
        "quality": session.quality,
        "features": list(session.features),
        "metadata": session.metadata,
        "region": session.region,
        "regions": list(session.regions),
        "pool": session.pool,
        "labels": dict(sorted(session.labels)),
        "worker_id": session.worker,
        "node_id": session.node,
        "worker_url": session.node,
        "created_at": rfc3339(session.created_at),
        "started_at": rfc3339(session.started_at),
        "ended_at": rfc3339(session.ended_at),
        "expires_at": rfc3339(session.expires_at),
        "end": None if end is None else {"code": end.code, "reason": end.reason, "by": end.by},
        "usage": {
            "seconds": round(session.held_seconds, 3),
            "bytes_in": session.usage.bytes_in,
            "bytes_out": session.usage.bytes_out,
            "messages_in": session.usage.messages_in,
            "messages_out": session.usage.messages_out,
        },
        "is_usage_estimated": session.is_usage_estimated,
        "quality_score": session.quality_score,
        "error_count": session.error_count,
        "queue": None if queue is None else {"position": queue.position, "eta_seconds": queue.eta_seconds},
    }


def issued_document(issued: Issued) -> dict[str, Any]:
    """As IssuedDocument has it."""
    said = session_document(Shown(issued.session))
    return said | {"session_token": issued.token, "token_expires_at": rfc3339(issued.token_expires_at)}


def token_document(issued: Issued) -> TokenDocument:
    """As TokenDocument has it."""
    return TokenDocument(
        session_id=issued.session.id,
        session_token=issued.token,
        worker_url=issued.session.node,
        node_id=issued.session.node,
        token_expires_at=rfc3339(issued.token_expires_at),
        expires_at=rfc3339(issued.session.expires_at),
    )
