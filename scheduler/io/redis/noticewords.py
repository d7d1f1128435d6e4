"""What a gateway's channel carries, as the scripts write it. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from moorage.errors import Code
from moorage.ids import RequestId, SessionId, WorkerId
from scheduler.io.redis.words import Word, claimed_of, directive_of, refused_of, revocation_of, wish_of
from scheduler.values import (
    CloseSession,
    Direct,
    EndSession,
    Extended,
    GatewayCordoned,
    Granted,
    Notice,
    Probed,
    ProbeSession,
    QueueRefused,
    Revoked,
    WorkerLost,
)


@dataclass(frozen=True, slots=True)
class Expected:
    """Not for the gateway: a slot of this region waits for a session that waited, and that another region has."""

    word: dict[str, Word]  # its request, as it waited


@dataclass(frozen=True, slots=True)
class Stranded:
    """Not for the gateway: one of the regions that this request waits in has no worker any more that could serve it."""

    request: RequestId
    wanted: Word


def words_of(message: list[Word]) -> list[list[Word]]:
    """One notice, or what several operations of one call said."""
    if message[0] == "several":
        all_of_them: list[list[Word]] = message[1]
        return all_of_them
    return [message]


def notice_of(word: list[Word], region: str) -> Notice | Expected | Stranded:
    """What a gateway's channel carries. Raises ValueError for what this version does not know."""
    kind, *said = word
    if kind == "granted":
        return Granted(RequestId(said[0]), claimed_of(said[1], region))
    read = _READ.get(kind)
    if read is None:
        raise ValueError(f"an unknown notice, {kind!r}")
    return read(*said)


def _close_of(session: str, fence: int, code: str, retry_after: Word) -> CloseSession:
    return CloseSession(SessionId(session), fence, Code(code), float(retry_after) if retry_after else None)


_READ: dict[str, Callable[..., Notice | Expected | Stranded]] = {
    "expected": Expected,
    "stranded": lambda request, wanted: Stranded(RequestId(request), wanted),
    "queue_refused": lambda request, word: QueueRefused(RequestId(request), refused_of(word)),
    "close": _close_of,
    "end": lambda word: EndSession(wish_of(word)),
    "probe": lambda session, fence, request: ProbeSession(SessionId(session), fence, RequestId(request)),
    "probed": lambda request, is_alive: Probed(RequestId(request), is_alive),
    "extended": lambda session, expires_at: Extended(SessionId(session), float(expires_at)),
    "worker_lost": lambda worker: WorkerLost(WorkerId(worker)),
    "direct": lambda worker, word: Direct(WorkerId(worker), directive_of(word)),
    "cordoned": GatewayCordoned,
    "revoked": lambda word: Revoked(revocation_of(word)),
}
